"""The month planner (V2, V3, V4, V7, U4) against an independent judge."""

import itertools
import random
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from org.calendar import library_days
from tests.visits.checker import faults, minutes_between
from visits.planning.book import Book, Day, Kept, Need
from visits.planning.solve import plan_month
from visits.rules import Cadence, Span, free_spans, windows

CADENCE = Cadence(1, {"A": 3, "B": 2, "C": 1}, {"A": 3, "B": 1, "C": 0})
HOME = (31.2304, 121.4737)


def month_days(first: date) -> list[date]:
    """The working days of a real month, holidays and make-up days after the calendar."""
    return [one.date for one in library_days(first.year) if one.is_workday and one.date.month == first.month]


def around(seed: random.Random, km: float) -> tuple[float, float]:
    return (round(HOME[0] + seed.gauss(0, km / 111), 6), round(HOME[1] + seed.gauss(0, km / 95), 6))


def book_of(
    a: int, b: int, c: int, days: list[date], *, km: float = 4, seed: int = 1, cadence: Cadence = CADENCE
) -> Book:
    chance = random.Random(seed)
    needs, client = [], 0
    for tier, count in (("A", a), ("B", b), ("C", c)):
        for _ in range(count):
            client += 1
            place = around(chance, km)
            for one in windows(cadence.contacts[tier], len(days), tier=tier, gap=cadence.gap_days):
                personal = one.number <= cadence.in_person[tier]
                needs.append(Need(client, one.number, tier, personal, one.first, one.last, place))
    spans = tuple(free_spans(cadence))
    return Book(1, HOME, cadence, tuple(Day(day, spans) for day in days), tuple(needs))


def test_october_has_its_make_up_saturday_among_the_first_days():
    days = month_days(date(2026, 10, 1))
    assert days[:5] == [date(2026, 10, day) for day in (8, 9, 10, 12, 13)]


@pytest.mark.parametrize("month", [date(2026, 10, 1), date(2026, 2, 1), date(2026, 9, 1)])
def test_a_full_book_in_a_real_month_holds_every_rule(month):
    """30 A, 60 B, 120 C; months with a public holiday and a make-up day in them."""
    book = book_of(30, 60, 120, month_days(month))
    plan = plan_month(book)
    assert faults(book, plan) == []
    firsts = [one for one in plan.placed if one.need.tier == "A" and one.need.number == 1]
    assert all(one.day < 5 for one in firsts)
    # What the planner leaves out is little where the month has room; all of it is said.
    assert len(plan.placed) + len(plan.missing) == len(book.needs)
    visits = [one for one in plan.placed if one.kind == "visit"]
    assert len(visits) >= 100


def test_the_same_book_gives_the_same_plan():
    book = book_of(8, 10, 20, month_days(date(2026, 11, 1)))
    assert plan_month(book, iterations=200) == plan_month(book, iterations=200)


def test_nearby_c_is_taken_along_and_says_with_whom():
    days = month_days(date(2026, 11, 1))
    book = book_of(1, 0, 0, days)
    beside = Need(99, 1, "C", False, 0, len(days) - 1, (book.needs[0].place[0] + 0.0005, book.needs[0].place[1]))
    plan = plan_month(replace(book, needs=(*book.needs, beside)), iterations=200)
    (taken,) = [one for one in plan.placed if one.need.client_id == 99]
    assert (taken.kind, taken.reason) == ("visit", "nearby")
    assert taken.data["client"] == 1
    assert taken.data["metres"] == pytest.approx(56, abs=2)


