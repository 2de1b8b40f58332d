"""What the record page shows: facts with their confirmation, wishes, story. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString

from clients import cards, timeline
from clients.kinds import field_label
from clients.models import Client, ClientCare, TimelineEvent
from clients.rules import CONFIRMABLE, confirmed_on, field_due_on
from clients.services.viewing import MASKS, masked_value
from crm.planner import joins_as_written
from org.masking import mask_name
from org.rights import may
from org.scope import scope_of
from org.templatetags.fmt import NOTHING, day

#: Facts of the first tab, and those that the details add.
MAIN_FACTS = ("mobile", "address", "email", "risk_level", "investor_type", "occupation")
MORE_FACTS = ("education", "gender", "birth_date", "id_type", "id_no", "opened_on", "closed_on")
#: Events of the story on one page.
EVENTS = 15


@dataclass(frozen=True)
class Fact:
    """One field: `value` as it may be shown; when it was last confirmed, by whom, and whether it is stale (C1)."""

    field: str
    label: str
    value: str
    personal: bool = False
    confirmable: bool = False
    confirmed_on: date | None = None
    by: str = ""
    due_on: date | None = None
    stale: bool = False


@dataclass(frozen=True)
class Entry:
    """One event of the story in the reader's words."""

    at: datetime
    icon: str
    tone: str
    text: SafeString
    detail: SafeString


@dataclass(frozen=True)
class Story:
    """Events newest first; `before` continues, '' at the end."""

    entries: list[Entry]
    before: str = ""


def visible_client(user, client_no: str) -> Client:
    """A client in the user's scope with all that the page needs in one query; raises Client.DoesNotExist."""
    related = ["branch", "manager", "care", *cards.related()]
    visible = Client.objects.visible_to(user).select_related(*related)
    with joins_as_written():
        return visible.get(client_no=client_no)


def care_of(client: Client) -> ClientCare:
    """The client's care row, or an empty one that is not stored yet."""
    return getattr(client, "care", None) or ClientCare(client=client, version=1)


def shown_name(client: Client, user) -> str:
    """The name, masked for who sees masked data."""
    return mask_name(client.name) if scope_of(user).masked else client.name


def facts(client: Client, care: ClientCare, names: Sequence[str], on: date) -> list[Fact]:
    """Fields of the record in order."""
    return [_fact(client, care, name, on) for name in names]


def stale_facts(client: Client, care: ClientCare, on: date) -> list[str]:
    """Labels of the fields that want to be confirmed."""
    return [fact.label for fact in facts(client, care, CONFIRMABLE, on) if fact.stale]


def _fact(client: Client, care: ClientCare, name: str, on: date) -> Fact:
    due = field_due_on(name, care.confirmed, opened_on=client.opened_on, risk_valid_until=client.risk_valid_until)
    return Fact(
        field=name,
        label=field_label(name),
        value=_value(client, name),
        personal=name in MASKS and bool(getattr(client, name)),
        confirmable=name in CONFIRMABLE,
        confirmed_on=confirmed_on(care.confirmed, name),
        by=care.confirmed.get(name, {}).get("by", ""),
        due_on=due,
        stale=due is not None and due <= on,
    )


def _value(client: Client, name: str) -> str:
    value: Any = getattr(client, name)
    if name in MASKS:
        return masked_value(name, value) or NOTHING
    if isinstance(value, date):
        return day(value)
    shower = getattr(client, f"get_{name}_display", None)
    return str(shower() if shower else value) or NOTHING


def wishes(care: ClientCare) -> list[tuple[str, str]]:
    """Contact wishes that bind everybody (C7): (kind, words); the first is a refusal, if there is one."""
    found = []
    if care.do_not_contact:
        found.append(("refusal", care.do_not_contact_reason))
    if care.contact_from or care.contact_to:
        begin = f"{care.contact_from:%H:%M}" if care.contact_from else "…"
        end = f"{care.contact_to:%H:%M}" if care.contact_to else "…"
        found.append(("hours", f"{begin}–{end}"))
    if care.preferred_channel and care.preferred_channel != ClientCare.Channel.ANY:
        found.append(("channel", str(care.get_preferred_channel_display())))
    return found


def story(client: Client, user, before: str = "") -> Story:
    """A page of the timeline, newest first; keyset on (time, id). Private kinds stay with who may see personal data."""
    events = TimelineEvent.objects.filter(client=client)
    if scope_of(user).masked:
        events = events.exclude(kind__in=[kind.name for kind in timeline.kinds() if kind.private])
    place = _place(before)
    if place is not None:
        events = events.filter(Q(at__lt=place[0]) | Q(at=place[0], pk__lt=place[1]), at__lte=place[0])
    rows = list(events.order_by("-at", "-pk").values_list("at", "kind", "data", "pk")[: EVENTS + 1])
    entries = []
    for at, name, data, _pk in rows[:EVENTS]:
        kind = timeline.kind_of(name)
        entries.append(Entry(at, kind.icon, kind.tone, timeline.text(name, data), timeline.detail(name, data)))
    more = len(rows) > EVENTS
    last = rows[EVENTS - 1] if more else None
    return Story(entries, f"{last[0].isoformat()}_{last[3]}" if last else "")


def _place(text: str) -> tuple[datetime, int] | None:
    """'time_id' as written by `story`; anything else is the beginning."""
    moment, _, number = text.rpartition("_")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    try:
        at = parse_datetime(moment)
    except ValueError:
        return None
    if at is None:
        return None
    return (at if timezone.is_aware(at) else timezone.make_aware(at)), int(number)


def rendered(place: str, client: Client, request) -> list[str]:
    """Cards of other apps for a place, those that stay away left out."""
    shown = (
        card.render(client, request) for card in cards.of(place) if not card.right or may(request.user, card.right)
    )
    return [html for html in shown if html]
