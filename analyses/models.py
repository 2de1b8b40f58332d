"""Figures of the seven analyses (S10) by branch and month, and offers of products with what came of them (S9)."""

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from clients.models import Client
from clients.scope import client_scope
from org.models import Branch, User


class Cell(models.Model):
    """How many clients of a branch fall under one key of a dimension, with up to two sums (units; see `dimensions`).

    `month` is its first day. Dimensions of the present stand rewrite the current month each night, so that the last night
    of a month stays as its end.
    """

    branch = models.ForeignKey(Branch, models.CASCADE, related_name="+")
    month = models.DateField()
    dimension = models.CharField(max_length=20)
    key = models.CharField(max_length=40)
    clients = models.IntegerField()
    amount = models.BigIntegerField(default=0)
    extra = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dimension", "month", "branch", "key"], name="analysis_cell_once")
        ]


class Made(models.Model):
    """Which month of which dimension was made, on which business date; empty ones included."""

    dimension = models.CharField(max_length=20)
    month = models.DateField()
    as_of = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dimension", "month"], name="analysis_made_once")]


class OfferQuerySet(models.QuerySet["Offer"]):
    def visible_to(self, user: Any) -> "OfferQuerySet":
        return self.filter(client_scope(user).condition("client__"))


class Offer(models.Model):
    """A new product offered to a client: looked at or not, taken or declined (S9)."""

    class Outcome(models.TextChoices):
        OPEN = "open", _("Offered")
        OPENED = "opened", _("Looked at")
        TAKEN = "taken", _("Taken")
        DECLINED = "declined", _("Declined")

    class Kind(models.TextChoices):
        FUND = "fund", _("Fund")
        ADVICE = "advice", _("Advisory service")
        INFORMATION = "information", _("Information service")
        TOOL = "tool", _("Trading tool")
        MARGIN = "margin", _("Margin trading")
        OPTIONS = "options", _("Options")
        OTHER = "other", _("Other product")

    client = models.ForeignKey(Client, models.CASCADE, related_name="offers")
    product = models.CharField(_("Product"), max_length=80)
    kind = models.CharField(_("Kind"), max_length=12, choices=Kind)
    made_on = models.DateField(_("Offered on"))
    opened_on = models.DateField(_("Looked at on"), null=True, blank=True)
    decided_on = models.DateField(_("Decided on"), null=True, blank=True)
    outcome = models.CharField(_("Outcome"), max_length=8, choices=Outcome, default=Outcome.OPEN)
    amount = models.BigIntegerField(_("Amount"), null=True, blank=True)
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    objects = OfferQuerySet.as_manager()

    class Meta:
        verbose_name = _("Offer")
        constraints = [
            models.UniqueConstraint(fields=["client", "product", "made_on"], name="offer_once"),
            models.CheckConstraint(
                name="offer_days_in_order",
                condition=(Q(opened_on__isnull=True) | Q(opened_on__gte=F("made_on")))
                & (Q(decided_on__isnull=True) | Q(decided_on__gte=F("made_on"))),
            ),
            models.CheckConstraint(
                name="offer_decided_has_day",
                condition=~Q(outcome__in=["taken", "declined"]) | Q(decided_on__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["made_on", "product"], name="offer_day")]
