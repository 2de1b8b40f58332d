"""Who gets whom (U10), on plain values."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handovers.rules import Holding, greet_by, share_out
from ledger.rules import leaving

books = st.lists(st.integers(0, 3), max_size=60).map(lambda weights: [Holding(n, w) for n, w in enumerate(weights)])


@given(books, st.dictionaries(st.integers(1, 9), st.integers(0, 200), min_size=1, max_size=5))
def test_everybody_goes_once_and_no_successor_could_have_had_less(book, loads):
    to = share_out(book, loads)
    assert to.keys() == {one.client_id for one in book}
    assert share_out(reversed(book), loads) == to, "the order of the book must not matter"
    contacts = {one.client_id: one.contacts for one in book}
    then = dict(loads)
    for client, staff in to.items():
        then[staff] += contacts[client]
    # Taking his lightest client away, nobody who got one has more than anybody else.
    for staff in set(to.values()):
        lightest = min(
            (contacts[client] for client, one in to.items() if one == staff and contacts[client]), default=None
        )
        if lightest is not None:
            assert then[staff] - lightest <= min(then.values())


def test_nobody_to_hand_over_to():
    with pytest.raises(ValueError, match="nobody"):
        share_out([Holding(1, 3)], {})


@pytest.mark.parametrize(("tier", "day"), [("A", 11), ("B", 15), ("C", 22), ("", 22)])
def test_the_best_are_greeted_first(tier, day):
    assert greet_by(tier, date(2026, 10, 8)) == date(2026, 10, day)


@pytest.mark.parametrize(
    ("then", "inflow", "closed", "why"),
    [
        (1000, -100, False, "outflow"),
        (1000, -99, False, ""),
        (1000, 500, False, ""),
        (0, -1, False, "outflow"),
        (-50, 0, False, ""),
        (1000, 0, True, "closed"),
    ],
)
def test_who_is_leaving(then, inflow, closed, why):
    assert leaving(then, inflow, closed=closed) == why