def test_far_wish_and_unknown_places():
    days = month_days(date(2026, 11, 1))
    last = len(days) - 1
    needs = (
        Need(1, 1, "A", True, 0, 4, (39.9, 116.4)),  # Beijing
        Need(2, 1, "A", True, 0, 4, around(random.Random(2), 2), wish="phone"),
        Need(3, 1, "B", True, 0, last, None),
        Need(4, 1, "C", False, 0, last, None, hours=Span(15 * 60, 16 * 60)),
    )
    book = Book(1, HOME, CADENCE, tuple(Day(day, tuple(free_spans(CADENCE))) for day in days), needs)
    plan = plan_month(book, iterations=200)
    assert faults(book, plan) == []
    assert {one.need.client_id: (one.kind, one.reason) for one in plan.placed} == {
        1: ("phone", "far"),
        2: ("phone", "wish"),
        3: ("visit", "due"),
        4: ("phone", "by_phone"),
    }
    (unknown,) = [one for one in plan.placed if one.need.client_id == 3]
    assert unknown.travel_minutes == CADENCE.unknown_travel_minutes
    assert unknown.travel_m == 0


def test_what_people_fixed_stays_and_is_worked_around():
    days = month_days(date(2026, 11, 1))
    book = book_of(10, 0, 5, days)
    kept = (
        Kept(7, 500, 2, 10 * 60, 60, True, around(random.Random(3), 3), "A"),
        Kept(8, 501, 2, 15 * 60, 30, False),
    )
    book = replace(book, kept=kept)
    plan = plan_month(book)
    assert faults(book, plan) == []
    assert not [one for one in plan.placed if one.need.client_id in (500, 501)]


def test_fixed_visits_that_contradict_each_other_do_not_stop_the_month():
    days = month_days(date(2026, 11, 1))
    place = around(random.Random(3), 30)
    kept = (Kept(7, 500, 2, 600, 60, True, place, "A"), Kept(8, 501, 2, 630, 60, True, HOME, "A"))
    book = replace(book_of(4, 0, 0, days), kept=kept)
    plan = plan_month(book, iterations=200)
    assert len(plan.placed) == 12
    on_the_day = [one for one in plan.placed if one.day == 2]
    assert all(one.start + one.minutes <= 600 or one.start >= 690 for one in on_the_day)


def test_leave_and_too_many_are_said_with_their_reason():
    days = month_days(date(2026, 11, 1))
    book = book_of(2, 0, 0, days)
    away = tuple(Day(one.date, (), True) if n < 5 else one for n, one in enumerate(book.days))
    plan = plan_month(replace(book, days=away), iterations=200)
    assert sorted((one.need.number, one.reason) for one in plan.missing) == [(1, "leave"), (1, "leave")]
    crowd = book_of(500, 0, 0, days)
    plan = plan_month(crowd, iterations=60)
    assert faults(crowd, plan) == []
    assert {one.reason for one in plan.missing} == {"time"}
    assert len(plan.placed) + len(plan.missing) == 1500


def test_no_working_day_left_and_nobody_to_visit():
    assert plan_month(Book(1, HOME, CADENCE, (), ())) == plan_month(Book(1, None, CADENCE, (), ()))
    need = Need(1, 1, "A", True, 0, 0, HOME)
    (missing,) = plan_month(Book(1, HOME, CADENCE, (), (need,))).missing
    assert missing.reason == "no_day"


