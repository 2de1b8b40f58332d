"""What the forecasts leave behind: the fitted models, a narrow row per client, the funds of each branch by month.

Money: BIGINT in 1/10,000 元 (crm.money).
"""

from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from clients.models import Client, Status
from clients.scope import client_scope
from org.models import Branch


class ValueModel(models.Model):
    """One fit of both models (S13) on the trades of `window_from`…`as_of`, with its test on held-back weeks.

    `purchases` and `spending` are the parameters by name; empty where the data did not carry the model, with the reason in
    `problem`. `test`: weeks, clients, expected, actual, error, naive_error (mean absolute error in trading days per client).
    """

    as_of = models.DateField(_("As of"), unique=True)
    window_from = models.DateField()
    clients = models.IntegerField(default=0)
    repeaters = models.IntegerField(default=0)
    purchases = models.JSONField(default=dict)
    spending = models.JSONField(default=dict)
    test = models.JSONField(default=dict)
    problem = models.CharField(max_length=20, blank=True)
    made_at = models.DateTimeField(db_default=Now())


class ClientValueQuerySet(models.QuerySet["ClientValue"]):
    def visible_to(self, user: Any) -> "ClientValueQuerySet":
        """Of the clients a user may see; closed ones have none."""
        return self.filter(client_scope(user).condition("client__")).exclude(client__status=Status.CLOSED)


class ClientValue(models.Model):
    """Lifetime value of one client as of a month's end: what was, and what the model expects of the coming 12 months.

    `historic`: contribution of the whole window. `day_value`: expected contribution of a coming trading day. Forecasts are
    null without a model.
    """

    client = models.OneToOneField(
        Client, models.DO_NOTHING, primary_key=True, related_name="value", db_constraint=False
    )
    as_of = models.DateField()
    days = models.IntegerField(_("Trading days"))
    first_on = models.DateField(_("First trade"))
    last_on = models.DateField(_("Last trade"))
    historic = models.BigIntegerField(_("Contribution so far"))
    alive = models.FloatField(_("Probability of staying"), null=True)
    days_12m = models.FloatField(_("Expected trading days, 12 months"), null=True)
    day_value = models.BigIntegerField(_("Contribution of a trading day"), null=True)
    clv_12m = models.BigIntegerField(_("Expected contribution, 12 months"), null=True)

    objects = ClientValueQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["-clv_12m", "client"], name="value_best")]


class BranchFunds(models.Model):
    """What the clients of a branch held at the end of a month, and what they brought in or took out during it (S8).

    Of the clients who belong to the branch when it is made, back to the first month: a move takes its history along.
    """

    branch = models.ForeignKey(Branch, models.CASCADE, related_name="funds")
    month = models.DateField()
    clients = models.IntegerField()
    cash = models.BigIntegerField()
    securities = models.BigIntegerField()
    liabilities = models.BigIntegerField()
    net_inflow = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["branch", "month"], name="branch_funds_once")]
