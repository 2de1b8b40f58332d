"""Measures (S3–S6, S12): SQL equals the plain rules, references come out, lists and streams count the same."""

import csv
import io
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from clients.models import Client
from crm.partitions import ensure_months
from ledger.models import ClientTotals, MonthlyFact
from measures import policies, rules, services
from measures.models import ClientMeasures, Kind, MeasureMark, MeasurePolicy, MeasureRun, RfmGroup
from measures.reading import SCHEMES, flows, moved, parse_move
from org.models import Role
from profiles.models import Profile
from segmentation.models import RankingPolicy
from segmentation.pareto import Selection
from segmentation.ranking import rank
from tests import datasets
from tests.factories import BranchFactory, ClientFactory, StaffFactory

DAY = date(2026, 11, 20)
WINDOW = (date(2025, 11, 1), date(2026, 10, 31))
YUAN = 10_000


@pytest.fixture
def firm(db):
    """Thirty clients in two branches with facts over the window."""
    RankingPolicy.objects.get_or_create(version=1, defaults={"state": "published", "valid_from": date(2000, 1, 1)})
    managers = [StaffFactory(branch=BranchFactory()) for _ in "12"]
    months = [date(2025, 11, 1), *(date(2026, month, 1) for month in range(1, 11))]
    ensure_months("ledger_monthlyfact", months)
    for number in range(30):
        client = ClientFactory(manager=managers[number % 2], status="closed" if number == 29 else "active")
        traded = DAY - timedelta(days=17 * number) if number % 7 else None
        contribution = (number * 37 % 23 - 3) * 100 * YUAN
        ClientTotals.objects.create(
            client=client,
            branch_id=client.branch_id,
            manager_id=client.manager_id,
            no_key=client.no_key,
            ranked=number != 29,
            contribution=contribution,
            assets=number * 150_000 * YUAN,
            last_trade_on=traded,
            window_from=WINDOW[0],
            window_to=WINDOW[1],
        )
        for month in months if number % 2 else (months[0], months[-1]):
            MonthlyFact.objects.create(
                month=month,
                client=client,
                net_commission=contribution // 2,
                trades=number % 5 if traded else 0,
                turnover=number % 11 * 300_000 * YUAN if traded else 0,
                assets_end=(number * 150_000 + (1000 if month == months[0] else 0)) * YUAN,
                net_inflow=(number - 12) * 200_000 * YUAN,
                product_fee=YUAN if number % 3 == 0 else 0,
            )
        if number % 4 == 0:
            Profile.objects.create(client=client, influence=number % 5 + 1)
    rank(DAY)
    return managers


def plain(client: ClientMeasures) -> dict:
    """The same client by the rules."""
    totals = client.client.totals
    policy = MeasurePolicy.objects.get()
    facts = list(MonthlyFact.objects.filter(client=client.client).order_by("month"))
    mean = sum(f.assets_end for f in facts) / len(facts)
    turnover = sum(f.turnover for f in facts)
    rate = turnover / 2 / mean * 365 / 365 if mean else None
    parts = {
        name: getattr(client, f"part_{name}") for name in ("contribution", "growth", "products", "influence", "social")
    }
    weights = {name: getattr(policy, f"weight_{name}") for name in parts}
    size = rules.size_of(totals.assets, 500_000 * YUAN, 3_000_000 * YUAN)
    manner = rules.manner_of(totals.last_trade_on, services.idle_before(DAY, 6), rate, 10)
    return {
        "cell": size + manner,
        "rfm_group": rules.rfm_group(client.r, client.f, client.m),
        "kind": rules.kind_of(
            tier=client.client.standing.tier,
            inflow=sum(f.net_inflow for f in facts[1:]),
            assets_before=facts[0].assets_end,
            months=sum(f.net_commission + f.product_fee > 0 for f in facts),
            growth_percent=20,
            cash_months=9,
        ),
        "score": rules.score(parts, weights),
        "frequency": sum(f.trades for f in facts),
    }


def test_sql_says_what_the_rules_say(firm):
    counts = services.refresh(DAY)
    rows = list(ClientMeasures.objects.select_related("client__totals", "client__standing"))
    assert counts.clients == len(rows) == 29
    for row in rows:
        expected = plain(row)
        assert row.cell == expected["cell"] == row.size + row.manner
        assert row.rfm_group == expected["rfm_group"]
        assert row.kind == expected["kind"]
        assert (row.score, row.confidence) == expected["score"]
        assert row.frequency == expected["frequency"]
    assert len({row.cell for row in rows}) > 3
    assert len({row.kind for row in rows}) == 4


