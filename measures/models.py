"""Nine cells (S3), high-value score (S4), RFM (S5), four kinds (S6) of every ranked client, and their history (S12).

Money: BIGINT in 1/10,000 元 (crm.money).
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clients.models import Client
from clients.scope import client_scope
from org.models import User

WEIGHTS = ("weight_contribution", "weight_growth", "weight_products", "weight_influence", "weight_social")


class Size(models.TextChoices):
    LARGE = "L", pgettext_lazy("size of a client", "Large")
    MEDIUM = "M", pgettext_lazy("size of a client", "Medium")
    SMALL = "S", pgettext_lazy("size of a client", "Small")


class Manner(models.TextChoices):
    IDLE = "i", pgettext_lazy("manner of trading", "Idle")
    STEADY = "s", pgettext_lazy("manner of trading", "Steady")
    SHORT = "t", pgettext_lazy("manner of trading", "Short-term")


class Kind(models.TextChoices):
    """The four kinds (S6)."""

    VALUE = "value", _("Value client")
    GROWTH = "growth", _("Growth client")
    CASH_FLOW = "cash_flow", _("Cash-flow client")
    RELATIONSHIP = "relationship", _("Relationship client")


class RfmGroup(models.TextChoices):
    """Named groups of RFM scores; the first that fits."""

    CHAMPIONS = "champions", _("Champions")
    POTENTIAL = "potential", _("Potential loyalists")
    LOYAL = "loyal", _("Loyal")
    PROMISING = "promising", _("Promising")
    NEW = "new", pgettext_lazy("RFM group", "New")
    CANT_LOSE = "cant_lose", _("Not to be lost")
    AT_RISK = "at_risk", _("At risk")
    ATTENTION = "attention", _("Need attention")
    SLEEPING = "sleeping", _("About to sleep")
    LOST = "lost", pgettext_lazy("RFM group", "Lost")
    OTHERS = "others", pgettext_lazy("RFM group", "Others")
    NEVER = "never", _("Never traded")


class MeasurePolicy(models.Model):
    """One version of the cuts and weights; the newest published one with valid_from ≤ business date holds."""

    version = models.PositiveIntegerField(unique=True)
    state = models.CharField(
        max_length=9, choices=[("draft", _("Draft")), ("published", _("Published"))], default="draft"
    )
    valid_from = models.DateField(_("Valid from"))
    medium_from = models.PositiveBigIntegerField(_("Medium from, yuan"), default=500_000)
    large_from = models.PositiveBigIntegerField(_("Large from, yuan"), default=3_000_000)
    idle_months = models.PositiveSmallIntegerField(_("Idle after months without a trade"), default=6)
    short_turnover = models.DecimalField(
        _("Short-term from turnover a year, times"), max_digits=5, decimal_places=2, default=10
    )
    growth_percent = models.PositiveSmallIntegerField(
        _("Growth client from net inflow in 12 months, % of assets"), default=20
    )
    cash_months = models.PositiveSmallIntegerField(
        _("Cash-flow client from months with a contribution, of 12"), default=9
    )
    weight_contribution = models.PositiveSmallIntegerField(_("Low cost and large contribution, %"), default=50)
    weight_growth = models.PositiveSmallIntegerField(_("Growth potential of funds, %"), default=20)
    weight_products = models.PositiveSmallIntegerField(_("Acceptance of new products, %"), default=10)
    weight_influence = models.PositiveSmallIntegerField(_("Influence on clients around, %"), default=10)
    weight_social = models.PositiveSmallIntegerField(_("Standing and social resources, %"), default=10)
    note = models.CharField(_("Why"), max_length=200, blank=True)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    published_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("Measure policy")
        constraints = [
            models.CheckConstraint(
                name="measure_sizes_in_order", condition=Q(medium_from__gt=0) & Q(medium_from__lt=F("large_from"))
            ),
            models.CheckConstraint(
                name="measure_weights_make_100",
                condition=Q(
                    weight_contribution=100
                    - F("weight_growth")
                    - F("weight_products")
                    - F("weight_influence")
                    - F("weight_social")
                ),
            ),
            models.CheckConstraint(
                name="measure_months",
                condition=Q(idle_months__range=(1, 60)) & Q(cash_months__range=(1, 12)) & Q(short_turnover__gt=0),
            ),
        ]

    def clean(self) -> None:
        """The constraints in words, at the fields."""
        wrong: dict[str, Any] = {}
        if self.medium_from <= 0:
            wrong["medium_from"] = _("More than 0 yuan.")
        elif self.medium_from >= self.large_from:
            wrong["large_from"] = _("Large must begin above medium.")
        if not 1 <= self.idle_months <= 60:
            wrong["idle_months"] = _("From 1 to 60 months.")
        if not 1 <= self.cash_months <= 12:
            wrong["cash_months"] = _("From 1 to 12 months.")
        if self.short_turnover <= 0:
            wrong["short_turnover"] = _("More than 0.")
        if sum(getattr(self, name) for name in WEIGHTS) != 100:
            wrong[WEIGHTS[0]] = _("The five weights must make 100%.")
        if wrong:
            raise ValidationError(wrong)


class ClientMeasuresQuerySet(models.QuerySet["ClientMeasures"]):
    def visible_to(self, user: Any) -> "ClientMeasuresQuerySet":
        return self.filter(client_scope(user).condition("client__"))


class ClientMeasures(models.Model):
    """Where a ranked client stands; rewritten only where it differs. `cell` = size and manner, e.g. 'Ls'.

    `frequency`, `monetary`, `turnover` cover the ranking window; `inflow` and `assets_before` the 12 months before.
    r, f, m: quintiles 1–5 over all ranked clients of the firm who ever traded, empty for the others. Parts of the score are
    0–100, empty where an input is missing; `confidence` = weight of the parts that are known, %.
    """

    client = models.OneToOneField(
        Client, models.DO_NOTHING, primary_key=True, related_name="measures", db_constraint=False
    )
    as_of = models.DateField(help_text="Business date of the night that last changed the row")
    size = models.CharField(_("Size"), max_length=1, choices=Size)
    manner = models.CharField(_("Manner"), max_length=1, choices=Manner)
    cell = models.CharField(_("Cell"), max_length=2)
    last_trade_on = models.DateField(null=True)
    frequency = models.IntegerField(_("Trades in the window"))
    monetary = models.BigIntegerField(_("Contribution"))
    turnover = models.BigIntegerField(_("Turnover"))
    turnover_rate = models.FloatField(_("Turnover a year, times"), null=True)
    r = models.SmallIntegerField(null=True)
    f = models.SmallIntegerField(null=True)
    m = models.SmallIntegerField(null=True)
    rfm_group = models.CharField(_("RFM group"), max_length=10, choices=RfmGroup)
    kind = models.CharField(_("Kind of client"), max_length=12, choices=Kind)
    part_contribution = models.SmallIntegerField(null=True)
    part_growth = models.SmallIntegerField(null=True)
    part_products = models.SmallIntegerField(null=True)
    part_influence = models.SmallIntegerField(null=True)
    part_social = models.SmallIntegerField(null=True)
    score = models.SmallIntegerField(_("High-value score"))
    confidence = models.SmallIntegerField(_("Confidence, %"))

    objects = ClientMeasuresQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["-score", "client"], name="measures_best")]


class MeasureMark(models.Model):
    """A client's cell, group, kind and score band from a day on; written when one of them differs. Partitioned by month.

    `gone`: no longer measured from this day on.
    """

    pk = models.CompositePrimaryKey("client_id", "business_date")
    business_date = models.DateField()
    client = models.ForeignKey(Client, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    cell = models.CharField(max_length=2)
    rfm_group = models.CharField(max_length=10)
    kind = models.CharField(max_length=12)
    band = models.SmallIntegerField(help_text="Score divided by 20: 0–4")
    gone = models.BooleanField(default=False)


class MeasureRun(models.Model):
    """One night's measuring; repeating it replaces its result."""

    business_date = models.DateField(unique=True)
    policy = models.ForeignKey(MeasurePolicy, models.PROTECT, related_name="runs")
    window_from = models.DateField()
    window_to = models.DateField()
    clients = models.IntegerField(default=0)
    changed = models.IntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
