"""The job contract: taken once, fenced by the attempt, taken back when silent, rung for again."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from nights import jobs, services
from nights.models import Job, Night
from tests.nights.firm import DAY


@pytest.fixture
def job(db):
    night = Night.objects.create(business_date=DAY, plan=["facts"])
    return Job.objects.create(night=night, step="facts")


def reload(job: Job) -> Job:
    job.refresh_from_db()
    return job


def test_a_claim_starts_an_attempt_and_leaves_nothing_for_the_next_message(job):
    held = jobs.claim(job.pk)

    assert (held.attempt, held.step, held.business_date) == (1, "facts", DAY)
    assert jobs.claim(job.pk) is None
    assert reload(job).state == "running"
    assert job.heartbeat_at is not None


@pytest.mark.parametrize("change", [{"state": "held"}, {"state": "cancelled"}, {"run_no": 2}])
def test_a_job_of_a_night_that_is_not_running_or_of_an_older_run_is_not_taken(job, change):
    Night.objects.update(**change)

    assert jobs.claim(job.pk) is None
    assert jobs.take_silent() == []


def test_a_superseded_attempt_cannot_finish_nor_beat_nor_give_back(job):
    first = jobs.claim(job.pk)
    Job.objects.update(state="due")
    second = jobs.claim(job.pk)

    with pytest.raises(jobs.Superseded):
        jobs.finish(first, 7, {})
    assert not jobs.beat(first)
    jobs.give_back(first, ValueError("late"))
    assert reload(job).state == "running"
    assert job.error == ""

    jobs.finish(second, 7, {"facts": 7})
    assert (reload(job).state, job.rows, job.detail, job.attempt) == ("done", 7, {"facts": 7}, 2)
    with pytest.raises(jobs.Superseded):
        jobs.finish(second, 7, {})


def test_what_a_superseded_attempt_wrote_is_rolled_back(job, monkeypatch):
    """The fence stands in the writing transaction: the other attempt begins while this one still writes."""
    from nights import steps

    def write_and_lose(work):
        Night.objects.filter(pk=work.night_id).update(summary={"written": True})
        Job.objects.update(attempt=2)
        return steps.Outcome(1)

    monkeypatch.setitem(steps.TABLE, "facts", steps.StepDef(write_and_lose))

    assert services.run_job(job.pk) is False
    assert Night.objects.get().summary == {}
    assert (reload(job).state, job.attempt) == ("running", 1)


def test_a_failure_pauses_the_job_and_the_third_one_ends_it(job):
    for number in (1, 2):
        jobs.give_back(jobs.claim(job.pk), ValueError(f"no {number}\nDETAIL: a client's name"))
        assert (reload(job).state, job.failures) == ("due", number)
        assert jobs.claim(job.pk) is None, "the pause is not over"
        Job.objects.update(due_at=Now())

    jobs.give_back(jobs.claim(job.pk), ValueError("no 3"))

    assert (reload(job).state, job.failures, job.attempt) == ("failed", 3, 3)
    assert job.error == "ValueError: no 3"


def test_the_first_line_of_an_error_is_kept_the_lines_that_quote_rows_are_not():
    error = ValueError('duplicate key value violates unique constraint "x"\nDETAIL:  Key (name)=(王芳) already exists.')

    assert jobs.error_text(error) == 'ValueError: duplicate key value violates unique constraint "x"'


def test_being_told_to_end_is_not_a_failure(job):
    for _ in range(4):
        jobs.give_back(jobs.claim(job.pk), KeyboardInterrupt(), counts=False)

    assert (reload(job).state, job.failures, job.attempt) == ("due", 0, 4)


def test_the_sweeper_takes_back_only_what_is_silent(job, settings):
    silent, alive = job, Job.objects.create(night=job.night, step="facts", part=1, parts=2)
    jobs.claim(silent.pk)
    jobs.claim(alive.pk)
    Job.objects.filter(pk=silent.pk).update(heartbeat_at=Now() - timedelta(seconds=settings.NIGHT_STALE_SECONDS + 1))

    assert jobs.sweep() == [silent.pk]
    assert (reload(silent).state, silent.error, silent.failures) == ("due", jobs.SILENT, 1)
    assert reload(alive).state == "running"
    assert jobs.sweep() == []


def test_a_due_job_is_rung_for_at_once_and_again_when_its_message_may_be_lost(job, settings):
    assert jobs.take_silent() == [job.pk]
    assert jobs.take_silent() == [], "a message is on its way"
    Job.objects.update(rung_at=Now() - timedelta(seconds=settings.NIGHT_RING_SECONDS + 1))
    assert jobs.take_silent() == [job.pk]
    jobs.claim(job.pk)
    Job.objects.update(rung_at=None)
    assert jobs.take_silent() == [], "it is being worked on"


@pytest.mark.django_db(transaction=True)
def test_one_of_many_messages_at_once_does_the_work():
    night = Night.objects.create(business_date=DAY, plan=["facts"])
    job = Job.objects.create(night=night, step="facts")
    barrier, claims = threading.Barrier(6), []

    def take() -> None:
        try:
            barrier.wait()
            claims.append(jobs.claim(job.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(claims) == 6
    assert [held.attempt for held in claims if held] == [1]


@pytest.mark.django_db(transaction=True)
def test_the_heart_beats_on_its_own_connection_while_the_job_holds_a_transaction(settings):
    from nights import heartbeat

    settings.NIGHT_HEARTBEAT_SECONDS = 0.1
    night = Night.objects.create(business_date=DAY, plan=["facts"])
    job = Job.objects.create(night=night, step="facts")
    held = jobs.claim(job.pk)
    before = reload(job).heartbeat_at

    with transaction.atomic(), heartbeat.beating(held), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.6)")

    assert reload(job).heartbeat_at > before + timedelta(seconds=0.3)
    Job.objects.update(attempt=2)
    with heartbeat.beating(held), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.3)")
    assert reload(job).heartbeat_at < before + timedelta(seconds=2)
