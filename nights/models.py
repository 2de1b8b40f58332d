"""The night as an object (N2, U14): one row per business date, one job per step and part; the queue of record."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from org.models import User
from org.rights import may


class Step(models.TextChoices):
    """The steps of the chain, in order. `check` previews the moves so that the night can stop before it ranks."""

    INTAKE = "intake", _("Intake")
    FACTS = "facts", _("Monthly facts")
    CHECK = "check", _("Preview of the moves")
    RANKING = "ranking", _("Ranking")
    NOTICES = "notices", _("Notices")
    VALUES = "values", _("Lifetime values and profit")
    MEASURES = "measures", _("Nine cells, score, RFM")
    VISITS = "visits", _("Contacts owed")
    PLANS = "plans", _("Month plans")
    BOARDS = "boards", _("Dashboards")


class NightQuerySet(models.QuerySet["Night"]):
    def visible_to(self, user) -> "NightQuerySet":
        """Nights carry counts of the whole firm: all of them with the right `nights.view`, otherwise none."""
        return self if may(user, "nights.view") else self.none()


class Night(models.Model):
    """The nightly chain of one business date. Change it only through `nights.services` and `nights.chain`.

    Each wanted repetition is a new *run* of the same night: `run_no` counts them, `plan` names the steps of this run.
    """

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        HELD = "held", _("Held: waits for a decision")
        PARTIAL = "partial", _("Some steps are still to run")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    #: States in which the night of a later date must wait.
    OPEN = (State.RUNNING, State.HELD, State.PARTIAL, State.FAILED)

    business_date = models.DateField(_("Business date"), unique=True)
    state = models.CharField(_("State"), max_length=9, choices=State, default=State.RUNNING)
    run_no = models.PositiveSmallIntegerField(_("Run"), default=1)
    plan = models.JSONField(default=list)
    started_at = models.DateTimeField(_("Started"), db_default=Now())
    finished_at = models.DateTimeField(_("Finished"), null=True)
    started_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    held_reason = models.JSONField(default=dict)
    released_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    released_at = models.DateTimeField(null=True)
    summary = models.JSONField(default=dict)

    objects = NightQuerySet.as_manager()

    class Meta:
        verbose_name = _("Night")
        indexes = [
            # The next night asks whether one is open, every fifteen seconds.
            models.Index(
                fields=["business_date"],
                name="night_open",
                condition=Q(state__in=["running", "held", "partial", "failed"]),
            )
        ]

    def __str__(self) -> str:
        return self.business_date.isoformat()

    @property
    def seconds(self) -> float | None:
        """How long this run took, decisions waited for included; None while it is under way."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else None


class Job(models.Model):
    """One step of a night for one part of the branches. A message only says 'look'; this row says what is due.

    `attempt` fences: an attempt may commit only while it is the current one (`nights.jobs.finish`).
    """

    class State(models.TextChoices):
        DUE = "due", _("Due")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        DROPPED = "dropped", _("Dropped")

    night = models.ForeignKey(Night, models.CASCADE, related_name="jobs", db_index=False)
    run_no = models.PositiveSmallIntegerField(default=1)
    step = models.CharField(max_length=8, choices=Step)
    part = models.PositiveSmallIntegerField(default=0)
    parts = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=8, choices=State, default=State.DUE)
    attempt = models.PositiveSmallIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=80, blank=True)
    due_at = models.DateTimeField(db_default=Now())
    rung_at = models.DateTimeField(null=True, help_text="When a message was last sent for it")
    heartbeat_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    rows = models.BigIntegerField(default=0)
    detail = models.JSONField(default=dict)
    error = models.TextField(blank=True, help_text="Of the last attempt that failed")

    class Meta:
        verbose_name = _("Job")
        constraints = [
            models.UniqueConstraint(fields=["night", "run_no", "step", "part"], name="job_once"),
            models.CheckConstraint(name="job_part_of_parts", condition=Q(part__lt=models.F("parts"))),
        ]
        indexes = [models.Index(fields=["due_at"], name="job_open", condition=Q(state__in=["due", "running"]))]

    @property
    def part_no(self) -> int:
        """The part as people count."""
        return self.part + 1


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, user) -> "NoticeQuerySet":
        """One's own."""
        return self.filter(user=user) if user.is_authenticated and user.is_active else self.none()


class Notice(models.Model):
    """A notice to one user, made once per key; the outbox of the night (tier moves, held and failed nights).

    The words are made on reading, from `kind` and `data`, in the reader's language (`nights.notices`).
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="notices", db_index=False)
    key = models.CharField(max_length=80)
    kind = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("Notice")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="notice_once")]
        indexes = [models.Index(fields=["user", "-created_at"], name="notice_newest")]
