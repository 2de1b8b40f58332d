"""Clocks against a minute-by-minute oracle, known dates, the fold, the chain (U5, X4)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import call_command
from hypothesis import given, settings
from hypothesis import strategies as st

from complaints import rules
from complaints.choices import Unit
from complaints.rules import Actor, Calendar, Candidate, Case, Happening, Limit, Refused, Rung, Span, Terms
from org.calendar import library_days
from tests.complaints.cases import RECORDS, T0, ZONE

CHINA = Calendar(
    ZONE, {one.date: (one.is_workday, one.is_trading_day) for year in (2025, 2026) for one in library_days(year)}
)


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("start", "amount", "unit", "last"),
    [
        (date(2026, 9, 29), 3, Unit.WORKING_DAY, date(2026, 10, 9)),
        (date(2026, 9, 29), 15, Unit.CALENDAR_DAY, date(2026, 10, 14)),
        (date(2026, 9, 29), 15, Unit.WORKING_DAY, date(2026, 10, 26)),
        (date(2026, 2, 12), 3, Unit.WORKING_DAY, date(2026, 2, 24)),
        # 10 October is a make-up Saturday: offices work, the exchange does not.
        (date(2026, 10, 8), 2, Unit.WORKING_DAY, date(2026, 10, 10)),
        (date(2026, 10, 8), 2, Unit.TRADING_DAY, date(2026, 10, 12)),
    ],
)
def test_known_dates(start, amount, unit, last):
    due = rules.due_after(local(start.year, start.month, start.day, 16), amount, unit, (), CHINA)
    assert due == CHINA.end_of(last)


def test_the_hour_limit_runs_through_nights_and_stops_in_pauses():
    pause = Span(local(2026, 11, 3, 12), local(2026, 11, 4, 12))
    assert rules.due_after(T0, 24, Unit.HOUR, (), CHINA) == local(2026, 11, 4, 10)
    assert rules.due_after(T0, 24, Unit.HOUR, (pause,), CHINA) == local(2026, 11, 5, 10)
    assert rules.due_after(T0, 24, Unit.HOUR, (Span(local(2026, 11, 3, 12)),), CHINA) is None
    # Over before the pause begins: the pause changes nothing.
    assert rules.due_after(T0, 2, Unit.HOUR, (Span(local(2026, 11, 3, 12)),), CHINA) == local(2026, 11, 3, 12)


# --- The oracle: it walks every minute and counts -------------------------------------------------------------------


def oracle(start: datetime, amount: int, unit: str, pauses: list[Span], upto: int = 40) -> datetime | None:
    """The same limit, counted minute by minute over `upto` days; None if it does not end by then."""

    def still(at: datetime) -> bool:
        return any(p.start <= at and (p.until is None or at < p.until) for p in pauses)

    minute, left, worked_today = start, amount * 60, False
    if unit == Unit.HOUR:
        for _ in range(upto * 1440):
            if left == 0:
                return minute
            left -= 0 if still(minute) else 1
            minute += timedelta(minutes=1)
        return None
    left, minute = amount, start.astimezone(ZONE).replace(hour=0, minute=0) + timedelta(days=1)
    for _ in range(upto * 1440):
        worked_today = worked_today or not still(minute)
        day = minute.date()
        minute += timedelta(minutes=1)
        if minute.date() != day:
            works, trades = CHINA.known[day]
            counts = {Unit.CALENDAR_DAY: True, Unit.WORKING_DAY: works, Unit.TRADING_DAY: trades}[Unit(unit)]
            left -= 1 if counts and worked_today else 0
            worked_today = False
            if left == 0:
                return minute
    return None


@st.composite
def pause_lists(draw) -> list[Span]:
    at, found = T0 + timedelta(minutes=draw(st.integers(0, 3000))), []
    for _ in range(draw(st.integers(0, 3))):
        length = draw(st.sampled_from([30, 600, 1440, 2880, 5000]))
        found.append(Span(at, at + timedelta(minutes=length)))
        at += timedelta(minutes=length + draw(st.integers(1, 3000)))
    if found and draw(st.booleans()):
        found[-1] = Span(found[-1].start)
    return found


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 14 * 1440),
    st.integers(1, 6),
    st.sampled_from(Unit.values),
    pause_lists(),
)
def test_limits_agree_with_the_minute_by_minute_count(shift, amount, unit, pauses):
    start = T0 + timedelta(minutes=shift % 2000)
    found = rules.due_after(start, amount, unit, pauses, CHINA)
    assert found == oracle(start, amount, unit, pauses)


# --- Deadlines of a file --------------------------------------------------------------------------------------------

REGISTERED = {
    "receiver": 1, "handler": 1, "about": None, "superior": None, "severity": "normal", "category": "aml",
    "amount": None, "channel": "phone", "received_at": T0.isoformat(),
}  # fmt: skip
LAW = Limit("aml", "received", "answered", 15, "calendar_day", "law", True, {"category": ["aml"]})
PRACTICE = Limit("answer", "received", "answered", 15, "calendar_day", "practice", True, extended=30)


class Policy:
    limits = (LAW, PRACTICE)


def events(*made: tuple[str, int, dict]) -> list[Happening]:
    return [Happening("registered", T0, 1, REGISTERED)] + [
        Happening(kind, T0 + timedelta(days=days), 1, data) for kind, days, data in made
    ]


def test_a_statutory_clock_never_stops_even_if_the_policy_says_so():
    paused = events(("accepted", 0, {}), ("paused", 1, {"ground": "papers"}), ("resumed", 6, {}))
    law, practice = rules.deadlines(paused, Policy(), CHINA)
    assert law.due == CHINA.end_of(date(2026, 11, 18))
    assert practice.due == CHINA.end_of(date(2026, 11, 22))  # four whole days stood still
    open_ended = rules.deadlines(paused[:3], Policy(), CHINA)
    assert open_ended[0].due == law.due
    assert open_ended[1].due is None


def test_extension_and_relabelling_decide_which_clock_runs_how_long():
    longer = events(("extended", 3, {"reason": "x"}))
    assert [one.due for one in rules.deadlines(longer, Policy(), CHINA)] == [
        CHINA.end_of(date(2026, 11, 18)),
        CHINA.end_of(date(2026, 12, 3)),
    ]
    other = events(("corrected", 1, {"from": {}, "to": {"category": "fees"}}))
    assert [one.limit.key for one in rules.deadlines(other, Policy(), CHINA)] == ["answer"]


def test_an_earlier_intake_moves_the_start_and_reopening_begins_anew():
    earlier = {"channel": "12386_direct", "received_at": (T0 - timedelta(days=2)).isoformat()}
    assert rules.deadlines(events(("intake_added", 1, earlier)), Policy(), CHINA)[0].started == T0 - timedelta(days=2)
    again = events(("closed", 5, {"result": "upheld", "cause": "fee"}), ("reopened", 9, {"to": 3}))
    law = rules.deadlines(again, Policy(), CHINA)[0]
    assert (law.started, law.met) == (T0 + timedelta(days=9), None)


def test_alarms_come_in_order_and_only_for_clocks_that_run():
    ladder = (Rung(50, "handler"), Rung(100, "branch_head"), Rung(150, "compliance_officer"))
    found = rules.deadlines(events(), Policy(), CHINA)
    moments = [alarm.moment for alarm in rules.alarms(found, ladder)]
    assert moments == sorted(moments)
    assert len(moments) == 6
    assert rules.alarms(found, ladder)[2].moment == found[0].due
    done = rules.deadlines(events(("answered", 2, {})), Policy(), CHINA)
    assert rules.alarms(done, ladder) == []


def test_resolved_fast_is_the_end_of_the_third_working_day():
    just = [*events(), Happening("answered", local(2026, 11, 6, 23, 59), 1, {})]
    late = [*events(), Happening("answered", local(2026, 11, 7, 0, 1), 1, {})]
    assert rules.resolved_fast(just, 3, CHINA)
    assert not rules.resolved_fast(late, 3, CHINA)


# --- Commands -------------------------------------------------------------------------------------------------------


def test_nobody_handles_or_approves_what_is_about_him():
    case = Case(state="in_work", step=4, handler=1, about=7, superior=8)
    for person in (7, 8):
        for role in ("branch_head", "compliance_officer", "complaint_officer"):
            assert rules.allowed(case, Actor(person, role, steers=True)) == []
    with pytest.raises(Refused, match="himself"):
        rules.decide(case, "assign", Actor(2, steers=True), {"to": 7, "reason": "x"}, Terms())


def test_whoever_is_named_later_has_approved_nothing():
    case = Case(state="in_work", step=4, handler=1, approvals=(("branch_head", 7), ("compliance_officer", 9)))
    named = rules.apply(case, Happening("corrected", T0, 1, {"from": {}, "to": {"about": 7}}))
    assert named.approvals == (("compliance_officer", 9),)


@pytest.mark.parametrize("step", range(1, 7))
def test_each_missing_field_of_a_record_is_named(step):
    before = {4: RECORDS[4]}
    assert rules.missing(step, RECORDS[step], before) == []
    for field in rules.FIELDS[step]:
        assert [one.key for one in rules.missing(step, RECORDS[step] | {field.key: ""}, before)] == [field.key]


def test_a_choice_must_be_one_of_the_proposals():
    assert rules.missing(5, RECORDS[5] | {"choice": "2"}, {4: RECORDS[4]})
    assert not rules.missing(5, RECORDS[5] | {"choice": "none"}, {4: RECORDS[4]})


def test_promises_the_law_forbids_are_found():
    assert rules.forbidden_words("我们保本并且承诺收益") == ["保本", "承诺收益"]
    assert rules.forbidden_words("We give the fee back.") == []


def test_assignment_takes_role_then_distance_then_load_and_never_the_named():
    people = [
        Candidate(1, "S1", "complaint_officer", 0, 9),
        Candidate(2, "S2", "complaint_officer", 1, 0),
        Candidate(3, "S3", "complaint_officer", 0, 2),
        Candidate(4, "S4", "branch_head", 0, 0),
    ]
    roles = ["complaint_officer", "branch_head"]
    assert rules.choose_handler(people, frozenset(), roles).staff == 3
    assert rules.choose_handler(people, frozenset({3}), roles).staff == 1
    assert rules.choose_handler(people, frozenset({1, 2, 3}), roles).staff == 4
    assert rules.choose_handler(people, frozenset({1, 2, 3, 4}), roles) is None


def test_the_chain_says_everything_of_an_event():
    event = Happening("noted", T0, 1, {"reason": "x"})
    link = rules.digest("before", "TS1", 1, event)
    others = [
        rules.digest("other", "TS1", 1, event),
        rules.digest("before", "TS2", 1, event),
        rules.digest("before", "TS1", 2, event),
        rules.digest("before", "TS1", 1, Happening("closed", T0, 1, {"reason": "x"})),
        rules.digest("before", "TS1", 1, Happening("noted", T0 + timedelta(microseconds=1), 1, {"reason": "x"})),
        rules.digest("before", "TS1", 1, Happening("noted", T0, 2, {"reason": "x"})),
        rules.digest("before", "TS1", 1, Happening("noted", T0, 1, {"reason": "y"})),
    ]
    assert len({link, *others}) == 8
    assert link == rules.digest("before", "TS1", 1, Happening("noted", T0.astimezone(UTC), 1, {"reason": "x"}))


# --- The drawings ---------------------------------------------------------------------------------------------------


def test_the_docs_say_what_the_code_says():
    call_command("complaint_diagram", "--check")
