"""Complaints (X1–X8). The events of a file are the truth; the other rows mirror them and are written by services only.

Money: BIGINT in 1/10,000 元 (crm.money). Triggers and checks of the database hold what must never be (docs/complaints.md).
"""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clients.models import Client
from complaints.choices import (
    Basis,
    Category,
    Cause,
    Channel,
    Ground,
    Kind,
    Party,
    Result,
    Severity,
    State,
    Step,
    Wish,
)
from org.models import Branch, Staff, User


class ComplaintPolicy(models.Model):
    """One version of limits, ladder and assignment; the newest published one with valid_from ≤ the day of receipt holds
    for a case, to its end.

    `limits`: see `complaints.rules.Limit`; `ladder`: [{percent, to}]; `assignment`: severity → roles in order.
    """

    version = models.PositiveIntegerField(unique=True)
    state = models.CharField(
        max_length=9, choices=[("draft", _("Draft")), ("published", _("Published"))], default="draft"
    )
    valid_from = models.DateField(_("Valid from"))
    limits = models.JSONField()
    ladder = models.JSONField()
    assignment = models.JSONField()
    follow_up_days = models.JSONField(_("Follow-ups after closing, calendar days"))
    fast_workdays = models.PositiveSmallIntegerField(_("Resolved fast: working days"), default=3)
    group_from = models.PositiveSmallIntegerField(_("Group complaint from persons"), default=5)
    approve_from = models.PositiveBigIntegerField(_("Amount to be approved from, yuan"), default=0)
    grave_from = models.PositiveBigIntegerField(
        _("Amount claimed that is assigned like a major case, yuan"), null=True, blank=True
    )
    archive_days = models.PositiveSmallIntegerField(_("Archived after closing, calendar days"), default=120)
    keep_years = models.PositiveSmallIntegerField(_("Kept, years"), default=20)
    note = models.CharField(_("Why"), max_length=200, blank=True)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    published_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("Complaint policy")
        constraints = [
            models.CheckConstraint(name="complaint_policy_keeps_20_years", condition=Q(keep_years__gte=20)),
            models.CheckConstraint(name="complaint_policy_group", condition=Q(group_from__gte=2)),
        ]


class ComplaintQuerySet(models.QuerySet["Complaint"]):
    def visible_to(self, user) -> "ComplaintQuerySet":
        """The complaints a user may see; see `complaints.scope`. Never those about the user (U6)."""
        from complaints.scope import complaint_scope  # scope reads these models

        return self.filter(complaint_scope(user).condition())


