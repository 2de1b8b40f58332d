"""The wallboard: its link without a log-in, taken back at once, nothing personal, no small number."""

from datetime import date

import pytest
from django.core.exceptions import PermissionDenied

from clients.models import Client
from crm.clock import now, today
from dashboards import services, wall
from dashboards.models import Figure, WallLink
from dashboards.rules import Period
from org.models import AuditEvent, Branch, Role, Staff
from tests.dashboards.test_marks import board, firm, head  # noqa: F401  a branch with all that dashboards show
from tests.dashboards.test_pages import MONTH, YUAN, own  # noqa: F401
from tests.factories import BranchFactory, LeaveFactory, StaffFactory


@pytest.fixture
def chief(board):  # noqa: F811
    return StaffFactory(role=Role.BRANCH_HEAD, branch=board.branch, name="欧阳营业")


def test_the_screen_needs_no_log_in_and_tells_of_nobody(chief, client, django_assert_max_num_queries):
    secret = wall.make_link(chief.branch.branch_no, "Hall", user=chief.user)
    client.cookies["language"] = "en"
    with django_assert_max_num_queries(30):
        answer = client.get(f"/wall/{secret}/")
    assert answer.status_code == 200
    assert (answer["Cache-Control"], answer["X-Robots-Tag"]) == ("no-store", "noindex")
    text = answer.content.decode()
    for name in (*Client.objects.values_list("name", "client_no"), *Staff.objects.values_list("name", "staff_no")):
        assert [word for word in name if word in text] == []
    for word in ("元", "yuan"):
        assert word not in text
    assert 'href="/clients' not in text
    link = WallLink.objects.get()
    assert link.last_read_at is not None
    assert secret not in link.digest


def test_small_numbers_are_hidden():
    assert [wall.hidden(count) for count in (0, 1, 4, 5, 1234)] == ["0", "< 5", "< 5", "5", "1,234"]
    assert [wall.share_of(3, base) for base in (0, 9, 10)] == [None, None, 0.3]


def test_a_link_taken_back_shows_nothing_from_now_on(own, client):  # noqa: F811
    number = own.branch.branch_no
    client.force_login(own.user)
    assert client.post(f"/dashboards/branch/{number}/walls/", {"name": ""}).status_code == 422
    page = client.post(f"/dashboards/branch/{number}/walls/", {"name": "大厅"}, follow=True)
    address = page.context["made"].replace("http://testserver", "")
    assert client.get(f"/dashboards/branch/{number}/walls/").context["made"] == "", "shown once"
    client.logout()
    assert client.get(address).status_code == 200
    client.force_login(own.user)
    link = WallLink.objects.get()
    assert client.post(f"/dashboards/walls/{link.pk}/drop/").status_code == 302
    client.logout()
    assert client.get(address).status_code == 404
    trail = list(AuditEvent.objects.filter(action__startswith="wall.").order_by("pk").values_list("action", flat=True))
    assert trail == ["wall.make", "wall.drop"]


def test_it_shows_what_its_maker_may_see(own, client):  # noqa: F811
    secret = wall.make_link(own.branch.branch_no, "Hall", user=own.user)
    own.left_on = date(2020, 1, 1)
    own.save()
    assert client.get(f"/wall/{secret}/").status_code == 404
    own.left_on, own.branch = None, BranchFactory()
    own.save()
    assert client.get(f"/wall/{secret}/").status_code == 404


def test_who_may_make_one(own):  # noqa: F811
    number, manager = own.branch.branch_no, StaffFactory(branch=own.branch)
    LeaveFactory(staff=own, deputy=manager, from_on=today(), to_on=today())
    for someone in (manager, StaffFactory(role=Role.ANALYST)):
        with pytest.raises(PermissionDenied):
            wall.make_link(number, "Hall", user=someone.user)
    with pytest.raises(Branch.DoesNotExist):
        wall.make_link(BranchFactory().branch_no, "Hall", user=own.user)
    assert not WallLink.objects.exists()


def test_revenue_is_a_share_of_the_target_or_of_the_year_before(own):  # noqa: F811
    secret = wall.make_link(own.branch.branch_no, "Hall", user=own.user)

    def revenue():
        found = {one.key: one for one in wall.panels(wall.read_link(secret, now()), today(), now())}
        return found["revenue"].value if "revenue" in found else None

    assert revenue() is None, "six clients are too few"
    Figure.objects.update(count=20)
    assert revenue() == "50%"
    services.set_target(own.branch.branch_no, Period("month", MONTH), "revenue", 600 * YUAN, user=own.user)
    assert revenue() == "25%"
