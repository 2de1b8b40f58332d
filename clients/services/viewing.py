"""Looking at a client is an act too: seeing the record and revealing masked fields are written down (N4, U8)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet

from clients.models import Client
from org import audit
from org.masking import mask_address, mask_email, mask_id, mask_mobile
from org.models import AuditEvent, User
from org.queries import about_client
from org.rights import require

#: So many viewers of a record are shown.
VIEWERS = 20
#: Personal fields of the record and how each is masked.
MASKS = {"mobile": mask_mobile, "email": mask_email, "id_no": mask_id, "address": mask_address}


def record_view(client: Client, user: User) -> None:
    """The user opened a record."""
    audit.record("client.view", user=user, object_kind="client", object_no=client.client_no)


@dataclass(frozen=True)
class Viewer:
    """Somebody who has seen a client: the last time, how often the record was opened, how often in lists, hits and files."""

    name: str
    staff_no: str
    last: datetime
    times: int
    among_others: int


def viewers(client_no: str, *, user: User, since: datetime) -> list[Viewer]:
    """Who has seen a client since a moment (U8), the last one first; at most VIEWERS."""
    require(user, "clients.viewers")
    seen = AuditEvent.objects.filter(about_client(client_no), at__gte=since).exclude(user=None)
    rows = seen.values("user__username", "user__staff__name", "user__staff__staff_no", "user__api_tokens__name")
    rows = rows.annotate(
        last=Max("at"),
        times=Count("pk", filter=Q(action="client.view")),
        among_others=Count("pk", filter=Q(reached__contains=[client_no])),
    ).order_by("-last")
    return [
        Viewer(
            row["user__staff__name"] or row["user__api_tokens__name"] or row["user__username"],
            row["user__staff__staff_no"] or "",
            row["last"],
            row["times"],
            row["among_others"],
        )
        for row in rows[:VIEWERS]
    ]


def seen(client_no: str, *, user: User) -> QuerySet[AuditEvent]:
    """Every event of the trail that is about a client or told of the client among others, unordered (U8, H2)."""
    require(user, "clients.viewers")
    return (
        AuditEvent.objects.filter(about_client(client_no))
        .select_related("user__staff")
        .prefetch_related("user__api_tokens")
    )


@transaction.atomic
def reveal(client_no: str, fields: Iterable[str], *, user: User) -> dict[str, str]:
    """The true values of masked fields; the asking is logged with their names. ValueError for other fields."""
    require(user, "clients.reveal")
    wanted = list(dict.fromkeys(fields))
    if not wanted or not set(wanted) <= set(MASKS):
        raise ValueError(f"not to be revealed: {wanted}")
    client = Client.objects.visible_to(user).only("client_no", *wanted).get(client_no=client_no)
    audit.record(
        "client.reveal",
        user=user,
        object_kind="client",
        object_no=client.client_no,
        detail={"fields": wanted},
    )
    return {field: getattr(client, field) for field in wanted}


def masked_value(field: str, value: str) -> str:
    """A personal field as it is shown until it is revealed."""
    return MASKS[field](value) if value else ""
