"""How every command is carried out: lock the case, ask the rules, append the event, bring the mirror rows up to date."""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import transaction
from django.utils import timezone

from clients.errors import Conflict
from clients.services import Event, add_events
from complaints import rules
from complaints.choices import State
from complaints.models import Clock, Complaint, ComplaintEvent, ComplaintPolicy, FollowUp, Promise, StepRun
from complaints.rules import Actor, Calendar, Case, Happening, Limit, Rung, Terms
from crm.money import UNITS_PER_YUAN
from org import audit
from org.calendar import days
from org.models import Role, User
from org.rights import may, principal, require
from org.scope import is_service_account


class Stale(Conflict):
    """Somebody else acted in between; `complaint` is the case as it is now. Nothing was written."""

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(f"{complaint.number} is at version {complaint.version}")
        self.complaint = complaint


class PolicyTerms(rules.clocks.PolicyLike):
    """A policy as the rules read it."""

    def __init__(self, policy: ComplaintPolicy) -> None:
        self.limits = tuple(Limit(**limit) for limit in policy.limits)
        self.ladder = tuple(Rung(**rung) for rung in policy.ladder)
        self.terms = Terms(approve_from=policy.approve_from * UNITS_PER_YUAN)
        self.fast_workdays = policy.fast_workdays


@lru_cache(maxsize=32)
def _terms(policy_id: int) -> PolicyTerms:
    return PolicyTerms(ComplaintPolicy.objects.get(pk=policy_id))


def terms_of(policy: ComplaintPolicy) -> PolicyTerms:
    """What the rules read of a published policy, which never changes; drafts are read anew."""
    return _terms(policy.pk) if policy.state == "published" else PolicyTerms(policy)


def policy_on(day: date) -> ComplaintPolicy:
    """The policy in force on a date."""
    return ComplaintPolicy.objects.filter(state="published", valid_from__lte=day).latest("valid_from", "version")


def calendar_around(first: date, last: date) -> Calendar:
    """The firm's calendar for the limits that begin in a span; one query."""
    upto = last + timedelta(days=rules.clocks.HORIZON_DAYS)
    known = {one.date: (one.is_workday, one.is_trading_day) for one in days(first, upto) if not one.provisional}
    return Calendar(timezone.get_current_timezone(), known)


def actor_of(user: User) -> Actor:
    """Who asks, as the rules see it. A service account acts for the firm within its token's scopes."""
    if is_service_account(user):
        return Actor(steers=may(user, "complaints.assign"), trusted=True)
    staff, absent = user.staff, principal(user, "complaints.approve")
    return Actor(
        staff=staff.pk,
        role=absent.role if absent else staff.role,
        steers=may(user, "complaints.assign"),
        acting=absent.pk if absent else None,
    )


def happenings(complaint: Complaint) -> list[Happening]:
    """The events of a file, in order, as the rules read them."""
    rows = ComplaintEvent.objects.filter(complaint=complaint).order_by("sequence")
    return [Happening(row.kind, row.at, row.by_id, row.data) for row in rows]


def locked(number: str, user: User, version: int | None = None) -> Complaint:
    """The case, locked. Raises DoesNotExist out of scope, Stale when it is not at `version`."""
    rows = Complaint.objects.visible_to(user).values("pk")
    complaint = Complaint.objects.select_for_update(of=("self",)).get(number=number, pk__in=rows)
    if version is not None and version != complaint.version:
        raise Stale(complaint)
    return complaint


@transaction.atomic
def act(
    number: str,
    key: str,
    data: Mapping[str, Any] | None = None,
    *,
    user: User,
    at: datetime,
    version: int | None = None,
) -> Complaint:
    """Carry out a command of `rules.COMMANDS`. One transaction: right, scope, rules, event, rows, timeline, audit.

    Raises PermissionDenied, DoesNotExist (out of scope), Stale (somebody was faster), Refused (the rules say no).
    """
    command = rules.COMMANDS[key]
    require(user, command.right)
    complaint = locked(number, user, version)
    before = happenings(complaint)
    case = rules.fold(before)
    made = rules.decide(case, key, actor_of(user), dict(data or {}), terms_of(complaint.policy).terms)
    append(complaint, before, [(command.event, made)], by=user, at=at)
    audit.record(f"complaint.{key}", user=user, object_kind="complaint", object_no=complaint.number)
    return complaint


