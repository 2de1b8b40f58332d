"""The relationship after closing (X6): watched each night, told once, ended by a reopening."""

from datetime import date, timedelta

import pytest

from clients.models import Client
from complaints import services
from complaints.models import Watch
from crm.partitions import ensure_months
from ledger.models import ClientTotals, MonthlyFact
from ledger.rules import leaving
from nights.models import Notice
from tests.complaints.cases import T0, Office
from tests.factories import ClientFactory

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 5)
ASSETS = 1_000_000


@pytest.fixture
def office() -> Office:
    return Office()


def closed_case(office, client=None):
    client = client or office.client
    ClientTotals.objects.create(
        client=client, branch_id=client.branch_id, manager_id=client.manager_id, no_key=client.no_key, assets=ASSETS
    )
    return office.walk(office.take_in(client=client), "closed")


def flow(client, amount, month=date(2026, 11, 1)):
    ensure_months("ledger_monthlyfact", [month])
    MonthlyFact.objects.filter(client=client, month=month).delete()
    MonthlyFact.objects.create(client=client, month=month, net_inflow=amount)


def test_a_closed_case_is_watched_until_the_last_follow_up(office):
    case = closed_case(office)
    assert services.watch(date(2026, 11, 2)).begun == 0, "not closed yet on that day"
    assert services.watch(DAY).begun == 1
    row = Watch.objects.get(complaint=case)
    assert (row.from_on, row.until_on, row.assets, row.sign) == (T0.date(), T0.date() + timedelta(days=90), ASSETS, "")
    assert services.watch(DAY) == services.watch(DAY), "repeating it changes nothing"
    assert Watch.objects.count() == 1


@pytest.mark.parametrize("amount", [0, 500, -99_999, -100_000, -900_000])
def test_it_decides_as_the_rule(office, amount):
    closed_case(office)
    flow(office.client, amount)
    services.watch(DAY)
    row = Watch.objects.get()
    assert (row.sign, row.inflow) == (leaving(ASSETS, amount, closed=False), amount)


def test_whoever_leaves_is_told_of_once_and_stands_in_the_queue(office, client):
    case = closed_case(office)
    services.watch(DAY)
    Client.objects.filter(pk=office.client.pk).update(status="closed")
    assert services.watch(DAY + timedelta(days=1)).leaving == 1
    services.watch(DAY + timedelta(days=1))
    services.watch(DAY + timedelta(days=2))
    told = Notice.objects.filter(kind="complaints.leaving").values_list("user", flat=True)
    assert sorted(told) == sorted([office.officer.user_id, office.manager.user_id])
    client.force_login(office.officer.user)
    page = client.get("/complaints/?leaving=true")
    assert page.context["counts"]["leaving"] == page.context["listing"].total.count == 1
    assert case.number in page.content.decode()
    shown = client.get(f"/complaints/{case.number}/").context["watch"]
    assert (shown.sign, shown.noticed_on) == ("closed", DAY + timedelta(days=1))


def test_a_case_opened_again_is_watched_anew_after_its_next_closing(office):
    case = closed_case(office)
    services.watch(DAY)
    services.act(case.number, "reopen", {"reason": "Not paid"}, user=office.officer.user, at=T0 + timedelta(days=3))
    services.watch(DAY + timedelta(days=1))
    assert Watch.objects.get().dropped
    flow(office.client, -ASSETS)
    assert services.watch(DAY + timedelta(days=2)).leaving == 0


def test_nobody_is_watched_after_the_last_day_or_without_a_client(office):
    closed_case(office)
    office.walk(office.take_in(client=None, complainant="路人", party="outsider"), "closed")
    services.watch(DAY)
    assert Watch.objects.count() == 1
    flow(office.client, -ASSETS, date(2027, 2, 1))
    assert services.watch(date(2027, 2, 2)).leaving == 0


def test_many_cases_cost_the_same_statements(office, django_assert_num_queries):
    closed_case(office)
    for _n in range(3):
        closed_case(office, ClientFactory(manager=office.manager))
    with django_assert_num_queries(6):
        services.watch(DAY)


def test_the_api_tells_of_recovery_and_takes_follow_ups(office, client):
    case = closed_case(office)
    services.watch(DAY)
    client.force_login(office.officer.user)
    url = f"/api/v1/complaints/{case.number}/recovery/"
    found = client.get(url).json()
    assert [row["days"] for row in found["follow_ups"]] == [7, 30, 90]
    assert found["watch"]["assets"] == "100.00"
    said = {"days": 7, "satisfaction": 5}
    assert client.post(url, said, content_type="application/json").json()["satisfaction"] == 5
    assert client.post(url, said, content_type="application/json").status_code == 404, "done already"
    assert client.post(url, {"days": 30}, content_type="application/json").status_code == 400


def test_letters_by_the_api(office, client):
    case = office.take_in()
    client.force_login(office.officer.user)
    url = f"/api/v1/complaints/{case.number}/"
    said = {"letter": "acknowledgement", "language": "en"}
    assert client.post(url + "letters/", said, content_type="application/json").status_code == 400, "no version"
    stale = client.post(url + "letters/", said, content_type="application/json", headers={"If-Match": '"99"'})
    assert stale.status_code == 409
    case.refresh_from_db()
    made = client.post(
        url + "letters/", said, content_type="application/json", headers={"If-Match": f'"{case.version}"'}
    )
    assert made.status_code == 201, made.content
    assert client.get(url + "papers/").json() == [made.json()]
    content = b"".join(client.get(f"{url}papers/{made.json()['id']}/").streaming_content)
    assert content.startswith(b"%PDF-")
    assert client.get(f"{url}papers/99999999/").status_code == 404
    client.force_login(office.manager.user)
    case.refresh_from_db()
    refused = client.post(
        url + "letters/", said, content_type="application/json", headers={"If-Match": f'"{case.version}"'}
    )
    assert refused.status_code == 400, "only the handler, or whoever assigns cases"
