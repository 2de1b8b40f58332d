"""Call-backs: the yearly draw with the clients it was drawn from, the calls due, each attempt (H1, U11)."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clients.models import Client
from org.models import Branch, Role, Staff, User
from org.scope import is_service_account, scope_of, with_branches_below

#: Who calls: independent of those who serve the clients.
CALLING = (Role.CALLBACK_AGENT, Role.COMPLIANCE_OFFICER)


def branches_of(user: Any) -> list[int]:
    """Branches whose numbers a user may see: a caller's own and below, others' as everywhere."""
    staff = None if is_service_account(user) else getattr(user, "staff", None)
    if staff is not None and user.is_active and staff.role in CALLING:
        return list(with_branches_below([staff.branch_id]))
    if is_service_account(user):
        return list(Branch.objects.filter(scope_of(user).branch_condition("pk")).values_list("pk", flat=True))
    return list(Branch.objects.visible_to(user).values_list("pk", flat=True))


class Draw(models.Model):
    """The draw of a year, and its top-ups: a branch's quota shared over its tiers, drawn by a seed that repeats it.

    `eligible`, `drawn`: numbers. `on`: the last day of the year before.
    """

    year = models.PositiveSmallIntegerField(unique=True)
    on = models.DateField()
    seed = models.BigIntegerField()
    percent = models.PositiveSmallIntegerField()
    eligible = models.PositiveIntegerField()
    drawn = models.PositiveIntegerField()
    made_at = models.DateTimeField()


class Frame(models.Model):
    """A client the draw was made from, with the stratum of that day: what makes it repeatable."""

    pk = models.CompositePrimaryKey("draw_id", "client_id")
    draw = models.ForeignKey(Draw, models.CASCADE, db_index=False, related_name="frame")
    client = models.ForeignKey(Client, models.CASCADE, db_index=False, related_name="+")
    branch = models.ForeignKey(Branch, models.CASCADE, related_name="+")
    tier = models.CharField(max_length=1, blank=True)


class CallbackQuerySet(models.QuerySet["Callback"]):
    def visible_to(self, user: Any) -> "CallbackQuerySet":
        """Those of the caller's branch and below; never those on clients whom the caller serves."""
        if is_service_account(user):
            scope = scope_of(user)
            return self.filter(scope.branch_condition("client__branch")) if not scope.nothing else self.none()
        staff = getattr(user, "staff", None)
        if staff is None or not user.is_active or staff.role not in CALLING:
            return self.none()
        below = with_branches_below([staff.branch_id])
        own = Q(client__manager=staff) | Q(client__co_managers__staff=staff)
        return self.filter(client__branch__in=below).exclude(pk__in=self.model.objects.filter(own).values("pk"))


class Callback(models.Model):
    """A client to be called back until `due_on`. `abnormal`: the questions whose answer goes to compliance."""

    class Kind(models.TextChoices):
        NEW = "new", _("New account")
        PERIODIC = "periodic", _("Yearly draw")

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("call-back", "Open")
        REACHED = "reached", pgettext_lazy("call-back", "Reached")
        REFUSED = "refused", pgettext_lazy("call-back", "Refused")
        GIVEN_UP = "given_up", pgettext_lazy("call-back", "Not reached")
        DISPENSED = "dispensed", pgettext_lazy("call-back", "Dispensed with")

    client = models.ForeignKey(Client, models.PROTECT, related_name="callbacks")
    kind = models.CharField(_("Kind"), max_length=8, choices=Kind)
    draw = models.ForeignKey(Draw, models.PROTECT, null=True, related_name="callbacks")
    year = models.PositiveSmallIntegerField()
    tier = models.CharField(_("Tier"), max_length=1, blank=True)
    due_on = models.DateField(_("Due"))
    state = models.CharField(_("State"), max_length=9, choices=State, default=State.OPEN)
    agent = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="callbacks", verbose_name=_("Agent"))
    attempts = models.PositiveSmallIntegerField(_("Attempts"), default=0)
    answers = models.JSONField(default=dict)
    abnormal = models.JSONField(default=list)
    recording = models.CharField(_("Reference of the recording"), max_length=120, blank=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    reason = models.CharField(_("Reason"), max_length=200, blank=True)
    looked_at = models.DateTimeField(null=True, help_text="by compliance, if abnormal")
    looked_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    finding = models.CharField(_("Finding of compliance"), max_length=500, blank=True)
    version = models.PositiveIntegerField(default=1)

    objects = CallbackQuerySet.as_manager()

    class Meta:
        verbose_name = _("Call-back")
        constraints = [
            models.UniqueConstraint(fields=["client", "kind", "year"], name="callback_once"),
            models.CheckConstraint(
                name="callback_done_has_a_time",
                condition=Q(state="open", done_at__isnull=True) | (~Q(state="open") & Q(done_at__isnull=False)),
            ),
            models.CheckConstraint(name="callback_dispensed_says_why", condition=~Q(state="dispensed") | ~Q(reason="")),
            models.CheckConstraint(
                name="callback_drawn",
                condition=Q(kind="periodic", draw__isnull=False) | Q(kind="new", draw__isnull=True),
            ),
        ]
        indexes = [
            models.Index(fields=["due_on"], name="callback_open", condition=Q(state="open")),
            models.Index(fields=["year", "kind", "state"], name="callback_meter"),
        ]


class Attempt(models.Model):
    """One call: when, by whom, what came of it."""

    class Outcome(models.TextChoices):
        REACHED = "reached", _("Reached the client")
        WRONG = "wrong", _("Reached somebody else")
        REFUSED = "refused", _("The client refuses")
        NOT_REACHED = "absent", _("Nobody answered")

    callback = models.ForeignKey(Callback, models.CASCADE, related_name="calls")
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    outcome = models.CharField(_("Outcome"), max_length=7, choices=Outcome)
    note = models.CharField(_("Note"), max_length=500, blank=True)
