"""`manage.py night`: what it prints, what it leaves, with which status it ends; one link alone."""

import io

import pytest
from django.core.management import CommandError, call_command

from nights import jobs, services, steps
from nights.models import Night
from segmentation.models import RankingRun, Standing
from tests.nights.firm import DAY, NEXT_DAY


def night(*args: str) -> str:
    out = io.StringIO()
    call_command("night", *args, stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def _at(drop_dir):
    """No delivery in the drop folder; the night goes on with what is known."""


def test_a_night_is_run_told_and_run_again(firm):
    firm.ladder()
    told = night("--date", str(DAY))
    assert f"night of {DAY}, run 1: intake" in told
    assert "done in" in told
    assert "A 2, B 2, C 2" in told
    assert Night.objects.get().state == "done"
    assert "run 2" in night("--date", str(DAY))
    assert Standing.objects.count() == 6


def test_one_link_alone_leaves_the_others_to_do(firm):
    firm.ladder()
    told = night("--date", str(DAY), "--step", "facts")
    assert "facts" in told
    assert "other steps of this night are still to run" in told
    assert Night.objects.get().state == "partial"
    assert not RankingRun.objects.exists()
    assert "ranking" in night("--date", str(DAY), "--step", "ranking")
    assert RankingRun.objects.get().state == "done"


def test_a_held_night_ends_with_three_and_says_where_to_decide(firm):
    clients = firm.ladder()
    night("--date", str(DAY))
    firm.earn(clients[-1], 100_000)
    with pytest.raises(CommandError, match=f"release or cancel it on the page /nights/{NEXT_DAY}/") as held:
        night("--date", str(NEXT_DAY))
    assert held.value.returncode == 3
    # Asked again, it does not go on by itself.
    with pytest.raises(CommandError) as again:
        night("--date", str(NEXT_DAY))
    assert again.value.returncode == 3
    services.release(Night.objects.get(business_date=NEXT_DAY), user=firm.admin.user)
    assert "helping" in night("--date", str(NEXT_DAY))


def test_a_night_that_fails_ends_with_one(firm, monkeypatch):
    def broken(*args, **kwargs):
        raise ValueError("broken on purpose")

    monkeypatch.setattr(jobs, "RETRY_PAUSE", 0)
    monkeypatch.setattr(steps.intake, "take_in", broken)
    with pytest.raises(CommandError) as failed:
        night("--date", str(DAY))
    assert failed.value.returncode == 1
    assert Night.objects.get().state == "failed"
    assert not RankingRun.objects.exists()


@pytest.mark.parametrize("args", [["--date", "2026-13-01"], [], ["--date", "2026-10-16", "--step", "lunch"]])
def test_nonsense_is_refused_in_a_line(args, db):
    with pytest.raises(CommandError):
        night(*args)
    assert not Night.objects.exists()
