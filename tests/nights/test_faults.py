"""Kill what can be killed in the middle of a night: nothing lost, nothing double, and back without a hand.

With real servers and real processes. Each result is compared, table by table, with that of an undisturbed night.
Pace: heartbeats every 0.5 s, silent after 4 s (in use: 10 s and 60 s).
"""

import os
import signal
from itertools import pairwise

import pytest

from tests.nights.station import D1, D2, D3, D4, Station, kill, kill_group

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def built():
    station = Station()
    try:
        station.build()
        yield station
    finally:
        station.close()


@pytest.fixture(scope="module")
def undisturbed(built):
    """Results of the night of D2 when nothing goes wrong."""
    built.reset([D2])
    built.manage("night", "--date", D2)
    return built.results()


@pytest.fixture
def station(built, undisturbed):
    built.reset([D2])
    yield built
    built.end_all()


def attempts(station: Station, step: str) -> int:
    return sum(attempt for name, _, _, attempt, _ in station.jobs() if name == step)


def test_the_comparison_can_tell(built, undisturbed):
    """The night changes what is compared, and the comparison notices a single amount."""
    built.reset([D2])
    before = built.results()
    assert {table for table in before if before[table] != undisturbed[table]} >= {
        "ledger_trade", "ledger_monthlyfact", "ledger_clienttotals", "segmentation_standing", "segmentation_rankmark",
        "segmentation_tierchange", "segmentation_runtotal", "clients_timelineevent", "nights_notice",
    }  # fmt: skip
    assert before["ledger_dirtymonth"][0] == 0
    built.sql(
        "UPDATE ledger_clienttotals SET assets = assets + 1 WHERE client_id = (SELECT min(id) FROM clients_client)"
    )
    assert built.results()["ledger_clienttotals"] != before["ledger_clienttotals"]


@pytest.mark.parametrize(
    ("step", "table"),
    [("intake", "ledger_trade"), ("facts", "ledger_monthlyfact"), ("ranking", "segmentation_tierchange")],
)
@pytest.mark.parametrize("victim", ["child", "parent"])
def test_worker_killed_in_mid_step(station, undisturbed, step, table, victim, record_property):
    worker = station.worker()
    station.beat()
    with station.stopped_in(table) as wait:
        pid = wait()
        assert attempts(station, step) in (1, 2)
        if victim == "child":
            kill(pid)
        else:
            kill_group(worker)
            station.worker()
    resumed = station.wait_until_done(D2)

    assert station.results() == undisturbed
    assert max(attempt for name, _, _, attempt, _ in station.jobs() if name == step) == 2
    assert {(state, failures < 3) for _, _, state, _, failures in station.jobs()} == {("done", True)}
    record_property("seconds_to_done", round(resumed, 1))


def test_postgres_killed_in_mid_ranking_and_in_mid_intake(station, undisturbed):
    station.worker()
    station.beat()
    for table in ("ledger_trade", "segmentation_tierchange"):
        with station.stopped_in(table) as wait:
            wait()
            station.kill_postgres()
        station.restart_servers()
    station.wait_until_done(D2)

    assert station.results() == undisturbed


def test_redis_killed_in_mid_ranking_does_not_disturb_the_job(station, undisturbed):
    station.worker()
    station.beat()
    with station.stopped_in("segmentation_tierchange") as wait:
        wait()
        station.kill_redis()
        station.restart_servers()
    station.wait_until_done(D2)

    assert station.results() == undisturbed
    assert {attempt for _, _, _, attempt, _ in station.jobs()} == {1}


def test_redis_emptied_with_a_message_in_it(station, undisturbed):
    """The only message of a started night is lost before any worker sees it, and later ones in mid-night."""
    script = f"from nights import services; from datetime import date; services.start(date.fromisoformat('{D2}'))"
    station.manage("shell", "--no-imports", "--command", script)
    station.flush_redis()
    station.worker()
    station.beat()
    with station.stopped_in("segmentation_tierchange") as wait:
        wait()
        station.flush_redis()
    station.wait_until_done(D2)

    assert station.results() == undisturbed
    assert {attempt for _, _, _, attempt, _ in station.jobs()} == {1}


def test_a_worker_that_was_stopped_and_goes_on_has_lost_its_fence(station, undisturbed):
    """SIGSTOP: it neither beats nor ends; its job is done by another, and then it wakes up."""
    station.worker()
    station.beat()
    with station.stopped_in("segmentation_tierchange") as wait:
        sleeper = wait()
        os.kill(sleeper, signal.SIGSTOP)
    try:
        station.worker()
        station.wait_until_done(D2)
    finally:
        os.kill(sleeper, signal.SIGCONT)
    script = "from nights.models import Job; print(Job.objects.exclude(state='done').count())"
    assert station.manage("shell", "--no-imports", "--command", script).stdout.strip() == "0"

    assert station.results() == undisturbed
    assert max(attempt for name, _, _, attempt, _ in station.jobs() if name == "ranking") == 2


def test_three_missed_nights_with_two_beats_and_two_workers_run_once_each_in_order(station):
    station.reset([D2, D3, D4])
    for _ in range(2):
        station.worker()
        station.beat()
    station.wait_until_done(D4, 120)

    assert station.nights() == [(day, "done") for day in (D1, D2, D3, D4)]
    spans = station.sql(
        "SELECT started_at, finished_at FROM nights_night WHERE business_date >= '2024-11-01' ORDER BY business_date"
    )
    assert all(before[1] <= after[0] for before, after in pairwise(spans)), "one after the other"
    for day in (D2, D3, D4):
        assert {(state, attempt) for _, _, state, attempt, _ in station.jobs(day)} == {("done", 1)}
        assert len(station.jobs(day)) == 14
    doubles = "SELECT count(*) FROM (SELECT user_id, key FROM nights_notice GROUP BY 1, 2 HAVING count(*) > 1) d"
    assert station.sql(doubles) == [(0,)]


POINTS = [
    "intake:claimed", "intake:written", "facts:written", "facts:fenced", "check:written", "ranking:written",
    "ranking:fenced", "ranking:done", "notices:written", "notices:done", "values:written", "values:done",
    "measures:written", "measures:done", "visits:written", "visits:done", "plans:written", "plans:done",
]  # fmt: skip


def test_died_at_each_crash_point_and_started_again_by_hand(station, undisturbed):
    """The process dies at one point after the other; the next one goes on. No worker is there."""
    for point in POINTS:
        done = station.manage("night", "--date", D2, check=False, CRASH_AT=point, NIGHT_PARTS="1")
        assert done.returncode == 137, f"{point}: {done.stdout}{done.stderr}"
    done = station.manage("night", "--date", D2, NIGHT_PARTS="1")

    assert station.nights()[-1] == (D2, "done"), done.stdout
    assert station.results() == undisturbed
