"""Pages of the nights: what they show, who may do what, and that they do not grow."""

from datetime import date

import pytest
from django.urls import reverse

from ledger.models import FileState, IntakeBatch, IntakeFile
from nights import services
from nights.models import Job, Night
from tests.nights.firm import DAY, MORNING, NEXT_DAY, work


@pytest.fixture
def site(client, firm, settings, drop_dir, morning):
    """Signed in as administrator, in English; it is the morning after NEXT_DAY."""
    firm.admin.user.language = "en"
    firm.admin.user.save()
    client.force_login(firm.admin.user)
    return client


def url(name: str, day: date = DAY) -> str:
    return reverse(f"nights:{name}", args=[day])


def text(response) -> str:
    return " ".join(response.content.decode().split())


def test_empty_list_says_what_to_do(site):
    assert "Put the files of a business date into the drop folder" in text(site.get(reverse("nights:list")))


def test_list_shows_nights_newest_first_and_pages_by_date(site):
    for number in range(1, 32):
        Night.objects.create(
            business_date=date(2026, 8, number), state="done", finished_at=MORNING, summary={"clients": 7}
        )

    first = site.get(reverse("nights:list"))
    assert [night.business_date.day for night in first.context["nights"]] == list(range(31, 1, -1))
    second = site.get(first.context["page"].next_url)
    assert [night.business_date.day for night in second.context["nights"]] == [1]
    assert second.context["page"].next_url == ""
    assert site.get(reverse("nights:list"), {"before": "never"}).status_code == 200


@pytest.mark.parametrize("count", [1, 3])
def test_list_costs_the_same_for_any_number_of_nights(site, count, django_assert_num_queries):
    for number in range(1, count + 1):
        Night.objects.create(business_date=date(2026, 10, number), state="done", finished_at=MORNING)
    site.get(reverse("nights:list"))

    with django_assert_num_queries(5):  # who, nights, newest night, open night, calendar
        site.get(reverse("nights:list"))


def test_a_late_night_is_announced_with_its_reason(site):
    Night.objects.create(business_date=DAY, state="held")

    page = text(site.get(reverse("nights:list")))
    assert "The night of 2026-10-19 has been due since" in page
    assert ">2026-10-20 01:00</time> (4 h 00 min)" in page
    assert f'It waits for the <a href="{url("night")}">night of 2026-10-16</a>' in page


def test_night_page_shows_steps_files_and_the_difference_to_the_night_before(site, firm):
    clients = firm.ladder()
    work(services.start(DAY))
    batch = IntakeBatch.objects.create(source="night", mapping="core-v1", business_date=NEXT_DAY)
    good = {"batch": batch, "name": "trades.csv", "kind": "trades"}
    IntakeFile.objects.create(**good, state=FileState.DONE, rows_read=12, rows_new=11, rows_rejected=1)
    IntakeFile.objects.create(**good, state=FileState.SAME, rows_read=12, rows_same=12)
    firm.earn(clients[1], 100)
    night = services.start(NEXT_DAY)
    work(night)
    if night.state == "held":
        services.release(night, user=firm.admin.user)
        work(night)

    response = site.get(url("night", NEXT_DAY))
    report = response.context["report"]
    assert [(step.step, step.state, len(step.jobs)) for step in report.steps] == [
        ("intake", "done", 1), ("facts", "done", 2), ("check", "done", 1), ("ranking", "done", 2), ("notices", "done", 1),
        ("values", "done", 1), ("measures", "done", 1), ("visits", "done", 1), ("plans", "done", 2),
        ("boards", "done", 2),
    ]  # fmt: skip
    assert all(step.seconds is not None and step.before is not None for step in report.steps)
    assert [(file.state, file.rows_new) for file in report.files] == [("done", 11)]
    assert night.summary["rejected"] == 1
    changes = {row.label: row.change for row in report.differences}
    assert (changes["Risen"], changes["Fallen"], changes["Ranked clients"]) == (1, 1, 0)
    page = text(response)
    assert "trades.csv" in page
    assert 'hx-trigger="every 2s"' not in page, "nothing moves any more"


def test_a_running_night_is_asked_for_again_and_the_fragment_comes_alone(site):
    services.start(DAY)

    assert 'hx-trigger="every 2s"' in text(site.get(url("night")))
    fragment = site.get(url("night"), headers={"HX-Request": "true"})
    assert b"<html" not in fragment.content
    assert b'id="night"' in fragment.content


