"""What changed, in one order (N3): an outbox that writers fill, the feed that readers follow, and who is told by webhook."""

import uuid

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from org.models import Branch, User


class _Row(models.Model):
    """Keys only, no personal data: whoever may see more asks for it."""

    at = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=40)
    #: Business key of what changed: client number, complaint number, id of a visit, date of a night, id of a batch.
    object_no = models.CharField(max_length=64)
    client_no = models.CharField(max_length=32, blank=True, db_default="")
    #: Whose change it is; empty: the firm's.
    branch = models.ForeignKey(
        Branch, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    data = models.JSONField(db_default=models.Value({}, models.JSONField()))

    class Meta:
        abstract = True


class Outgoing(_Row):
    """A change as its writer left it, in the writer's transaction; gone as soon as it has its place in the feed."""


class Change(_Row):
    """A change with its place: `sequence` has no gap and never goes back, whoever committed first."""

    sequence = models.BigIntegerField(primary_key=True)

    class Meta:
        verbose_name = _("Change")
        indexes = [models.Index(fields=["at"], name="feed_change_at")]


class Head(models.Model):
    """The one row that says how far the feed has come (`sequence`), and up to where it was forgotten (`forgotten`)."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    sequence = models.BigIntegerField(default=0)
    forgotten = models.BigIntegerField(default=0)


class Subscription(models.Model):
    """A program that is told of changes by webhook. It gets them in order, each batch until it takes it or all tries failed."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("Name"), max_length=80)
    url = models.URLField(_("Address"), max_length=500)
    kinds = models.JSONField(_("Kinds"), default=list, help_text=_("Beginnings of kinds, such as 'client.'"))
    branch = models.ForeignKey(Branch, models.PROTECT, null=True, blank=True, related_name="+")
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    #: The secret is derived from it; the former one signs as well until `former_until`.
    generation = models.PositiveSmallIntegerField(default=1)
    former_until = models.DateTimeField(null=True)
    #: Taken up to here; a batch that is under way ends at `upto`.
    after = models.BigIntegerField(default=0)
    upto = models.BigIntegerField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    paused_at = models.DateTimeField(null=True)
    taken_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=80, blank=True)

    class Meta:
        verbose_name = _("Webhook")
        indexes = [
            models.Index(
                fields=["next_at"], name="feed_due", condition=models.Q(paused_at__isnull=True, ended_at__isnull=True)
            )
        ]


class DeadLetter(models.Model):
    """A batch that the receiver did not take in all its tries; it can be sent again by hand."""

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="dead")
    message_id = models.CharField(max_length=100)
    body = models.TextField()
    changes = models.PositiveIntegerField()
    at = models.DateTimeField(db_default=Now())
    error = models.CharField(max_length=80)
    taken_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("Dead letter")
        indexes = [models.Index(fields=["subscription", "-at"], name="feed_dead_newest")]
