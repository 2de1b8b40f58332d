"""Each figure of a dashboard opens the list behind it with the same count: every link of every page and part is walked."""

import re
from datetime import date, timedelta
from html import unescape
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from clients.models import Client
from complaints.first_policy import FIRST
from complaints.models import Complaint, ComplaintPolicy
from complaints.services import Told, register
from crm.clock import today
from crm.partitions import ensure_months
from dashboards import services
from dashboards.figures import FIGURES
from dashboards.models import Figure
from dashboards.sections import SECTIONS
from ledger.models import MonthlyFact
from org.models import Role
from org.scope import scope_of
from segmentation.models import TierChange
from segments.models import Segment
from tests.factories import StaffFactory
from tests.measures.test_marks import LATER, head  # noqa: F401  two nights with all that the pages show
from tests.measures.test_measures import firm  # noqa: F401
from visits.models import Duty, Visit

#: A link that says how many rows its list has.
_MARK = re.compile(r'<a\b[^>]*\bhref="([^"]+)"[^>]*\bdata-count="(\d+)"')
_ANY = re.compile(r'<a\b[^>]*\bhref="([^"]+)"')


@pytest.fixture
def board(head):  # noqa: F811
    """The head of a branch with contacts owed, complaints, visits and a night's sums."""
    ComplaintPolicy.objects.get_or_create(version=1, defaults=FIRST)
    StaffFactory(role=Role.BRANCH_HEAD, branch=head.branch)
    ours = list(Client.objects.filter(branch=head.branch).order_by("pk"))
    month = LATER.replace(day=1)
    ensure_months("visits_duty", [month])
    for number, client in enumerate(ours):
        Duty.objects.create(
            month=month, client=client, number=1, manager=client.manager if number % 5 else None, tier="ABC"[number % 3],
            in_person=True, from_on=month, to_on=month + timedelta(days=number % 3), state="done" if number % 4 == 0 else "owed",
            done_on=month if number % 4 == 0 else None, channel="visit" if number % 4 == 0 else "",
        )  # fmt: skip
    for number, client in enumerate(ours[:5]):
        Visit.objects.create(
            client=client,
            manager=client.manager,
            date=today(),
            start=f"1{number}:00",
            minutes=30,
            tier="A",
            state="planned",
        )
        told = Told(channel="phone", category="fees", narrative="Too dear", received_at=timezone.now(), client=client)
        register(told, user=client.manager.user, at=timezone.now())
    numbers = list(Complaint.objects.order_by("pk").values_list("pk", flat=True))
    Complaint.objects.filter(pk__in=numbers[:2]).update(due_at=timezone.now() - timedelta(hours=1))
    Complaint.objects.filter(pk=numbers[2]).update(due_at=timezone.now() + timedelta(hours=3))
    for number, client in enumerate(ours[:6]):
        before, after = ("B", "A") if number % 2 else ("A", "C")
        TierChange.objects.filter(client=client, business_date__gte=LATER.replace(day=1)).delete()
        TierChange.objects.create(
            business_date=LATER, client=client, what="tier", before=before, after=after, reason="own"
        )
    services.refresh(LATER)
    return head


def counted(web, url: str) -> int:
    """The number of rows that a list says it has."""
    answer = web.get(url)
    assert answer.status_code == 200, url
    if urlsplit(url).path == "/visits/duties/":
        return answer.context["count"]
    return answer.context["listing"].total.count


def pages_of(branch_no: str, more: str = "") -> list[str]:
    start = f"/dashboards/branch/{branch_no}/"
    query = f"?period={LATER:%Y-%m}{more}"
    return [start + query, *(f"{start}part/{key}/{query}" for key in SECTIONS)]


def walk(web, address: str) -> int:
    """Open each mark of a page; how many there were."""
    text = web.get(address).content.decode()
    main = text[text.index("<main") :] if "<main" in text else text
    marks = [(unescape(url), int(count)) for url, count in _MARK.findall(main)]
    for url, count in marks:
        assert (address, url, counted(web, url)) == (address, url, count)
    # Whatever else leads to a list must say how many rows it has.
    marked = {url for url, _count in marks}
    for url in map(unescape, _ANY.findall(main)):
        assert url in marked or urlsplit(url).path not in ("/clients/", "/visits/duties/", "/complaints/"), (
            address,
            url,
        )
    return len(marks)