def test_what_is_unmet_in_a_small_book_is_unmeetable():
    """A relaxed bound: without any travel, one half day holds so many visits; with one place, that many are met."""
    cadence = replace(CADENCE, desk_minutes=0, visits_a_day=30)
    day = Day(date(2026, 11, 2), (Span(540, 720),))
    for owed in range(1, 10):
        needs = tuple(Need(n, 1, "A", True, 0, 0, HOME) for n in range(1, owed + 1))
        plan = plan_month(Book(1, HOME, cadence, (day,), needs), iterations=200)
        assert len(plan.placed) == min(owed, 180 // 30)


@st.composite
def small_books(draw) -> Book:
    """Up to five visits by road in one or two short days, some with hours; no other rule stands in the way."""
    chance = random.Random(draw(st.integers(0, 100_000)))
    cadence = replace(CADENCE, desk_minutes=0, visits_a_day=40, far_km=10_000)
    days = []
    for n in range(draw(st.integers(1, 2))):
        begin = chance.choice([540, 600])
        days.append(Day(date(2026, 11, 2 + n), (Span(begin, begin + chance.choice([60, 90, 120, 150])),)))
    needs = []
    for client in range(draw(st.integers(1, 5))):
        hours = Span(*chance.choice([(540, 600), (570, 660), (630, 720)])) if chance.random() < 0.4 else None
        first = chance.randrange(len(days))
        last = chance.randrange(first, len(days))
        needs.append(Need(client, 1, "A", True, first, last, around(chance, chance.choice([1, 5, 9])), hours))
    return Book(1, HOME, cadence, tuple(days), tuple(needs))


def most_that_can_be_met(book: Book) -> int:
    """By trying everything: each visit on each of its days or on none, each day in every order."""
    best = 0
    choices = [[None, *range(need.first, need.last + 1)] for need in book.needs]
    for days in itertools.product(*choices):
        met = sum(day is not None for day in days)
        if met > best and all(
            can_be_driven(book, n, [need for need, day in zip(book.needs, days, strict=True) if day == n])
            for n in range(len(book.days))
        ):
            best = met
    return best


def can_be_driven(book: Book, day: int, needs: list[Need]) -> bool:
    (span,) = book.days[day].spans
    minutes = book.cadence.visit_minutes
    for order in itertools.permutations(needs):
        clock, here = span.start, book.home
        for need in order:
            clock += minutes_between(book, here, need.place)
            if need.hours:
                clock = max(clock, need.hours.start)
            clock, here = clock + minutes, need.place
            if need.hours and clock > need.hours.end:
                break
        else:
            if clock + minutes_between(book, here, book.home) <= span.end:
                return True
    return not needs


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(small_books())
def test_no_plan_meets_more_than_ours_in_a_small_book(book):
    """U4 against brute force: what the planner calls unmet, no order and no choice of days meets."""
    plan = plan_month(book)
    assert faults(book, plan) == []
    assert len(plan.placed) == most_that_can_be_met(book)


@st.composite
def books(draw) -> Book:
    count = draw(st.integers(1, 12))
    chance = random.Random(draw(st.integers(0, 10_000)))
    first = date(2026, 11, 2)
    dates = [first + timedelta(days=n) for n in range(draw(st.integers(1, 12)))]
    days = []
    for day in dates:
        busy = [Span(600, 660)] if chance.random() < 0.3 else []
        away = chance.random() < 0.15
        days.append(Day(day, () if away else tuple(free_spans(CADENCE, busy)), away))
    needs = []
    for client in range(count):
        tier = chance.choice("ABC")
        place = around(chance, chance.choice([2, 10, 80])) if chance.random() < 0.9 else None
        hours = (
            Span(*chance.choice([(540, 720), (870, 960), (1080, 1140), (720, 840)])) if chance.random() < 0.3 else None
        )
        wish = chance.choice(["any", "any", "phone", "visit"])
        for one in windows(chance.randint(1, 3), len(days), tier=tier):
            personal = tier == "A" or chance.random() < 0.4
            needs.append(Need(client, one.number, tier, personal, one.first, one.last, place, hours, wish))
    return Book(1, HOME if chance.random() < 0.9 else None, CADENCE, tuple(days), tuple(needs))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(books())
def test_any_book_gets_a_plan_without_a_fault(book):
    assert faults(book, plan_month(book, iterations=60)) == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(books(), st.integers(0, 1000))
def test_calls_that_stay_are_never_planned_over(book, seed):
    chance = random.Random(seed)
    calls = tuple(
        Kept(n, 900 + n, chance.randrange(len(book.days)), chance.randrange(108, 216) * 5, 10, False)
        for n in range(chance.randint(1, 8))
    )
    # Two calls at once are people's own affair.
    calls = tuple(
        a for n, a in enumerate(calls) if all(a.day != b.day or abs(a.start - b.start) >= 10 for b in calls[:n])
    )
    book = replace(book, kept=calls)
    assert faults(book, plan_month(book, iterations=60)) == []