def test_a_failed_attempt_is_shown_with_its_error_in_text(site):
    night = services.start(DAY)
    Job.objects.update(error="ValueError: <script>", attempt=2, worker="host:7")

    page = text(site.get(url("night")))
    assert "Part 1 of 1, attempt 2:" in page
    assert "ValueError: &lt;script&gt;" in page
    assert night.state == "running"


def test_a_held_night_shows_who_would_move_and_is_released_by_button(site, firm):
    clients = firm.ladder()
    work(services.start(DAY))
    firm.earn(clients[2], 500)
    night = services.start(NEXT_DAY)
    work(night)

    page = text(site.get(url("night", NEXT_DAY)))
    assert "3 of 6 clients would change their tier; the policy stops the night above 20.00%" in page
    assert firm.branches[0].name in page
    assert firm.branches[1].branch_no not in page, "nobody moves there"

    response = site.post(url("release", NEXT_DAY), follow=True)
    assert "The night goes on." in text(response)
    night.refresh_from_db()
    work(night)
    assert night.state == "done"
    assert "released" in text(site.get(url("night", NEXT_DAY)))
    assert "not possible now" in text(site.post(url("release", NEXT_DAY), follow=True))


def test_nights_are_started_and_repeated_by_hand(site, firm):
    response = site.post(reverse("nights:start"), {"date": "2026-10-16"}, follow=True)
    assert response.redirect_chain[-1][0] == url("night")
    night = Night.objects.get()
    assert night.started_by == firm.admin.user
    assert "not possible now" in text(site.post(reverse("nights:start"), {"date": "2026-10-19"}, follow=True))
    work(night)

    site.post(url("again"), {"what": "facts"})
    night.refresh_from_db()
    assert (night.run_no, night.plan) == (2, ["facts"])
    work(night)
    site.post(url("again"), {"what": "nonsense"})
    night.refresh_from_db()
    assert night.run_no == 2
    assert "exists already" in text(site.post(reverse("nights:start"), {"date": "2026-10-16"}, follow=True))


@pytest.mark.parametrize("value", ["", "2026-02-30", "2026-10-21"])
def test_a_night_of_no_day_or_of_a_day_to_come_is_refused(site, value):
    site.post(reverse("nights:start"), {"date": value})

    assert not Night.objects.exists()


@pytest.mark.parametrize("name", ["night", "again", "release", "cancel"])
@pytest.mark.parametrize("day", ["2026-10-15", "2026-02-30", "0000-00-00"])
def test_a_night_that_does_not_exist_is_not_found(site, name, day):
    path = f"/nights/{day}/" + ("" if name == "night" else f"{name}/")

    assert (site.get(path) if name == "night" else site.post(path)).status_code == 404


def test_rights(client, firm, analyst, stranger, auditor):
    services.start(DAY)
    pages = [reverse("nights:list"), url("night")]
    acts = [reverse("nights:start"), url("again"), url("release"), url("cancel")]
    for user, may_see in ((analyst, True), (firm.managers[0], False), (firm.heads[0], False), (auditor, False)):
        client.force_login(user.user)
        assert [client.get(path).status_code for path in pages] == [200 if may_see else 403] * 2
        assert [client.post(path).status_code for path in acts] == [403] * 4
    client.logout()
    assert {client.get(path).status_code for path in pages} == {302}
    assert Night.objects.get().run_no == 1


def test_api_lists_nights_and_shows_jobs(client, firm, analyst, stranger):
    work(services.start(DAY))
    client.force_login(analyst.user)

    listed = client.get("/api/v1/nights/").json()["results"]
    assert [(row["business_date"], row["state"], row["summary"]["clients"]) for row in listed] == [
        ("2026-10-16", "done", 0)
    ]
    one = client.get("/api/v1/nights/2026-10-16/").json()
    assert {job["step"] for job in one["jobs"]} == {
        "intake",
        "facts",
        "check",
        "ranking",
        "notices",
        "values",
        "measures",
        "visits",
        "plans",
        "boards",
    }
    assert client.get("/api/v1/nights/", {"state": "held"}).json()["results"] == []
    assert client.get("/api/v1/nights/2026-10-15/").status_code == 404
    assert client.post("/api/v1/nights/").status_code in (403, 405)
    client.force_login(stranger.user)
    assert client.get("/api/v1/nights/").status_code == 403
