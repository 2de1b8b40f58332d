"""Client profit (S7): shares add up to the 分, SQL equals the plain rule, proposals are made, decided and withdrawn."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clients.models import TimelineEvent
from crm.partitions import ensure_months
from ledger.models import MonthlyFact
from org.models import AuditEvent, Role
from profit import services
from profit.models import ClientProfit, CostMonth, ProfitTotal, RemoteProposal
from profit.rules import FEN, Profit, better_remote, share_out
from profit.services import Conflict, Pool, months_before
from tests.factories import BranchFactory, ClientFactory, StaffFactory

MONTH = date(2026, 10, 1)
YUAN = 10_000


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**12), max_size=40))
def test_shares_add_up_and_follow_the_weights(amount, weights):
    shares = share_out(amount, weights)
    assert sum(shares) == (amount if sum(weights) else 0)
    for share, weight in zip(shares, weights, strict=True):
        exact = Decimal(amount) * weight / sum(weights) if sum(weights) else 0
        assert abs(share - exact) < 1
        assert share >= 0


@pytest.mark.parametrize(
    ("gross", "growth", "months", "proposed"),
    [
        (-1, 0, 6, True),
        (-1, -5, 12, True),
        (0, 0, 12, False),
        (-1, 1, 12, False),
        (-1, None, 12, False),
        (-1, 0, 5, False),
    ],
)
def test_who_is_proposed(gross, growth, months, proposed):
    assert better_remote(Profit(10 + gross, 0, 10, 99), growth, months) is proposed


@pytest.fixture
def head(db):
    return StaffFactory(role=Role.BRANCH_HEAD)


@pytest.fixture
def book(head):
    """Five clients of the head's branch and one elsewhere, with a month of facts."""
    manager = StaffFactory(branch=head.branch)
    clients = [ClientFactory(manager=manager) for _ in range(5)]
    facts([*clients, ClientFactory()], MONTH)
    return clients


def facts(clients, month, *, assets=1000, revenue=100):
    ensure_months("ledger_monthlyfact", [month])
    for number, client in enumerate(clients, 1):
        MonthlyFact.objects.create(
            month=month,
            client=client,
            net_commission=number * revenue * YUAN,
            trades=number,
            turnover=number * 7 * YUAN,
            assets_end=assets * YUAN * number,
        )


def save(head, pools, *, month=MONTH, total=None, version=0):
    total = sum(pool.amount for pool in pools) if total is None else total
    return services.save_month(head.branch, month, total, pools, version=version, user=head.user)


def share(head, pools, **more):
    row = save(head, pools, **more)
    return services.publish(row, version=row.version, user=head.user)


def yuan(text):
    return int(Decimal(text) * YUAN)


