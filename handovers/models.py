"""Hand-overs of books and what moved with them (U10)."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from clients.models import Client
from org.models import Branch, Staff, User
from org.scope import scope_of


class HandoverQuerySet(models.QuerySet["Handover"]):
    def visible_to(self, user: Any) -> "HandoverQuerySet":
        """Those of the user's branches, and those from which the user got clients."""
        scope = scope_of(user)
        if scope.firm:
            return self
        mine = Move.objects.filter(to__in=list(scope.staff_ids), what=Move.What.CLIENT).values("handover_id")
        return self.filter(Q(branch__in=list(scope.branch_ids)) | Q(pk__in=mine))


class Handover(models.Model):
    """One act by which a manager's clients went to others, with all that hangs on them.

    `overlap_until`: the last day on which the former manager still works beside the new ones; null: none. `undo_until`:
    the last day on which it can be undone. `moved`, `stayed`: counts by kind; what stayed at undoing had moved on since.
    """

    branch = models.ForeignKey(Branch, models.PROTECT, related_name="+")
    former = models.ForeignKey(Staff, models.PROTECT, related_name="books_given", verbose_name=_("Former manager"))
    reason = models.CharField(_("Reason"), max_length=200)
    on = models.DateField(_("Handed over on"))
    made_at = models.DateTimeField(db_default=Now())
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    overlap_until = models.DateField(_("Beside each other until"), null=True)
    overlap_ended_at = models.DateTimeField(null=True)
    undo_until = models.DateField()
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    moved = models.JSONField(default=dict)
    stayed = models.JSONField(default=dict)

    objects = HandoverQuerySet.as_manager()

    class Meta:
        verbose_name = _("Hand-over")
        constraints = [
            models.CheckConstraint(
                name="handover_undone_by_somebody",
                condition=Q(undone_at__isnull=True, undone_by__isnull=True)
                | Q(undone_at__isnull=False, undone_by__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["branch", "-made_at"], name="handover_branch")]


class Move(models.Model):
    """One thing that changed hands. `object_id`: visit, promise or case; of a contact owed its number in `month`.

    Of a client also what the watch compares with: tier, and assets in 1/10,000 元 on that day.
    """

    class What(models.TextChoices):
        CLIENT = "client", _("Clients")
        DUTY = "duty", _("Contacts owed")
        VISIT = "visit", _("Visits")
        PROMISE = "promise", _("Promises")
        STEP = "step", _("Next steps")
        CASE = "case", _("Complaints")
        BESIDE = "beside", _("Former manager beside the new one")
        NOT_BESIDE = "unbeside", _("Co-manager who became the manager")

    handover = models.ForeignKey(Handover, models.CASCADE, related_name="moves")
    what = models.CharField(max_length=8, choices=What)
    client = models.ForeignKey(Client, models.CASCADE, null=True, related_name="+")
    to = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    object_id = models.BigIntegerField(null=True)
    month = models.DateField(null=True)
    tier = models.CharField(max_length=1, blank=True)
    assets = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["handover", "what", "client"], name="move_of_handover"),
            models.Index(fields=["client"], name="move_of_client", condition=Q(what="client")),
            models.Index(fields=["to"], name="move_to", condition=Q(what="client")),
        ]
