"""Recording offers (S9): one, or a thousand at once."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from analyses.models import Offer
from clients.models import Client
from clients.services import Event, add_events
from org import audit
from org.bulk import CHANGED, CREATED, Row, no_client
from org.models import User
from org.rights import require

_FIELDS = ("kind", "outcome", "amount", "opened_on", "decided_on")


@transaction.atomic
def record_offer(client_no: str, values: dict[str, Any], *, user: User, at: datetime) -> Offer:
    """A product was offered to a client, or something came of it: the same product on the same day is the same offer.

    Raises ValidationError, Client.DoesNotExist out of scope.
    """
    require(user, "clients.edit")
    client = Client.objects.visible_to(user).get(client_no=client_no)
    days = _days(values, localdate(at))
    offer, _made = Offer.objects.select_for_update().get_or_create(
        client=client,
        product=values["product"],
        made_on=values["made_on"],
        defaults={"kind": values["kind"], "made_by": user},
    )
    _put(offer, values, days)
    offer.save()
    add_events([_told(offer, user, at)])
    audit.record(
        "offer.record", user=user, object_kind="client", object_no=client_no, detail={"outcome": offer.outcome}
    )
    return offer


@transaction.atomic
def record_offers(rows: Sequence[Row], *, user: User, at: datetime) -> None:
    """Offers by (client, product, day), values as `record_offer` takes them; says on each row what came of it. Set-based."""
    require(user, "clients.edit")
    on = localdate(at)
    # Locked in one order: two requests at once wait for each other, and neither makes the other's offer once more.
    clients = Client.objects.visible_to(user).filter(client_no__in={row.key[0] for row in rows})
    locked = {
        client.client_no: client for client in clients.order_by("pk").select_for_update(no_key=True, of=("self",))
    }
    there = Offer.objects.select_for_update().filter(client__in=list(locked.values()))
    there = there.filter(product__in={row.values["product"] for row in rows}).order_by("pk")
    known = {(offer.client_id, offer.product, offer.made_on): offer for offer in there}
    new: list[Offer] = []
    changed: list[Offer] = []
    outcomes: dict[str, list[str]] = {}
    for row in rows:
        client = locked.get(row.key[0])
        if client is None:
            row.refuse(no_client())
            continue
        try:
            days = _days(row.values, on)
        except ValidationError as error:
            row.refuse(error)
            continue
        key = (client.pk, row.values["product"], row.values["made_on"])
        found = known.get(key)
        offer = found or Offer(client=client, product=key[1], made_on=key[2], made_by=user)
        if not _put(offer, row.values, days) and found:
            continue
        row.status = CHANGED if found else CREATED
        (changed if found else new).append(offer)
        outcomes.setdefault(offer.outcome, []).append(client.client_no)
    Offer.objects.bulk_create(new)
    Offer.objects.bulk_update(changed, _FIELDS, batch_size=500)
    add_events(_told(offer, user, at) for offer in (*new, *changed))
    for outcome, numbers in outcomes.items():
        audit.record_each(
            "offer.record",
            user=user,
            object_kind="client",
            object_nos=numbers,
            detail={"outcome": outcome, "bulk": True},
        )


def _days(values: dict[str, Any], on: date) -> tuple[date | None, date | None]:
    """Days of looking and of deciding, today where one is due. Raises ValidationError for days that cannot be."""
    if values["made_on"] > on:
        raise ValidationError({"made_on": _("This day is still to come.")})
    decided = values["outcome"] in (Offer.Outcome.TAKEN, Offer.Outcome.DECLINED)
    decided_on = values.get("decided_on") or (on if decided else None)
    if decided_on and decided_on < values["made_on"]:
        raise ValidationError({"decided_on": _("Not before the day of the offer.")})
    opened_on = values.get("opened_on") or (on if values["outcome"] == Offer.Outcome.OPENED else None)
    if opened_on and opened_on < values["made_on"]:
        raise ValidationError({"opened_on": _("Not before the day of the offer.")})
    return opened_on, decided_on if decided else None


def _put(offer: Offer, values: dict[str, Any], days: tuple[date | None, date | None]) -> bool:
    """Put checked values on an offer, unsaved; whether it differs from what it was.

    Days that only default to today stay as they were first recorded: the same row sent again tomorrow changes nothing.
    """
    before = tuple(getattr(offer, name) for name in _FIELDS)
    same = offer.pk is not None and offer.outcome == values["outcome"]
    opened_on, decided_on = days
    if same and not values.get("opened_on"):
        opened_on = offer.opened_on
    if same and not values.get("decided_on"):
        decided_on = offer.decided_on
    offer.kind, offer.outcome, offer.amount = values["kind"], values["outcome"], values.get("amount")
    offer.opened_on = opened_on or offer.opened_on
    offer.decided_on = decided_on
    return before != tuple(getattr(offer, name) for name in _FIELDS)


def _told(offer: Offer, user: User, at: datetime) -> Event:
    return Event(
        client_id=offer.client_id,
        at=at,
        kind="offer",
        source_key=f"offer:{offer.pk}:{offer.outcome}",
        data={"product": offer.product, "outcome": offer.outcome},
        actor_id=user.pk,
    )