class Complaint(models.Model):
    """A case. Change it only through `complaints.services`: `version` counts its events, `head` is the last one's hash."""

    number = models.CharField(pgettext_lazy("complaint", "Number"), max_length=16, unique=True)
    state = models.CharField(_("State"), max_length=8, choices=State)
    step = models.PositiveSmallIntegerField(_("Step"), choices=Step)
    round = models.PositiveSmallIntegerField(default=1)
    version = models.PositiveIntegerField()
    head = models.CharField(max_length=64)
    policy = models.ForeignKey(ComplaintPolicy, models.PROTECT, related_name="+")
    received_at = models.DateTimeField(_("Received"))
    registered_at = models.DateTimeField()
    channel = models.CharField(pgettext_lazy("complaint", "Channel"), max_length=14, choices=Channel)
    category = models.CharField(_("Business line"), max_length=11, choices=Category)
    kind = models.CharField(
        _("Kind of matter"), max_length=10, choices=Kind, default=Kind.COMPLAINT, db_default="complaint"
    )
    relabel_asked = models.BooleanField(
        default=False, db_default=False, help_text="Other labels wait for a second person"
    )
    severity = models.CharField(_("Severity"), max_length=9, choices=Severity)
    wish = models.CharField(_("Wish"), max_length=12, choices=Wish)
    amount = models.BigIntegerField(_("Amount claimed"), null=True)
    persons = models.PositiveSmallIntegerField(_("Persons complaining"), default=1)
    summary = models.CharField(_("In one line"), max_length=120)
    narrative = models.TextField(_("Facts as told"), max_length=40_000)
    product = models.CharField(_("Product"), max_length=120, blank=True)
    party = models.CharField(_("Who complains"), max_length=10, choices=Party)
    complainant = models.CharField(_("Name of the complainant"), max_length=120, blank=True)
    contact = models.CharField(_("Telephone or e-mail"), max_length=120, blank=True)
    client = models.ForeignKey(Client, models.PROTECT, null=True, related_name="complaints")
    branch = models.ForeignKey(Branch, models.PROTECT, related_name="complaints")
    about_person = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="complaints_about")
    about_superior = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="+")
    receiver = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="+")
    handler = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="complaints")
    paused = models.CharField(max_length=11, blank=True, choices=Ground)
    due_at = models.DateTimeField(_("Due"), null=True, help_text="The nearest clock still running")
    due_key = models.CharField(max_length=20, blank=True)
    accepted_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(_("Answered"), null=True)
    closed_at = models.DateTimeField(_("Closed"), null=True)
    archived_at = models.DateTimeField(null=True)
    result = models.CharField(_("Result"), max_length=10, blank=True, choices=Result)
    cause = models.CharField(_("Root cause"), max_length=11, blank=True, choices=Cause)
    fast = models.BooleanField(null=True, help_text="Resolved fast (X7); empty while open")
    merged_into = models.ForeignKey("self", models.PROTECT, null=True, related_name="merged")
    keep_until = models.DateField(null=True)

    objects = ComplaintQuerySet.as_manager()

    class Meta:
        verbose_name = _("Complaint")
        constraints = [
            # U6: also held against the ORM; approvals are held by a trigger on the events.
            models.CheckConstraint(
                name="complaint_handler_not_named",
                condition=(
                    Q(handler__isnull=True)
                    | (Q(about_person__isnull=True) | ~Q(handler=F("about_person")))
                    & (Q(about_superior__isnull=True) | ~Q(handler=F("about_superior")))
                ),
            ),
            models.CheckConstraint(name="complaint_step_1_to_6", condition=Q(step__range=(1, 6))),
            models.CheckConstraint(
                name="complaint_ends_with_result",
                condition=Q(state__in=["closed", "archived"], closed_at__isnull=False) & ~Q(result="")
                | ~Q(state__in=["closed", "archived"]) & Q(closed_at__isnull=True, result=""),
            ),
            models.CheckConstraint(
                name="complaint_closed_with_proof",
                condition=~Q(state__in=["closed", "archived"])
                | Q(result__in=["withdrawn", "merged"])
                | Q(step=6, answered_at__isnull=False) & ~Q(cause=""),
            ),
            models.CheckConstraint(
                name="complaint_merged_somewhere",
                condition=Q(result="merged", merged_into__isnull=False)
                | ~Q(result="merged") & Q(merged_into__isnull=True),
            ),
            models.CheckConstraint(
                name="complaint_named_or_anonymous", condition=Q(party="anonymous") | ~Q(complainant="")
            ),
        ]
        indexes = [
            models.Index(fields=["handler", "due_at"], name="complaint_handler_due"),
            models.Index(fields=["branch", "-received_at"], name="complaint_branch_new"),
            models.Index(fields=["client", "-received_at"], name="complaint_client_new"),
            models.Index(fields=["-received_at", "id"], name="complaint_newest"),
            models.Index(fields=["about_person"], name="complaint_about", condition=Q(about_person__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.number


class OfComplaint(models.QuerySet):
    """Rows that belong to a complaint are seen by whoever sees it."""

    def visible_to(self, user):
        from complaints.scope import complaint_scope

        return self.filter(complaint_scope(user).condition("complaint__"))


class ComplaintEvent(models.Model):
    """One event of a file: append-only by trigger, numbered without gaps, chained by hashes."""

    complaint = models.ForeignKey(Complaint, models.PROTECT, related_name="events", db_index=False)
    sequence = models.PositiveIntegerField()
    kind = models.CharField(max_length=16)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    data = models.JSONField(default=dict)
    before = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    objects = OfComplaint.as_manager()

    class Meta:
        verbose_name = _("Event of a complaint")
        constraints = [models.UniqueConstraint(fields=["complaint", "sequence"], name="complaint_event_once")]


class Intake(models.Model):
    """How a matter came in; one matter by two channels is one case with two intakes. (source, external_ref) is unique."""

    complaint = models.ForeignKey(Complaint, models.PROTECT, related_name="intakes")
    channel = models.CharField(max_length=14, choices=Channel)
    source = models.CharField(max_length=40, blank=True)
    external_ref = models.CharField(_("External number"), max_length=64, blank=True)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source", "external_ref"], name="complaint_intake_once", condition=~Q(external_ref="")
            )
        ]


class StepRun(models.Model):
    """A step of a case, once for each round. What is done is never changed (trigger); `record` must be whole (check)."""

    complaint = models.ForeignKey(Complaint, models.PROTECT, related_name="steps", db_index=False)
    step = models.PositiveSmallIntegerField(choices=Step)
    round = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    record = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["complaint", "step", "round"], name="complaint_step_once")]


class Promise(models.Model):
    """A promise of step 6 and what became of it."""

    complaint = models.ForeignKey(Complaint, models.PROTECT, related_name="promises", db_index=False)
    no = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=500)
    due_on = models.DateField()
    kept = models.BooleanField(null=True)
    followed_at = models.DateTimeField(null=True)

    objects = OfComplaint.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["complaint", "no"], name="complaint_promise_once"),
            models.CheckConstraint(
                name="complaint_promise_followed",
                condition=Q(kept__isnull=True, followed_at__isnull=True)
                | Q(kept__isnull=False, followed_at__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["due_on"], name="complaint_promise_open", condition=Q(kept__isnull=True))]


