"""Intake in the browser and by API: upload, progress, rejects in the source's encoding, undo."""

from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from clients.models import Client
from crm.clock import now
from ledger import tasks
from ledger.models import IntakeBatch, IntakeFile
from org.api_auth import make_token
from org.models import AuditEvent
from tests.factories import BranchFactory

DAY = date(2026, 11, 20)
HEADER = "client_no,name,branch_no,status,opened_on\n"


@pytest.fixture
def home(settings, tmp_path):
    """Uploads go to a folder of the test's own."""
    settings.MEDIA_ROOT = tmp_path
    return BranchFactory(branch_no="B1")


def clients_file(*rows: str, encoding: str = "utf-8") -> SimpleUploadedFile:
    return SimpleUploadedFile("clients.csv", (HEADER + "".join(f"{row}\n" for row in rows)).encode(encoding))


def send(client, *files, **more):
    values = {"files": list(files), "mapping": "core-v1", "business_date": DAY.isoformat(), **more}
    return client.post(reverse("ledger:upload"), values)


def work() -> IntakeBatch:
    """What a worker does with the newest batch."""
    made = IntakeBatch.objects.latest("pk")
    tasks.take_in(batch_id=made.pk)
    made.refresh_from_db()
    return made


def test_upload_is_taken_in_and_counted(client, admin, home):
    client.force_login(admin.user)
    answer = send(client, clients_file("1,张三,B1,active,2020-01-02", "2,李四,NOWHERE,active,2020-01-02"))
    made = IntakeBatch.objects.get()
    assert answer.url == reverse("ledger:batch", args=[made.pk])
    assert 'hx-get="' in client.get(answer.url).content.decode()
    made = work()
    page = client.get(answer.url)
    assert (page.context["totals"].read, page.context["totals"].new, page.context["totals"].rejected) == (2, 1, 1)
    assert "hx-get" not in page.content.decode().split('id="batch"')[1].split(">")[0]
    assert Client.objects.get().name == "张三"


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_rejects_come_back_in_the_encoding_of_the_source(client, admin, home, encoding):
    client.force_login(admin.user)
    send(client, clients_file("7,欧阳𬱖,NOWHERE,active,2020-01-02", encoding=encoding))
    work()
    file = IntakeFile.objects.get()
    page = client.get(reverse("ledger:rejects", args=[file.pk])).content.decode()
    assert "欧阳𬱖" in page
    answer = client.get(reverse("ledger:rejects-download", args=[file.pk]))
    text = b"".join(answer.streaming_content).decode(encoding)
    assert "7,欧阳𬱖,NOWHERE,active,2020-01-02" in text
    assert "unknown_branch" in text
    assert AuditEvent.objects.filter(action="intake.rejects.download", user=admin.user).exists()


def test_dry_run_changes_nothing_and_says_what_it_would(client, admin, home):
    client.force_login(admin.user)
    send(client, clients_file("1,张三,B1,active,2020-01-02"), dry_run="on")
    made = work()
    page = client.get(reverse("ledger:batch", args=[made.pk]))
    assert page.context["totals"].new == 1
    assert not Client.objects.exists()


