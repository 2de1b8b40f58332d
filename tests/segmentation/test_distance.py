"""How far to the next line and how much to lose (U1): exact, against ranking anew; and who may read it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clients.models import CoManager
from ledger.models import ClientTotals
from org.models import Role
from segmentation.explain import newest_run, why
from segmentation.models import RankingPolicy
from segmentation.ranking import rank
from segmentation.rules import CENT, Contender, classify, least_inside, line_among, missing, share, to_spare
from tests.factories import BranchFactory, StaffFactory
from tests.segmentation.conftest import DAY, empty_ranking, totals_of

sums = st.one_of(st.integers(-3, 12), st.integers(-50, 1000))
rows = st.lists(st.tuples(sums, st.integers(0, 2)), max_size=10)


def tier_with(me: Contender, contribution: int, others: list[Contender], cuts: tuple[Decimal, Decimal]) -> str:
    """The tier of a client ranked anew with another contribution."""
    changed = Contender(me.no_key, contribution, me.assets)
    return next(tier for contender, tier in classify([*others, changed], *cuts) if contender is changed)


@given(
    others=rows,
    place=st.integers(0, 10),
    assets=st.integers(0, 2),
    cuts=st.tuples(st.integers(1, 9998), st.integers(1, 9999)).map(
        lambda pair: (Decimal(min(pair)) / 100, Decimal(max(pair) + 1) / 100)
    ),
)
@settings(max_examples=500)
def test_the_least_contribution_is_exact(others, place, assets, cuts):
    ranked = [Contender(f"{number:02d}", c, a) for number, (c, a) in enumerate(others)]
    me = Contender(f"{place:02d}x", 0, assets)
    for cut, inside in zip(cuts, ("A", "AB"), strict=True):
        least = least_inside(line_among(me, ranked, cut), cut)
        assert tier_with(me, least, ranked, cuts) in inside
        assert tier_with(me, least - 1, ranked, cuts) not in inside


def test_what_is_shown_suffices_to_the_cent():
    assert (missing(0, 1), missing(0, CENT), missing(5, 5 + CENT + 1), missing(7, 3)) == (CENT, CENT, 2 * CENT, 0)
    assert (to_spare(CENT, 0), to_spare(CENT - 1, 0), to_spare(3, 7)) == (CENT, 0, 0)


def test_shares_have_twelve_digits_half_up():
    assert str(share(1, 3)) == "0.333333333333"
    assert str(share(1, 8192)) == "0.000122070313"  # …3125 exactly
    assert share(0, 0) is None


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(sums, st.integers(0, 2)), min_size=1, max_size=12))
@pytest.mark.parametrize("scope", ["branch", "firm"])
def test_the_card_says_what_ranking_anew_would(scope, rows):
    empty_ranking()
    if scope == "firm":
        RankingPolicy.objects.get_or_create(
            version=2, defaults={"state": "published", "valid_from": DAY, "scope": "firm"}
        )
    branch = BranchFactory()
    # Whole 分, so that what is shown is what is least.
    clients = totals_of(branch, [(contribution * CENT, assets) for contribution, assets in rows])
    rank(DAY)
    user = StaffFactory(role=Role.BRANCH_HEAD, branch=branch).user
    contenders = [Contender(c.no_key, contribution, a) for c, (contribution, a) in zip(clients, rows, strict=True)]
    cuts = newest_run().policy.cut_a, newest_run().policy.cut_b
    for client, me in zip(clients, contenders, strict=True):
        client.refresh_from_db()
        found = why(client, user)
        others = [c for c in contenders if c is not me]
        tier = found.standing.tier
        if tier == "A":
            assert found.missing is None
        else:
            _exact_missing(me, others, cuts, found.missing, "A" if tier == "B" else "AB")
        if tier == "C":
            assert found.spare is None
        else:
            kept = me.contribution - found.spare // CENT
            assert tier_with(me, kept, others, cuts) <= tier


def _exact_missing(me: Contender, others: list[Contender], cuts: tuple, shown: int, wanted: str) -> None:
    """In whole 分: with what is shown the tier is reached. Two 分 less would not do (lines fall between two 分)."""
    enough = me.contribution + shown // CENT
    assert tier_with(me, enough, others, cuts) in wanted
    assert tier_with(me, enough - 2, others, cuts) not in wanted


def test_the_worked_example_says_both_distances(branch):
    """50, 20, 10, 8, 5, 4, 3: A A B B C C C."""
    yuan = 10_000
    clients = totals_of(branch, [(n * yuan, 0) for n in (50, 20, 10, 8, 5, 4, 3)])
    rank(DAY)
    user = StaffFactory(role=Role.BRANCH_HEAD, branch=branch).user
    for client in clients:
        client.refresh_from_db()
    # The best of C passes the last of B: 8 元 and the least more, as the other has the lower number.
    found = why(clients[4], user)
    assert (found.next_tier, found.missing, found.spare) == ("B", 3 * yuan + CENT, None)
    # The last of B stays until the best of C has passed it: 5 元 are enough, since it has the lower number.
    assert why(clients[3], user).spare == 3 * yuan
    assert why(clients[0], user).missing is None


def test_neighbours_that_are_gone_do_not_break_the_card(branch):
    """A batch that is undone takes totals away; the order was kept before."""
    clients = totals_of(branch, [(n * 10_000, 0) for n in (50, 20, 10, 8, 5, 4, 3)])
    rank(DAY)
    user = StaffFactory(role=Role.BRANCH_HEAD, branch=branch).user
    for client in clients:
        client.refresh_from_db()
    assert why(clients[4], user).missing
    ClientTotals.objects.filter(client__in=[clients[1], clients[2], clients[3]]).delete()
    assert why(clients[4], user).missing is not None
    ClientTotals.objects.filter(client=clients[4]).delete()
    assert why(clients[4], user).missing is None


# --- Who may read it ---------------------------------------------------------------------------------------------------


@pytest.fixture
def shared(branch):
    """A client of one manager that another one co-manages; five more in the first one's book."""
    primary, other = StaffFactory(branch=branch), StaffFactory(branch=branch)
    clients = totals_of(branch, [(1000 - n, 0) for n in range(6)])
    for client in clients:
        client.manager = primary
        client.save(update_fields=["manager"])
        client.totals.manager_id = primary.pk
        client.totals.save(update_fields=["manager_id"])
    CoManager.objects.create(client=clients[2], staff=other, since=DAY)
    rank(DAY)
    clients[2].refresh_from_db()
    return primary, other, clients[2]