class Clock(models.Model):
    """A deadline as `rules.deadlines` gives it, kept for lists and for the hourly job; made anew with each event."""

    complaint = models.ForeignKey(Complaint, models.CASCADE, related_name="clocks", db_index=False)
    key = models.CharField(max_length=20)
    basis = models.CharField(max_length=8, choices=Basis)
    started_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    met_at = models.DateTimeField(null=True)
    alarm_at = models.DateTimeField(null=True, help_text="When the next rung of the ladder is reached")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["complaint", "key"], name="complaint_clock_once")]
        indexes = [models.Index(fields=["alarm_at"], name="complaint_clock_alarm", condition=Q(alarm_at__isnull=False))]


class Escalation(models.Model):
    """The ledger of reminders and escalations: each rung once for each due date."""

    complaint = models.ForeignKey(Complaint, models.PROTECT, related_name="escalations", db_index=False)
    key = models.CharField(max_length=20)
    percent = models.PositiveSmallIntegerField()
    to = models.CharField(max_length=20)
    due_at = models.DateTimeField()
    moment = models.DateTimeField()
    fired_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["complaint", "key", "percent", "to", "due_at"], name="complaint_rung_once")
        ]


class FollowUp(models.Model):
    """Recovery (X6): asked at fixed intervals after closing; 1–5, 5 = very satisfied."""

    complaint = models.ForeignKey(Complaint, models.PROTECT, related_name="follow_ups", db_index=False)
    round = models.PositiveSmallIntegerField()
    days = models.PositiveSmallIntegerField()
    due_on = models.DateField(_("Due"))
    reminded_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    dropped = models.BooleanField(default=False, help_text="The case was opened again first")
    satisfaction = models.PositiveSmallIntegerField(_("Satisfaction, 1–5"), null=True)
    note = models.CharField(_("What the client said"), max_length=500, blank=True)

    objects = OfComplaint.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["complaint", "round", "days"], name="complaint_follow_up_once"),
            models.CheckConstraint(
                name="complaint_satisfaction", condition=Q(satisfaction__isnull=True) | Q(satisfaction__range=(1, 5))
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_on"], name="complaint_follow_up_open", condition=Q(done_at__isnull=True, dropped=False)
            )
        ]


class WatchQuerySet(OfComplaint):
    def leaving(self) -> "WatchQuerySet":
        """Clients who left, or began to, since the case was closed."""
        return self.exclude(sign="").filter(dropped=False)


class Watch(models.Model):
    """The relationship after closing (X6): what the client had then, and the first sign that he leaves. Money in units.

    `inflow`: in minus out since the first of the month of closing. `dropped`: the case was opened again.
    """

    class Sign(models.TextChoices):
        CLOSED = "closed", _("Account closed")
        OUTFLOW = "outflow", _("Money leaves")

    complaint = models.ForeignKey(Complaint, models.PROTECT, related_name="watches", db_index=False)
    round = models.PositiveSmallIntegerField()
    from_on = models.DateField(_("Closed on"))
    until_on = models.DateField(_("Watched until"))
    assets = models.BigIntegerField(_("Assets then"))
    inflow = models.BigIntegerField(_("In minus out since"), default=0)
    as_of = models.DateField(null=True)
    sign = models.CharField(_("Sign"), max_length=7, choices=Sign, blank=True)
    noticed_on = models.DateField(_("Noticed on"), null=True)
    dropped = models.BooleanField(default=False)

    objects = WatchQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["complaint", "round"], name="complaint_watch_once"),
            models.CheckConstraint(
                name="complaint_watch_noticed",
                condition=Q(sign="", noticed_on__isnull=True) | (~Q(sign="") & Q(noticed_on__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(fields=["until_on"], name="complaint_watched", condition=Q(sign="", dropped=False)),
        ]


class Attachment(models.Model):
    """A file of a case; stored under MEDIA_ROOT, which no URL serves, and sent with rights asked again."""

    complaint = models.ForeignKey(Complaint, models.PROTECT, related_name="attachments")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=80)
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    path = models.CharField(max_length=80)
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    objects = OfComplaint.as_manager()


class NumberCounter(models.Model):
    """The last number given in a year; numbers have no gaps."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    last = models.PositiveIntegerField(default=0)


class HourRun(models.Model):
    """The ledger of the hourly step: each hour is worked once, in order, however late."""

    hour = models.DateTimeField(primary_key=True)
    fired = models.PositiveIntegerField(_("Reminders and escalations"), default=0)
    follow_ups = models.PositiveIntegerField(pgettext_lazy("count", "Follow-ups"), default=0)
    finished_at = models.DateTimeField()
