"""The verbs: rights, scope, story and audit of each (C1, C7, C8, C9, N4)."""

from datetime import date, time

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from clients import search, services, timeline
from clients.errors import Conflict, Refused
from clients.models import Client, ClientCare, ClientSearch, CoManager, TimelineEvent
from clients.rules import CONFIRMABLE
from org.models import AuditEvent, Role
from tests.factories import BranchFactory, CareFactory, ClientFactory, StaffFactory

pytestmark = pytest.mark.django_db
ON = date(2026, 1, 5)


def at():
    return timezone.now()


def when():
    return {"on": ON, "at": at()}


def story(client):
    return [(event.kind, event.data) for event in TimelineEvent.objects.filter(client=client).order_by("pk")]


# --- Events ------------------------------------------------------------------------------------------------------


def test_repeating_events_is_harmless(manager):
    client = ClientFactory(manager=manager)
    events = [
        services.Event(client_id=client.pk, at=at(), kind="note", source_key=f"k{n}", data={"text": "张\"'\\"})
        for n in range(3)
    ]
    assert services.add_events(events) == 3
    assert services.add_events(events) == 0
    assert services.add_events([]) == 0
    assert TimelineEvent.objects.first().data == {"text": "张\"'\\"}


def test_a_kind_renders_in_the_language_of_the_reader_and_survives_old_data():
    timeline.register("test.kind", "point", lambda data: "<b>" + data["must"], detail=lambda data: data["must"])
    try:
        assert timeline.text("test.kind", {"must": "x"}) == "&lt;b&gt;x"
        assert timeline.text("test.kind", {}) == "test.kind"
        assert timeline.detail("test.kind", {}) == ""
        assert timeline.text("gone.kind", {}) == "gone.kind"
    finally:
        timeline._kinds.pop("test.kind")


def test_a_note_is_told_and_audited_without_its_words(manager):
    client = ClientFactory(manager=manager)
    services.add_note(client.client_no, "  wants bonds ", user=manager.user, at=at())
    assert story(client) == [("note", {"text": "wants bonds", "by": manager.name})]
    event = AuditEvent.objects.get(action="client.note")
    assert (event.object_no, event.detail) == (client.client_no, {})


@pytest.mark.parametrize("text", ["", "  \n", "\x00", "x" * 2001])
def test_an_empty_or_endless_note_is_refused(text, manager):
    client = ClientFactory(manager=manager)
    with pytest.raises(Refused):
        services.add_note(client.client_no, text, user=manager.user, at=at())


def test_no_note_out_of_scope_or_without_the_right(manager, stranger, analyst):
    client = ClientFactory(manager=manager)
    with pytest.raises(Client.DoesNotExist):
        services.add_note(client.client_no, "x", user=stranger.user, at=at())
    with pytest.raises(PermissionDenied):
        services.add_note(client.client_no, "x", user=analyst.user, at=at())
    assert story(client) == []


# --- Confirmations -----------------------------------------------------------------------------------------------


def test_confirming_one_field(manager):
    client = ClientFactory(manager=manager)
    care = services.confirm(client.client_no, ["mobile"], user=manager.user, **when())
    assert care.confirmed == {"mobile": {"on": "2026-01-05", "by": manager.name}}
    assert care.version == 1
    assert story(client) == [("confirmed", {"fields": ["mobile"], "by": manager.name})]
    assert AuditEvent.objects.get(action="client.confirm").detail == {"fields": ["mobile"]}


def test_confirming_keeps_earlier_confirmations(manager):
    client = ClientFactory(manager=manager)
    services.confirm(client.client_no, ["mobile"], user=manager.user, **when())
    care = services.confirm(client.client_no, ["email"], user=manager.user, on=date(2026, 2, 1), at=at())
    assert care.confirmed["mobile"]["on"] == "2026-01-05"
    assert care.confirmed["email"]["on"] == "2026-02-01"


@pytest.mark.parametrize("fields", [[], ["id_no"], ["mobile", "nonsense"]])
def test_only_confirmable_fields(fields, manager):
    client = ClientFactory(manager=manager)
    with pytest.raises(ValueError, match="not to be confirmed"):
        services.confirm(client.client_no, fields, user=manager.user, **when())