def test_a_co_manager_learns_nothing_of_the_book(shared, client):
    primary, other, common = shared
    found = why(common, other.user)
    assert (found.book_rank, found.book_clients, found.branch_rank, found.branch_clients) == (None,) * 4
    assert found.share is None
    assert found.spare is not None
    client.force_login(other.user)
    assert "data-book-place" not in client.get(f"/clients/{common.client_no}/").content.decode()
    own = why(common, primary.user)
    assert (own.book_rank, own.book_clients, own.branch_rank) == (3, 6, None)
    client.force_login(primary.user)
    assert "data-book-place" in client.get(f"/clients/{common.client_no}/").content.decode()


def test_a_head_who_co_manages_elsewhere_learns_nothing_of_that_branch(shared):
    _primary, _other, common = shared
    stranger = StaffFactory(role=Role.BRANCH_HEAD, branch=BranchFactory())
    CoManager.objects.create(client=common, staff=stranger, since=DAY)
    found = why(common, stranger.user)
    assert (found.book_rank, found.book_clients, found.branch_rank, found.branch_clients) == (None,) * 4


def test_lines_within_a_book_are_not_told_to_a_co_manager(shared):
    primary, other, common = shared
    day = DAY + timedelta(days=1)
    RankingPolicy.objects.create(version=2, state="published", valid_from=day, scope="manager")
    rank(day)
    common.refresh_from_db()
    assert why(common, other.user).spare is None
    assert why(common, other.user).missing is None
    found = why(common, primary.user)
    assert found.missing is not None or found.spare is not None
