"""Batches: repeats, order of arrival, dry run, undo, rights, and being taken up again."""

import itertools
from datetime import date, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction

from clients.models import Client, ClientCare
from crm.clock import now
from ledger.intake import batch as batches
from ledger.intake import onefile, take_in, totals, undo
from ledger.intake.errors import MappingError, UndoRefused
from ledger.intake.undo import begin_undo, finish_undo
from ledger.models import BatchState, DirtyMonth, FileState, IntakeBatch, IntakeChange, IntakeReject, Trade
from org.models import AuditEvent, Branch, Staff
from tests.factories import StaffFactory
from tests.ledger.deliveries import (
    ACCOUNTS,
    BRANCHES,
    CLIENTS,
    DAY,
    FIRM,
    STAFF,
    TRADES,
    TRADES_HEADER,
    counts,
    named_state,
    rejects,
    state,
    take,
    take_one,
    write,
)

pytestmark = pytest.mark.django_db

ASSETS = "date,client_no,cash,securities_value\n2026-09-30,1001,10,20\n2026-09-30,1002,30,40\n"
NIGHT = FIRM | {"trades.csv": TRADES, "assets.csv": ASSETS}
NEXT = {
    "branches.csv": BRANCHES.replace("上海营业部,B1", "上海人民路营业部,B1") + "B3,北京营业部,B2\n",
    "staff.csv": STAFF.replace("王芳,B2", "王芳,B3"),
    "clients.csv": CLIENTS.replace("李四,B2,S1", "李四光,B3,S2") + "1004,王五,B3,S1,active,2026-09-30\n",
    "accounts.csv": ACCOUNTS.replace("A2,1002,margin,active", "A2,1002,margin,closed") + "A4,1004,ordinary,active\n",
    "trades.csv": TRADES.replace("T1,2026-09-01", "T1,2026-08-28").replace("6.00", "6.66")
    + "T4,2026-10-01,1004,A4,600000,stock,buy,1,2.00,3.00,\n",
    "assets.csv": ASSETS.replace("30,40", "30,41") + "2026-10-01,1004,1,1\n",
}
NEXT_DAY = DAY + timedelta(days=1)


def test_the_same_files_twice_change_nothing(tmp_path):
    first = take(tmp_path, NIGHT)
    before = state()
    DirtyMonth.objects.all().delete()
    again = take(tmp_path, NIGHT)

    assert state() == before
    assert {file.state for file in again.files.all()} == {FileState.SAME}
    assert [counts(file) for file in again.files.all()] == [
        (read, 0, 0, read, 0) for read in (file.rows_read for file in first.files.all())
    ]
    assert not DirtyMonth.objects.exists()
    assert totals(again).read == totals(again).same == 14


def test_the_same_content_after_another_file_is_compared_row_by_row(tmp_path):
    take(tmp_path, FIRM)
    take(tmp_path, {"clients.csv": CLIENTS.replace("张三", "张三丰")}, day=DAY + timedelta(days=1))
    back = take_one(tmp_path, "clients.csv", CLIENTS, day=DAY + timedelta(days=2))

    assert (back.state, counts(back)) == (FileState.DONE, (3, 0, 1, 2, 0))
    assert Client.objects.get(client_no="1001").name == "张三"


def test_rows_rejected_before_are_taken_when_what_they_lacked_has_come(tmp_path):
    take(tmp_path, {"branches.csv": BRANCHES, "staff.csv": STAFF})
    early = take_one(tmp_path, "trades.csv", TRADES)
    assert counts(early) == (3, 0, 0, 0, 3)
    take(tmp_path, {"clients.csv": CLIENTS, "accounts.csv": ACCOUNTS})
    again = take_one(tmp_path, "trades.csv", TRADES)

    assert counts(again) == (3, 3, 0, 0, 0)


def test_an_older_file_after_a_newer_one_adds_but_does_not_overwrite(tmp_path):
    take(tmp_path, FIRM)
    take(tmp_path, {"clients.csv": CLIENTS.replace("张三", "张三丰")}, day=date(2026, 10, 2))
    late = CLIENTS.replace("李四", "李四光") + "1009,周九,B2,S1,active,2020-01-01\n"
    file = take_one(tmp_path, "clients.csv", late, day=date(2026, 10, 1))

    assert counts(file) == (4, 1, 0, 1, 2)
    assert rejects(file) == [(2, "older_than_known", "client_no"), (3, "older_than_known", "client_no")]
    assert Client.objects.get(client_no="1001").name == "张三丰"


