"""The record page and its parts (C1, C7, C8, N4)."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clients import services
from clients.models import Account, ClientCare, TimelineEvent
from clients.search import refresh
from org import audit
from org.models import AuditEvent
from tests.factories import CareFactory, ClientFactory, CoManagerFactory

pytestmark = pytest.mark.django_db
HX = {"HX-Request": "true"}


@pytest.fixture
def record(manager):
    return ClientFactory(
        manager=manager,
        name="欧阳修远",
        mobile="13800135678",
        id_no="11010119800101002X",
        email="ouyang@example.com",
        address="北京市朝阳区建国路100号",
        client_no="KH-100",
    )


def url(client, part=""):
    return f"/clients/{client.client_no}/{part}"


def html(browser, path, **more):
    response = browser.get(path, **more)
    assert response.status_code == 200
    return response.content.decode()


def test_personal_data_is_masked_on_every_tab(record, manager, analyst, as_):
    Account.objects.create(account_no="8800123456", client=record, kind="ordinary", status="active")
    for who in (manager, analyst):
        browser = as_(who)
        for tab in ("overview", "accounts", "details", "history"):
            shown = html(browser, url(record, f"?tab={tab}"))
            for secret in ("13800135678", "11010119800101002X", "ouyang@", "建国路100号", "8800123456"):
                assert secret not in shown
    assert "138****5678" in html(as_(manager), url(record))
    assert "1101**********002X" in html(as_(manager), url(record, "?tab=details"))


def test_the_analyst_sees_no_name_no_notes_and_cannot_reveal(record, analyst, manager, as_):
    CareFactory(
        client=record, note="likes tea", credit_note="late twice", do_not_contact=True, do_not_contact_reason="ill"
    )
    services.add_note(record.client_no, "told a secret", user=manager.user, at=timezone.now())
    shown = html(as_(analyst), url(record))
    for hidden in ("修远", "likes tea", "late twice", "ill</p>", "told a secret", "reveal/"):
        assert hidden not in shown
    assert "欧阳*" in shown
    assert as_(analyst).post(url(record, "reveal/"), {"field": "mobile"}).status_code == 403


def test_opening_a_record_is_audited_once(record, manager, as_):
    html(as_(manager), url(record))
    event = AuditEvent.objects.get(action="client.view")
    assert (event.user, event.object_no) == (manager.user, "KH-100")


def test_the_head_sees_who_has_opened_a_record(record, manager, head, as_):
    as_(manager).get(url(record))
    as_(manager).get(url(record))
    page = html(as_(head), f"{url(record)}?tab=history")
    assert f"{manager.name}" in page
    viewers = as_(head).get(f"{url(record)}?tab=history").context["viewers"]
    assert [(one.staff_no, one.times) for one in viewers] == [(head.staff_no, 2), (manager.staff_no, 2)]
    assert "viewers" not in as_(manager).get(f"{url(record)}?tab=history").context


def test_few_queries(record, manager, as_, rank, django_assert_max_num_queries):
    rank(record, 5)
    CareFactory(client=record)
    browser = as_(manager)
    html(browser, url(record))
    with django_assert_max_num_queries(13):
        html(browser, url(record))


PARTS = [
    ("get", ""),
    ("get", "timeline/"),
    ("post", "note/"),
    ("get", "reveal/?field=mobile"),
    ("post", "reveal/"),
    ("post", "confirm/"),
    ("get", "care/"),
    ("post", "care/"),
]


@pytest.mark.parametrize(("method", "part"), PARTS)
def test_out_of_scope_answers_like_a_number_that_does_not_exist(method, part, record, stranger, as_):
    browser = as_(stranger)
    data = {"field": "mobile", "text": "x", "version": 1}
    foreign = getattr(browser, method)(url(record, part), data if method == "post" else None)
    missing = getattr(browser, method)(f"/clients/NOBODY/{part}", data if method == "post" else None)
    assert foreign.status_code == missing.status_code == 404
    assert unescape(foreign.content.decode()).replace("KH-100", "NOBODY").split("<main")[
        1:
    ] == missing.content.decode().split("<main")[1:] or re.sub(
        r'csrfmiddlewaretoken" value="[^"]+"', "", foreign.content.decode().replace("KH-100", "")
    ) == re.sub(r'csrfmiddlewaretoken" value="[^"]+"', "", missing.content.decode().replace("NOBODY", ""))
    assert not AuditEvent.objects.filter(action__startswith="client.").exists()


@pytest.mark.parametrize("number", ["%00", "x" * 500, "..%2F", "%F0%9F%98%80", "search%20"])
def test_odd_numbers_are_not_found(number, manager, as_):
    assert as_(manager).get(f"/clients/{number}/").status_code == 404


def test_revealing_shows_the_value_and_masks_it_again(record, manager, as_):
    browser = as_(manager)
    shown = browser.post(url(record, "reveal/"), {"field": "mobile"}, headers=HX)
    assert "13800135678" in shown.content.decode()
    assert "delay:60s" in shown.content.decode()
    assert shown["Cache-Control"] == "no-store"
    assert AuditEvent.objects.filter(action="client.reveal", detail={"fields": ["mobile"]}).count() == 1
    assert "138****5678" in html(browser, url(record, "reveal/?field=mobile"), headers=HX)
    assert browser.post(url(record, "reveal/"), {"field": "name"}).status_code == 404


def test_stale_fields_stand_out_until_they_are_confirmed(record, manager, as_):
    browser = as_(manager)
    assert "To be confirmed with the client: Mobile" in html(browser, url(record))
    part = browser.post(url(record, "confirm/"), {"field": "mobile", "tab": "overview"}, headers=HX)
    facts = part.content.decode()
    assert len(re.findall("is-stale", facts)) == 3
    assert f"confirmed {timezone.localdate().isoformat()}" in facts
    assert "storyChanged" in part["HX-Trigger"]
    browser.post(url(record, "confirm/"), {"all": "1"})
    assert "To be confirmed" not in html(browser, url(record))


def test_confirming_nonsense_is_not_found(record, manager, as_):
    for data in ({}, {"field": "id_no"}, {"field": ["mobile", "x"]}):
        assert as_(manager).post(url(record, "confirm/"), data).status_code == 404


def care_data(version, **more):
    return {"version": version, "credit": "good", "preferred_channel": "phone", "note": "mine", **more}


def test_wishes_are_edited_in_place(record, manager, as_):
    browser = as_(manager)
    assert 'name="version" value="1"' in html(browser, url(record, "care/"), headers=HX)
    data = care_data(1, do_not_contact="on", do_not_contact_reason="asked", contact_from="09:00", contact_to="11:30")
    response = browser.post(url(record, "care/"), data, headers=HX)
    assert (response.status_code, response["HX-Redirect"]) == (204, url(record))
    shown = html(browser, url(record))
    assert "Do not contact" in shown
    assert "asked" in shown
    assert "09:00–11:30" in shown
    assert "Telephone" in shown


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"do_not_contact": "on"}, "Say why"),
        ({"contact_from": "12:00", "contact_to": "09:00"}, "before they begin"),
        ({"credit": "excellent"}, "excellent"),
        ({"version": "x"}, "version"),
        ({"note": "x" * 3000}, "2000"),
    ],
)
def test_wrong_wishes_come_back_with_what_was_typed(data, message, record, manager, as_):
    response = as_(manager).post(url(record, "care/"), care_data(1) | data, headers=HX)
    assert response.status_code == 200
    assert message in response.content.decode()
    assert not ClientCare.objects.filter(pk=record.pk, version__gt=1).exists()


def test_a_conflict_shows_both_versions_and_loses_nothing(record, manager, head, as_):
    services.update_care(
        record.client_no,
        1,
        {"note": "theirs", "credit": "poor"},
        user=head.user,
        on=timezone.localdate(),
        at=timezone.now(),
    )
    browser = as_(manager)
    part = browser.post(url(record, "care/"), care_data(1), headers=HX).content.decode()
    assert head.name in part
    for both in ("theirs", "mine", "Poor", "Good"):
        assert both in part
    assert 'name="version" value="2"' in part
    assert browser.post(url(record, "care/"), care_data(2), headers=HX).status_code == 204
    assert ClientCare.objects.get(pk=record.pk).note == "mine"


def test_a_note_appears_on_the_timeline_as_text(record, manager, as_):
    browser = as_(manager)
    browser.post(url(record, "note/"), {"text": "<b>wants</b> bonds\n\nsoon"})
    shown = html(browser, url(record))
    assert "&lt;b&gt;wants&lt;/b&gt; bonds" in shown
    again = browser.post(url(record, "note/"), {"text": ""}, headers=HX)
    assert again.status_code == 200
    assert "required" in again.content.decode()


def test_the_story_continues_by_keyset(record, manager, as_):
    moment = timezone.now()
    services.add_events(
        services.Event(
            client_id=record.pk,
            at=moment - timedelta(minutes=n // 3),  # several at the same moment
            kind="note",
            source_key=f"k{n}",
            data={"text": f"event {n:02d}!", "by": "x"},
        )
        for n in range(40)
    )
    browser, path, seen = as_(manager), url(record, "timeline/"), []
    while path:
        part = html(browser, path, headers=HX)
        seen.append(re.findall(r"event (\d\d)!", part))
        more = re.search(r'hx-get="([^"]+before=[^"]+)"', part)
        path = unescape(more[1]) if more else ""
    assert [len(page) for page in seen] == [15, 15, 10]
    assert {number for page in seen for number in page} == {f"{n:02d}" for n in range(40)}


@pytest.mark.parametrize(
    "before", ["x", "_", "2026-01-01_", "2026-13-99T00:00:00_1", "2026-01-01T00:00:00_1", "\x00_1", "_9" * 40]
)
def test_odd_places_in_the_story_are_answered(before, record, manager, as_):
    assert as_(manager).get(url(record, "timeline/"), {"before": before}).status_code == 200


def test_the_head_manages_co_managers(record, head, manager, as_):
    helper = CoManagerFactory(client=record, staff__branch=manager.branch, staff__name="协管").staff
    browser = as_(head)
    assert "协管" in html(browser, url(record))
    assert helper.staff_no in html(browser, url(record, "co-managers/"), headers=HX)
    browser.post(url(record, "co-managers/"), {"act": "remove", "staff": helper.staff_no})
    assert not record.co_managers.exists()
    browser.post(url(record, "co-managers/"), {"staff": helper.staff_no})
    assert record.co_managers.get().staff == helper
    assert as_(manager).post(url(record, "co-managers/"), {"staff": helper.staff_no}).status_code == 403


def test_bulk_acts_from_the_list(record, head, manager, as_):
    other = ClientFactory(manager=manager)
    heir = CoManagerFactory(client=other, staff__branch=manager.branch).staff
    browser = as_(head)
    assert heir.staff_no in html(browser, "/clients/reassign/", headers=HX)
    response = browser.post(
        "/clients/reassign/",
        {"pick": [record.client_no], "to": heir.staff_no, "reason": "x", "query": "?status=active"},
    )
    assert response.url == "/clients/?status=active"
    record.refresh_from_db()
    other.refresh_from_db()
    assert (record.manager, other.manager) == (heir, manager)
    refused = browser.post("/clients/reassign/", {"all": "1", "to": "nobody", "reason": "x"}, follow=True)
    assert "in service" in refused.content.decode()
    browser.post("/clients/confirm/", {"all": "1", "query": "?status=active"})
    assert TimelineEvent.objects.filter(kind="confirmed").count() == 2
    assert as_(manager).post("/clients/reassign/", {"all": "1", "to": heir.staff_no, "reason": "x"}).status_code == 403


def test_every_look_at_a_client_is_told_one_by_one(record, manager, head, as_):
    """The record, the list, the search and the export: four looks, the newest first, and the report says the same (U8, H2)."""
    browser = as_(manager)
    html(browser, url(record))
    html(browser, "/clients/")
    refresh(everything=True)
    html(browser, f"/clients/search/?q={record.name}")
    b"".join(browser.get("/clients/export/?format=csv"))
    rows = as_(head).get(url(record, "seen/")).context["rows"]
    assert [(row.staff_no, row.where, row.others) for row in rows] == [
        (manager.staff_no, "clients", 0),
        (manager.staff_no, "search", 0),
        (manager.staff_no, "clients", 0),
        (manager.staff_no, "", None),
    ]
    report = b"".join(as_(head).get(url(record, "seen/?format=csv"))).decode("utf-8-sig").splitlines()
    assert len(report) == 1 + 6  # the head's own looks are in it
    assert as_(manager).get(url(record, "seen/")).status_code == 403
    viewers = as_(head).get(f"{url(record)}?tab=history").context["viewers"]
    assert (viewers[1].staff_no, viewers[1].times, viewers[1].among_others) == (manager.staff_no, 1, 3)


def test_a_client_with_a_hundred_looks_costs_the_same_queries(record, head, manager, as_):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            as_(head).get(url(record, "seen/"))
        return len(captured)

    queries()
    before = queries()
    for _ in range(60):
        audit.record("list.view", user=manager.user, object_no="clients", reached=[record.client_no, "KH-200"])
    assert queries() == before
