"""Who has seen a client, in words: for the page and for the report that the client may ask for (U8, H2)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from org import audit
from org.listing.columns import Column, Exported
from org.listing.export import as_csv
from org.models import AuditEvent

_COLUMNS = [
    Column(key="at", label=gettext_lazy("When"), reads=("at",)),
    Column(key="who", label=gettext_lazy("Who"), reads=("who",)),
    Column(key="staff_no", label=gettext_lazy("Staff number"), reads=("staff_no",)),
    Column(key="act", label=gettext_lazy("Action"), reads=("act",)),
    Column(key="where", label=gettext_lazy("Where"), reads=("where",)),
]


@dataclass(frozen=True)
class Look:
    """One act: `others` is how many other clients the same answer told of, None where it was about this one."""

    at: datetime
    who: str
    staff_no: str
    act: str
    where: str
    others: int | None


def told(event: AuditEvent, client_no: str) -> Look:
    """An event of the trail in the reader's words."""
    who, number = _person(event)
    own = event.object_kind == "client" and event.object_no == client_no
    return Look(
        at=event.at,
        who=who,
        staff_no=number,
        act=str(audit.ACTIONS.get(event.action, event.action)),
        where="" if own else event.object_no,
        others=None if own else len(set(event.reached or ()) - {client_no}),
    )


def _person(event: AuditEvent) -> tuple[str, str]:
    user = event.user
    if user is None:
        return _("The system"), ""
    staff = getattr(user, "staff", None)
    if staff is not None:
        return staff.name, staff.staff_no
    return next((token.name for token in user.api_tokens.all()), user.username), ""


def as_report(rows: QuerySet[AuditEvent], client_no: str) -> StreamingHttpResponse:
    """All of it as CSV, oldest first."""

    def lines() -> Iterator[tuple[Exported, ...]]:
        for event in rows.order_by("at", "pk").iterator(chunk_size=2000):
            look = told(event, client_no)
            yield look.at, look.who, look.staff_no, look.act, look.where

    return as_csv(_COLUMNS, lines(), f"access-{client_no}")