def test_an_older_trades_file_does_not_take_back_a_correction(tmp_path):
    take(tmp_path, FIRM | {"trades.csv": TRADES})
    take(tmp_path, {"trades.csv": TRADES.replace("5.00,0.50", "4.00,0.50")}, day=date(2026, 10, 2))
    file = take_one(tmp_path, "trades.csv", TRADES.replace("7.00", "7.70"), day=date(2026, 10, 1))

    assert rejects(file) == [(2, "older_than_known", "trade_no")]
    assert counts(file) == (3, 0, 1, 1, 1)
    assert Trade.objects.get(trade_no="T1").commission == 40_000


def test_the_end_depends_on_the_files_not_on_their_order(tmp_path):
    """Three nights of masters and assets in every order, after the firm itself: one and the same end."""
    nights = [
        (
            DAY + timedelta(days=n),
            {
                "clients.csv": CLIENTS.replace("张三", f"张三{n}").replace("1003", f"100{n}"),
                "assets.csv": ASSETS.replace("10,20", f"10,2{n}"),
                "branches.csv": BRANCHES.replace("上海", f"上海{n}"),
            },
        )
        for n in (4, 5, 6)
    ]
    ends = []
    for number, order in enumerate(itertools.permutations(nights)):
        with transaction.atomic():
            take(tmp_path / str(number), FIRM)
            for day, files in order:
                take(tmp_path / str(number), files, day=day)
            ends.append(named_state())
            transaction.set_rollback(True)

    assert all(end == ends[0] for end in ends)
    assert ("1001", "张三6") in [row[:2] for row in ends[0]["clients"]]


def test_a_dry_run_shows_what_the_run_will_do_and_changes_nothing(tmp_path):
    take(tmp_path, NIGHT)
    before, changes = state(), IntakeChange.objects.count()
    broken = NEXT | {
        "fees.csv": "fee_no\n",
        "cash_flows.csv": "flow_no,date,client_no,direction,amount\nF1,x,1001,in,1\n",
    }
    dry = take(tmp_path, broken, day=NEXT_DAY, dry_run=True)
    assert state() == before
    assert IntakeChange.objects.count() == changes
    real = take(tmp_path, broken, day=NEXT_DAY)

    told = [(f.name, f.state, counts(f)) for f in dry.files.all()]
    assert told == [(f.name, f.state, counts(f)) for f in real.files.all()]
    assert [f.error for f in dry.files.filter(state="refused")] == ["missing_column"]
    samples = {file.kind: file.sample for file in dry.files.all()}
    assert samples["clients"] == [
        {"key": "1002", "columns": {"name": ["李四", "李四光"], "branch_no": ["B2", "B3"], "manager_no": ["S1", "S2"]}}
    ]
    assert samples["assets"] == [{"key": "2026-09-30 1002", "columns": {"securities_value": ["40", "41"]}}]
    assert samples["branches"] == [{"key": "B2", "columns": {"name": ["上海营业部", "上海人民路营业部"]}}]
    assert {"key": "T2", "columns": {"commission": ["6", "6.66"]}} in samples["trades"]
    assert {"key": "T1", "columns": {"date": ["2026-09-01", "2026-08-28"]}} in samples["trades"]
    assert [(r.line, r.reason) for r in IntakeReject.objects.filter(file__batch=dry)] == [(2, "bad_date")]


def test_undo_takes_back_what_was_added_and_what_was_changed(tmp_path, admin):
    take(tmp_path, NIGHT)
    before = state()
    DirtyMonth.objects.all().delete()
    batch = take(tmp_path, NEXT, day=NEXT_DAY)
    assert totals(batch).new == 5
    assert totals(batch).changed == 7
    DirtyMonth.objects.all().delete()

    undone = undo(batch, user=admin.user)

    assert state() == before
    assert (undone.state, undone.undone_by) == (BatchState.UNDONE, admin.user)
    assert {f.state for f in undone.files.all()} == {FileState.UNDONE}
    assert not IntakeChange.objects.filter(file__batch=batch).exists()
    assert set(DirtyMonth.objects.values_list("client__client_no", "month")) >= {
        ("1001", date(2026, 8, 1)),
        ("1001", date(2026, 9, 1)),
        ("1002", date(2026, 9, 1)),
    }
    assert AuditEvent.objects.filter(action="intake.undo", object_no=str(batch.pk)).count() == 1

    again = take(tmp_path, NEXT, day=NEXT_DAY)
    assert (totals(again).new, totals(again).changed) == (5, 7)