def test_pools_are_shared_by_their_drivers(head, book):
    row = share(
        head,
        [
            Pool("交易处理", yuan("100.01"), "direct", "trades"),
            Pool("服务", yuan("50"), "service", "clients"),
            Pool("房租", yuan("33.33"), "overhead", "assets"),
        ],
    )
    rows = list(ClientProfit.objects.filter(month=MONTH).order_by("client_id"))
    assert [r.direct // FEN for r in rows] == share_out(10001, [1, 2, 3, 4, 5])
    assert [r.service // FEN for r in rows] == [1000] * 5
    assert [r.overhead // FEN for r in rows] == share_out(3333, [1, 2, 3, 4, 5])
    assert [r.revenue for r in rows] == [n * 100 * YUAN for n in range(1, 6)]
    assert row.unshared == 0
    assert sum(r.direct + r.service + r.overhead for r in rows) == row.total
    total = ProfitTotal.objects.get(client=book[0])
    assert total.net == rows[0].revenue - rows[0].direct - rows[0].service - rows[0].overhead


drivers = st.sampled_from(["clients", "trades", "turnover", "assets", "seats"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 10**9), drivers), max_size=6))
def test_every_fen_is_shared_or_named(head, book, pools):
    named = [Pool(f"p{i}", fen * FEN, "overhead", driver) for i, (fen, driver) in enumerate(pools)]
    before = CostMonth.objects.filter(branch=head.branch, month=MONTH).first()
    row = share(head, named, version=before.version if before else 0)
    borne = sum(r.overhead for r in ClientProfit.objects.filter(month=MONTH))
    assert borne + row.unshared == row.total
    # Nobody has a seat: that cost stays with the branch.
    assert row.unshared == sum(pool.amount for pool in named if pool.driver == "seats")


def test_seats_and_contacts_count(head, book):
    services.set_use(book[0].client_no, MONTH, Decimal("1.5"), 30, user=head.user)
    services.set_use(book[1].client_no, date(2026, 11, 1), 9, 0, user=head.user)  # not yet
    at = datetime(2026, 10, 31, 23, 59, tzinfo=timezone.get_current_timezone())
    TimelineEvent.objects.create(client=book[2], at=at, kind="note", source_key="n1")
    TimelineEvent.objects.create(client=book[3], at=at, kind="care.changed", source_key="n2")
    share(head, [Pool("席位", yuan(10), "service", "seats"), Pool("接待", yuan(6), "direct", "contacts")])
    borne = {r.client_id: (r.service, r.direct) for r in ClientProfit.objects.all()}
    assert borne[book[0].pk] == (yuan(10), 0)
    assert borne[book[2].pk] == (0, yuan(6))


def test_again_gives_the_same_and_other_branches_are_left_alone(head, book):
    other = StaffFactory(role=Role.BRANCH_HEAD)
    foreign = ClientFactory(manager=StaffFactory(branch=other.branch))
    share(other, [Pool("x", yuan(5), "service", "clients")])
    row = share(head, [Pool("x", yuan(10), "service", "clients")])
    before = list(ClientProfit.objects.order_by("client_id").values())
    services.share_out_month(row)
    services.refresh(date(2026, 11, 20))
    assert list(ClientProfit.objects.order_by("client_id").values()) == before
    assert ClientProfit.objects.get(client=foreign).service == yuan(5)


def test_closed_and_later_clients_bear_nothing(head, book):
    book[0].closed_on, book[0].status = date(2026, 9, 30), "closed"
    book[0].save()
    book[1].opened_on = date(2026, 11, 1)
    book[1].save()
    share(head, [Pool("x", yuan(9), "service", "clients")])
    assert ClientProfit.objects.filter(client__in=book[2:], service=yuan(3)).count() == 3
    assert not ClientProfit.objects.filter(client__in=book[:2]).exists()


def test_pools_must_add_up_before_they_are_shared(head, book):
    row = save(head, [Pool("x", yuan(9), "service", "clients")], total=yuan(10))
    with pytest.raises(ValidationError, match=r"1\.00"):
        services.publish(row, version=row.version, user=head.user)
    assert not ClientProfit.objects.exists()


@pytest.mark.parametrize(
    "pools",
    [
        [Pool("x", 100, "service", "clients"), Pool("x ", 100, "service", "clients")],
        [Pool("x", -100, "service", "clients")],
        [Pool("x", 150, "service", "clients")],
        [Pool("x", 100, "service", "moon")],
        [Pool(f"x{n}", 100, "service", "clients") for n in range(41)],
    ],
)
def test_nonsense_is_refused(head, pools):
    with pytest.raises(ValidationError):
        save(head, pools)
    assert not CostMonth.objects.exists()


def test_two_at_once_one_is_told(head, book):
    save(head, [Pool("x", yuan(9), "service", "clients")])
    with pytest.raises(Conflict) as conflict:
        save(head, [Pool("y", yuan(8), "service", "clients")], version=0)
    assert conflict.value.current.version == 1
    assert CostMonth.objects.get().pools.get().name == "x"


def test_a_manager_may_not(head, book):
    with pytest.raises(PermissionDenied):
        services.save_month(head.branch, MONTH, 0, [], version=0, user=book[0].manager.user)


# --- Remote service ----------------------------------------------------------------------------------------------------


@pytest.fixture
def losing(head):
    """A client whose service costs more than he brings, for twelve months; another who brings more."""
    manager = StaffFactory(branch=head.branch)
    loser, winner = ClientFactory(manager=manager), ClientFactory(manager=manager)
    for back in range(12):
        month = months_before(MONTH, back)
        facts([loser], month, revenue=1, assets=1000)
        facts([winner], month, revenue=500, assets=1000)
        share(head, [Pool("服务", yuan(100), "service", "clients")], month=month)
    return loser


def test_proposed_decided_and_left_in_peace(head, losing):
    proposal = RemoteProposal.objects.get()
    assert (proposal.client, proposal.state) == (losing, "open")
    assert (proposal.net, proposal.saving) == (yuan(12 - 600), yuan(600))
    with pytest.raises(ValidationError):
        services.decide(proposal.pk, False, " ", user=head.user, at=timezone.now())
    services.decide(proposal.pk, False, "Two children with us", user=head.user, at=timezone.now())
    services.refresh_totals(head.branch)
    assert RemoteProposal.objects.get().state == "declined"
    assert TimelineEvent.objects.get(client=losing).kind == "profit.remote_declined"
    assert AuditEvent.objects.filter(action="profit.declined").exists()
    with pytest.raises(ValidationError):
        services.decide(proposal.pk, True, "again", user=head.user, at=timezone.now())


def test_withdrawn_when_it_no_longer_applies(head, losing):
    MonthlyFact.objects.filter(client=losing, month=MONTH).update(net_commission=yuan(1000))
    services.refresh(date(2026, 11, 20))
    assert RemoteProposal.objects.get().state == "withdrawn"


def test_a_growing_client_is_never_proposed(head, losing):
    RemoteProposal.objects.all().delete()
    MonthlyFact.objects.filter(client=losing, month=MONTH).update(assets_end=yuan(1001))
    services.refresh(date(2026, 11, 20))
    assert not RemoteProposal.objects.exists()


def test_proposals_stay_within_the_branch(head, losing):
    stranger = StaffFactory(role=Role.BRANCH_HEAD, branch=BranchFactory())
    assert not RemoteProposal.objects.visible_to(stranger.user).exists()
    with pytest.raises(RemoteProposal.DoesNotExist):
        services.decide(RemoteProposal.objects.get().pk, True, "mine", user=stranger.user, at=timezone.now())


# --- Pages -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def web(client):
    client.cookies["language"] = "en"
    return client


def form(pools, total, version=0, **more):
    data = {"total": total, "version": version, "pools-TOTAL_FORMS": len(pools), "pools-INITIAL_FORMS": 0}
    for number, (name, amount) in enumerate(pools):
        data |= {f"pools-{number}-name": name, f"pools-{number}-amount": amount}
        data |= {f"pools-{number}-level": "service", f"pools-{number}-driver": "clients"}
    return data | more


def test_costs_by_the_page(head, book, web):
    web.force_login(head.user)
    url = f"/profit/costs/{head.branch.branch_no}/2026-10/"
    answer = web.post(url, form([("Rent", "10"), ("", "")], "11", publish="1"))
    assert answer.status_code == 422
    assert b"1.00 yuan missing" in answer.content
    answer = web.post(url, form([("Rent", "11"), ("", "")], "11", version=1, publish="1"), follow=True)
    assert answer.status_code == 200
    assert CostMonth.objects.get().state == "published"
    stale = web.post(url, form([("Rent", "12")], "12", version=1))
    assert stale.status_code == 409
    assert b'value="12"' in stale.content
    assert web.get("/profit/").status_code == 200
    assert web.get("/profit/curve/").json()["labels"] == ["1", "2", "3", "4", "5"]
    assert web.get("/profit/costs/").status_code == 200


def test_a_line_half_filled_is_told_at_its_field(head, web):
    web.force_login(head.user)
    answer = web.post(f"/profit/costs/{head.branch.branch_no}/2026-10/", form([("Rent", "")], "11"))
    assert answer.status_code == 422
    assert b"Give both the name and the amount" in answer.content


def test_a_manager_cannot_filter_by_what_he_may_not_see(head, book, web):
    share(head, [Pool("x", yuan(2000), "service", "clients")])
    web.force_login(book[0].manager.user)
    everybody = web.get("/clients/?net_below=0").content.decode()
    assert all(client.client_no in everybody for client in book)
    web.force_login(head.user)
    losers = web.get("/clients/?net_below=0").content.decode()
    assert book[0].client_no in losers
    assert book[4].client_no not in losers
    assert "Net contribution" not in everybody


def test_decisions_by_the_page(head, losing, web, django_assert_max_num_queries):
    web.force_login(head.user)
    with django_assert_max_num_queries(20):
        assert losing.client_no in web.get("/profit/remote/").content.decode()
    proposal = RemoteProposal.objects.get()
    web.post(f"/profit/remote/{proposal.pk}/", {"accept": "1", "reason": "Asked for it"})
    proposal.refresh_from_db()
    assert (proposal.state, proposal.reason) == ("accepted", "Asked for it")
    assert "Asked for it" in web.get("/profit/remote/?state=accepted").content.decode()


def test_seats_by_the_record(head, book, web):
    web.force_login(head.user)
    web.post(f"/clients/{book[0].client_no}/service-use/", {"month": "2026-10", "seats": "2", "minutes": "40"})
    assert (book[0].service_uses.get().seats, book[0].service_uses.get().minutes) == (2, 40)
    assert "2.00" in web.get(f"/clients/{book[0].client_no}/").content.decode()


# --- API ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3])
def test_contributions_by_the_api_add_up(size, head, book, web, django_assert_max_num_queries):
    row = share(head, [Pool("x", yuan("100.01"), "direct", "trades"), Pool("y", yuan(50), "service", "clients")])
    web.force_login(head.user)
    web.get("/api/v1/profit/")
    with django_assert_max_num_queries(8):
        found = web.get("/api/v1/profit/", {"page_size": size}).json()["results"]
    assert [one["client_no"] for one in found] == [client.client_no for client in book[:size]]
    every = web.get("/api/v1/profit/").json()["results"]
    assert sum(Decimal(one["direct"]) + Decimal(one["service"]) for one in every) == Decimal("150.01")
    for one in every:
        marginal = Decimal(one["revenue"]) - Decimal(one["direct"])
        assert Decimal(one["marginal"]) == marginal
        assert Decimal(one["gross"]) == marginal - Decimal(one["service"])
        assert Decimal(one["net"]) == Decimal(one["gross"]) - Decimal(one["overhead"])
    assert web.get(f"/api/v1/profit/{book[0].client_no}/").json() == every[0]
    costs = web.get("/api/v1/cost-months/", {"branch_no": head.branch.branch_no}).json()["results"]
    assert [(one["total"], one["state"]) for one in costs] == [("150.01", "published")]
    assert [pool["amount"] for pool in costs[0]["pools"]] == ["100.01", "50.00"]
    assert web.get(f"/api/v1/cost-months/{row.pk}/").json() == costs[0]
    assert web.get("/api/v1/cost-months/", {"month_from": "2026-11-01"}).json()["results"] == []
    assert web.get("/api/v1/cost-months/", {"month_from": "x"}).status_code == 400


def test_no_costs_of_others_by_the_api(head, book, web):
    row = share(head, [Pool("x", yuan(50), "service", "clients")])
    web.force_login(StaffFactory(role=Role.BRANCH_HEAD).user)
    for address in ("profit", "cost-months", "remote-proposals"):
        assert web.get(f"/api/v1/{address}/").json()["results"] == []
    assert web.get(f"/api/v1/cost-months/{row.pk}/").status_code == 404
    assert web.get(f"/api/v1/profit/{book[0].client_no}/").status_code == 404
    web.force_login(book[0].manager.user)
    assert web.get("/api/v1/profit/").status_code == 403


def test_decisions_by_the_api(head, losing, web):
    web.force_login(head.user)
    found = web.get("/api/v1/remote-proposals/", {"state": "open"}).json()["results"]
    assert [row["client_no"] for row in found] == [losing.client_no]
    url = f"/api/v1/remote-proposals/{found[0]['id']}/decide/"
    for wrong, field in (
        ({"accept": True}, "reason"),
        ({"reason": "So"}, "accept"),
        ({"accept": 1, "reason": " "}, "reason"),
    ):
        refusal = web.post(url, wrong, "application/json")
        assert (refusal.status_code, refusal.json()["errors"][0]["pointer"]) == (400, f"#/{field}")
    assert RemoteProposal.objects.get().state == "open"
    decided = web.post(url, {"accept": False, "reason": "An old friend"}, "application/json")
    assert (decided.status_code, decided.json()["state"]) == (200, "declined")
    assert web.post(url, {"accept": True, "reason": "Again"}, "application/json").status_code == 400
    assert web.get("/api/v1/remote-proposals/", {"state": "none"}).status_code == 400
    web.force_login(StaffFactory(role=Role.BRANCH_HEAD).user)
    assert web.post(url, {"accept": True, "reason": "Not mine"}, "application/json").status_code == 404
