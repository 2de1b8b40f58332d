"""The real narratives: imported by the declared mapping, worked through the API, and every figure agrees (X3, X8)."""

import csv
import gzip
from collections import Counter

import pytest
from django.core.management import call_command

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
TAKEN = 60


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
    api, causes = program(), ("information", "process", "attitude")
    for place, complaint in enumerate(Complaint.objects.order_by("pk")[:12]):
        commands = [("command/", {"command": "accept"})]
        for step in range(1, 5):
            commands.append(("advance/", {"record": RECORDS[step]}))
        commands.append(("command/", {"command": "promise", "data": {"text": "Write", "due_on": "2026-12-01"}}))
        commands.append(("advance/", {"record": RECORDS[5]}))
        for key, data in (
            ("answer", {"text": "We have put it right", "way": "letter"}),
            ("follow", {"no": 1, "kept": True, "note": "Written"}),
            ("record", {"record": RECORDS[6]}),
            ("close", {"result": "upheld", "cause": causes[place % 3 if place < 9 else 0], "proof": "Letter"}),
        ):
            commands.append(("command/", {"command": key, "data": data}))
        for path, data in commands:
            answer = send(api, f"{complaint.number}/{path}", data)
            assert answer.status_code == 200, answer.content


def _figures_agree(user, told: list[dict[str, str]]) -> None:
    period = Period(now().date().replace(year=2010), today())
    mapping = importing.mapping_of("cfpb")
    expected = Counter(mapping["category"]["values"].get(row["Product"], "other") for row in told)
    assert {row.key: row.count for row in analysis.by_choice(user, period, "category")} == expected
    assert [(row.key, row.count) for row in analysis.causes(user, period)] == [
        ("information", 6), ("attitude", 3), ("process", 3),
    ]  # fmt: skip
    assert [(one.step, one.cases) for one in analysis.step_times(user, period)] == [(n, 12) for n in range(1, 7)]
    products = Counter(row["Sub-product"].strip() for row in told if row["Sub-product"].strip())
    assert {row.key: row.count for row in analysis.by_product(user, period)} == products
