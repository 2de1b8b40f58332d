"""The chain of the audit trail (U8): whatever is done to a row behind the product's back, the verifier names it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from threading import Event

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from org import audit
from org.models import AuditEvent, AuditLink, AuditSeal
from org.seal import PASSED_OVER_AFTER, seal, verify

TABLES = ("org_auditevent", "org_auditlink", "org_auditseal")


@pytest.fixture
def trail(db, auditor) -> list[int]:
    """Seven sealed events; ids in their order."""
    for number in range(7):
        audit.record("test.act", user=auditor.user, object_kind="client", object_no=f"{number}", detail={"n": number})
    assert seal(timezone.now()) == 7
    return list(AuditLink.objects.order_by("place").values_list("event_id", flat=True))


def tamper(statement: str, *values: object) -> None:
    """As whoever owns the database could: without the triggers."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, values)
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def test_a_whole_trail_is_whole(trail):
    found = verify()
    assert (found.fault, found.sealed, found.loose) == ("", 7, 0)
    assert found.head == bytes(AuditSeal.objects.latest("place").hash).hex()


@pytest.mark.parametrize(
    "change",
    [
        "action = 'other'",
        "object_no = '1'",
        "detail = '{}'",
        "user_id = NULL",
        "at = at - interval '1 second'",
        "request_id = 'x'",
        "address = '10.0.0.1'",
        "reached = '{4711}'",
    ],
)
def test_a_changed_row_is_named(trail, change):
    tamper(f"UPDATE org_auditevent SET {change} WHERE id = %s", trail[3])
    assert f"event {trail[3]} (place 4" in verify().fault


def test_a_changed_row_with_its_digest_made_anew_is_named(trail):
    tamper("UPDATE org_auditevent e SET action = 'x', digest = NULL WHERE id = %s", trail[3])
    tamper("UPDATE org_auditevent e SET digest = org_audit_digest(e) WHERE id = %s", trail[3])
    assert f"event {trail[3]} (place 4" in verify().fault


def test_a_removed_row_is_named(trail):
    tamper("DELETE FROM org_auditevent WHERE id = %s", trail[2])
    assert verify().fault == f"event {trail[2]} (place 3 of the chain) was removed"


def test_a_row_removed_with_its_place_is_named(trail):
    tamper("DELETE FROM org_auditevent WHERE id = %s", trail[2])
    tamper("DELETE FROM org_auditlink WHERE event_id = %s", trail[2])
    assert verify().fault.startswith("place 3 of the chain is missing")


def test_two_rows_that_changed_places_are_named(trail):
    tamper("UPDATE org_auditlink SET event_id = -1 WHERE event_id = %s", trail[1])
    tamper("UPDATE org_auditlink SET event_id = %s WHERE event_id = %s", trail[1], trail[4])
    tamper("UPDATE org_auditlink SET event_id = %s WHERE event_id = -1", trail[4])
    assert f"event {trail[4]} (place 2" in verify().fault


def test_a_cut_tail_is_told(trail):
    tamper("DELETE FROM org_auditlink WHERE place > 5")
    tamper("DELETE FROM org_auditevent WHERE id > %s", trail[4])
    assert verify().fault == "the end of the chain is cut off: 5 places, but 7 were sealed"


def test_a_chain_written_anew_is_told_by_the_log(trail, tmp_path, caplog):
    log = tmp_path / "firm.log"
    log.write_text(f'{{"message": "audit head 7 {verify().head}"}}\n', encoding="utf-8")
    tamper("UPDATE org_auditevent SET action = 'other' WHERE id = %s", trail[3])
    for table in ("org_auditlink", "org_auditseal"):
        tamper(f"DELETE FROM {table}")
    seal(timezone.now())
    assert verify().fault == ""
    with pytest.raises(CommandError, match=r"place 7.*the log's head of this place says otherwise"):
        call_command("verify_audit", heads=log)


def test_a_row_changed_before_it_is_sealed_is_named(trail, auditor):
    fresh = audit.record("test.act", user=auditor.user)
    tamper("UPDATE org_auditevent SET action = 'other' WHERE id = %s", fresh.pk)
    with pytest.raises(CommandError, match=f"event {fresh.pk} \\(not sealed yet\\) was changed"):
        call_command("verify_audit")


def test_a_row_that_was_put_in_later_is_told(trail):
    tamper(
        "INSERT INTO org_auditevent (at, action, object_kind, object_no, detail, request_id)"
        " VALUES (now() - interval '1 year', 'client.view', '', '', '{}', '')"
    )
    assert "is outside the chain" in verify().fault
    # And if it got its place as other rows do:
    tamper("UPDATE org_auditseal SET at = at - interval '2 days'")
    tamper("UPDATE org_auditseal SET newest_id = 0")
    seal(timezone.now() - timedelta(hours=1))
    assert verify().fault != ""


def test_the_command_says_how_much_is_whole_and_seals_the_rest(trail, auditor):
    audit.record("test.act", user=auditor.user)
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert out.getvalue().startswith("7 events are whole, head ")
    assert out.getvalue().strip().endswith("1 were not sealed yet, 1 of them are now")
    assert verify().sealed == 8


def test_set_based_rows_have_their_digest_too(trail):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO org_auditevent (action, object_kind, object_no, detail, request_id)"
            " SELECT 'test.set', 'client', g::text, '{}', '' FROM generate_series(1, 5) g"
        )
        cursor.execute("SELECT count(*) FROM org_auditevent e WHERE digest = org_audit_digest(e)")
        assert cursor.fetchone()[0] == 12
    assert seal(timezone.now()) == 5
    assert verify().fault == ""


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("act", ["DELETE FROM {}", "TRUNCATE {}"])
def test_the_chain_gives_nothing_back(trail, table, act):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(act.format(table))


@pytest.mark.django_db(transaction=True)
def test_a_writer_that_commits_late_is_sealed_all_the_same():
    """Numbers are given in another order than commits; the late one gets a later place, and no one is left out."""
    connection.ensure_connection()

    def late() -> None:
        with transaction.atomic():
            audit.record("test.late", user=None)
            entered.set()
            go.wait(20)
        connections.close_all()

    entered, go = Event(), Event()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(late)
        assert entered.wait(20)
        audit.record("test.quick", user=None)
        assert seal(timezone.now()) == 1
        go.set()
        slow.result()
    assert seal(timezone.now()) == 1
    actions = dict(AuditEvent.objects.values_list("pk", "action"))
    order = [actions[pk] for pk in AuditLink.objects.order_by("place").values_list("event_id", flat=True)]
    assert order == ["test.quick", "test.late"]
    assert verify().fault == ""


@pytest.mark.django_db(transaction=True)
def test_writers_and_sealers_at_once_leave_one_chain():
    def write(number: int) -> None:
        for _ in range(15):
            with transaction.atomic():
                audit.record("test.many", user=None, object_no=str(number))
            seal(timezone.now())
        connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    seal(timezone.now())
    found = verify()
    assert (found.fault, found.sealed, found.loose) == ("", 60, 0)


def test_a_writer_of_hours_is_found_by_the_thorough_run(trail, auditor):
    """Its number is long behind the newest when it commits: the usual runs do not look back so far, one a day does."""
    fresh = audit.record("test.act", user=auditor.user)
    tamper("UPDATE org_auditseal SET newest_id = %s, at = at - interval '1 hour'", fresh.pk)
    assert seal(timezone.now()) == 0
    assert verify().fault == ""
    assert seal(timezone.now() + timedelta(days=1)) == 1
    assert timedelta(hours=1) < PASSED_OVER_AFTER