def append(
    complaint: Complaint,
    before: list[Happening],
    made: Iterable[tuple[str, Mapping[str, Any]]],
    *,
    by: User | None,
    at: datetime,
) -> Case:
    """Add events to a locked case and bring its rows up to date. Time never runs backwards within a file."""
    events = list(before)
    case = rules.fold(events)
    for kind, data in made:
        moment = max(at, events[-1].at) if events else at
        # As JSON gives it back: what is hashed is what can be read again.
        event = Happening(kind, moment, by.pk if by else None, json.loads(json.dumps(dict(data))))
        after = rules.apply(case, event)
        link = rules.digest(complaint.head, complaint.number, after.version, event)
        ComplaintEvent.objects.create(
            complaint=complaint,
            sequence=after.version,
            kind=kind,
            at=moment,
            by=by,
            data=event.data,
            before=complaint.head,
            hash=link,
        )
        events.append(event)
        complaint.head = link
        _mirror(complaint, case, after, event, events)
        case = after
    return case


# --- Mirror rows ---------------------------------------------------------------------------------------------------

_STATE_TIMES = {"accepted": "accepted_at", "answered": "answered_at", "archived": "archived_at"}
_FACTS = ("kind", "category", "severity", "amount", "wish", "product", "complainant", "contact", "party", "persons")
_KEYS = {"about": "about_person_id", "superior": "about_superior_id", "client": "client_id", "branch": "branch_id"}


def _mirror(complaint: Complaint, before: Case, case: Case, event: Happening, events: list[Happening]) -> None:
    steps = _STEP_ROWS.get(event.kind)
    if steps is not None:
        steps(complaint, before, case, event)
    if event.kind in ("registered", "corrected", "relabelled"):
        said = event.data.get("to", event.data)
        for name in _FACTS:
            if name in said:
                setattr(complaint, name, said[name])
        for name, column in _KEYS.items():
            if name in said:
                setattr(complaint, column, said[name])
    if event.kind in _STATE_TIMES:
        setattr(complaint, _STATE_TIMES[event.kind], event.at)
    if event.kind == "intake_added":
        complaint.received_at = min(complaint.received_at, datetime.fromisoformat(event.data["received_at"]))
    complaint.version, complaint.state, complaint.step, complaint.round = (
        case.version,
        case.state,
        case.step,
        case.round,
    )
    complaint.handler_id, complaint.paused = case.handler, case.paused
    complaint.relabel_asked = case.asked is not None
    complaint.result, complaint.cause = case.result, case.cause
    if case.state not in (State.ANSWERED, State.CLOSED, State.ARCHIVED):
        complaint.answered_at = None
    ended = case.state in (State.CLOSED, State.ARCHIVED)
    if ended and not before.result:
        _end(complaint, event, events)
    elif not ended:
        complaint.closed_at = complaint.fast = complaint.keep_until = None
    refresh_clocks(complaint, events, save=False)
    complaint.save()
    _tell(complaint, before, case, event)


def _end(complaint: Complaint, event: Happening, events: list[Happening]) -> None:
    complaint.closed_at = event.at
    policy = complaint.policy
    calendar = calendar_around(timezone.localdate(complaint.received_at), timezone.localdate(event.at))
    complaint.fast = rules.resolved_fast(events, policy.fast_workdays, calendar)
    closed_on = timezone.localdate(event.at)
    complaint.keep_until = _years_later(closed_on, policy.keep_years)
    if event.kind == "closed":
        FollowUp.objects.bulk_create(
            FollowUp(complaint=complaint, round=complaint.round, days=n, due_on=closed_on + timedelta(days=n))
            for n in policy.follow_up_days
        )


def _years_later(on: date, years: int) -> date:
    """The same day so many years on; 29 February becomes 1 March, never shorter."""
    try:
        return on.replace(year=on.year + years)
    except ValueError:
        return date(on.year + years, 3, 1)


