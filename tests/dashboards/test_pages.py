"""Rights and scope of the pages, targets with their audit, exports, the API; statements do not grow with the branches."""

from datetime import date
from io import BytesIO

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from python_calamine import CalamineWorkbook

from analyses.models import Cell
from clients.errors import Conflict
from dashboards import queries, services
from dashboards.asked import ask
from dashboards.models import Figure, Made, Target
from dashboards.rules import Period
from org.models import AuditEvent, Branch, Role
from tests.factories import BranchFactory, StaffFactory

MONTH = date(2026, 10, 1)
DAY = date(2026, 10, 30)
YUAN = 10_000


@pytest.fixture
def own(db):
    """A branch with one below it, their people, and kept figures."""
    top = BranchFactory(name="静安营业部")
    below = BranchFactory(parent=top, name="=1+1")
    head = StaffFactory(role=Role.BRANCH_HEAD, branch=top)
    figures(top, 100)
    figures(below, 50)
    Made.objects.create(month=MONTH, part=0, parts=1, as_of=DAY)
    return head


def figures(branch: Branch, revenue: int) -> None:
    for month, amount in ((MONTH, revenue), (date(2025, 10, 1), 2 * revenue)):
        Figure.objects.create(branch=branch, month=month, key="revenue", count=3, amount=amount * YUAN)
    Cell.objects.create(branch=branch, month=MONTH, dimension="tier", key="A", clients=2)


@pytest.fixture
def web(client):
    client.cookies["language"] = "en"
    return client


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.BRANCH_HEAD, 200), (Role.ANALYST, 200), (Role.COMPLAINT_OFFICER, 200), (Role.ACCOUNT_MANAGER, 403), (Role.ADMIN, 403)],
)  # fmt: skip
def test_who_may_look(role, status, own, web):
    someone = StaffFactory(role=role, branch=own.branch)
    web.force_login(someone.user)
    assert web.get(f"/dashboards/branch/{own.branch.branch_no}/").status_code == status


def test_the_way_in_leads_to_the_own_branch_or_the_firm(own, web):
    web.force_login(own.user)
    answer = web.get("/dashboards/", follow=True)
    assert answer.redirect_chain[-1][0] == f"/dashboards/branch/{own.branch.branch_no}/"
    web.force_login(StaffFactory(role=Role.ANALYST).user)
    assert web.get("/dashboards/", follow=True).redirect_chain[-1][0] == "/dashboards/firm/"


def test_another_branch_is_not_there(own, web):
    other = BranchFactory()
    web.force_login(own.user)
    for path in ("", "part/money/", "export/?table=months"):
        assert web.get(f"/dashboards/branch/{other.branch_no}/{path}").status_code == 404
    assert web.get(f"/dashboards/revenue/data/?branch={other.branch_no}").status_code == 404
    below = Branch.objects.get(parent=own.branch)
    assert web.get(f"/dashboards/branch/{below.branch_no}/").status_code == 200
    sums = queries.figures(ask(own.user, own.branch, period="2026-10"), ["revenue"], [MONTH])
    assert sums["revenue", MONTH] == queries.Sums(6, 150 * YUAN)


def test_a_complaint_officer_sees_complaints_alone(own, web):
    officer = StaffFactory(role=Role.COMPLAINT_OFFICER, branch=own.branch)
    web.force_login(officer.user)
    start = f"/dashboards/branch/{own.branch.branch_no}/"
    page = web.get(start)
    assert [key for key, _title, _url in page.context["sections"]] == ["complaints"]
    assert web.get(f"{start}part/complaints/").status_code == 200
    for path in (
        f"{start}part/money/",
        f"{start}export/?table=months",
        "/dashboards/firm/",
        "/dashboards/revenue/data/",
    ):
        assert web.get(path).status_code == 404, path
    manager = StaffFactory(branch=own.branch)
    assert web.get(f"{start}?manager={manager.staff_no}").status_code == 404


