"""The draw on plain values (H1, U11)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbacks.rules import EXPECTED, abnormal, allot, counts, new_due, place, quota

RIGHT = dict(EXPECTED)


@given(st.dictionaries(st.sampled_from(["A", "B", "C", ""]), st.integers(0, 5000), max_size=4), st.integers(10, 100))
def test_the_shares_of_the_strata_make_the_quota_and_each_is_fair(strata, percent):
    found, total = allot(strata, percent), sum(strata.values())
    assert sum(found.values()) == quota(total, percent)
    for name, size in strata.items():
        assert 0 <= found[name] <= size
        exact = quota(total, percent) * size / total if total else 0
        assert abs(found[name] - exact) < 1


@pytest.mark.parametrize(("eligible", "wanted"), [(0, 0), (1, 1), (10, 1), (11, 2), (4_871, 488)])
def test_a_tenth_is_rounded_up(eligible, wanted):
    assert quota(eligible) == wanted


def test_the_same_seed_gives_the_same_order_and_another_another():
    numbers = [str(number) for number in range(200)]
    order = sorted(numbers, key=lambda number: place(7, number))
    assert order == sorted(set(numbers), key=lambda number: place(7, number))
    assert order != sorted(numbers, key=lambda number: place(8, number))


@pytest.mark.parametrize("question", EXPECTED)
def test_any_other_answer_is_abnormal_and_none_is_not(question):
    assert abnormal(RIGHT) == []
    assert abnormal(RIGHT | {question: not EXPECTED[question]}) == [question]
    assert abnormal(RIGHT | {question: None}) == []


def test_only_a_client_who_is_the_client_counts():
    assert counts("reached", RIGHT)
    assert not counts("reached", RIGHT | {"identity": False})
    assert not counts("wrong", RIGHT)


def test_thirty_days():
    assert new_due(date(2026, 10, 8)) == date(2026, 11, 7)
