"""Looking whether anything is due: which night, when, in which order; two looks at once; lost messages."""

import threading
from datetime import date, datetime, timedelta

import pytest
from celery import current_app
from django.db import connection
from django.db.models.functions import Now

from nights import doorbell, drop, services
from nights.models import Job, Night
from org.models import CalendarDay
from segmentation.models import RankingPolicy, RankingRun
from tests.nights.firm import DAY, MORNING, NEXT_DAY, SHANGHAI, Firm, work


def deliver(*days: date) -> None:
    """Empty deliveries with their marker."""
    for day in days:
        drop.folder(day).mkdir(parents=True)
        (drop.folder(day) / drop.MARKER).touch()


def finished(day: date) -> Night:
    return Night.objects.create(business_date=day, state=Night.State.DONE, finished_at=MORNING)


def test_the_next_trading_day_is_started_once_its_files_are_complete(firm, drop_dir):
    finished(DAY)
    drop.folder(NEXT_DAY).mkdir(parents=True)
    assert services.tick(MORNING).started is None, "the sender is still writing"

    (drop.folder(NEXT_DAY) / drop.MARKER).touch()
    assert services.tick(MORNING).started == NEXT_DAY
    assert Night.objects.get(business_date=NEXT_DAY).started_by is None
    assert services.tick(MORNING).started is None


def test_days_without_trading_have_no_night(firm, drop_dir):
    """The calendar decides, not the weekday: 19 October is a holiday here, and 17 October a make-up Saturday."""
    CalendarDay.objects.create(date=NEXT_DAY, is_workday=False, is_trading_day=False)
    CalendarDay.objects.create(date=date(2026, 10, 17), is_workday=True, is_trading_day=False)
    finished(DAY)
    deliver(date(2026, 10, 17), NEXT_DAY, date(2026, 10, 20))

    assert services.tick(MORNING).started is None
    assert services.tick(MORNING + timedelta(days=1)).started == date(2026, 10, 20)


def test_a_night_is_not_started_before_its_hour(firm, drop_dir):
    finished(DAY)
    deliver(NEXT_DAY)

    assert services.tick(datetime(2026, 10, 20, 0, 59, tzinfo=SHANGHAI)).started is None
    assert services.tick(datetime(2026, 10, 20, 1, 0, tzinfo=SHANGHAI)).started == NEXT_DAY


def test_the_first_night_of_all_is_that_of_the_oldest_delivery(firm, drop_dir):
    assert services.tick(MORNING).started is None
    deliver(NEXT_DAY, DAY)
    (drop_dir / "not a date").mkdir()

    assert services.tick(MORNING).started == DAY


def test_missed_nights_are_caught_up_in_order_one_at_a_time_each_with_its_policy(firm, drop_dir, policy):
    days = [date(2026, 10, 14), date(2026, 10, 15), date(2026, 10, 16)]
    RankingPolicy.objects.create(version=2, state="published", valid_from=days[1], cut_a=40)
    firm.ladder()
    finished(date(2026, 10, 13))
    deliver(*reversed(days))
    started = []
    for _ in range(6):
        if (day := services.tick(MORNING).started) is not None:
            started.append(day)
            assert services.tick(MORNING).started is None, "one at a time"
            work(Night.objects.get(business_date=day))

    assert started == days
    assert list(RankingRun.objects.order_by("business_date").values_list("business_date", "policy__version")) == [
        (days[0], 1), (days[1], 2), (days[2], 2),
    ]  # fmt: skip


@pytest.mark.parametrize("state", ["running", "held", "failed", "partial"])
def test_an_open_night_holds_up_the_next_one_and_says_so(firm, drop_dir, state):
    Night.objects.create(business_date=DAY, state=state, plan=[])
    deliver(NEXT_DAY)

    waiting = services.waiting_night(MORNING)
    assert (waiting.business_date, waiting.blocked_by.business_date, waiting.files_ready) == (NEXT_DAY, DAY, True)
    assert waiting.late_seconds(MORNING) == 4 * 3600
    if state != "running":  # with nothing planned it would end at once
        assert services.tick(MORNING).started is None


def test_a_cancelled_night_does_not_hold_up_the_next_one(firm, drop_dir):
    Night.objects.create(business_date=DAY, state="cancelled")
    deliver(NEXT_DAY)

    assert services.tick(MORNING).started == NEXT_DAY


def test_lateness_counts_the_missing_nights(firm, drop_dir):
    finished(date(2026, 10, 13))

    waiting = services.waiting_night(MORNING)
    assert (waiting.business_date, waiting.missing, waiting.files_ready) == (date(2026, 10, 14), 4, False)
    assert services.waiting_night(datetime(2026, 10, 15, 0, 30, tzinfo=SHANGHAI)) is None


def test_a_tick_goes_on_where_a_process_died_between_two_steps(firm, drop_dir):
    night = services.start(DAY)
    Job.objects.update(state="done", detail={"files": 0})

    services.tick(MORNING)

    assert night.jobs.filter(step="facts", state="due").exists()


# --- At once, and with messages ------------------------------------------------------------------------------------


@pytest.fixture
def queue():
    """The real queue, emptied before and after; returns what stands in it."""

    def pending() -> list[int]:
        found = []
        with current_app.connection_for_read() as broker:
            channel = broker.SimpleQueue("celery", no_ack=True)
            while True:
                try:
                    found += channel.get(block=False).payload[0]
                except channel.Empty:
                    return found

    pending()
    yield pending
    pending()


@pytest.mark.django_db(transaction=True)
def test_two_looks_at_once_start_one_night(drop_dir, policy):
    Firm()
    finished(DAY)
    deliver(NEXT_DAY)
    barrier, results = threading.Barrier(4), []

    def look() -> None:
        try:
            barrier.wait()
            results.append(services.tick(MORNING))
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [ticked.started for ticked in results if ticked.started] == [NEXT_DAY]
    assert Night.objects.filter(business_date=NEXT_DAY).count() == 1
    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_message_carries_the_id_alone_and_goes_out_after_the_commit(drop_dir, policy, queue):
    Firm()
    night = services.start(DAY)

    assert queue() == [night.jobs.get().pk]
    services.tick(MORNING)
    assert queue() == [], "one is on its way"


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_is_never_rung_for(drop_dir, policy, queue):
    from django.db import transaction

    Firm()
    with transaction.atomic():
        services.start(DAY)
        transaction.set_rollback(True)

    assert queue() == []
    assert not Night.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_lost_message_is_sent_again(drop_dir, policy, queue, settings):
    Firm()
    night = services.start(DAY)
    assert len(queue()) == 1  # taken out of the queue: lost
    Job.objects.update(rung_at=Now() - timedelta(seconds=settings.NIGHT_RING_SECONDS + 1))

    services.tick(MORNING)

    assert queue() == [night.jobs.get().pk]


def test_a_broker_that_does_not_answer_fails_nobody(monkeypatch, caplog, tmp_path):
    """A real publish to a socket where nobody listens."""
    from celery import Celery

    away = Celery("away", broker=f"redis+socket://{tmp_path}/nobody.sock", set_as_current=False)
    away.conf.broker_transport_options = current_app.conf.broker_transport_options
    monkeypatch.setattr(doorbell, "current_app", away)
    begun = datetime.now()

    assert doorbell.ring([1, 2]) == 0
    assert datetime.now() - begun < timedelta(seconds=5)
    assert "it will be sent again" in caplog.text