@pytest.mark.parametrize(
    "query", ["period=2026-13", "period=2099", "manager=nobody", "segment=77", "segment=x", "period=%00"]
)
def test_a_question_that_makes_no_sense(query, own, web):
    web.force_login(own.user)
    assert web.get(f"/dashboards/branch/{own.branch.branch_no}/?{query}").status_code == 404


def test_before_the_first_night_the_pages_say_so(web, db):
    head = StaffFactory(role=Role.BRANCH_HEAD)
    web.force_login(head.user)
    assert b"No night has made the figures yet" in web.get(f"/dashboards/branch/{head.branch.branch_no}/").content
    for key in ("money", "clients", "contacts", "complaints", "managers", "churn", "targets"):
        assert web.get(f"/dashboards/branch/{head.branch.branch_no}/part/{key}/").status_code == 200
    web.force_login(StaffFactory(role=Role.ANALYST).user)
    assert web.get("/dashboards/firm/").status_code == 200


def test_what_deviates_is_said_with_its_threshold(own, web):
    web.force_login(own.user)
    lines = web.get(f"/dashboards/branch/{own.branch.branch_no}/?period=2026-10").context["lines"]
    revenue = next(line for line in lines if line.deviation.kind == "revenue")
    assert (revenue.figure, revenue.threshold) == ("−50%", "−10%")
    assert own.staff_no in revenue.who


def test_statements_of_the_firm_do_not_grow_with_its_branches(own, web):
    web.force_login(StaffFactory(role=Role.ANALYST).user)
    web.get("/dashboards/firm/")
    with CaptureQueriesContext(connection) as few:
        assert len(web.get("/dashboards/firm/").context["table"].rows) == 2
    for _number in range(6):
        figures(BranchFactory(), 10)
    with CaptureQueriesContext(connection) as many:
        assert len(web.get("/dashboards/firm/").context["table"].rows) == 8
    assert len(many) == len(few)


@pytest.mark.parametrize(("sort", "first"), [("revenue", 50), ("-revenue", 100), ("nothing", 100)])
def test_branches_stand_in_the_order_asked_for(sort, first, own, web):
    web.force_login(StaffFactory(role=Role.ANALYST).user)
    rows = web.get(f"/dashboards/firm/?sort={sort}").context["table"].rows
    assert rows[0][3].value == first * YUAN


# --- Targets -------------------------------------------------------------------------------------------------------------


def test_a_target_is_set_changed_and_taken_back_with_a_trail(own):
    number, period = own.branch.branch_no, Period("month", MONTH)
    target = services.set_target(number, period, "revenue", 200 * YUAN, user=own.user, version=0)
    changed = services.set_target(number, period, "revenue", 300 * YUAN, user=own.user, version=1)
    assert (changed.pk, changed.version, Target.objects.count()) == (target.pk, 2, 1)
    with pytest.raises(Conflict):
        services.set_target(number, period, "revenue", 400 * YUAN, user=own.user, version=1)
    reached = queries.actuals(ask(own.user, own.branch, period="2026-10"), [changed])
    assert reached == {changed.pk: 100 * YUAN + 50 * YUAN}
    services.drop_target(changed.pk, user=own.user)
    trail = [(event.action, event.detail.get("value")) for event in AuditEvent.objects.order_by("pk")]
    assert trail == [("target.set", 200 * YUAN), ("target.set", 300 * YUAN), ("target.drop", None)]


def test_who_may_set_targets_and_for_whom(own):
    period = Period("quarter", MONTH)
    outsider = StaffFactory()
    with pytest.raises(ValidationError):
        services.set_target(own.branch.branch_no, period, "revenue", 1, user=own.user, staff_no=outsider.staff_no)
    with pytest.raises(Branch.DoesNotExist):
        services.set_target(outsider.branch.branch_no, period, "revenue", 1, user=own.user)
    with pytest.raises(PermissionDenied):
        services.set_target(own.branch.branch_no, period, "revenue", 1, user=StaffFactory(branch=own.branch).user)
    with pytest.raises(ValidationError):
        services.set_target(own.branch.branch_no, period, "contacts", 10_001, user=own.user)
    assert not Target.objects.exists()


