"""What a draft of the policy would change, shown on the cases open now (X2, X4). They keep the policy they began with."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from complaints import rules
from complaints.choices import OPEN_STATES
from complaints.models import Complaint, ComplaintEvent, ComplaintPolicy
from complaints.rules import Calendar, Happening
from complaints.services.assignment import Asking, first_handler, people
from complaints.services.core import calendar_around, terms_of
from org.models import Staff

#: The newest open cases that are reckoned, and the changed ones that are named.
RECKONED, NAMED = 2000, 50


@dataclass(frozen=True)
class Standing:
    """One case under one policy: its nearest clock, whom the ladder has reached by now, and who would be given it first."""

    key: str
    due: datetime | None
    told: frozenset[str]
    handler: int | None


@dataclass(frozen=True)
class Changed:
    """A case that would stand otherwise; the handlers are whoever the rule would give it to on receipt."""

    complaint: Complaint
    now: Standing
    then: Standing
    handler_now: Staff | None
    handler_then: Staff | None


@dataclass(frozen=True)
class Preview:
    """Open cases as if received under the draft. `told`: role → cases whose ladder has reached it, now and then.

    `open_cases`: all; `reckoned`: the newest of them that were compared. `changed`: those the reader may see.
    """

    open_cases: int
    reckoned: int
    sooner: int
    later: int
    others: int
    late_now: int
    late_then: int
    told: list[tuple[str, int, int]]
    changed: list[Changed]


def preview_of(draft: ComplaintPolicy, user: Any, at: datetime) -> Preview:
    """Compare the newest open cases under the policy each has and under the draft; seven queries, nothing is written.

    Counts are of the firm, for whoever keeps its policies; cases are named only to whoever sees them (U6).
    """
    waiting = Complaint.objects.filter(state__in=OPEN_STATES)
    cases = list(waiting.select_related("policy", "branch", "receiver").order_by("-received_at", "-pk")[:RECKONED])
    seen = set(waiting.visible_to(user).values_list("pk", flat=True))
    files = _files(cases)
    serving = people(at, [one.branch for one in cases])
    # Whoever heard a case first may be no candidate of the rule.
    staff = {one.pk: one for one in serving} | {one.receiver.pk: one.receiver for one in cases if one.receiver}
    first = min((timezone.localdate(one.received_at) for one in cases), default=timezone.localdate(at))
    calendar = calendar_around(first - timedelta(days=1), timezone.localdate(at))
    counts: Counter[str] = Counter()
    told: Counter[tuple[str, int]] = Counter()
    changed: list[Changed] = []
    for one in cases:
        now, then = (_standing(one, files[one.pk], policy, serving, calendar, at) for policy in (one.policy, draft))
        counts["late_now"] += now.due is not None and now.due < at
        counts["late_then"] += then.due is not None and then.due < at
        counts["others"] += now.handler != then.handler
        if now.due is not None and then.due is not None:
            counts["sooner"] += then.due < now.due
            counts["later"] += then.due > now.due
        for n, standing in enumerate((now, then)):
            told.update((role, n) for role in standing.told)
        if now != then and one.pk in seen and len(changed) < NAMED:
            handlers = [staff.get(standing.handler or 0) for standing in (now, then)]
            changed.append(Changed(one, now, then, *handlers))
    roles = dict.fromkeys(rung["to"] for rung in draft.ladder) | dict.fromkeys(sorted({role for role, _n in told}))
    return Preview(
        open_cases=waiting.count(),
        reckoned=len(cases),
        sooner=counts["sooner"],
        later=counts["later"],
        others=counts["others"],
        late_now=counts["late_now"],
        late_then=counts["late_then"],
        told=[(role, told[role, 0], told[role, 1]) for role in roles],
        changed=changed,
    )


def _files(cases: list[Complaint]) -> dict[int, list[Happening]]:
    found: dict[int, list[Happening]] = defaultdict(list)
    rows = ComplaintEvent.objects.filter(complaint__in=cases).order_by("complaint", "sequence")
    for row in rows:
        found[row.complaint_id].append(Happening(row.kind, row.at, row.by_id, row.data))
    return found


def _standing(
    case: Complaint,
    events: list[Happening],
    policy: ComplaintPolicy,
    serving: list[Staff],
    calendar: Calendar,
    at: datetime,
) -> Standing:
    terms = terms_of(policy)
    clocks = rules.deadlines(events, terms, calendar)
    running = [(one.due, one.limit.key) for one in clocks if one.met is None and one.due is not None]
    due, key = min(running, default=(None, ""))
    told = frozenset(alarm.rung.to for alarm in rules.alarms(clocks, terms.ladder) if alarm.moment <= at)
    named = frozenset(one for one in (case.about_person_id, case.about_superior_id) if one)
    asked = Asking(case.severity, case.amount, case.branch, named, case.receiver)
    return Standing(key, due, told, first_handler(policy, asked, serving))
