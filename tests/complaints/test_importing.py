"""The real narratives: imported by the declared mapping, worked through the API, and every figure agrees (X3, X8)."""

import csv
import gzip
import os
import time
from collections import Counter

import pytest
from django.core.management import call_command
from django.db import connection

from complaints import analysis
from complaints.analysis import Period
from complaints.models import Complaint
from complaints.services import importing
from complaints.verify import broken
from crm.clock import now, today
from tests import datasets
from tests.complaints.cases import RECORDS, Office
from tests.complaints.test_api import program, send

pytestmark = [pytest.mark.django_db, pytest.mark.data, datasets.needs("cfpb_complaints")]
#: With ALL_COMPLAINTS=1 all narratives that were published, which takes minutes.
TAKEN = 786 if os.environ.get("ALL_COMPLAINTS") == "1" else 60


@pytest.fixture
def path():
    return datasets.path("cfpb_complaints") / "complaints.csv.gz"


def rows(path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_mapping_knows_every_value_of_the_real_file(path):
    mapping, unmapped = importing.mapping_of("cfpb"), Counter()
    told = [importing.told_of(row, mapping, unmapped) for row in rows(path)]
    assert len(told) == 3342
    assert max(len(one.narrative) for one in told) > 20_000
    assert {name.split(":")[0] for name in unmapped} <= {"Company response to consumer"}


def test_imported_worked_and_counted(path, capsys):
    office = Office()
    call = ["import_complaints", str(path), "--mapping", "cfpb", "--user", office.officer.user.username]
    call_command(*call, "--told-only", "--limit", str(TAKEN))
    call_command(*call, "--told-only", "--limit", str(TAKEN))
    assert f"0 new, {TAKEN} known already, 0 rejected" in capsys.readouterr().out
    assert Complaint.objects.count() == TAKEN
    told = [row for row in rows(path) if row["Consumer complaint narrative"].strip()][:TAKEN]
    longest = max(told, key=lambda row: len(row["Consumer complaint narrative"]))
    kept = Complaint.objects.get(intakes__external_ref=longest["Complaint ID"])
    assert kept.narrative == longest["Consumer complaint narrative"].strip()
    _work_some()
    _figures_agree(office.compliance.user, told)
    assert list(broken()) == []


def _work_some() -> None:
    """Through the API, each by what its place says: two of five to the end, others left at step 3, withdrawn or not begun."""
    api, causes = program(), ("information", "process", "attitude", "price")
    for place, complaint in enumerate(Complaint.objects.order_by("pk")):
        commands: list[tuple[str, dict]] = []
        if place % 5 != 4:
            commands.append(("command/", {"command": "accept"}))
        if place % 5 == 2:
            commands.append(("withdraw/", {"reason": "Client wishes so", "evidence": "E-mail"}))
        elif place % 5 in (0, 1, 3):
            last = 4 if place % 5 != 3 else 2
            commands += [("advance/", {"record": RECORDS[step]}) for step in range(1, last + 1)]
        if place % 5 in (0, 1):
            commands.append(("command/", {"command": "promise", "data": {"text": "Write", "due_on": "2026-12-01"}}))
            commands.append(("advance/", {"record": RECORDS[5]}))
            cause = causes[place % 11 % 4]
            for key, data in (
                ("answer", {"text": "We have put it right", "way": "letter"}),
                ("follow", {"no": 1, "kept": True, "note": "Written"}),
                ("record", {"record": RECORDS[6]}),
                ("close", {"result": "upheld", "cause": cause, "proof": "Letter"}),
            ):
                commands.append(("command/", {"command": key, "data": data}))
        for path, data in commands:
            answer = send(api, f"{complaint.number}/{path}", data)
            while answer.status_code == 429:  # a program waits as long as it is told
                time.sleep(int(answer["Retry-After"]) + 1)
                answer = send(api, f"{complaint.number}/{path}", data)
            assert answer.status_code == 200, answer.content


def _figures_agree(user, told: list[dict[str, str]]) -> None:
    """Every chart of the page against plain SQL; business lines and products against the file itself, too."""
    period = Period(now().date().replace(year=2010), today())
    for chart, column in (
        (analysis.by_choice(user, period, "category"), "category"),
        (analysis.by_choice(user, period, "channel"), "channel"),
        (analysis.by_product(user, period), "nullif(product, '')"),
        (analysis.causes(user, period), "nullif(cause, '')"),
    ):
        assert {row.key: row.count for row in chart} == _counted(column), column
    assert len(_counted("nullif(cause, '')")) == 4
    relations = analysis.by_relation(user, period, "branch", "branch__branch_no", "branch__name")
    assert sum(row.count for row in relations) == TAKEN
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT step, count(DISTINCT complaint_id) FROM complaints_steprun WHERE done_at IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
        steps = cursor.fetchall()
        cursor.execute("SELECT state, count(*) FROM complaints_complaint GROUP BY 1")
        states = dict(cursor.fetchall())
    assert [(int(one.step), one.cases) for one in analysis.step_times(user, period)] == steps
    places = Counter(place % 5 for place in range(TAKEN))
    assert states == {
        "closed": places[0] + places[1] + places[2], "in_work": places[3], "received": places[4],
    }  # fmt: skip
    expected = Counter(importing.mapping_of("cfpb")["category"]["values"].get(row["Product"], "other") for row in told)
    assert _counted("category") == expected
    assert _counted("nullif(product, '')") == Counter(
        row["Sub-product"].strip() for row in told if row["Sub-product"].strip()
    )


def _counted(column: str) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {column}, count(*) FROM complaints_complaint WHERE result <> 'merged' AND {column} IS NOT NULL GROUP BY 1"
        )
        return dict(cursor.fetchall())


def test_a_known_number_with_another_story_changes_nothing_and_is_named(path, tmp_path, capsys):
    office = Office()
    told = next(row for row in rows(path) if row["Consumer complaint narrative"].strip())
    for text in (told["Consumer complaint narrative"], "Something else happened"):
        with (tmp_path / "list.csv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, told.keys())
            writer.writeheader()
            writer.writerow(told | {"Consumer complaint narrative": text})
        call_command(
            "import_complaints", tmp_path / "list.csv", "--mapping", "cfpb", "--user", office.officer.user.username
        )
    complaint = Complaint.objects.get()
    assert complaint.narrative == told["Consumer complaint narrative"].strip()
    assert f"line 2: known as {complaint.number} with another narrative" in capsys.readouterr().out
