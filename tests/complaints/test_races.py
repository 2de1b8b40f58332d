"""Two officers at once, on connections of their own: one wins, the other is told, nothing is lost (X5).

COMPLAINT_RACES=500 races the whole number.
"""

import os
import threading
from datetime import timedelta

import pytest
from django.db import connection

from complaints import services
from complaints.models import Complaint, ComplaintEvent, HourRun, NumberCounter
from complaints.services import Stale, hourly
from complaints.verify import broken
from tests.complaints.cases import RECORDS, T0, Office

pytestmark = pytest.mark.django_db(transaction=True)
RACES = int(os.environ.get("COMPLAINT_RACES", "12"))


def race(*runs) -> list:
    """Start all at one barrier; what each returned or raised, in their order."""
    barrier, results = threading.Barrier(len(runs)), [None] * len(runs)

    def work(place: int, run) -> None:
        try:
            barrier.wait(timeout=20)
            results[place] = run()
        except Exception as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(runs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


def test_of_two_officers_exactly_one_wins_each_time():
    office = Office()
    complaint = office.walk(office.take_in(), 3)
    number = complaint.number
    for turn in range(RACES):
        seen = Complaint.objects.get().version
        at = T0 + timedelta(days=1, minutes=turn)
        runs = [
            lambda seen=seen, at=at: services.act(
                number, "record", {"record": RECORDS[3]}, user=office.officer.user, at=at, version=seen
            ),
            lambda seen=seen, at=at: services.act(
                number, "note", {"reason": "Rang back"}, user=office.head.user, at=at, version=seen
            ),
        ]
        results = race(*runs)
        assert sorted(type(one).__name__ for one in results) == ["Complaint", "Stale"]
        loser = next(one for one in results if isinstance(one, Stale))
        assert loser.complaint.version == seen + 1
        assert ComplaintEvent.objects.count() == seen + 1
    assert list(broken()) == []


def test_two_intakes_of_one_outside_number_make_one_case_and_numbers_have_no_gaps():
    office = Office()
    for turn in range(3):
        told = office.told(source="hotline", external_ref=f"A{turn}")
        results = race(*[lambda told=told: services.register(told, user=office.officer.user, at=T0) for _ in range(2)])
        assert sorted(fresh for _case, fresh in results) == [False, True]
    assert NumberCounter.objects.get().last == Complaint.objects.count() == 3


def test_two_workers_fire_each_rung_once():
    office = Office()
    office.take_in()
    hourly.run(T0)
    late = T0 + timedelta(days=2)
    results = race(lambda: hourly.run(late), lambda: hourly.run(late))
    assert all(isinstance(one, list) for one in results), results
    assert sum(len(one) for one in results) == 48 == HourRun.objects.count() - 1
    fired = ComplaintEvent.objects.filter(kind="escalated").count()
    assert fired == Complaint.objects.get().escalations.count() > 5
