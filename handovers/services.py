"""A book handed over in one act, and taken back (U10): all or nothing, set-based, locked clients first."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from clients import search
from clients.errors import Conflict, Refused
from clients.models import Client
from clients.services import reassign
from complaints.choices import OPEN_STATES
from complaints.models import Complaint
from complaints.rules import Refused as CaseRefused
from complaints.services import Stale, give_to
from handovers import queries
from handovers.models import Handover, Move
from handovers.rules import MOST_OVERLAP, UNDO_DAYS, Holding, share_out
from org import audit, notify
from org.models import MANAGING, Staff, User
from org.rights import require
from org.scope import in_service, scope_of
from visits.cadence import cadences_on


@dataclass(frozen=True)
class Wish:
    """What a head wants: whose book, to whom, which tiers ('' are those without a tier; empty: all), until when beside."""

    former: Staff
    successors: Sequence[Staff]
    reason: str
    tiers: tuple[str, ...] = ()
    overlap_until: date | None = None


@dataclass(frozen=True)
class Heir:
    """A successor: what he has now, and what comes; contacts a month by the cadence."""

    staff: Staff
    clients_now: int
    contacts_now: int
    clients: int
    contacts: int
    tiers: dict[str, int]
    clashes: int

    @property
    def contacts_then(self) -> int:
        return self.contacts_now + self.contacts


@dataclass(frozen=True)
class Preview:
    """What a hand-over would do; nothing is written. `digest` names it, so that nobody confirms another one than he saw."""

    wish: Wish
    to: dict[int, int]
    heirs: list[Heir]
    counts: dict[str, int]
    stuck: list[tuple[str, str]] = field(default_factory=list)
    digest: str = ""

    @property
    def clashing(self) -> bool:
        return any(heir.clashes for heir in self.heirs)


def preview(wish: Wish, *, user: User, on: date) -> Preview:
    """Who would get what. Raises Refused, with words for the viewer, when it cannot be done at all."""
    require(user, "clients.reassign")
    _check(wish, user, on)
    return _plan(wish, user, on, _book(wish, user))


def _check(wish: Wish, user: User, on: date) -> None:
    scope = scope_of(user)
    branch = wish.former.branch_id
    if branch not in scope.branch_ids:
        raise Refused(_("Choose a manager of your branch."))
    if not wish.successors:
        raise Refused(_("Choose at least one successor."))
    for one in wish.successors:
        if one.pk == wish.former.pk:
            raise Refused(_("A book is not handed over to its own manager."))
        if one.branch_id != branch or one.role not in MANAGING or not in_service(one, on):
            raise Refused(_("Successors are managers of the same branch who are in service."))
    until = wish.overlap_until
    if until is not None:
        if not on <= until <= on + timedelta(days=MOST_OVERLAP):
            raise Refused(_("Both work beside each other for %(days)s days at most.") % {"days": MOST_OVERLAP})
        if not in_service(wish.former, until):
            raise Refused(_("The former manager is not in service until then: end the overlap earlier, or have none."))


def _book(wish: Wish, user: User) -> QuerySet[Client]:
    found = Client.objects.visible_to(user).filter(manager=wish.former, branch=wish.former.branch_id)
    if wish.tiers:
        with_tier = found.filter(standing__service_tier__in=[one for one in wish.tiers if one])
        found = with_tier | found.filter(standing=None) if "" in wish.tiers else with_tier
    return found.order_by()


def _plan(wish: Wish, user: User, on: date, book: QuerySet[Client]) -> Preview:
    contacts = cadences_on(on).of(wish.former.branch_id).contacts
    rows = list(book.order_by("pk").values_list("pk", "standing__service_tier"))
    if not rows:
        raise Refused(_("This manager has no such clients."))
    loads = queries.loads([one.pk for one in wish.successors], contacts)
    weights = {pk: contacts.get(tier or "", 0) for pk, tier in rows}
    to = share_out(
        (Holding(pk, weight) for pk, weight in weights.items()),
        {one.pk: loads.get(one.pk, (0, 0))[1] for one in wish.successors},
    )
    whole = not wish.tiers
    counts = queries.counts(wish.former.pk, list(to), on)
    cases = open_cases(wish.former, to, user, whole=whole)
    counts["case"] = len(cases)
    stuck = [(one.number, why) for one in cases if (why := _why_stuck(one, to, wish))]
    clashes = queries.clashes(wish.former.pk, to, on)
    tiers: dict[int, Counter[str]] = {one.pk: Counter() for one in wish.successors}
    for pk, tier in rows:
        tiers[to[pk]][tier or ""] += 1
    heirs = [
        Heir(
            one,
            *loads.get(one.pk, (0, 0)),
            clients=sum(tiers[one.pk].values()),
            contacts=sum(weights[pk] for pk, staff_id in to.items() if staff_id == one.pk),
            tiers=dict(tiers[one.pk]),
            clashes=clashes.get(one.pk, 0),
        )
        for one in wish.successors
    ]
    said = (sorted(to.items()), sorted(counts.items()), wish.overlap_until, on)
    return Preview(wish, to, heirs, counts, stuck, hashlib.sha256(repr(said).encode()).hexdigest())


def open_cases(former: Staff, to: dict[int, int], user: User, *, whole: bool) -> list[Complaint]:
    """Open complaints the former manager handles: on the clients who move, and with a whole book all others too."""
    cases = Complaint.objects.visible_to(user).filter(handler=former, state__in=OPEN_STATES).order_by("number")
    return list(cases if whole else cases.filter(client__in=list(to)))


def _heir_of(case: Complaint, to: dict[int, int], wish: Wish) -> int:
    return to.get(case.client_id or 0, wish.successors[0].pk)


def _why_stuck(case: Complaint, to: dict[int, int], wish: Wish) -> str:
    if _heir_of(case, to, wish) in (case.about_person_id, case.about_superior_id):
        return _("It is about the successor.")
    return ""


@transaction.atomic
def hand_over(wish: Wish, *, digest: str, user: User, on: date, at: datetime) -> Handover:
    """Hand a book over as previewed. Raises Refused; Conflict when it is no longer what `digest` names."""
    require(user, "clients.reassign")
    reason = wish.reason.replace("\x00", "").strip()[:200]
    if not reason:
        raise Refused(_("Say why the clients move."))
    _check(wish, user, on)
    book = _book(wish, user)
    # In one order, before anything is read: two hand-overs of the same clients come one after the other.
    locked = list(Client.objects.filter(pk__in=book.values("pk")).order_by("pk").select_for_update().values_list("pk"))
    planned = _plan(wish, user, on, book.filter(pk__in=[pk for (pk,) in locked]))
    if planned.digest != digest:
        raise Conflict
    handover = Handover.objects.create(
        branch_id=wish.former.branch_id,
        former=wish.former,
        reason=reason,
        on=on,
        made_by=user,
        overlap_until=wish.overlap_until,
        undo_until=on + timedelta(days=UNDO_DAYS),
    )
    for heir in planned.heirs:
        ids = [pk for pk, staff_id in planned.to.items() if staff_id == heir.staff.pk]
        if ids:
            reassign(Client.objects.filter(pk__in=ids), heir.staff.staff_no, reason=reason, user=user, on=on, at=at)
    moved = queries.move_all(handover, planned.to, beside=wish.overlap_until is not None)
    moved["case"], stuck = _give_cases(handover, planned, user, at)
    search.refresh(client_ids=list(planned.to))
    handover.moved, handover.stayed = moved, {"case": stuck} if stuck else {}
    handover.save(update_fields=["moved", "stayed"])
    _tell(handover, planned, user, at)
    return handover


def _give_cases(handover: Handover, planned: Preview, user: User, at: datetime) -> tuple[int, int]:
    """Each case by its own verb, so that its file says so; one that cannot go stays, and is told."""
    wish, given, stuck = planned.wish, [], 0
    staff_nos = {one.pk: one.staff_no for one in wish.successors}
    cases = open_cases(wish.former, planned.to, user, whole=not wish.tiers)
    for case in cases:
        heir = _heir_of(case, planned.to, wish)
        try:
            with transaction.atomic():
                give_to(case.number, staff_nos[heir], handover.reason, user=user, at=at)
        except (CaseRefused, ValidationError, Stale):
            stuck += 1
        else:
            given.append(Move(handover=handover, what="case", client_id=case.client_id, to_id=heir, object_id=case.pk))
    Move.objects.bulk_create(given)
    return len(given), stuck


def _tell(handover: Handover, planned: Preview, user: User, at: datetime) -> None:
    audit.record(
        "handover.made",
        user=user,
        object_kind="staff",
        object_no=handover.former.staff_no,
        detail={"handover": handover.pk, "to": [heir.staff.staff_no for heir in planned.heirs], **handover.moved},
    )
    for heir in planned.heirs:
        if heir.staff.user_id is not None and heir.clients:
            said = {"clients": heir.clients, "name": handover.former.name, "id": handover.pk}
            notify.tell(heir.staff.user_id, f"handover:{handover.pk}", "handovers.received", said)
    if handover.former.user_id is not None:
        said = {"clients": len(planned.to), "id": handover.pk}
        notify.tell(handover.former.user_id, f"handover:{handover.pk}", "handovers.given", said)


@transaction.atomic
def undo(handover_id: int, *, user: User, on: date, at: datetime) -> Handover:
    """Give back what is still where the hand-over put it; what moved on since stays, and is counted.

    Raises Handover.DoesNotExist, Refused (too late, undone already, the former manager is no longer in service).
    """
    require(user, "clients.reassign")
    handover = Handover.objects.visible_to(user).select_for_update(of=["self"]).get(pk=handover_id)
    if handover.branch_id not in scope_of(user).branch_ids:
        raise Handover.DoesNotExist
    if handover.undone_at is not None:
        raise Refused(_("This hand-over is undone already."))
    if on > handover.undo_until:
        raise Refused(_("It could be undone until %(day)s.") % {"day": handover.undo_until.isoformat()})
    former = handover.former
    if former.branch_id != handover.branch_id or former.role not in MANAGING or not in_service(former, on):
        raise Refused(_("The former manager no longer works in this branch; hand the clients on instead."))
    reason = _("Hand-over undone")
    ids = queries.still_there(handover)
    if ids:
        reassign(Client.objects.filter(pk__in=ids), former.staff_no, reason=reason, user=user, on=on, at=at)
    back = queries.move_back(handover, ids, user_id=user.pk, on=on)
    back["client"] = len(ids)
    back["case"] = _take_cases_back(handover, user, at, reason)
    search.refresh(client_ids=list(handover.moves.filter(what="client").values_list("client_id", flat=True)))
    handover.undone_at, handover.undone_by = at, user
    handover.stayed = {what: n - back.get(what, 0) for what, n in handover.moved.items() if n > back.get(what, 0)}
    handover.save(update_fields=["undone_at", "undone_by", "stayed"])
    audit.record(
        "handover.undone",
        user=user,
        object_kind="staff",
        object_no=former.staff_no,
        detail={"handover": handover.pk, **back},
    )
    heirs = Staff.objects.filter(pk__in=handover.moves.filter(what="client").values("to_id"), user__isnull=False)
    for user_id in {*heirs.values_list("user_id", flat=True), former.user_id}:
        if user_id is not None:
            notify.tell(user_id, f"handover-undone:{handover.pk}", "handovers.undone", {"name": former.name})
    return handover


def _take_cases_back(handover: Handover, user: User, at: datetime, reason: str) -> int:
    back = 0
    moves = {move.object_id: move.to_id for move in handover.moves.filter(what="case")}
    for case in Complaint.objects.filter(pk__in=list(moves), state__in=OPEN_STATES).order_by("number"):
        if case.handler_id != moves[case.pk]:
            continue
        try:
            with transaction.atomic():
                give_to(case.number, handover.former.staff_no, reason, user=user, at=at)
        except (CaseRefused, ValidationError, Stale, Complaint.DoesNotExist):
            continue
        back += 1
    return back


@transaction.atomic
def end_overlaps(on: date, at: datetime) -> int:
    """Former managers whose time beside the new ones is over see these clients no longer; returns how many rows went."""
    over = Handover.objects.select_for_update(of=["self"], skip_locked=True).filter(
        overlap_until__lt=on, overlap_ended_at=None
    )
    gone = 0
    for handover in over.select_related("former").order_by("pk")[:500]:
        ids = queries.drop_beside(handover)
        gone += len(ids)
        search.refresh(client_ids=ids)
        handover.overlap_ended_at = at
        handover.save(update_fields=["overlap_ended_at"])
        audit.record(
            "handover.overlap_ended",
            user=None,
            object_kind="staff",
            object_no=handover.former.staff_no,
            detail={"handover": handover.pk, "clients": len(ids)},
        )
    return gone
