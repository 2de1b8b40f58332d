"""The night as an object (N2, U14): one row per business date, one job per step and part; the queue of record."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from org.models import User


class Step(models.TextChoices):
    INTAKE = "intake", _("Intake")
    FACTS = "facts", _("Monthly facts")
    RANKING = "ranking", _("Ranking")
    NOTICES = "notices", _("Notices")


class Night(models.Model):
    """The nightly chain of one business date."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        HELD = "held", _("Held: waits for a decision")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    business_date = models.DateField(_("Business date"), unique=True)
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    started_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    held_reason = models.JSONField(default=dict)
    released_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    released_at = models.DateTimeField(null=True)
    summary = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("Night")


class Job(models.Model):
    """One step of a night for one part of the branches. A message only says 'look'; this row says what is due.

    `attempt` fences: a worker may write only while its attempt is the current one.
    """

    class State(models.TextChoices):
        DUE = "due", _("Due")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    night = models.ForeignKey(Night, models.CASCADE, related_name="jobs")
    step = models.CharField(max_length=8, choices=Step)
    part = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State, default=State.DUE)
    attempt = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=80, blank=True)
    heartbeat_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    rows = models.BigIntegerField(default=0)
    detail = models.JSONField(default=dict)
    error = models.TextField(blank=True)

    class Meta:
        verbose_name = _("Job")
        constraints = [models.UniqueConstraint(fields=["night", "step", "part"], name="job_once")]
        indexes = [models.Index(fields=["state"], name="job_open", condition=~models.Q(state="done"))]


class Notice(models.Model):
    """A notice to one user, made once per key; the outbox of the night (tier moves, held nights)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="notices")
    key = models.CharField(max_length=80)
    kind = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    url = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="notice_once")]
        indexes = [models.Index(fields=["user", "-created_at"], name="notice_newest")]
