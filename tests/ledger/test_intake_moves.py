"""Clients who move to another branch or manager by a file, and hand-overs made here that outlive the next file (C8, C9)."""

from datetime import date

import pytest
from django.utils import timezone

from clients.models import Client, TimelineEvent
from clients.services import reassign
from ledger.intake import undo
from org.models import Role, Staff
from tests.factories import StaffFactory
from tests.ledger.deliveries import CLIENTS, FIRM, take

pytestmark = pytest.mark.django_db
NEXT = date(2026, 10, 1)


@pytest.fixture
def firm(tmp_path):
    files = FIRM | {"staff.csv": FIRM["staff.csv"] + "S3,赵敏,B2,account_manager\nS4,钱进,B2,account_manager\n"}
    return take(tmp_path, files)


@pytest.fixture
def head(firm):
    staff = Staff.objects.get(staff_no="S2")
    staff.user = StaffFactory(role=Role.BRANCH_HEAD).user
    Staff.objects.filter(user=staff.user).update(user=None)
    staff.save()
    return staff


def manager(number="1001"):
    return Client.objects.get(client_no=number).manager.staff_no


def story(number="1001"):
    events = TimelineEvent.objects.filter(client__client_no=number, kind="record.moved").order_by("pk")
    return [(event.data["what"], event.data["before"], event.data["after"]) for event in events]


def hand_over(head, to):
    chosen = Client.objects.filter(client_no="1001")
    reassign(chosen, to, reason="leave", user=head.user, on=date(2026, 9, 30), at=timezone.now())


def test_a_hand_over_outlives_files_that_repeat_the_old_manager(head, tmp_path):
    hand_over(head, "S3")
    take(tmp_path, {"clients.csv": CLIENTS.replace("张三", "张三丰")}, day=NEXT)
    assert Client.objects.get(client_no="1001").name == "张三丰"
    assert manager() == "S3"
    assert story() == []


def test_a_manager_newly_named_by_the_core_system_wins(head, tmp_path):
    hand_over(head, "S3")
    take(tmp_path, {"clients.csv": CLIENTS.replace("1001,张三,B2,S1", "1001,张三,B2,S4")}, day=NEXT)
    assert manager() == "S4"
    assert story() == [("manager", "赵敏", "钱进")]


def test_moves_are_told_and_taken_back_with_the_batch(firm, tmp_path):
    moved = CLIENTS.replace("1001,张三,B2,S1", "1001,张三,B1,S4").replace("1003,欧阳娜娜,B2,", "1003,欧阳娜娜,B2,S1")
    batch = take(tmp_path, {"clients.csv": moved}, day=NEXT)
    assert story() == [("branch", "上海营业部", "总部"), ("manager", "王芳", "钱进")]
    assert story("1003") == [("manager", "", "王芳")]
    assert story("1002") == []
    undo(batch)
    assert manager() == "S1"
    assert story() == story("1003") == []