def test_each_mark_of_a_branch(board, client):
    client.cookies["language"] = "en"
    client.force_login(board.user)
    pages = pages_of(board.branch.branch_no)
    found = {address: walk(client, address) for address in pages}
    silent = {urlsplit(address).path.split("/")[-2] for address, count in found.items() if not count}
    assert silent == {"targets"}
    assert found[pages[0]] >= 5
    client.cookies["language"] = "zh-hans"
    assert [walk(client, address) for address in pages[:2]] == [found[address] for address in pages[:2]]


def test_each_mark_for_a_manager_a_segment_and_nobodys_clients(board, client):
    client.force_login(board.user)
    manager = Client.objects.filter(branch=board.branch).first().manager
    rule = {"all": [{"field": "assets", "op": ">=", "value": 600_000}]}
    segment = Segment.objects.create(name="Rich", rule=rule, owner=board.user, shared="own")
    for more in (f"&manager={manager.staff_no}", f"&segment={segment.pk}", "&manager=-"):
        assert sum(walk(client, address) for address in pages_of(board.branch.branch_no, more)) > 20, more


def test_each_mark_of_the_firm_and_of_the_charts(board, client):
    analyst = StaffFactory(role=Role.ANALYST)
    client.force_login(analyst.user)
    assert walk(client, f"/dashboards/firm/?period={LATER:%Y-%m}") >= 4
    data = client.get(f"/dashboards/revenue/data/?period={LATER:%Y-%m}").json()
    counts = data["series"][0]["counts"]
    assert data["urls"]
    for url, count in zip(data["urls"], counts, strict=True):
        assert (url, counted(client, url)) == (url, count)
    _kept_figures_have_their_lists(board, client)
    _revenue_equals_a_plain_sum(board)


def _kept_figures_have_their_lists(board, client):
    """Also those that no page shows for now."""
    client.force_login(board.user)
    branch, month = board.branch, LATER.replace(day=1)
    listed = [key for key, figure in FIGURES.items() if figure.listed and figure.whole]
    for key in listed:
        count = (
            Figure.objects.filter(branch=branch, staff_id=0, key=key, month=month)
            .values_list("count", flat=True)
            .first()
        )
        url = f"/clients/?branch={branch.branch_no}&figure={key}:{month:%Y-%m}"
        assert (key, counted(client, url)) == (key, count or 0)
    assert scope_of(board.user).branch_ids == (branch.pk,)


def test_a_night_repeated_writes_nothing_and_parts_make_the_same(board):
    rows = list(Figure.objects.order_by("pk").values_list("branch", "staff_id", "month", "key", "count", "amount"))
    assert rows
    assert services.refresh(LATER) == 0
    Figure.objects.all().delete()
    services.refresh(LATER, part=1, parts=2)
    services.refresh(LATER, part=0, parts=2)
    again = Figure.objects.values_list("branch", "staff_id", "month", "key", "count", "amount")
    assert sorted(again) == sorted(rows)
    # A figure that is gone leaves no row behind.
    month = LATER.replace(day=1)
    assert Figure.objects.filter(key="rose", month=month).exists()
    TierChange.objects.all().delete()
    services.refresh(LATER)
    assert not Figure.objects.filter(key__in=["rose", "fell"], month=month).exists()


def _revenue_equals_a_plain_sum(board):
    month = date(2026, 10, 1)
    facts = MonthlyFact.objects.filter(month=month, client__branch=board.branch)
    plain = [f.net_commission + f.margin_interest + f.product_fee + f.advisory_fee + f.other_fee for f in facts]
    kept = Figure.objects.get(branch=board.branch, staff_id=0, key="revenue", month=month)
    assert (kept.count, kept.amount) == (sum(1 for value in plain if value), sum(plain))
