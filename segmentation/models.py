"""Ranking (S1), its policy, runs, the standing of each client, the history (S12) and totals per scope (S2)."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from clients.models import Client
from org.models import User


class Scope(models.TextChoices):
    """Within what clients are compared (S1)."""

    BRANCH = "branch", _("Branch")
    MANAGER = "manager", _("Manager")
    FIRM = "firm", _("Firm")


class Tier(models.TextChoices):
    A = "A", "A"
    B = "B", "B"
    C = "C", "C"


class RankingPolicy(models.Model):
    """One version of the ranking rules; the newest published one with valid_from ≤ business date holds."""

    class Window(models.TextChoices):
        MONTHS = "months", _("Trailing whole months")
        RANGE = "range", _("Date range")
        TO_DATE = "to_date", _("Trailing months up to the business date")

    version = models.PositiveIntegerField(unique=True)
    state = models.CharField(
        max_length=9, choices=[("draft", _("Draft")), ("published", _("Published"))], default="draft"
    )
    valid_from = models.DateField(_("Valid from"))
    scope = models.CharField(_("Ranked within"), max_length=8, choices=Scope, default=Scope.BRANCH)
    cut_a = models.DecimalField(_("A up to, % of contribution"), max_digits=5, decimal_places=2, default=55)
    cut_b = models.DecimalField(_("B up to, % of contribution"), max_digits=5, decimal_places=2, default=85)
    window = models.CharField(_("Window"), max_length=8, choices=Window, default=Window.MONTHS)
    window_months = models.PositiveSmallIntegerField(_("Months"), default=12)
    window_from = models.DateField(_("From"), null=True, blank=True)
    window_to = models.DateField(_("To"), null=True, blank=True)
    watch_months = models.PositiveSmallIntegerField(
        _("Watch months before the service tier falls"), default=0, help_text=_("0: falls at the next month's start")
    )
    max_move_percent = models.DecimalField(
        _("Hold the night when more than this % of clients would move"), max_digits=5, decimal_places=2, default=20
    )
    visits_a = models.PositiveSmallIntegerField(_("Contacts a month, A"), default=3)
    visits_b = models.PositiveSmallIntegerField(_("Contacts a month, B"), default=2)
    visits_c = models.PositiveSmallIntegerField(_("Contacts a month, C"), default=1)
    ideal_a = models.DecimalField(_("Ideal share of A, %"), max_digits=5, decimal_places=2, default=20)
    ideal_b = models.DecimalField(_("Ideal share of B, %"), max_digits=5, decimal_places=2, default=40)
    note = models.CharField(_("Why"), max_length=200, blank=True)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    published_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("Ranking policy")
        constraints = [
            models.CheckConstraint(
                name="policy_cuts_in_order",
                condition=Q(cut_a__gt=0) & Q(cut_a__lt=models.F("cut_b")) & Q(cut_b__lte=100),
            ),
            models.CheckConstraint(
                name="policy_range_complete",
                condition=~Q(window="range")
                | Q(window_from__isnull=False, window_to__isnull=False, window_from__lte=models.F("window_to")),
            ),
            models.CheckConstraint(
                name="policy_window_months", condition=Q(window_months__gte=1) & Q(window_months__lte=60)
            ),
        ]

    def clean(self) -> None:
        """The constraints in words, at the fields. Fields that did not parse are None and have their own error."""
        wrong: dict[str, Any] = {}
        if self.cut_a is not None and self.cut_a <= 0:
            wrong["cut_a"] = _("A needs a share above 0%.")
        if self.cut_b is not None and self.cut_b > 100:
            wrong["cut_b"] = _("B ends at 100% at the latest.")
        elif self.cut_a is not None and self.cut_b is not None and self.cut_a >= self.cut_b:
            wrong["cut_b"] = _("B must end above A.")
        if self.window_months is not None and not 1 <= self.window_months <= 60:
            wrong["window_months"] = _("From 1 to 60 months.")
        if self.window == self.Window.RANGE:
            for name in ("window_from", "window_to"):
                if getattr(self, name) is None:
                    wrong[name] = _("A date range needs both days.")
            if self.window_from and self.window_to and self.window_from > self.window_to:
                wrong["window_to"] = _("The last day is before the first.")
        if wrong:
            raise ValidationError(wrong)


class RankingRun(models.Model):
    """One ranking of one scope kind for one business date; repeating it replaces its result.

    The usual runs form a chain that `Standing` follows. `apart`: a run beside it (another scope or window, an older date).
    `full`: the run wrote a mark for every client; otherwise only what differs from the run before in the chain.
    """

    scope = models.CharField(max_length=8, choices=Scope)
    business_date = models.DateField(_("Business date"))
    policy = models.ForeignKey(RankingPolicy, models.PROTECT, related_name="runs")
    window_from = models.DateField()
    window_to = models.DateField()
    data_as_of = models.DateField(_("Data up to"), null=True, help_text=_("Newest fact taken into account"))
    apart = models.BooleanField(default=False)
    full = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=[("running", _("Running")), ("done", _("Done"))], default="running")
    clients = models.IntegerField(default=0)
    moved_up = models.IntegerField(default=0)
    moved_down = models.IntegerField(default=0)
    entered = models.IntegerField(default=0)
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    started_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("Ranking run")
        constraints = [models.UniqueConstraint(fields=["scope", "business_date", "apart"], name="ranking_run_once")]


class RunTotal(models.Model):
    """Figures of one branch, manager or the firm in one run (S2).

    `scope_id` is its id; 0 for the firm, and for clients without a manager.
    """

    run = models.ForeignKey(RankingRun, models.CASCADE, related_name="totals")
    scope_id = models.BigIntegerField()
    clients = models.IntegerField()
    positive_clients = models.IntegerField()
    contribution = models.BigIntegerField(help_text="Sum of the positive contributions")
    clients_a = models.IntegerField()
    clients_b = models.IntegerField()
    clients_c = models.IntegerField()
    contribution_a = models.BigIntegerField()
    contribution_b = models.BigIntegerField()
    contribution_c = models.BigIntegerField(help_text="Of the positive contributions, what C brings")
    floor_a = models.BigIntegerField(null=True, help_text="Contribution of the last A client")
    floor_b = models.BigIntegerField(null=True, help_text="Contribution of the last B client")
    clients_for_80 = models.IntegerField(help_text="How many clients bring 80 % of the contribution")
    data_as_of = models.DateField(null=True, help_text="Newest fact taken into account")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "scope_id"], name="run_total_once")]


class Standing(models.Model):
    """Where a client stands after the newest run of the policy's scope: narrow, rewritten only where it changes.

    `tier` is computed each night; `service_tier` is what visits go by (U2): up at once, down at the start of a month.
    `was_…`: how it stood before the business date `changed_on`, so that repeating that date starts from there. Empty for
    whoever was ranked for the first time on it.
    """

    # No constraint: clients are never deleted, and a million checks at the end of a first night are dear.
    client = models.OneToOneField(
        Client, models.DO_NOTHING, primary_key=True, related_name="standing", db_constraint=False
    )
    scope_id = models.BigIntegerField()
    contribution = models.BigIntegerField()
    tier = models.CharField(_("Tier"), max_length=1, choices=Tier)
    tier_since = models.DateField()
    service_tier = models.CharField(_("Service tier"), max_length=1, choices=Tier)
    service_since = models.DateField()
    below_since = models.DateField(null=True, help_text="Since when the computed tier is below the service tier")
    changed_on = models.DateField(null=True, editable=False)
    was_scope_id = models.BigIntegerField(null=True, editable=False)
    was_contribution = models.BigIntegerField(null=True, editable=False)
    was_tier = models.CharField(max_length=1, null=True, editable=False)
    was_tier_since = models.DateField(null=True, editable=False)
    was_service_tier = models.CharField(max_length=1, null=True, editable=False)
    was_service_since = models.DateField(null=True, editable=False)
    was_below_since = models.DateField(null=True, editable=False)

    class Meta:
        indexes = [models.Index(fields=["contribution", "client"], name="standing_contribution")]


class RankMark(models.Model):
    """A client's result in a run, written when it differs from the run before (or for all, in a full run).

    `series` is the scope, with a star for runs apart. `gone`: no longer ranked from this date on. Partitioned by month of
    `business_date`.
    """

    pk = models.CompositePrimaryKey("series", "client_id", "business_date")
    series = models.CharField(max_length=8)
    business_date = models.DateField()
    client = models.ForeignKey(Client, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    scope_id = models.BigIntegerField()
    contribution = models.BigIntegerField()
    assets = models.BigIntegerField()
    tier = models.CharField(max_length=1, choices=Tier)
    service_tier = models.CharField(max_length=1, choices=Tier)
    gone = models.BooleanField(default=False)


class TierChange(models.Model):
    """A change of computed or service tier in the policy's scope, with its reason (U1, S12)."""

    class Reason(models.TextChoices):
        ENTERED = "entered", _("Ranked for the first time")
        OWN = "own", _("Own contribution moved")
        LINE = "line", _("The line moved, the own contribution did not")
        POLICY = "policy", _("The policy changed")
        SCOPE = "scope", _("The client moved to another branch or manager")
        MONTH = "month", _("The service tier follows at the start of the month")
        LEFT = "left", _("No longer ranked")

    business_date = models.DateField()
    client = models.ForeignKey(Client, models.CASCADE, related_name="tier_changes")
    what = models.CharField(max_length=7, choices=[("tier", _("Tier")), ("service", _("Service tier"))], default="tier")
    before = models.CharField(max_length=1, blank=True)
    after = models.CharField(max_length=1, blank=True)
    reason = models.CharField(max_length=8, choices=Reason)
    contribution_before = models.BigIntegerField(null=True)
    contribution_after = models.BigIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["business_date", "client", "what"], name="tier_change_once")]
        indexes = [models.Index(fields=["client", "-business_date"], name="tier_change_client")]
