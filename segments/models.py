"""Own segments (S11): a rule over fields and measures, live or frozen, shared by role."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from clients.models import Client
from org.models import Branch, User


class SegmentQuerySet(models.QuerySet["Segment"]):
    def visible_to(self, user: Any) -> "SegmentQuerySet":
        """Own ones, those shared with one's branch or role, those of the firm."""
        wanted = Q(owner=user)
        staff = getattr(user, "staff", None)
        if staff is not None or getattr(user, "api_token", None) is not None:
            wanted |= Q(shared="firm")
        if staff is not None:
            wanted |= Q(shared="branch", branch=staff.branch_id)
            wanted |= Q(shared="role", role=staff.role)
        return self.filter(wanted)


class Segment(models.Model):
    """A named rule. Whoever sees it sees the own clients in it, nobody else's.

    `rule`: see `rules`. Frozen (`kind` static): the clients of the day it was frozen, in `SegmentMember`.
    """

    class Kind(models.TextChoices):
        LIVE = "live", _("Live")
        STATIC = "static", _("Frozen")

    class Shared(models.TextChoices):
        OWN = "own", _("Only me")
        ROLE = "role", _("My role")
        BRANCH = "branch", _("My branch")
        FIRM = "firm", _("The firm")

    name = models.CharField(_("Name"), max_length=60)
    note = models.CharField(_("What for"), max_length=200, blank=True)
    rule = models.JSONField()
    kind = models.CharField(_("Kind"), max_length=6, choices=Kind, default=Kind.LIVE)
    frozen_at = models.DateTimeField(null=True)
    shared = models.CharField(_("Shared with"), max_length=6, choices=Shared, default=Shared.OWN)
    role = models.CharField(max_length=20, blank=True)
    branch = models.ForeignKey(Branch, models.PROTECT, null=True, related_name="+")
    owner = models.ForeignKey(User, models.PROTECT, related_name="segments")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now())

    objects = SegmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("Segment")
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="segment_name_once"),
            models.CheckConstraint(
                name="segment_frozen_has_day", condition=Q(kind="live") | Q(frozen_at__isnull=False)
            ),
        ]


class SegmentMember(models.Model):
    """A client of a frozen segment."""

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="members")
    client = models.ForeignKey(Client, models.DO_NOTHING, db_constraint=False, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "client"], name="segment_member_once")]