def test_a_hand_over_after_the_batch_outlives_its_undoing(tmp_path, admin):
    take(tmp_path, FIRM)
    client = Client.objects.select_related("manager").get(client_no="1001")
    here = Staff.objects.filter(branch=client.branch_id)
    heir = StaffFactory(branch=client.branch, staff_no="S77")
    third = StaffFactory(branch=client.branch, staff_no="S78")
    before = client.manager_id
    assert here.filter(pk=before).exists()
    moved = CLIENTS.replace(f"1001,{client.name},", "1001,改名,")
    batch = take_one(tmp_path, "clients.csv", moved).batch
    Client.objects.filter(pk=client.pk).update(manager=heir)
    undo(batch, user=admin.user)
    client.refresh_from_db()
    assert (client.name != "改名", client.manager_id, client.core_manager_id) == (True, heir.pk, before)

    # What the core system itself moved goes back; who had taken over by hand before that is in charge again.
    lines = [line.split(",") for line in CLIENTS.splitlines()]
    place = lines[0].index("manager_no")
    named = "\n".join(",".join([*c[:place], "S78", *c[place + 1 :]]) if c[0] == "1001" else ",".join(c) for c in lines)
    batch = take_one(tmp_path, "clients.csv", named + "\n").batch
    client.refresh_from_db()
    assert (client.manager_id, client.core_manager_id) == (third.pk, third.pk)
    undo(batch, user=admin.user)
    client.refresh_from_db()
    assert (client.manager_id, client.core_manager_id) == (heir.pk, before)


def test_undo_of_everything_leaves_an_empty_firm(tmp_path, admin):
    Staff.objects.exclude(pk=admin.pk).delete()
    empty = state()
    batches_made = [take(tmp_path, NIGHT), take(tmp_path, NEXT, day=NEXT_DAY)]
    for batch in reversed(batches_made):
        undo(batch, user=admin.user)

    assert state() == empty
    assert not ClientCare.objects.exists()


def test_two_files_of_one_batch_that_touch_the_same_row_are_undone_together(tmp_path, admin):
    take(tmp_path, NIGHT)
    before = state()
    files = {"trades_1.csv": TRADES.replace("5.00", "5.01"), "trades_2.csv": TRADES.replace("5.00", "5.02")}
    batch = take(tmp_path, files, day=NEXT_DAY)
    assert Trade.objects.get(trade_no="T1").commission == 50_200
    undo(batch, user=admin.user)

    assert state() == before


@pytest.mark.parametrize("kind", ["branches", "staff", "clients", "accounts", "trades", "assets"])
def test_undo_is_refused_when_a_later_batch_changed_the_same_rows(tmp_path, admin, kind):
    take(tmp_path, NIGHT)
    middle = take(tmp_path, NEXT, day=NEXT_DAY)
    later = {
        "branches": NEXT["branches.csv"].replace("人民路", "淮海路"),
        "staff": STAFF.replace("王芳,B2", "王小芳,B2"),
        "clients": CLIENTS.replace("李四", "李四四"),
        "accounts": ACCOUNTS.replace("A2,1002,margin,active", "A2,1002,options,active"),
        "trades": TRADES.replace("6.00", "6.67"),
        "assets": ASSETS.replace("30,40", "30,42"),
    }[kind]
    last = take(tmp_path, {f"{kind}.csv": later}, day=NEXT_DAY + timedelta(days=1))
    assert totals(last).changed >= 1
    before = state()

    with pytest.raises(UndoRefused) as refusal:
        undo(middle, user=admin.user)

    assert (refusal.value.code, refusal.value.detail) == ("undo_later_batch", {"batch": last.pk})
    assert state() == before
    undo(last, user=admin.user)
    undo(middle, user=admin.user)


def test_undo_is_refused_when_people_wrote_on_a_client_or_files_hang_on_it(tmp_path, admin, head):
    take(tmp_path, FIRM)
    added = take_one(tmp_path, "clients.csv", CLIENTS + "1009,周九,B2,S1,active,2020-01-01\n").batch
    trades = take_one(tmp_path, "trades.csv", TRADES_HEADER + "T9,2026-09-01,1009,,1,stock,buy,1,1,1,\n").batch
    with pytest.raises(UndoRefused) as refusal:
        undo(added, user=admin.user)
    assert (refusal.value.code, refusal.value.detail) == ("undo_in_use", {"table": "ledger_trade"})

    undo(trades, user=admin.user)
    ClientCare.objects.filter(client__client_no="1009").update(note="mine", changed_at=now())
    with pytest.raises(UndoRefused) as refusal:
        undo(added, user=admin.user)
    assert (refusal.value.code, refusal.value.detail) == ("undo_in_use", {"table": "clients_clientcare"})
    assert Client.objects.filter(client_no="1009").exists()