def test_judged_parts_come_from_the_profile_and_missing_ones_cost_confidence_only(firm):
    services.refresh(DAY)
    rows = {row.client_id: row for row in ClientMeasures.objects.all()}
    for profile in Profile.objects.filter(client__in=rows):
        assert rows[profile.client_id].part_influence == (profile.influence - 1) * 25
    assert {row.confidence for row in rows.values()} == {80, 90}


def test_again_writes_nothing_and_an_older_date_is_refused(firm):
    services.refresh(DAY)
    before = list(ClientMeasures.objects.order_by("pk").values())
    counts = services.refresh(DAY)
    assert (counts.changed, counts.marks) == (0, 0)
    for other in (DAY - timedelta(days=1), DAY + timedelta(days=1), date(2099, 1, 1)):
        assert services.refresh(other) is None
    assert list(ClientMeasures.objects.order_by("pk").values()) == before
    assert MeasureRun.objects.count() == 1


def test_history_flow_and_list_agree(firm):
    services.refresh(DAY)
    rich, gone = Client.objects.filter(status="active").order_by("pk")[1:3]
    ClientTotals.objects.filter(client=rich).update(assets=9_000_000 * YUAN)
    ClientTotals.objects.filter(client=gone).update(ranked=False)
    later = DAY + timedelta(days=3)
    rank(later)
    services.refresh(later)
    assert MeasureMark.objects.filter(business_date=later, gone=True).count() == 1
    analyst = StaffFactory(role=Role.ANALYST).user
    found = flows(analyst, Selection(), SCHEMES["cell"], DAY, later)
    assert sum(found.values()) == 29
    assert sum(count for (before, after), count in found.items() if after == "-") == 1
    assert sum(count for (before, after), count in found.items() if before != after and after != "-") == 1
    for (before, after), count in found.items():
        assert moved(Client.objects.all(), SCHEMES["cell"], DAY, later, before, after).count() == count
    head = StaffFactory(role=Role.BRANCH_HEAD, branch=firm[0].branch).user
    own = flows(head, Selection(), SCHEMES["cell"], DAY, later)
    assert sum(own.values()) == sum(c.manager_id == firm[0].pk for c in Client.objects.exclude(status="closed"))


def test_tiers_flow_too(firm):
    services.refresh(DAY)
    analyst = StaffFactory(role=Role.ANALYST).user
    found = flows(analyst, Selection(), SCHEMES["tier"], DAY, DAY)
    assert sum(found.values()) == 29
    assert all(before == after for before, after in found)


@pytest.mark.parametrize(
    "broken", ["x", "cell:a:b:c:d", "cell:2026-01-01:2026-02-01:zz:Ls", "no:2026-01-01:2026-02-01:A:B"]
)
def test_a_broken_stream_is_none(broken):
    assert parse_move(broken) is None


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5))
def test_every_score_has_one_group(r, f, m):
    assert rules.rfm_group(r, f, m) in RfmGroup.values


def test_groups_as_named():
    assert rules.rfm_group(5, 5, 5) == "champions"
    assert rules.rfm_group(5, 1, 1) == "new"
    assert rules.rfm_group(1, 1, 1) == "lost"
    assert rules.rfm_group(None, 1, 1) == "never"


part = st.none() | st.integers(0, 100)


@given(st.tuples(part, part, part, part, part))
def test_waterfall_adds_up_to_the_score(values):
    names = ("contribution", "growth", "products", "influence", "social")
    parts, weights = dict(zip(names, values, strict=True)), dict(zip(names, (50, 20, 10, 10, 10), strict=True))
    score, confidence = rules.score(parts, weights)
    assert abs(sum(points for *_rest, points in rules.waterfall(parts, weights)) - score) <= 0.5 + 1e-9
    assert confidence == sum(weights[name] for name, value in parts.items() if value is not None)
    assert 0 <= score <= 100


@pytest.mark.parametrize(
    ("day", "before"), [(date(2026, 8, 31), date(2026, 2, 28)), (date(2026, 3, 15), date(2025, 9, 15))]
)
def test_six_months_back(day, before):
    assert services.idle_before(day, 6) == before


def values_of(**more):
    """What the policy in force says, with something else in places."""
    found = policies.policy_on(DAY)
    return {name: getattr(found, name) for name in policies.FIELDS} | more


