"""Client profit (S7): cost pools of a branch, what each client bears of them, and whom to propose for remote service.

Money: BIGINT in 1/10,000 元 (crm.money); costs are whole 分.
"""

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from clients.models import Client
from clients.scope import client_scope
from org.models import Branch, User
from org.scope import scope_of


class Level(models.TextChoices):
    """Which contribution a pool is taken from: marginal, gross or net."""

    DIRECT = "direct", _("Caused by single trades")
    SERVICE = "service", _("Caused by serving the client")
    OVERHEAD = "overhead", _("Shared by all")


class Driver(models.TextChoices):
    """What a pool is shared out by."""

    CLIENTS = "clients", _("Equal shares")
    TRADES = "trades", _("Number of trades")
    TURNOVER = "turnover", _("Turnover")
    ASSETS = "assets", _("Assets at month end")
    CONTACTS = "contacts", _("Contacts with the client")
    MINUTES = "minutes", _("Service time")
    SEATS = "seats", _("Seats used in the branch")


class CostMonthQuerySet(models.QuerySet["CostMonth"]):
    def visible_to(self, user: Any) -> "CostMonthQuerySet":
        """Of the branches a user may see whole."""
        return self.filter(scope_of(user).branch_condition("branch"))


class CostMonth(models.Model):
    """The costs of a branch in a month (its first day). A draft is worked on; published, it is shared out.

    `total` is what the branch's accounts say; the pools must add up to it. `unshared`: cost of pools whose driver nobody
    used, which stays with the branch.
    """

    branch = models.ForeignKey(Branch, models.PROTECT, related_name="cost_months")
    month = models.DateField(_("Month"))
    total = models.BigIntegerField(_("Total cost"))
    state = models.CharField(
        max_length=9, choices=[("draft", _("Draft")), ("published", _("Published"))], default="draft"
    )
    version = models.PositiveIntegerField(default=1)
    unshared = models.BigIntegerField(default=0)
    changed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    changed_at = models.DateTimeField(db_default=Now())
    shared_at = models.DateTimeField(null=True)

    objects = CostMonthQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["branch", "month"], name="cost_month_once"),
            models.CheckConstraint(name="cost_total_in_fen", condition=Q(total__gte=0)),
        ]
        indexes = [models.Index(fields=["-month", "branch"], name="cost_month_newest")]


class CostPool(models.Model):
    """One part of the costs of a month, with what it is shared out by."""

    cost_month = models.ForeignKey(CostMonth, models.CASCADE, related_name="pools")
    name = models.CharField(_("Cost"), max_length=60)
    amount = models.BigIntegerField(_("Amount"))
    level = models.CharField(_("Level"), max_length=8, choices=Level)
    driver = models.CharField(_("Shared out by"), max_length=8, choices=Driver)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cost_month", "name"], name="cost_pool_once"),
            models.CheckConstraint(name="cost_pool_positive", condition=Q(amount__gte=0)),
        ]


class ClientProfit(models.Model):
    """What a client brought and bore in one month; partitioned by month.

    marginal = revenue − direct; gross = marginal − service; net = gross − overhead.
    """

    pk = models.CompositePrimaryKey("month", "client_id")
    month = models.DateField()
    client = models.ForeignKey(Client, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    branch_id = models.BigIntegerField()
    revenue = models.BigIntegerField(default=0)
    direct = models.BigIntegerField(default=0)
    service = models.BigIntegerField(default=0)
    overhead = models.BigIntegerField(default=0)


class ProfitTotalQuerySet(models.QuerySet["ProfitTotal"]):
    def visible_to(self, user: Any) -> "ProfitTotalQuerySet":
        return self.filter(client_scope(user).condition("client__"))


class ProfitTotal(models.Model):
    """The newest twelve published months of a client, kept ready for lists; `months` of them had costs.

    `growth`: assets at the end minus assets at the start of the span; null where either is unknown.
    """

    client = models.OneToOneField(
        Client, models.DO_NOTHING, primary_key=True, related_name="profit", db_constraint=False
    )
    month_from = models.DateField()
    month_to = models.DateField()
    months = models.SmallIntegerField()
    revenue = models.BigIntegerField(_("Revenue"))
    direct = models.BigIntegerField()
    service = models.BigIntegerField()
    overhead = models.BigIntegerField()
    net = models.GeneratedField(
        expression=F("revenue") - F("direct") - F("service") - F("overhead"),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    growth = models.BigIntegerField(null=True)

    objects = ProfitTotalQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["net", "client"], name="profit_least")]


class ServiceUse(models.Model):
    """What a client uses of the branch: seats (a fraction for a shared one) and minutes of service a month, from a month on."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="service_uses")
    month_from = models.DateField(_("From month"))
    seats = models.DecimalField(_("Seats"), max_digits=6, decimal_places=2, default=0)
    minutes = models.PositiveIntegerField(_("Minutes of service a month"), default=0)
    entered_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    entered_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "month_from"], name="service_use_once"),
            models.CheckConstraint(name="service_use_seats", condition=Q(seats__gte=0)),
        ]


class ProposalQuerySet(models.QuerySet["RemoteProposal"]):
    def visible_to(self, user: Any) -> "ProposalQuerySet":
        return self.filter(client_scope(user).condition("client__"))


class RemoteProposal(models.Model):
    """A client who costs more than he brings and does not grow: proposed for remote service, never dropped silently (S7).

    A person decides. `saving`: service cost of the twelve months, which remote service would spare.
    """

    class State(models.TextChoices):
        OPEN = "open", _("To be decided")
        ACCEPTED = "accepted", _("Remote service agreed")
        DECLINED = "declined", _("Stays as it is")
        WITHDRAWN = "withdrawn", _("No longer applies")

    client = models.ForeignKey(Client, models.PROTECT, related_name="remote_proposals")
    month_to = models.DateField()
    net = models.BigIntegerField(_("Net contribution, 12 months"))
    saving = models.BigIntegerField(_("Saved a year"))
    growth = models.BigIntegerField(null=True)
    state = models.CharField(_("State"), max_length=9, choices=State, default=State.OPEN)
    made_at = models.DateTimeField(db_default=Now())
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(_("Reason"), max_length=200, blank=True)

    objects = ProposalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client"], condition=Q(state="open"), name="remote_proposal_open_once"),
            models.CheckConstraint(
                name="remote_decision_has_reason",
                condition=~Q(state__in=["accepted", "declined"]) | (Q(decided_by__isnull=False) & ~Q(reason="")),
            ),
        ]
        indexes = [models.Index(fields=["state", "net", "id"], name="remote_proposal_worst")]
