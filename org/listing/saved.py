"""Saved views of a list: a name for a query string, own or shared with the branch or the firm."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

#: With whom a view may be shared; each but the first needs the right `views.<share>`.
SHARES = ("own", "branch", "firm")


class SavedViewQuerySet(models.QuerySet["SavedViewBase"]):
    def of_list(self, user, list_name: str) -> "SavedViewQuerySet":
        """What a user has for a list: own views and own defaults, views shared by the branch, views of the firm."""
        staff = getattr(user, "staff", None)
        shared = Q(shared="firm")
        if staff is not None:
            shared |= Q(shared="branch", user__staff__branch=staff.branch_id)
        return self.filter(Q(user=user) | shared, list_name=list_name).order_by("position", "name", "pk")


class SavedViewBase(models.Model):
    """A saved filter, order and choice of columns. The one with an empty name holds the user's own defaults."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="%(class)ss")
    list_name = models.CharField(max_length=40)
    name = models.CharField(_("Name"), max_length=60, blank=True)
    query = models.CharField(max_length=2000)
    shared = models.CharField(
        max_length=8,
        default="own",
        choices=[("own", _("Only me")), ("branch", _("My branch")), ("firm", _("The firm"))],
    )
    position = models.PositiveSmallIntegerField(default=0)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints = [models.UniqueConstraint(fields=["user", "list_name", "name"], name="saved_view_name_once")]