def test_confirming_many_is_cut_to_the_scope(manager, stranger, django_assert_max_num_queries):
    own = [ClientFactory(manager=manager) for _ in range(3)]
    foreign = ClientFactory(manager=stranger)
    CareFactory(
        client=own[0], confirmed={"mobile": {"on": "2020-01-01", "by": "x"}, "other": {"on": "2020-01-01", "by": "x"}}
    )
    with django_assert_max_num_queries(12):
        count = services.confirm_many(Client.objects.all(), user=manager.user, **when())
    assert count == 3
    for client in own:
        care = ClientCare.objects.get(pk=client.pk)
        assert set(CONFIRMABLE) <= set(care.confirmed)
        assert care.confirmed["mobile"] == {"on": "2026-01-05", "by": manager.name}
        assert care.review_due_on == date(2027, 1, 5)
        assert [kind for kind, _data in story(client)] == ["confirmed"]
    assert "other" in ClientCare.objects.get(pk=own[0].pk).confirmed
    assert not ClientCare.objects.get(pk=foreign.pk).confirmed
    assert set(AuditEvent.objects.filter(action="client.confirm").values_list("object_no", flat=True)) == {
        client.client_no for client in own
    }


def test_confirming_nobody_does_nothing(manager):
    assert services.confirm_many(Client.objects.none(), user=manager.user, **when()) == 0


# --- Wishes and standing -----------------------------------------------------------------------------------------


def wishes(**more):
    return {"do_not_contact": True, "do_not_contact_reason": "asked", "contact_from": time(9), **more}


def test_wishes_are_kept_told_and_audited(manager):
    client = ClientFactory(manager=manager)
    care = services.update_care(client.client_no, 1, wishes(), user=manager.user, **when())
    assert (care.version, care.do_not_contact, care.changed_by) == (2, True, manager.user)
    kind, data = story(client)[0]
    assert kind == "care.changed"
    assert data["do_not_contact"] is True
    assert set(data["fields"]) == {"do_not_contact", "do_not_contact_reason", "contact_from"}
    assert "asked" not in str(AuditEvent.objects.get(action="client.change").detail)


def test_what_does_not_differ_is_not_written(manager):
    client = ClientFactory(manager=manager)
    care = services.update_care(client.client_no, 1, {"note": "", "credit": "unknown"}, user=manager.user, **when())
    assert care.version == 1
    assert story(client) == []


def test_the_second_of_two_editors_is_told(manager):
    client = ClientFactory(manager=manager)
    services.update_care(client.client_no, 1, {"note": "first"}, user=manager.user, **when())
    with pytest.raises(Conflict):
        services.update_care(client.client_no, 1, {"note": "second"}, user=manager.user, **when())
    assert ClientCare.objects.get(pk=client.pk).note == "first"


# --- People ------------------------------------------------------------------------------------------------------


def hand(head, clients, to, reason="leaves"):
    return services.reassign(clients, to.staff_no, reason=reason, user=head.user, **when())


@pytest.fixture
def heir(manager):
    return StaffFactory(branch=manager.branch, name="接手")


def test_handing_over_is_told_audited_and_searchable(manager, head, heir, django_assert_max_num_queries):
    clients = [ClientFactory(manager=manager) for _ in range(3)]
    search.refresh(everything=True)
    with django_assert_max_num_queries(16):
        assert hand(head, Client.objects.all(), heir) == 3
    client = Client.objects.get(pk=clients[0].pk)
    assert client.manager == heir
    assert story(client) == [
        ("reassigned", {"before": manager.name, "after": "接手", "reason": "leaves", "by": head.name}),
    ]
    assert ClientSearch.objects.filter(manager=heir).count() == 3
    audited = AuditEvent.objects.filter(action="client.reassign")
    assert {event.object_no for event in audited} == {client.client_no for client in clients}
    assert audited[0].detail == {"to": heir.staff_no, "reason": "leaves"}


def test_who_has_them_already_stays_untold(manager, head, heir):
    client = ClientFactory(manager=heir)
    assert hand(head, Client.objects.all(), heir) == 0
    assert story(client) == []


