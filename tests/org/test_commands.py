"""`loadstaff` and `demo_logins`."""

import csv
import stat
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from org.models import Role, Staff, User
from tests.factories import BranchFactory, ClientFactory, StaffFactory
from tests.org.signin import is_in, sign_in

pytestmark = pytest.mark.django_db
HEADER = "staff_no,name,branch_no,role,mobile,email,joined_on,left_on,username,password\n"


@pytest.fixture
def branch():
    return BranchFactory(branch_no="B01")


def load(tmp_path, text: str, *options: str, encoding: str = "utf-8") -> str:
    file = tmp_path / "staff.csv"
    file.write_bytes(text.encode(encoding))
    out = StringIO()
    call_command("loadstaff", str(file), *options, stdout=out)
    return out.getvalue()


def refused(tmp_path, text: str) -> str:
    file = tmp_path / "staff.csv"
    file.write_text(text)
    err = StringIO()
    with pytest.raises(CommandError, match="nothing was taken in"):
        call_command("loadstaff", str(file), stderr=err, stdout=StringIO())
    return err.getvalue()


def test_staff_and_log_ins_are_made(tmp_path, branch):
    out = load(
        tmp_path,
        HEADER
        + "E1,张伟,B01,account_manager,13800000001,e1@example.com,2020-01-02,,,\n"
        + "E2,李娜,B01,auditor,,,,,lina,Erste-Anmeldung-2026\n"
        + "E3,王芳,B01,account_manager,,,2019-01-02,2020-01-02,,\n",
    )
    assert "staff: 3 new, 0 changed; log-ins: 2 new" in out
    first, second, gone = (Staff.objects.get(staff_no=number) for number in ("E1", "E2", "E3"))
    assert (first.user.username, second.user.username, gone.user) == ("E1", "lina", None)
    # Without a password: a one-time link; with one: it must be changed at once.
    assert not first.user.has_usable_password()
    assert "/account/password/reset/key/" in out
    answer = sign_in(client := Client(), "lina", "Erste-Anmeldung-2026")
    assert answer.headers["Location"] == "/account/password/change/"
    assert client.get("/audit/").status_code == 302


def test_the_link_from_the_command_opens_the_log_in(tmp_path, branch):
    links = tmp_path / "links.csv"
    out = load(
        tmp_path,
        HEADER + "E1,张伟,B01,account_manager,,,,,,\n",
        "--links",
        str(links),
        "--base-url",
        "https://crm.firm",
    )
    assert "key" not in out
    assert stat.S_IMODE(links.stat().st_mode) == 0o600
    row = next(csv.DictReader(links.read_text().splitlines()))
    assert (row["staff_no"], row["username"]) == ("E1", "E1")
    path = row["link"].removeprefix("https://crm.firm")
    browser = Client()
    form = browser.get(path, follow=True).redirect_chain[-1][0]
    browser.post(form, {"password1": "Neun-Pferde-am-See-9", "password2": "Neun-Pferde-am-See-9"})
    sign_in(browser, "E1", "Neun-Pferde-am-See-9")
    assert is_in(browser)


def test_again_changes_nothing_but_what_changed(tmp_path, branch):
    other = BranchFactory(branch_no="B02")
    text = HEADER + "E1,张伟,B01,account_manager,,,,,,Erste-Anmeldung-2026\n"
    load(tmp_path, text)
    password = User.objects.get(username="E1").password
    assert "staff: 0 new, 0 changed; log-ins: 0 new" in load(tmp_path, text)
    assert "staff: 0 new, 1 changed; log-ins: 0 new" in load(tmp_path, text.replace("B01", "B02"))
    assert Staff.objects.get(staff_no="E1").branch == other
    assert User.objects.get(username="E1").password == password


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encodings_of_the_house(tmp_path, branch, encoding):
    load(tmp_path, HEADER + "E1,张伟,B01,account_manager,,,,,,\n", encoding=encoding)
    assert Staff.objects.get(staff_no="E1").name == "张伟"


