"""The client list: scope, paging, filters, hostile addresses, constant queries (C1, U9)."""

import re
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clients import search
from clients.lists import OWN_COLUMNS
from clients.models import Account, Client
from org.listing import listing
from org.models import AuditEvent, Role
from tests.factories import BranchFactory, CareFactory, ClientFactory, CoManagerFactory, StaffFactory

pytestmark = pytest.mark.django_db
LIST = "/clients/"


def numbers(html):
    """Client numbers in the order of the rows."""
    return re.findall(r'<th scope="row"[^>]*>.*?/clients/([^/]+)/', html)


def get(browser, query="", **headers):
    response = browser.get(f"{LIST}{query}", **headers)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("role", ["manager", "head"])
def test_few_and_constant_queries(rows, role, request, manager, as_, rank, django_assert_max_num_queries):
    who = request.getfixturevalue(role)
    for place in range(rows):
        CareFactory(client=ClientFactory(manager=manager))
        rank(Client.objects.latest("pk"), place)
    browser = as_(who)
    get(browser)
    with django_assert_max_num_queries(8) as counted:
        html = get(browser)
    assert len(numbers(html)) == rows
    # log-in with staff, deputies, [branches of the head], views, co-management, rows with and without contribution,
    # the row of the audit trail
    assert len(counted) == (7 if role == "manager" else 8)


def test_as_many_queries_for_25_rows_as_for_100(manager, as_, rank, django_assert_num_queries):
    for place in range(110):
        rank(ClientFactory(manager=manager), place)
    browser = as_(manager)
    get(browser)
    for size in (25, 100):
        with django_assert_num_queries(7):
            assert len(numbers(get(browser, f"?size={size}"))) == size


def test_reading_the_list_leaves_one_row_without_what_was_typed(manager, as_):
    client = ClientFactory(manager=manager, name="欧阳锋")
    search.refresh(everything=True)
    browser = as_(manager)
    get(browser, "?q=欧阳锋&status=active")
    browser.get("/clients/search/?q=欧阳锋", headers={"HX-Request": "true"})
    browser.get("/clients/?part=filters")
    browser.get("/clients/search/?q= ")
    rows = AuditEvent.objects.filter(action="list.view").order_by("pk")
    assert [(row.user_id, row.object_no, row.detail) for row in rows] == [
        (manager.user.pk, "clients", {"rows": 1, "filters": ["q", "status"]}),
        (manager.user.pk, "search", {"rows": 1, "filters": [], "characters": 3}),
    ]
    assert client.name not in str([row.detail for row in rows])


def test_scope_of_the_list(manager, head, stranger, analyst, admin, as_):
    own, co_managed, foreign = ClientFactory(manager=manager), ClientFactory(), ClientFactory(manager=stranger)
    CoManagerFactory(client=co_managed, staff=manager)
    below = ClientFactory(manager=StaffFactory(branch=BranchFactory(parent=manager.branch)))
    assert set(numbers(get(as_(manager)))) == {own.client_no, co_managed.client_no}
    assert set(numbers(get(as_(head)))) == {own.client_no, below.client_no}
    assert set(numbers(get(as_(stranger)))) == {foreign.client_no}
    assert len(numbers(get(as_(analyst)))) == 4
    assert numbers(get(as_(admin))) == []


def test_default_order_is_contribution_with_unranked_last(manager, as_, rank):
    one, two, unranked = (ClientFactory(manager=manager) for _ in range(3))
    rank(one, 5)
    rank(two, 50)
    assert numbers(get(as_(manager))) == [two.client_no, one.client_no, unranked.client_no]