def test_what_cannot_be_undone(tmp_path, admin, manager):
    batch = take(tmp_path, FIRM)
    with pytest.raises(PermissionDenied):
        undo(batch, user=manager.user)
    dry = take(tmp_path, FIRM, dry_run=True)
    for candidate, code in (
        (dry, "undo_dry_run"),
        (IntakeBatch.objects.create(source="folder", mapping="core-v1", business_date=DAY), "undo_not_done"),
    ):
        with pytest.raises(UndoRefused) as refusal:
            undo(candidate, user=admin.user)
        assert refusal.value.code == code


def test_undo_by_a_worker_and_its_refusal(tmp_path, admin):
    first, second = take(tmp_path, NIGHT), take(tmp_path, NEXT, day=NEXT_DAY)
    begin_undo(first, user=admin.user)
    refused = finish_undo(first.pk)
    assert (refused.state, refused.problem, refused.progress) == ("done", "undo_later_batch", {"batch": second.pk})

    begin_undo(second, user=admin.user)
    assert finish_undo(second.pk).state == BatchState.UNDONE
    assert finish_undo(second.pk).state == BatchState.UNDONE


def test_only_those_with_the_right_may_run_the_intake(tmp_path, manager, admin):
    folder = write(tmp_path / "files", FIRM)
    with pytest.raises(PermissionDenied):
        take_in([folder], business_date=DAY, source="upload", user=manager.user)
    with pytest.raises(MappingError):
        take_in([folder], mapping="../settings", business_date=DAY, source="upload", user=admin.user)
    assert not IntakeBatch.objects.exists()
    batch = take_in([folder], business_date=DAY, source="folder", user=admin.user)
    assert AuditEvent.objects.get(action="intake.run").object_no == str(batch.pk)


def test_a_batch_left_behind_is_taken_up_and_a_living_one_is_left_alone(tmp_path):
    folder = write(tmp_path / "files", FIRM)
    batch = batches.create([folder], business_date=DAY, source="folder")
    assert batches.left_behind() == []
    IntakeBatch.objects.update(created_at=now() - timedelta(minutes=5))
    assert batches.left_behind() == [batch.pk]

    IntakeBatch.objects.update(state=BatchState.RUNNING, heartbeat_at=now())
    assert batches.run(batch.pk).state == BatchState.RUNNING
    assert not Branch.objects.exists()
    IntakeBatch.objects.update(heartbeat_at=now() - timedelta(minutes=5), attempts=1)
    assert batches.left_behind() == [batch.pk]
    assert batches.run(batch.pk).state == BatchState.DONE
    assert batches.run(batch.pk).attempts == 2

    IntakeBatch.objects.update(state=BatchState.RUNNING, heartbeat_at=now() - timedelta(minutes=5), attempts=3)
    assert batches.left_behind() == []
    assert IntakeBatch.objects.get().state == BatchState.FAILED


def test_an_unforeseen_error_stops_the_batch_which_can_be_tried_again(tmp_path, monkeypatch, admin):
    def fail(*arguments, **options):
        raise RuntimeError("boom")

    with monkeypatch.context() as patch:
        patch.setattr(onefile, "write_facts", fail)
        with pytest.raises(RuntimeError):
            take(tmp_path, NIGHT)
    batch = IntakeBatch.objects.get()
    assert (batch.state, batch.problem) == (BatchState.FAILED, "failed")
    assert [f.kind for f in batch.files.filter(state=FileState.DONE)] == ["branches", "staff", "clients", "accounts"]
    assert not Trade.objects.exists()

    batches.retry(batch, user=admin.user)
    assert batches.run(batch.pk).state == BatchState.DONE
    assert Trade.objects.count() == 3


def test_a_night_that_was_broken_off_is_continued_not_doubled(tmp_path):
    folder = write(tmp_path / "files", NIGHT)
    broken = batches.create([folder], business_date=DAY, source="night")
    IntakeBatch.objects.update(state=BatchState.RUNNING, heartbeat_at=now() - timedelta(minutes=5))
    batch = take_in([folder], business_date=DAY, source="night")

    assert IntakeBatch.objects.get(pk=broken.pk).state == BatchState.DONE
    assert totals(batch).same == totals(batch).read == 14


def test_missing_files_are_told(tmp_path):
    batch = take_in([tmp_path / "clients.csv"], business_date=DAY, source="folder")

    assert [(f.name, f.error) for f in batch.files.all()] == [("clients.csv", "file_missing")]


def test_uploads_outlive_a_move_of_the_data(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "now"
    batch = IntakeBatch.objects.create(business_date=DAY)
    batch.files.create(name="trades.csv", path=str(tmp_path / "before" / "intake" / "known" / "trades.csv"))
    for name in ("known", "forgotten"):
        (batches.uploads_folder() / name).mkdir(parents=True)

    assert batches.forget_orphans(older_than=timedelta(0)) == 1
    assert [folder.name for folder in batches.uploads_folder().iterdir()] == ["known"]
