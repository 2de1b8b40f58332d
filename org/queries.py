"""Reading for the pages of the organisation: staff, audit trail; keyset pages, one query each."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from org.models import AuditEvent, Leave, Role, Staff

PAGE = 50


@dataclass
class Page:
    """A keyset page: its rows, and the keys from which the next and the previous page go on ('' if there is none)."""

    rows: list[Any] = field(default_factory=list)
    after: str = ""
    before: str = ""


def staff_list(
    user: Any, *, on: date, text: str = "", branch_id: int | None = None, role: str = "", left: bool = False
) -> QuerySet[Staff]:
    """Staff the user may see, by staff number; `text` is a part of name, staff number or log-in."""
    rows = Staff.objects.visible_to(user).select_related("branch", "user")
    rows = rows.annotate(absent=Exists(_leaves_on(on)))
    if not left:
        rows = rows.filter(Q(left_on__isnull=True) | Q(left_on__gt=on))
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(staff_no__icontains=text) | Q(user__username__icontains=text))
    if branch_id:
        rows = rows.filter(branch=branch_id)
    if role:
        rows = rows.filter(role=role)
    return rows


def _leaves_on(on: date) -> QuerySet[Leave]:
    return Leave.objects.filter(staff=OuterRef("pk"), from_on__lte=on, to_on__gte=on)


def staff_page(rows: QuerySet[Staff], *, after: str = "", before: str = "") -> Page:
    """One page of staff by staff number, after or before a number."""
    if before:
        found = list(rows.filter(staff_no__lt=before).order_by("-staff_no")[: PAGE + 1])
        shown = list(reversed(found[:PAGE]))
        more_before, more_after = len(found) > PAGE, True
    else:
        found = list((rows.filter(staff_no__gt=after) if after else rows).order_by("staff_no")[: PAGE + 1])
        shown = found[:PAGE]
        more_before, more_after = bool(after), len(found) > PAGE
    return Page(
        shown,
        after=shown[-1].staff_no if shown and more_after else "",
        before=shown[0].staff_no if shown and more_before else "",
    )


@dataclass(frozen=True)
class AuditFilter:
    """What the auditor looks for; empty fields ask for nothing. Both days are included."""

    who: str = ""
    action: str = ""
    object_kind: str = ""
    object_no: str = ""
    #: A client whom an act was about or whose name an answer gave, in a list, by a search, in an export.
    client_no: str = ""
    from_on: date | None = None
    to_on: date | None = None


def audit_rows(wanted: AuditFilter) -> QuerySet[AuditEvent]:
    """Rows of the audit trail that a filter wants; `who` is an exact user name or staff number."""
    rows = AuditEvent.objects.select_related("user__staff")
    if wanted.who:
        rows = rows.filter(Q(user__username=wanted.who) | Q(user__staff__staff_no=wanted.who))
    if wanted.action:
        rows = rows.filter(action=wanted.action)
    if wanted.object_kind:
        rows = rows.filter(object_kind=wanted.object_kind)
    if wanted.object_no:
        rows = rows.filter(object_no=wanted.object_no)
    if wanted.client_no:
        rows = rows.filter(about_client(wanted.client_no))
    if wanted.from_on:
        rows = rows.filter(at__gte=_midnight(wanted.from_on))
    if wanted.to_on:
        rows = rows.filter(at__lt=_midnight(wanted.to_on + timedelta(days=1)))
    return rows


def about_client(client_no: str) -> Q:
    """Events that are about a client or told of the client among others; two indexes serve it."""
    return Q(object_kind="client", object_no=client_no) | Q(reached__contains=[client_no])


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def audit_page(rows: QuerySet[AuditEvent], *, key: str = "") -> Page:
    """One page of the audit trail, newest first, from a key ('2026-11-23T08:00:00.000001+08:00_17') on to older rows.

    Raises ValueError for a key that is none.
    """
    if key:
        moment, _, number = key.rpartition("_")
        at, pk = datetime.fromisoformat(moment), int(number)
        rows = rows.filter(Q(at__lt=at) | Q(at=at, pk__lt=pk))
    found = list(rows.order_by("-at", "-pk")[: PAGE + 1])
    shown = found[:PAGE]
    last = shown[-1] if len(found) > PAGE else None
    return Page(shown, after=f"{last.at.isoformat()}_{last.pk}" if last else "")


#: Roles in the order of the product page, for filters.
ROLES = list(Role.choices)