@pytest.mark.parametrize(
    "sort", ["contribution", "-contribution", "review_due_on", "-review_due_on", "manager", "-manager"]
)
def test_paging_forth_and_back_meets_every_row_once_with_nulls_last(sort, head, manager, as_, rank):
    for place in range(60):
        made = ClientFactory(manager=manager if place % 2 else None, branch=manager.branch)
        if place % 3:
            rank(made, place // 6)  # ties
        if place % 4:
            CareFactory(client=made, review_due_on=f"2026-01-{1 + place % 5:02d}")
    browser = as_(head)
    pages, query = [], f"?sort={sort}&size=25"
    while query:
        html = get(browser, query)
        pages.append(numbers(html))
        query = link(html, "next")
    assert [len(page) for page in pages] == [25, 25, 10]
    assert len({number for page in pages for number in page}) == 60
    values = dict(Client.objects.values_list("client_no", path_of(sort)))
    keys = [values[number] for page in pages for number in page]
    known = [key for key in keys if key is not None]
    assert known == sorted(known, reverse=sort.startswith("-"))
    assert None not in keys[: len(known)]

    back, query = [], link(html, "prev")
    while query:
        html = get(browser, query)
        back.insert(0, numbers(html))
        query = link(html, "prev")
    assert back == pages[:2]


def path_of(sort):
    return {
        "contribution": "standing__contribution",
        "manager": "manager__name",
        "review_due_on": "care__review_due_on",
    }[sort.removeprefix("-")]


def link(html, rel):
    found = re.search(rf'rel="{rel}" href="([^"]+)"', html)
    return unescape(found[1]) if found else ""


@pytest.mark.parametrize(
    "column", [c.key for c in OWN_COLUMNS if c.sort] + ["tier", "contribution", "assets", "last_trade"]
)
@pytest.mark.parametrize("sign", ["", "-"])
def test_every_sortable_column_pages(column, sign, manager, as_):
    for _ in range(26):
        ClientFactory(manager=manager)
    browser = as_(manager)
    first = get(browser, f"?sort={sign}{column}&size=25")
    second = get(browser, link(first, "next"))
    assert len(set(numbers(first)) | set(numbers(second))) == 26


@pytest.mark.parametrize(
    "query",
    [
        "?cols=nonsense,name,name,%00",
        "?cols=" + "x," * 500,
        "?sort=password",
        "?sort=--name",
        "?sort=manager__user__password",
        "?size=-1",
        "?size=100000000000000000000",
        "?size=25%00",
        "?density=%27%22",
        "?after=AAAA",
        "?after=%00",
        "?after=W10",
        "?after=bnVsbA",
        "?after=WyItY29udHJpYnV0aW9uIiw5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTksMV0",  # beyond bigint
        "?after=WyItY29udHJpYnV0aW9uIiwieCIsMV0",  # a text where a number belongs
        "?after=WyItY29udHJpYnV0aW9uIixbMV0sMV0",  # a list
        "?after=WyItY29udHJpYnV0aW9uIiwxLC0xXQ",  # a negative id
        "?after=WyItY29udHJpYnV0aW9uIiwxLDFd&before=WyItY29udHJpYnV0aW9uIiwxLDFd",
        "?before=" + "A" * 5000,
        "?sort=name&after=WyJuYW1lIiwiXHUwMDAwIiwxXQ",  # NUL in the key
        "?sort=opened_on&after=WyJvcGVuZWRfb24iLCIyMDI2LTEzLTQ1IiwxXQ",  # no such day
        "?view=99999999999999999999",
        "?view=abc",
        "?tier=X&status=%00&risk=9&stale=maybe&account_kind=zz",
        "?branch=%00&manager=%00",
        "?branch=" + "B" * 500,
        "?changed_since=yesterday&q=%00",
        "?q=" + "%25" * 300,
        "?unknown=1&__class__=2",
        "?tier=" + "&tier=".join("A" * 1 for _ in range(300)),
    ],
)
def test_hostile_addresses_are_answered_like_the_plain_one(query, manager, as_):
    ClientFactory(manager=manager)
    browser = as_(manager)
    html = get(browser, query)
    assert "</table>" in html or "Nothing matches" in html or "The list ends here" in html
    assert get(browser, query.replace("?", "?part=filters&"))


def test_a_wrong_filter_is_set_aside_with_a_message_and_the_rest_holds(manager, as_, rank):
    a, b = ClientFactory(manager=manager), ClientFactory(manager=manager)
    rank(a, 9, "A")
    rank(b, 1, "B")
    html = get(as_(manager), "?tier=A&status=nonsense")
    assert numbers(html) == [a.client_no]
    assert "not understood, left out" in html


def test_filters(manager, stranger, head, as_, rank):
    closed = ClientFactory(manager=manager, status="closed", closed_on="2026-01-01")
    risky = ClientFactory(manager=manager, risk_level="C5")
    margin = ClientFactory(manager=manager)
    Account.objects.create(account_no="1", client=margin, kind="margin", status="active")
    Account.objects.create(account_no="2", client=margin, kind="margin", status="active")
    Account.objects.create(account_no="3", client=risky, kind="margin", status="closed")
    stale = ClientFactory(manager=manager)
    CareFactory(client=stale, review_due_on="2020-01-01")
    CareFactory(client=risky, review_due_on="2999-01-01")
    nobody = ClientFactory(manager=None, branch=manager.branch)
    rank(stale, 1, "B", "A")
    browser = as_(head)

    def found(query):
        return set(numbers(get(browser, query)))

    assert found("?status=closed") == {closed.client_no}
    assert found("?risk=C5") == {risky.client_no}
    assert found("?account_kind=margin") == {margin.client_no}
    assert found("?stale=1") == {stale.client_no}
    assert found("?manager=-") == {nobody.client_no}
    assert found(f"?manager={manager.staff_no}&status=closed&status=active") == {
        c.client_no for c in (closed, risky, margin, stale)
    }
    assert found(f"?branch={head.branch.branch_no}") == {c.client_no for c in (closed, risky, margin, stale, nobody)}
    assert found("?tier=B") == found("?service_tier=A") == {stale.client_no}


def test_a_branch_out_of_scope_answers_like_one_that_does_not_exist(head, stranger, manager, as_):
    ClientFactory(manager=stranger)
    ClientFactory(manager=manager)
    browser = as_(head)
    foreign = get(browser, f"?branch={stranger.branch.branch_no}&manager={stranger.staff_no}")
    missing = get(browser, "?branch=NOBRANCH&manager=NOSTAFF")
    plain = re.sub(r'csrfmiddlewaretoken" value="[^"]+"|X-CSRFToken": "[^"]+"|\d\d:\d\d', "", foreign)
    other = re.sub(r'csrfmiddlewaretoken" value="[^"]+"|X-CSRFToken": "[^"]+"|\d\d:\d\d', "", missing)
    assert plain.replace(stranger.branch.branch_no, "X").replace(stranger.staff_no, "Y") == other.replace(
        "NOBRANCH", "X"
    ).replace("NOSTAFF", "Y")


def test_choices_of_filters_stay_in_scope(head, manager, stranger, as_):
    html = get(as_(head), "?part=filters")
    assert manager.name in html
    assert manager.branch.name in html
    assert stranger.name not in html
    assert stranger.branch.name not in html


def test_total_is_exact_and_capped_above_ten_thousand(manager, as_, monkeypatch):
    for _ in range(27):
        ClientFactory(manager=manager)
    browser = as_(manager)
    assert re.search(r"crm-list-count\">27<", get(browser, "?size=25"))
    monkeypatch.setattr("org.listing.paging.COUNT_CAP", 20)
    assert re.search(r"crm-list-count\">20\+<", get(browser, "?size=25"))


def test_the_fragment_is_the_same_list_without_the_frame(manager, as_):
    ClientFactory(manager=manager)
    browser = as_(manager)
    part = browser.get(LIST, headers={"HX-Request": "true", "HX-Target": "div#crm-list"})
    assert part.content.decode().lstrip().startswith('<div id="crm-list">')
    assert "HX-Request" in part["Vary"]
    restored = browser.get(LIST, headers={"HX-Request": "true", "HX-Target": "body"})
    assert "<!doctype html>" in restored.content.decode()


def test_names_are_masked_for_the_analyst_and_their_order_is_not_offered(manager, analyst, as_):
    ClientFactory(manager=manager, name="欧阳修远", name_key="b", mobile="13800135678")
    ClientFactory(manager=manager, name="张三", name_key="a")
    html = get(as_(analyst), "?cols=name,mobile")
    assert "欧阳*" in html
    assert "修远" not in html
    assert "138****5678" in html
    assert "13800135678" not in html
    assert "sort=name" not in html
    by_name = numbers(get(as_(analyst), "?sort=name"))
    assert by_name == numbers(get(as_(analyst)))
    assert "138****5678" in get(as_(manager), "?cols=mobile")


def test_markup_in_names_is_text(manager, as_):
    ClientFactory(manager=manager, name='<script>alert("x")</script>', client_no='"><b>')
    html = get(as_(manager), "?cols=name,client_no")
    assert "<script>alert" not in html
    assert '"><b>' not in html
    assert "&lt;script&gt;" in html


def test_chosen_columns_and_their_order(manager, as_):
    ClientFactory(manager=manager)
    html = get(as_(manager), "?cols=status,client_no")
    labels = re.findall(r'data-label="([^"]+)"', html)
    assert labels == ["Status", "Client number"]


def test_who_may_not_see_clients_gets_no_list(auditor, as_):
    assert as_(auditor).get(LIST).status_code == 403


def test_signed_out_goes_to_the_log_in(client):
    assert client.get(LIST).status_code == 302


def test_do_not_contact_shows_in_the_list(manager, as_):
    silent = ClientFactory(manager=manager)
    CareFactory(client=silent, do_not_contact=True, do_not_contact_reason="asked")
    assert 'title="Do not contact"' in get(as_(manager))


def test_a_complaint_officer_sees_no_client_list(as_):
    assert as_(StaffFactory(role=Role.COMPLAINT_OFFICER)).get(LIST).status_code == 403


def plan_of(sql):
    """How PostgreSQL would run a captured statement if sorts were dear: along an index with the order if there is one."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("EXPLAIN " + sql)
        return "\n".join(row[0] for row in cursor.fetchall())


@pytest.fixture
def many(head, stranger, manager):
    """A firm in which the clients of one branch, 5 %, are the poorest: an index by contribution finds them last."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO clients_client (client_no, no_key, name, name_key, branch_id, manager_id, status, opened_on,
                   id_type, id_no, gender, mobile, email, address, risk_level, investor_type, occupation, education,
                   core_as_of)
            SELECT 'N' || n, 'N' || n, 'N', 'n', CASE WHEN n <= 200 THEN %s ELSE %s END, NULL, 'active', '2020-01-01',
                   '', '', '', '', '', '', '', '', '', '', '2026-01-01' FROM generate_series(1, 4000) n
            """,
            [head.branch_id, stranger.branch_id],
        )
        cursor.execute(
            """
            INSERT INTO segmentation_standing
                   (client_id, scope_id, contribution, tier, tier_since, service_tier, service_since)
            SELECT id, branch_id, substr(client_no, 2)::int, 'C', '2026-01-01', 'C', '2026-01-01' FROM clients_client
            """
        )
        cursor.execute("ANALYZE clients_client; ANALYZE segmentation_standing")


@pytest.mark.parametrize("query", ["", "?sort=contribution"])
def test_a_branch_is_read_by_its_own_index_whatever_the_order(query, head, many, as_, monkeypatch):
    monkeypatch.setattr(listing, "GATHER_FROM", 100)
    browser = as_(head)
    with CaptureQueriesContext(connection) as captured:
        page = get(browser, query)
    ranks = [int(number[1:]) for number in numbers(page)]
    assert ranks == (list(range(1, 51)) if query else list(range(200, 150, -1)))
    plan = plan_of(next(q["sql"] for q in captured if '"segmentation_standing"."contribution"' in q["sql"]))
    assert "standing_contribution" not in plan, plan


def test_the_firm_is_read_along_the_order(analyst, many, as_):
    with CaptureQueriesContext(connection) as captured:
        get(as_(analyst))
    plan = plan_of(next(q["sql"] for q in captured if '"segmentation_standing"."contribution"' in q["sql"]))
    assert "standing_contribution" in plan, plan


@pytest.mark.parametrize("sort", ["-contribution", "contribution", "-assets", "tier"])
def test_gathered_pages_meet_every_row_once_as_others_do(sort, head, manager, as_, rank, monkeypatch):
    for place in range(60):
        client = ClientFactory(manager=manager)
        if place % 3:
            rank(client, place % 7)
    browser = as_(head)

    def walk():
        seen, address = [], f"?size=25&sort={sort}"
        while address:
            html = get(browser, address)
            seen.append(numbers(html))
            address = link(html, "next")
        back = link(html, "prev")
        assert numbers(get(browser, back)) == seen[-2]
        return [number for page in seen for number in page]

    plain = walk()
    monkeypatch.setattr(listing, "GATHER_FROM", 0)
    with CaptureQueriesContext(connection) as captured:
        gathered = walk()
    assert any("COALESCE" in q["sql"] for q in captured)
    assert gathered == plain
    assert len(set(plain)) == 60
