"""The audit trail takes rows and gives none back; what is in it, and who reads it."""

from datetime import date, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import RequestFactory
from django.utils import timezone

from org import audit
from org.models import AuditEvent, Role
from org.queries import PAGE, AuditFilter, audit_rows
from tests.factories import StaffFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE org_auditevent SET action = 'other'",
        "UPDATE org_auditevent SET action = 'other' WHERE FALSE",
        "DELETE FROM org_auditevent",
        "TRUNCATE org_auditevent",
        "TRUNCATE org_auditevent CASCADE",
    ],
)
def test_the_database_refuses_changes(manager, statement):
    row = audit.record("client.view", user=manager.user, object_kind="client", object_no="10000001")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    row.refresh_from_db()
    assert row.action == "client.view"


def test_the_orm_is_refused_too(manager):
    row = audit.record("client.view", user=manager.user)
    row.action = "other"
    for act in (row.save, row.delete, AuditEvent.objects.all().delete):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            act()


def test_the_application_is_an_ordinary_role():
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False,)


def test_a_row_goes_with_the_callers_transaction(manager):
    with transaction.atomic():
        audit.record("client.view", user=manager.user)
        transaction.set_rollback(True)
    assert not AuditEvent.objects.filter(action="client.view").exists()


def test_address_and_request_come_by_themselves_within_a_request(client, manager):
    client.force_login(manager.user)
    answer = client.get("/audit/", REMOTE_ADDR="192.0.2.7")
    row = AuditEvent.objects.get(action="access.denied")
    assert (row.user_id, row.address, row.request_id) == (manager.user.pk, "192.0.2.7", answer.headers["X-Request-ID"])
    assert row.detail == {"view": "org:audit", "method": "GET"}
    # Outside of one there are none.
    row = audit.record("night.run", user=None)
    assert (row.address, row.request_id) == (None, "")


@pytest.mark.parametrize("address", ["", "not an address", "@"])
def test_a_server_on_a_socket_has_no_address(address):
    request = RequestFactory().get("/", REMOTE_ADDR=address)
    assert audit.record("x.y", user=None, request=request).address is None


def test_long_numbers_do_not_stop_the_act():
    assert audit.record("x.y", user=None, object_no="9" * 100).object_no == "9" * 64


# --- The page -------------------------------------------------------------------------------------------------------


@pytest.fixture
def reader(client, auditor):
    client.force_login(auditor.user)
    return client


def shown(answer) -> list[int]:
    return [row.pk for row in answer.context["rows"]]


def test_only_the_auditor_reads_it(client):
    for role in Role:
        client.force_login(StaffFactory(role=role).user)
        assert client.get("/audit/").status_code == (200 if role == Role.AUDITOR else 403)


def test_reading_is_written_down_with_what_was_asked(reader, auditor):
    reader.get("/audit/", {"action": "login.ok", "object_no": "10000001"})
    row = AuditEvent.objects.get(action="audit.view")
    assert (row.user_id, row.detail) == (auditor.user.pk, {"action": "login.ok", "object_no": "10000001"})


def test_filters(reader, manager, head):
    one = audit.record("login.link", user=head.user, object_kind="staff", object_no=manager.staff_no)
    audit.record("login.link", user=head.user, object_kind="staff", object_no="E2")
    other = audit.record("token.made", user=manager.user, object_kind="token", object_no="crm_1")
    for asked in ({"object_no": manager.staff_no}, {"who": head.user.username, "object_no": manager.staff_no}):
        assert shown(reader.get("/audit/", asked)) == [one.pk]
    assert shown(reader.get("/audit/", {"who": manager.staff_no})) == [other.pk]
    assert shown(reader.get("/audit/", {"object_kind": "token"})) == [other.pk]
    assert len(shown(reader.get("/audit/", {"action": "login.link"}))) == 2
    tomorrow = (timezone.localdate() + timedelta(days=1)).isoformat()
    assert shown(reader.get("/audit/", {"from_on": tomorrow})) == []
    assert one.pk in shown(reader.get("/audit/", {"from_on": timezone.localdate().isoformat()}))
    assert one.pk in shown(reader.get("/audit/", {"to_on": timezone.localdate().isoformat()}))


def test_days_are_the_firms():
    """A day begins at midnight in Shanghai, that is at 16:00 UTC of the day before."""
    last, first, second = (
        AuditEvent.objects.create(action="x.y", at=datetime.fromisoformat(f"2026-03-0{moment}+00:00"))
        for moment in ("1T15:59:59", "1T16:00:00", "2T16:00:00")
    )
    day = date(2026, 3, 2)
    assert set(audit_rows(AuditFilter(from_on=day, to_on=day))) == {first}
    assert set(audit_rows(AuditFilter(to_on=day))) == {last, first}
    assert second in set(audit_rows(AuditFilter(from_on=day)))


def test_pages_go_on_without_gap_or_double(reader, manager, monkeypatch):
    # All in one transaction: they share the moment, only the id tells them apart.
    made = [audit.record("client.view", user=manager.user, object_no=str(number)).pk for number in range(2 * PAGE + 3)]
    monkeypatch.setitem(audit.ACTIONS, "client.view", "Seen")
    seen, address = [], "?action=client.view"
    while address:
        answer = reader.get(f"/audit/{address}")
        seen += shown(answer)
        address = answer.context["pager"]["next_url"]
        assert len(seen) <= len(made)
    assert seen == made[::-1]


@pytest.mark.parametrize("key", ["x", "2026-01-01_", "_5", "2026-13-01T00:00_5", "2026-01-01T00:00:00_x"])
def test_a_made_up_key_is_not_found(reader, key):
    assert reader.get("/audit/", {"after": key}).status_code == 404


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_costs_the_same_for_one_row_and_for_three(reader, manager, rows, django_assert_num_queries):
    for _number in range(rows):
        audit.record("token.made", user=manager.user, object_kind="token")
    reader.get("/audit/")  # the count beside an entry of the navigation is kept for a minute
    with django_assert_num_queries(3):
        answer = reader.get("/audit/", {"object_kind": "token"})
    assert len(shown(answer)) == rows


def test_what_was_written_is_shown_as_text(reader, manager):
    audit.record("x.y", user=manager.user, object_kind="<script>", object_no="</td>", detail={"<b>": "<i>"})
    text = reader.get("/audit/", {"object_kind": "<script>"}).content.decode()
    assert "<script>alert" not in text
    assert "<td" in text
    assert "&lt;script&gt;" in text
    assert "&lt;b&gt;: &lt;i&gt;" in text