def test_columns_that_are_not_there_stay_as_they_are(tmp_path, branch):
    StaffFactory(staff_no="E1", branch=branch, mobile="13800000001", joined_on="2020-01-02")
    load(tmp_path, "staff_no,name,branch_no,role\nE1,张伟,B01,branch_head\n")
    staff = Staff.objects.get(staff_no="E1")
    assert (staff.role, staff.mobile, str(staff.joined_on)) == ("branch_head", "13800000001", "2020-01-02")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("E1,张伟,B99,account_manager,,,,,,", "line 3, E1: unknown branch B99"),
        ("E1,张伟,B01,king,,,,,,", "line 3, E1: unknown role king"),
        ("E1,,B01,admin,,,,,,", "line 3, E1: name is empty"),
        (",张伟,B01,admin,,,,,,", "line 3, ?: staff_no is empty"),
        ("E1,张伟,B01,admin,,not-an-address,,,,", "is no e-mail address"),
        ("E1,张伟,B01,admin,,,2020-13-01,,,", "joined_on: 2020-13-01 is no date"),
        ("E1,张伟,B01,admin,,,2020-01-02,2019-01-02,,", "left_on is before joined_on"),
        ("E1,张伟,B01,admin,,,,,taken,", "the user name taken is taken"),
        ("E1,张伟,B01,admin,,,,,TAKEN,", "the user name TAKEN is taken"),
        ("E1,张伟,B01,admin,,,,,no spaces,", "line 3, E1:"),
        ("E1,张伟,B01,admin,,,,,,\nE1,张伟,B01,admin,,,,,,", "line 4, E1: the staff number stands there twice"),
    ],
)
def test_one_bad_row_and_nothing_is_in(tmp_path, branch, row, reason):
    User.objects.create(username="taken")
    # A good row stands before the bad one.
    assert reason in refused(tmp_path, f"{HEADER}E0,李娜,B01,admin,,,,,,\n{row}\n")
    assert not Staff.objects.exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name,branch_no,role\nx,B01,admin\n", "column staff_no is missing"),
        ("staff_no,staff_no,name,branch_no,role\nE1,E1,x,B01,admin\n", "column staff_no stands there twice"),
        ("", "column staff_no is missing"),
        ('staff_no,name,branch_no,role\nE1,"x,B01,admin\n', "line"),
    ],
)
def test_files_that_are_none(tmp_path, branch, text, reason):
    assert reason in refused(tmp_path, text)


def test_a_file_that_is_not_there():
    with pytest.raises(CommandError, match="No such file"):
        call_command("loadstaff", "/nowhere/staff.csv")


# --- Demo log-ins ---------------------------------------------------------------------------------------------------


@pytest.fixture
def firm():
    """Head office with analyst and admin; two branches, the second with the fuller book."""
    office = BranchFactory()
    for role in (Role.ANALYST, Role.ADMIN):
        StaffFactory(branch=office, role=role, user=None)
    branches = [BranchFactory(parent=office), BranchFactory(parent=office)]
    for branch in branches:
        for role in (Role.BRANCH_HEAD, Role.COMPLAINT_OFFICER, Role.ACCOUNT_MANAGER, Role.ACCOUNT_MANAGER):
            StaffFactory(branch=branch, role=role, user=None)
    best = Staff.objects.filter(branch=branches[1], role=Role.ACCOUNT_MANAGER).last()
    ClientFactory.create_batch(3, manager=best)
    # More clients, but closed; and a full book of somebody who has left.
    other = Staff.objects.filter(branch=branches[0], role=Role.ACCOUNT_MANAGER).first()
    ClientFactory.create_batch(5, manager=other, status="closed")
    gone = StaffFactory(branch=branches[0], left_on="2020-01-01", user=None)
    ClientFactory.create_batch(6, manager=gone)
    return best


def demo() -> list[str]:
    out = StringIO()
    call_command("demo_logins", stdout=out)
    return out.getvalue().splitlines()


def test_one_log_in_per_role_around_the_best_manager(firm, settings):
    settings.DEMO = "small"
    lines = demo()
    names = [line.split()[0] for line in lines]
    assert names == ["manager", "head", "officer", "analyst", "admin", "auditor", "compliance"]
    assert all(line.split()[1] == "core-clients-demo" for line in lines)
    staff = {name: Staff.objects.get(user__username=name) for name in names}
    assert staff["manager"] == firm
    assert staff["head"].branch == staff["officer"].branch == firm.branch
    assert [staff[name].role for name in names] == [
        "account_manager",
        "branch_head",
        "complaint_officer",
        "analyst",
        "admin",
        "auditor",
        "compliance_officer",
    ]
    for name in names:
        browser = Client()
        sign_in(browser, name, "core-clients-demo")
        assert is_in(browser), name


def test_again_gives_the_same_and_opens_what_was_shut(firm, settings):
    settings.DEMO = "full"
    before = demo()
    User.objects.filter(username="head").update(is_active=False, must_change_password=True, password="x")
    ClientFactory.create_batch(9, manager=Staff.objects.filter(user=None, role=Role.ACCOUNT_MANAGER).first())
    assert demo() == before
    browser = Client()
    sign_in(browser, "head", "core-clients-demo")
    assert is_in(browser)
    assert User.objects.filter(username__in=["manager", "head"]).count() == 2


def test_somebody_else_takes_over_when_the_manager_leaves(firm, settings):
    settings.DEMO = "full"
    demo()
    Staff.objects.filter(pk=firm.pk).update(left_on="2021-01-01")
    demo()
    assert Staff.objects.get(user__username="manager").pk != firm.pk


@pytest.mark.parametrize(("production", "kind"), [(True, "full"), (False, "none")])
def test_refused_in_earnest(firm, settings, production, kind):
    settings.PRODUCTION, settings.DEMO = production, kind
    with pytest.raises(CommandError, match="refused"):
        call_command("demo_logins")
    assert not User.objects.filter(username="admin").exists()


def test_an_empty_firm_is_told(settings):
    settings.DEMO = "full"
    with pytest.raises(CommandError, match="no account manager"):
        call_command("demo_logins")