def test_clients_stay_in_their_branch_all_or_nothing(manager, head, heir):
    below = BranchFactory(parent=manager.branch)
    ClientFactory(manager=StaffFactory(branch=below))
    own = ClientFactory(manager=manager)
    with pytest.raises(Refused):
        hand(head, Client.objects.all(), heir)
    own.refresh_from_db()
    assert own.manager == manager


def test_clients_out_of_scope_do_not_move(manager, head, stranger, heir):
    foreign = ClientFactory(manager=stranger)
    assert hand(head, Client.objects.filter(pk=foreign.pk), heir) == 0
    foreign.refresh_from_db()
    assert foreign.manager == stranger


@pytest.mark.parametrize("flaw", ["left", "not_joined", "officer", "foreign", "missing"])
def test_only_managers_in_service_take_over(flaw, manager, head):
    client = ClientFactory(manager=manager)
    number = {
        "left": lambda: StaffFactory(branch=manager.branch, left_on=ON).staff_no,
        "not_joined": lambda: StaffFactory(branch=manager.branch, joined_on=date(2026, 1, 6)).staff_no,
        "officer": lambda: StaffFactory(branch=manager.branch, role=Role.COMPLAINT_OFFICER).staff_no,
        "foreign": lambda: StaffFactory().staff_no,
        "missing": lambda: "nobody",
    }[flaw]()
    with pytest.raises(Refused):
        services.reassign(Client.objects.all(), number, reason="x", user=head.user, **when())
    client.refresh_from_db()
    assert client.manager == manager


def test_a_reason_is_needed_and_only_heads_hand_over(manager, head, heir):
    ClientFactory(manager=manager)
    with pytest.raises(Refused):
        hand(head, Client.objects.all(), heir, reason="  ")
    with pytest.raises(PermissionDenied):
        hand(manager, Client.objects.all(), heir)


def test_co_managers_come_and_go(manager, head, heir):
    client = ClientFactory(manager=manager)
    search.refresh(everything=True)
    assert not Client.objects.visible_to(heir.user).exists()
    services.add_co_manager(client.client_no, heir.staff_no, user=head.user, **when())
    services.add_co_manager(client.client_no, heir.staff_no, user=head.user, **when())
    assert CoManager.objects.count() == 1
    assert f"'m:{heir.pk}'" in ClientSearch.objects.get().tsv
    services.remove_co_manager(client.client_no, heir.staff_no, user=head.user, at=at())
    services.remove_co_manager(client.client_no, heir.staff_no, user=head.user, at=at())
    assert not CoManager.objects.exists()
    assert [(kind, data["what"]) for kind, data in story(client)] == [
        ("co_manager", "added"),
        ("co_manager", "removed"),
    ]
    assert f"'m:{heir.pk}'" not in ClientSearch.objects.get().tsv


def test_who_cannot_be_co_manager(manager, head, stranger):
    client = ClientFactory(manager=manager)
    for number in (manager.staff_no, stranger.staff_no):
        with pytest.raises(Refused):
            services.add_co_manager(client.client_no, number, user=head.user, **when())


# --- Looking -----------------------------------------------------------------------------------------------------


def test_revealing_is_logged_with_the_fields(manager):
    client = ClientFactory(manager=manager, mobile="13800135678")
    assert services.reveal(client.client_no, ["mobile"], user=manager.user) == {"mobile": "13800135678"}
    event = AuditEvent.objects.get(action="client.reveal")
    assert (event.user, event.object_no, event.detail) == (manager.user, client.client_no, {"fields": ["mobile"]})


def test_revealing_needs_right_scope_and_a_masked_field(manager, analyst, stranger):
    client = ClientFactory(manager=manager, mobile="13800135678")
    with pytest.raises(PermissionDenied):
        services.reveal(client.client_no, ["mobile"], user=analyst.user)
    with pytest.raises(Client.DoesNotExist):
        services.reveal(client.client_no, ["mobile"], user=stranger.user)
    with pytest.raises(ValueError, match="not to be revealed"):
        services.reveal(client.client_no, ["name"], user=manager.user)
    assert not AuditEvent.objects.filter(action="client.reveal").exists()