def test_undo_takes_the_batch_back(client, admin, home):
    client.force_login(admin.user)
    send(client, clients_file("1,张三,B1,active,2020-01-02"))
    made = work()
    client.post(reverse("ledger:undo", args=[made.pk]))
    tasks.undo_intake(batch_id=made.pk)
    made.refresh_from_db()
    assert made.state == "undone"
    assert not Client.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"business_date": "2999-01-01"}, "business_date"),
        ({"business_date": "yesterday"}, "business_date"),
        ({"mapping": "no-such"}, "mapping"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(client, admin, home, values, field):
    client.force_login(admin.user)
    page = send(client, clients_file("1,张三,B1,active,2020-01-02"), **values)
    assert field in page.context["form"].errors
    assert not IntakeBatch.objects.exists()


def test_only_who_runs_the_intake_sees_rejected_lines(client, admin, analyst, manager, home):
    client.force_login(admin.user)
    send(client, clients_file("7,王五,NOWHERE,active,2020-01-02"))
    made = work()
    file = IntakeFile.objects.get()
    client.force_login(analyst.user)
    assert client.get(reverse("ledger:batch", args=[made.pk])).status_code == 200
    assert client.get(reverse("ledger:rejects", args=[file.pk])).status_code == 403
    assert client.get(reverse("ledger:rejects-download", args=[file.pk])).status_code == 403
    client.force_login(manager.user)
    assert client.get(reverse("ledger:intake")).status_code == 403


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_needs_the_same_queries_for_any_number(client, admin, home, count, django_assert_max_num_queries):
    for _ in range(count):
        IntakeBatch.objects.create(source="upload", mapping="core-v1", business_date=DAY)
    client.force_login(admin.user)
    client.get(reverse("ledger:intake"))
    with django_assert_max_num_queries(6):
        page = client.get(reverse("ledger:intake"))
    assert len(page.context["batches"].object_list) == count


def test_api_takes_files_and_tells_how_it_went(client, admin, home):
    _row, token = make_token(
        name="core",
        scopes=["intake.view", "intake.run"],
        branch=None,
        expires_at=now() + timedelta(days=1),
        by=admin.user,
    )
    headers = {"Authorization": f"Bearer {token}"}
    values = {"files": [clients_file("1,张三,B1,active,2020-01-02")], "business_date": DAY.isoformat()}
    sent = client.post("/api/v1/intake/", values, headers=headers)
    assert sent.status_code == 202, sent.content
    work()
    found = client.get(f"/api/v1/intake/{sent.json()['id']}/", headers=headers).json()
    assert (found["state"], found["files"][0]["rows_new"]) == ("done", 1)
    wrong = client.post("/api/v1/intake/", {"files": [clients_file()], "business_date": "soon"}, headers=headers)
    assert wrong.status_code == 400
    assert wrong.json()["errors"][0]["pointer"] == "#/business_date"


def test_a_token_without_the_scope_sends_nothing(client, admin, home):
    _row, token = make_token(
        name="reader", scopes=["intake.view"], branch=None, expires_at=now() + timedelta(days=1), by=admin.user
    )
    values = {"files": [clients_file("1,张三,B1,active,2020-01-02")], "business_date": DAY.isoformat()}
    assert client.post("/api/v1/intake/", values, headers={"Authorization": f"Bearer {token}"}).status_code == 403
    assert not IntakeBatch.objects.exists()


def test_a_rejects_file_corrected_and_sent_again_is_taken(client, admin, home):
    client.force_login(admin.user)
    rows = ["1,张三,B1,active,2020-01-02", '2,"李,四",NOWHERE,active,2020-01-02', '3,"王,B1,active,2020-01-02']
    send(client, clients_file(*rows, encoding="gb18030"))
    work()
    url = reverse("ledger:rejects-download", args=[IntakeFile.objects.get().pk])
    content = b"".join(client.get(url).streaming_content).decode("gb18030")
    assert content == (
        f"line,reason,{HEADER}3,unknown_branch,{rows[1]}\n4,broken_quotes,{rows[2]}\n"  # as they were
    )

    corrected = content.replace("NOWHERE", "B1").replace('"王', "王").encode("gb18030")
    send(client, SimpleUploadedFile("clients.csv", corrected))
    file = work().files.get()
    assert (file.rows_read, file.rows_new, file.unknown_columns) == (2, 2, ["line", "reason"])
    assert set(Client.objects.values_list("name", flat=True)) == {"张三", "李,四", "王"}


def test_progress_is_shown_and_a_failed_batch_can_be_tried_again(client, admin, home):
    client.force_login(admin.user)
    send(client, clients_file("1,张三,B1,active,2020-01-02"))
    made = IntakeBatch.objects.get()
    url = reverse("ledger:batch", args=[made.pk])
    now_at = {"file": 1, "name": "clients.csv", "step": "reading", "done": 1024, "total": 4096}
    IntakeBatch.objects.update(state="running", heartbeat_at=now(), progress=now_at)
    fragment = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert '<progress max="4096" value="1024"' in fragment
    assert "clients.csv" in fragment

    IntakeBatch.objects.update(state="failed", problem="failed")
    assert reverse("ledger:retry", args=[made.pk]) in client.get(url).content.decode()
    client.post(reverse("ledger:retry", args=[made.pk]))
    assert work().state == "done"
    client.post(reverse("ledger:retry", args=[made.pk]))
    made.refresh_from_db()
    assert made.state == "done"


def test_api_tells_the_rejects_page_by_page(client, admin, analyst, home):
    client.force_login(admin.user)
    send(client, clients_file(*(f"{n},李四,NOWHERE,active,2020-01-02" for n in range(3))))
    made = work()
    first = client.get(f"/api/v1/intake/{made.pk}/rejects/?page_size=2").json()
    second = client.get(first["next"]).json()
    rows = first["results"] + second["results"]
    assert [(row["line"], row["reason"], row["column"], row["value"]) for row in rows] == [
        (line, "unknown_branch", "branch_no", "NOWHERE") for line in (2, 3, 4)
    ]
    assert rows[0]["source"] == "0,李四,NOWHERE,active,2020-01-02"
    assert second["next"] is None
    assert AuditEvent.objects.filter(action="intake.rejects").count() == 2
    client.force_login(analyst.user)
    assert client.get(f"/api/v1/intake/{made.pk}/rejects/").status_code == 403