def test_the_database_holds_what_must_hold(own):
    def make(**more):
        usual = {
            "branch": own.branch,
            "kind": "month",
            "first": MONTH,
            "goal": "revenue",
            "value": 1,
            "set_by": own.user,
        }
        with transaction.atomic():
            return Target.objects.create(**usual | more)

    make()
    for wrong in (
        {},
        {"value": 0},
        {"kind": "quarter", "first": date(2026, 11, 1)},
        {"goal": "contacts", "value": 10_001},
    ):
        with pytest.raises(IntegrityError):
            make(**wrong)


def test_the_form_tells_what_is_wrong(own, web):
    web.force_login(own.user)
    address = f"/dashboards/branch/{own.branch.branch_no}/targets/"
    for data in (
        {"goal": "revenue", "period": "x", "value": "1"},
        {"goal": "contacts", "period": "2026-10", "value": "101"},
    ):
        answer = web.post(address, data, follow=True)
        assert [message.level_tag for message in answer.context["messages"]] == ["error"]
    assert web.post(address, {"goal": "contacts", "period": "2026-10", "value": "97.5"}).status_code == 302
    assert Target.objects.get().value == 9750


# --- Excel and API -------------------------------------------------------------------------------------------------------


def test_a_table_is_exported_with_typed_cells_and_no_formula(own, web):
    web.force_login(StaffFactory(role=Role.ANALYST).user)
    content = web.get("/dashboards/firm/export/?period=2026-10&sort=revenue").getvalue()
    rows = CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(0).to_python()
    assert rows[1][0] == "=1+1"
    assert rows[1][3] == 50.0
    assert rows[1][4] == -0.5
    assert "Twelve months" not in rows[0]
    assert AuditEvent.objects.filter(action="dashboard.export", object_no="firm").count() == 1


def test_each_table_of_a_branch_is_exported(own, web):
    web.force_login(own.user)
    start = f"/dashboards/branch/{own.branch.branch_no}/export/?table="
    tables = (
        "deviations",
        "months",
        "composition",
        "cells",
        "coverage",
        "today",
        "funnel",
        "managers",
        "economics",
        "targets",
    )
    for name in tables:
        answer = web.get(start + name)
        assert answer.status_code == 200, name
        assert answer.getvalue()
    assert web.get(f"{start}nothing").status_code == 404


def test_the_api_gives_the_page_as_data(own, web):
    web.force_login(own.user)
    firm = web.get("/api/v1/dashboards/?period=2026-10").json()
    assert [(row["name"], row["revenue"]) for row in firm["branches"]] == [("静安营业部", "100.00"), ("=1+1", "50.00")]
    page = web.get(f"/api/v1/dashboards/{own.branch.branch_no}/?period=2026-10").json()
    money = next(one for one in page["sections"] if one["key"] == "money")
    assert money["figures"][0]["value"] == "150.00"
    assert money["figures"][0]["count"] == 6
    assert "revenue" in {one["kind"] for one in page["deviations"]}
    assert web.get("/api/v1/dashboards/?period=soon").status_code == 400


def test_targets_by_the_api(own, web):
    web.force_login(own.user)
    wanted = {
        "branch_no": own.branch.branch_no,
        "period": "2026-Q4",
        "goal": "revenue",
        "value": "1000.50",
        "version": 0,
    }
    made = web.post("/api/v1/targets/", wanted, content_type="application/json")
    assert (made.status_code, made.json()["value"], made.json()["period"]) == (200, "1000.50", "2026-Q4")
    assert web.post("/api/v1/targets/", wanted, content_type="application/json").status_code == 409
    assert [row["id"] for row in web.get("/api/v1/targets/").json()["results"]] == [made.json()["id"]]
    assert web.post("/api/v1/targets/", wanted | {"period": "?"}, content_type="application/json").status_code == 400
    assert web.post("/api/v1/targets/", wanted | {"branch_no": "?"}, content_type="application/json").status_code == 400
    assert web.delete(f"/api/v1/targets/{made.json()['id']}/").status_code == 204
    assert not Target.objects.exists()
