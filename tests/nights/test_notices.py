"""Who is told what, exactly once."""

from datetime import date

from nights import notices, services
from nights.models import Notice
from org.models import Role
from segmentation.models import TierChange
from tests.factories import BranchFactory, CoManagerFactory, StaffFactory
from tests.nights.firm import DAY


def change(client, before: str, after: str, what: str = "tier") -> None:
    TierChange.objects.create(
        business_date=DAY, client=client, what=what, before=before, after=after, reason="own" if before else "entered"
    )


def told(user) -> dict:
    return {notice.kind: notice.data for notice in Notice.objects.filter(user=user)}


def counts(up=0, down=0, entered=0, gone=0) -> dict:
    return {"date": DAY.isoformat(), "up": up, "down": down, "entered": entered, "gone": gone}


def test_managers_hear_of_their_own_clients_and_heads_of_their_branch(firm):
    clients = firm.ladder()
    change(clients[0], "B", "A")
    change(clients[1], "A", "B")
    change(clients[2], "", "C")
    change(clients[3], "C", "")
    change(clients[1], "A", "B", what="service")

    assert notices.tell_of_moves(DAY) == (2, 2)

    assert told(firm.managers[0].user) == {"moves": counts(up=1, down=1, entered=1)}
    assert told(firm.managers[1].user) == {"moves": counts(gone=1)}
    assert told(firm.heads[0].user) == {"branch_moves": counts(up=1, down=1, entered=1)}
    assert told(firm.admin.user) == {}


def test_nobody_is_told_twice_and_a_read_notice_stays_read(firm):
    change(firm.ladder()[0], "B", "A")
    notices.tell_of_moves(DAY)
    Notice.objects.update(read_at=services.clock_now())
    change(firm.client(0, 5), "C", "B")

    assert notices.tell_of_moves(DAY) == (0, 0)
    assert Notice.objects.filter(read_at=None).count() == 0
    assert told(firm.managers[0].user) == {"moves": counts(up=1)}


def test_a_head_above_hears_of_the_branches_below(firm):
    region = BranchFactory()
    above = StaffFactory(branch=region, role=Role.BRANCH_HEAD)
    for branch in firm.branches:
        branch.parent, branch.path = region, f"{region.path}{branch.pk}/"
        branch.save()
    clients = firm.ladder()
    change(clients[0], "B", "A")
    change(clients[5], "B", "C")

    notices.tell_of_moves(DAY)

    assert told(above.user) == {"branch_moves": counts(up=1, down=1)}


def test_co_managers_are_told_leavers_and_people_without_log_in_are_not(firm):
    shared = firm.client(0, 10)
    CoManagerFactory(client=shared, staff=firm.managers[1])
    left = firm.client(0, 10)
    left.manager = StaffFactory(branch=firm.branches[0], left_on=date(2026, 10, 1))
    left.save()
    nobody = firm.client(0, 10)
    nobody.manager = StaffFactory(branch=firm.branches[0])
    nobody.save()
    nobody.manager.user.delete()
    for client in (shared, left, nobody):
        change(client, "C", "B")

    assert notices.tell_of_moves(DAY)[0] == 2
    assert told(firm.managers[1].user) == {"moves": counts(up=1)}
    assert told(left.manager.user) == {}


def test_every_kind_has_words_and_a_page(firm, admin, settings):
    from django.utils import translation

    texts = {
        "moves": counts(up=1, down=2),
        "branch_moves": counts(entered=3),
        "night_held": {"date": DAY.isoformat(), "moved": 6, "known": 10, "limit": "20.00"},
        "night_failed": {"date": DAY.isoformat(), "step": "facts"},
        "files_refused": {"date": DAY.isoformat(), "files": 1},
    }
    with translation.override("en"):
        for kind, data in texts.items():
            notice = Notice(user=admin.user, kind=kind, data=data)
            assert "2026-10-16" in notices.text_of(notice)
            assert notices.url_of(notice)
        assert notices.text_of(Notice(kind="moves", data=texts["moves"])) == (
            "Tiers of your clients on 2026-10-16: 1 risen, 2 fallen"
        )
        assert "6 of 10 clients would move, more than 20.00 %" in notices.text_of(
            Notice(kind="night_held", data=texts["night_held"])
        )
