from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from nights import rules
from nights.models import Step

SHANGHAI = ZoneInfo("Asia/Shanghai")


def test_ranking_is_never_planned_without_its_check():
    assert rules.plan_for("ranking") == [Step.CHECK, Step.RANKING]
    assert rules.plan_from(Step.RANKING) == [
        Step.CHECK,
        Step.RANKING,
        Step.NOTICES,
        Step.VALUES,
        Step.MEASURES,
        Step.VISITS,
        Step.PLANS,
        Step.BOARDS,
    ]
    assert rules.plan_for(None) == list(rules.CHAIN)
    assert {step for steps in rules.LINKS.values() for step in steps} == set(rules.CHAIN)


@pytest.mark.parametrize(
    ("moment", "newest"),
    [
        (datetime(2026, 10, 17, 0, 59, tzinfo=SHANGHAI), date(2026, 10, 15)),
        # The UTC date is still the 16th: the firm's clock decides.
        (datetime(2026, 10, 17, 1, 0, tzinfo=SHANGHAI), date(2026, 10, 16)),
        (datetime(2026, 10, 17, 23, 59, tzinfo=SHANGHAI), date(2026, 10, 16)),
        (datetime(2027, 1, 1, 1, 0, tzinfo=SHANGHAI), date(2026, 12, 31)),
        (datetime(2028, 3, 1, 0, 30, tzinfo=SHANGHAI), date(2028, 2, 28)),
    ],
)
def test_a_night_is_due_from_the_hour_of_the_day_after(moment, newest):
    assert rules.last_due_date(moment, 1) == newest
    assert rules.due_at(newest, 1, moment) <= moment


@pytest.mark.parametrize(
    ("moved", "known", "held"), [(20, 100, False), (21, 100, True), (0, 0, False), (1, 4, True), (1, 5, False)]
)
def test_the_night_stops_above_the_limit_not_at_it(moved, known, held):
    assert rules.must_hold(moved, known, Decimal("20.00")) is held


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ([], "waiting"),
        (["due", "due"], "due"),
        (["done", "due"], "running"),
        (["done", "done"], "done"),
        (["done", "running"], "running"),
        (["done", "failed"], "failed"),
    ],
)
def test_state_of_a_step(states, state):
    assert rules.chain_state(states) == state