def test_weights_must_make_a_hundred(db):
    admin = StaffFactory(role=Role.ADMIN).user
    values = values_of(valid_from=date(2027, 1, 1))
    with pytest.raises(ValidationError):
        policies.save_draft(values | {"weight_social": 20}, by=admin, not_before=DAY)
    assert policies.open_draft() is None
    draft = policies.save_draft(values | {"large_from": 5_000_000}, by=admin, not_before=DAY)
    assert policies.policy_on(date(2027, 1, 1)).large_from == 3_000_000, "a draft is not in force"
    policies.publish(draft.version, by=admin, not_before=DAY)
    assert policies.policy_on(date(2027, 1, 1)).large_from == 5_000_000
    assert policies.policy_on(DAY).large_from == 3_000_000
    with pytest.raises(MeasurePolicy.DoesNotExist):
        policies.publish(draft.version, by=admin, not_before=DAY)
    with pytest.raises(ValidationError, match="valid_from"):
        policies.save_draft(values | {"valid_from": date(2026, 11, 19)}, by=admin, not_before=DAY)


def test_weights_that_do_not_make_a_hundred_are_told_at_their_field(db, client):
    client.cookies["language"] = "en"
    client.force_login(StaffFactory(role=Role.ADMIN).user)
    form = client.get("/policies/measures/").context["form"]
    typed = {name: form[name].value() for name in policies.FIELDS} | {"weight_social": 20}
    answer = client.post("/policies/measures/", typed)
    assert answer.status_code == 422
    assert answer.context["form"].errors == {"weight_contribution": ["The five weights must make 100%."]}
    assert MeasurePolicy.objects.filter(state="published").count() == 1


# --- Pages -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def web(client):
    client.cookies["language"] = "en"
    return client


@pytest.mark.parametrize("address", ["cells", "rfm", "kinds", "score", "migration", "score/data", "migration/data"])
def test_pages_within_few_statements(address, firm, web, django_assert_max_num_queries):
    services.refresh(DAY)
    web.force_login(StaffFactory(role=Role.BRANCH_HEAD, branch=firm[0].branch).user)
    web.get("/")
    with django_assert_max_num_queries(17):
        assert web.get(f"/segmentation/{address}/").status_code == 200


@pytest.mark.parametrize("address", ["cells", "rfm", "kinds"])
def test_figures_open_lists_with_the_same_count(address, firm, web):
    services.refresh(DAY)
    web.force_login(StaffFactory(role=Role.BRANCH_HEAD, branch=firm[0].branch).user)
    context = web.get(f"/segmentation/{address}/").context
    figures = context.get("groups") or (
        [cell for _name, cells in context["rows"] for cell in cells] if address == "cells" else context["rows"]
    )
    assert sum(figure["clients"] for figure in figures) == 15
    for figure in figures:
        query = parse_qs(urlsplit(figure["url"]).query)
        field, value = next((k, v[0]) for k, v in query.items() if k in ("nine_cell", "rfm_group", "kind"))
        name = {"nine_cell": "cell"}.get(field, field)
        behind = ClientMeasures.objects.filter(client__branch=firm[0].branch, **{name: value})
        assert behind.count() == figure["clients"]
        page = web.get(figure["url"]).content.decode()
        assert all((c.client.client_no in page) for c in behind.select_related("client"))


def test_the_heat_table_shows_any_two_quintiles_at_each_level_of_the_third(firm, web):
    services.refresh(DAY)
    web.force_login(StaffFactory(role=Role.ANALYST).user)

    def counted(query):
        return [
            [cell["clients"] for cell in cells] for _n, cells in web.get(f"/segmentation/rfm/?{query}").context["heat"]
        ]

    rows = ClientMeasures.objects.filter(r__isnull=False)
    wanted = [[rows.filter(f=f, m=m).count() for m in range(1, 6)] for f in range(5, 0, -1)]
    assert counted("axes=fm") == wanted
    levels = [counted(f"axes=fm&third={level}") for level in range(1, 6)]
    assert [[sum(level[i][j] for level in levels) for j in range(5)] for i in range(5)] == wanted
    for query in ("axes=mf", "axes=r", "third=6", "third=x"):
        assert web.get(f"/segmentation/rfm/?{query}").status_code == 404


def test_the_record_shows_how_the_score_comes_about(firm, web):
    services.refresh(DAY)
    web.force_login(firm[0].user)
    row = ClientMeasures.objects.filter(client__manager=firm[0]).first()
    page = web.get(f"/clients/{row.client.client_no}/").content.decode()
    assert f"confidence {row.confidence}%" in page
    assert str(Kind(row.kind).label) in page


def test_dates_turned_round_and_nonsense(firm, web):
    services.refresh(DAY)
    web.force_login(firm[0].user)
    assert web.get("/segmentation/migration/?from=2026-11-20&to=2026-11-01").status_code == 200
    assert web.get("/segmentation/migration/?from=x").status_code == 404
    assert web.get("/segmentation/migration/?scheme=none").status_code == 404