def _begun(complaint: Complaint, before: Case, case: Case, event: Happening) -> None:
    StepRun.objects.create(complaint=complaint, step=case.step, round=case.round, started_at=event.at)


def _done(complaint: Complaint, before: Case, case: Case, event: Happening) -> None:
    StepRun.objects.filter(complaint=complaint, step=before.step, round=before.round).update(
        done_at=event.at, done_by=event.by, record=before.records.get(before.step, {})
    )
    if event.kind == "advanced":
        _begun(complaint, before, case, event)


def _kept(complaint: Complaint, before: Case, case: Case, event: Happening) -> None:
    StepRun.objects.filter(complaint=complaint, step=case.step, round=case.round, done_at=None).update(
        record=event.data["record"]
    )


def _again(complaint: Complaint, before: Case, case: Case, event: Happening) -> None:
    FollowUp.objects.filter(complaint=complaint, done_at=None).update(dropped=True)
    _begun(complaint, before, case, event)


def _promised(complaint: Complaint, before: Case, case: Case, event: Happening) -> None:
    made = case.promises[-1]
    Promise.objects.create(complaint=complaint, no=made.no, text=made.text[:500], due_on=made.due_on)


def _followed(complaint: Complaint, before: Case, case: Case, event: Happening) -> None:
    Promise.objects.filter(complaint=complaint, no=event.data["no"]).update(
        kept=event.data["kept"], followed_at=event.at
    )


_STEP_ROWS = {
    "registered": _begun,
    "recorded": _kept,
    "advanced": _done,
    "closed": _done,
    "stepped_back": _again,
    "reopened": _again,
    "promised": _promised,
    "promise_followed": _followed,
}


def refresh_clocks(complaint: Complaint, events: list[Happening], *, save: bool = True) -> None:
    """Write the clocks of a case as the rules give them: after each event, and when the calendar changed."""
    first = timezone.localdate(complaint.received_at) - timedelta(days=1)
    calendar = calendar_around(first, timezone.localdate(events[-1].at))
    terms = terms_of(complaint.policy)
    found = rules.deadlines(events, terms, calendar)
    fired = set(complaint.escalations.values_list("key", "percent", "to", "due_at"))
    coming: dict[str, datetime] = {}
    for alarm in reversed(rules.alarms(found, terms.ladder)):
        one = (alarm.deadline.limit.key, alarm.rung.percent, alarm.rung.to, alarm.deadline.due)
        if one not in fired:
            coming[one[0]] = alarm.moment
    rows = [
        Clock(
            complaint=complaint,
            key=one.limit.key,
            basis=one.limit.basis,
            started_at=one.started,
            due_at=one.due,
            met_at=one.met,
            alarm_at=coming.get(one.limit.key),
        )
        for one in found
    ]
    complaint.clocks.exclude(key__in=[row.key for row in rows]).delete()
    Clock.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["complaint", "key"],
        update_fields=["basis", "started_at", "due_at", "met_at", "alarm_at"],
    )
    running = [row for row in rows if row.met_at is None and row.due_at is not None]
    nearest = min(running, key=lambda row: (row.due_at, row.key), default=None)
    complaint.due_at, complaint.due_key = (nearest.due_at, nearest.key) if nearest else (None, "")
    if save:
        complaint.save(update_fields=["due_at", "due_key"])


def _tell(complaint: Complaint, before: Case, case: Case, event: Happening) -> None:
    """An entry on the client's timeline when the case begins or changes its state.

    None where somebody is complained about: the client's manager, who reads the timeline, may be the one.
    """
    if complaint.client_id is None or case.state == before.state or case.named:
        return
    add_events(
        [
            Event(
                client_id=complaint.client_id,
                at=event.at,
                kind="complaint",
                source_key=f"complaint:{complaint.pk}:{case.version}",
                data={"number": complaint.number, "state": case.state},
                actor_id=event.by,
            )
        ]
    )


#: Roles that can be handlers.
HANDLING = (Role.ACCOUNT_MANAGER, Role.BRANCH_HEAD, Role.COMPLAINT_OFFICER, Role.COMPLIANCE_OFFICER)
