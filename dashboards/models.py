"""What the dashboards keep: sums that no other ledger holds, and the targets that a head sets (D2, D3).

Money: BIGINT in 1/10,000 元 (crm.money).
"""

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from org.models import Branch, Staff, User
from org.scope import scope_of

#: `staff_id` of the row for all clients of a branch, and of the one for those without a manager.
WHOLE, NOBODY = 0, -1


class Figure(models.Model):
    """One figure (`dashboards.figures`) of a branch, or of one manager's clients in it, in a month; written by the night.

    Of the clients as they are assigned when it is made. `count`: clients (contacts for the figures of contacts).
    """

    branch = models.ForeignKey(Branch, models.CASCADE, related_name="+", db_index=False)
    staff_id = models.BigIntegerField(default=WHOLE)
    month = models.DateField()
    key = models.CharField(max_length=12)
    count = models.IntegerField()
    amount = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["branch", "staff_id", "key", "month"], name="dashboard_figure_once")
        ]
        indexes = [
            models.Index(fields=["key", "month", "branch"], condition=Q(staff_id=WHOLE), name="dashboard_whole"),
        ]


class Made(models.Model):
    """Which month a part of the branches was made for, and as of which business date."""

    month = models.DateField()
    part = models.PositiveSmallIntegerField()
    parts = models.PositiveSmallIntegerField()
    as_of = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["month", "parts", "part"], name="dashboard_made_once")]


class TargetQuerySet(models.QuerySet["Target"]):
    def visible_to(self, user: Any) -> "TargetQuerySet":
        """Targets of branches that a user sees whole."""
        return self.filter(scope_of(user).branch_condition("branch"))


class Target(models.Model):
    """What a branch, or one of its managers, is to reach in a month, quarter or year.

    `value`: units of money; for contacts the share in 1/100 %. `version` counts its changes.
    """

    class Kind(models.TextChoices):
        MONTH = "month", _("Month")
        QUARTER = "quarter", _("Quarter")
        YEAR = "year", _("Year")

    class Goal(models.TextChoices):
        REVENUE = "revenue", _("Revenue")
        INFLOW = "inflow", _("Net inflow")
        CONTACTS = "contacts", _("Contacts done, %")

    branch = models.ForeignKey(Branch, models.PROTECT, verbose_name=_("Branch"), related_name="targets")
    staff = models.ForeignKey(
        Staff, models.PROTECT, verbose_name=_("Manager"), null=True, blank=True, related_name="targets"
    )
    kind = models.CharField(_("Period"), max_length=7, choices=Kind)
    first = models.DateField(_("From"))
    goal = models.CharField(_("Figure"), max_length=8, choices=Goal)
    value = models.BigIntegerField(_("Target"))
    version = models.PositiveIntegerField(default=1)
    set_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    set_at = models.DateTimeField(db_default=Now())

    objects = TargetQuerySet.as_manager()

    class Meta:
        verbose_name = _("Target")
        constraints = [
            models.UniqueConstraint(
                fields=["branch", "staff", "kind", "first", "goal"], nulls_distinct=False, name="target_once"
            ),
            models.CheckConstraint(name="target_above_zero", condition=Q(value__gt=0)),
            models.CheckConstraint(name="target_share_up_to_100", condition=~Q(goal="contacts") | Q(value__lte=10_000)),
            models.CheckConstraint(
                name="target_from_first_day",
                condition=Q(first__day=1)
                & (
                    Q(kind="month") | Q(kind="quarter", first__month__in=[1, 4, 7, 10]) | Q(kind="year", first__month=1)
                ),
            ),
        ]
        indexes = [models.Index(fields=["branch", "first"], name="target_branch")]


class WeeklyReport(models.Model):
    """The report of one week to one head of a branch (D5): made once, sent once. `week`: its Monday."""

    class State(models.TextChoices):
        DUE = "due", pgettext_lazy("report", "Due")
        SENDING = "sending", pgettext_lazy("report", "Being sent")
        SENT = "sent", pgettext_lazy("report", "Sent")
        FAILED = "failed", pgettext_lazy("report", "Failed")
        DROPPED = "dropped", pgettext_lazy("report", "No longer wanted")

    staff = models.ForeignKey(Staff, models.CASCADE, related_name="weekly_reports")
    week = models.DateField()
    due_at = models.DateTimeField()
    state = models.CharField(max_length=7, choices=State, default=State.DUE)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("Weekly report")
        constraints = [
            models.UniqueConstraint(fields=["staff", "week"], name="weekly_report_once"),
            models.CheckConstraint(name="weekly_report_on_monday", condition=Q(week__iso_week_day=1)),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="weekly_report_open", condition=Q(state__in=["due", "sending"]))
        ]


class WallLinkQuerySet(models.QuerySet["WallLink"]):
    def visible_to(self, user: Any) -> "WallLinkQuerySet":
        """Links to branches that a user sees whole."""
        return self.filter(scope_of(user).branch_condition("branch"))


class WallLink(models.Model):
    """An address that shows a branch's wallboard without a log-in (D2): a screen in the branch has nobody to log in.

    Only the digest of its secret is kept. It shows what its maker may see, and nothing once he may not.
    """

    branch = models.ForeignKey(Branch, models.PROTECT, related_name="wall_links")
    name = models.CharField(_("Where the screen hangs"), max_length=60)
    digest = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=Now())
    last_read_at = models.DateTimeField(null=True)

    objects = WallLinkQuerySet.as_manager()

    class Meta:
        verbose_name = _("Wallboard")