# --- Command and references ---------------------------------------------------------------------------------------------

COLUMNS = (
    "client_no,branch_no,manager_no,tier,service_tier,nine_cell,score,recency_days,frequency,monetary,r,f,m,kind,"
    "net_contribution,clv_12m"
)


def test_command_writes_the_contract_s_columns(firm, tmp_path: Path):
    out = tmp_path / "m.csv"
    call_command("measures", date=DAY, out=out)
    lines = out.read_text().splitlines()
    assert lines[0] == COLUMNS
    assert len(lines) == 30
    with pytest.raises(CommandError):
        call_command("measures", date=DAY - timedelta(days=1), out=out)


@pytest.mark.data
@pytest.mark.django_db
@pytest.mark.parametrize(
    "folder", [pytest.param(name, marks=datasets.needs(name)) for name in ("cdnow", "complete_journey")]
)
def test_quintiles_are_the_reference_s(folder, tmp_path: Path):
    far = date(2026, 11, 20)
    RankingPolicy.objects.create(
        version=2,
        state="published",
        valid_from=date(2026, 1, 1),
        window="range",
        window_from=date(1990, 1, 1),
        window_to=date(2026, 10, 31),
    )
    call_command("intake", datasets.path(folder), mapping=folder, date=far, stdout=io.StringIO())
    call_command("rank", date=far, stdout=io.StringIO())
    out = tmp_path / "m.csv"
    call_command("measures", date=far, out=out)
    ours = {row["client_no"].lstrip("0"): row for row in csv.DictReader(out.read_text().splitlines())}
    theirs = list(csv.DictReader((datasets.path(folder) / "reference" / "rfm_all.csv").read_text().splitlines()))
    assert len(theirs) == len([row for row in ours.values() if row["r"]])
    for row in theirs:
        mine = ours[row["customer"]]
        assert (mine["r"], mine["m"]) == (row["r5"], row["m5"]), row
        if folder == "cdnow":  # the other set counts baskets, its file has a line for each product
            assert (mine["f"], mine["frequency"]) == (row["f5"], row["frequency"]), row
            assert far - timedelta(days=int(mine["recency_days"])) == date.fromisoformat(row["last_date"])


def test_a_policy_of_parts_that_may_all_be_missing_does_not_stop_the_night(firm):
    admin = StaffFactory(role=Role.ADMIN).user
    weights = {"weight_contribution": 0, "weight_growth": 60, "weight_products": 0, "weight_influence": 20}
    draft = policies.save_draft(values_of(valid_from=DAY, weight_social=20, **weights), by=admin, not_before=DAY)
    policies.publish(draft.version, by=admin, not_before=DAY)
    MonthlyFact.objects.all().update(assets_end=None)
    Profile.objects.all().delete()
    services.refresh(DAY)
    assert set(ClientMeasures.objects.values_list("score", "confidence")) == {(0, 0)}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"medium_from": "0"}, "medium_from"),
        ({"medium_from": "3000000"}, "large_from"),
        ({"idle_months": "61"}, "idle_months"),
        ({"cash_months": "13"}, "cash_months"),
        ({"short_turnover": "0"}, "short_turnover"),
        ({"weight_social": "11"}, "weight_contribution"),
    ],
)
def test_a_policy_that_cannot_be_says_so_at_the_field_in_words(client, admin, values, field):
    client.force_login(admin.user)
    before = client.get("/policies/measures/").context["form"].initial
    page = client.post("/policies/measures/", {**before, **values})
    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]


def test_a_published_policy_stays_in_the_database_too(db):
    with pytest.raises(IntegrityError), transaction.atomic():
        MeasurePolicy.objects.update(large_from=1)


def test_tiers_of_a_firm_wide_policy_flow(firm):
    RankingPolicy.objects.create(version=2, state="published", valid_from=date(2026, 11, 21), scope="firm")
    for later in (date(2026, 11, 23), date(2026, 11, 24)):
        rank(later)
    analyst = StaffFactory(role=Role.ANALYST).user
    found = flows(analyst, Selection(), SCHEMES["tier"], date(2026, 11, 23), date(2026, 11, 24))
    assert sum(found.values()) == 29
    assert not any("-" in pair for pair in found)


def test_a_day_to_come_is_told_not_shown(firm, web):
    services.refresh(DAY)
    web.force_login(firm[0].user)
    page = web.get("/segmentation/migration/?to=2099-01-01")
    assert page.context["end"] == DAY
    assert "Nothing is known yet after" in page.content.decode()
