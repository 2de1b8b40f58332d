"""What a manager knows of a client beside the core system (C2), fields of the firm's own, and prospects (C12)."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clients.models import Client
from org.models import Branch, Staff, User
from org.scope import scope_of


class Background(models.TextChoices):
    """How the client came to money."""

    INVESTOR = "investor", _("Made rich by investing")
    EXECUTIVE = "executive", _("Company executive")
    OFFICIAL = "official", _("Official")
    SELF_MADE = "self_made", _("Self-made")
    INHERITED = "inherited", _("Inherited")
    PROFESSIONAL = "professional", _("Professional in practice")


class Psychology(models.TextChoices):
    """What moves the client to buy."""

    SAFETY = "safety", _("Wants safety")
    PROFIT = "profit", _("Wants profit")
    EASE = "ease", _("Wants it easy")
    STANDING = "standing", _("Wants standing")
    NOVELTY = "novelty", _("Wants what is new")
    COMPANY = "company", _("Does as others do")


class NeedsFound(models.TextChoices):
    """How the client finds needs."""

    SELF = "self", _("By own reflection")
    ADVICE = "advice", _("When advised")
    PEERS = "peers", _("From acquaintances")
    NEWS = "news", _("From the news")


class Gathers(models.TextChoices):
    """How the client gathers information."""

    RESEARCH = "research", _("Reads research")
    MANAGER = "manager", _("Asks the manager")
    MEDIA = "media", _("Follows the media")
    FRIENDS = "friends", _("Asks friends")


class Decides(models.TextChoices):
    """How the client decides."""

    QUICKLY = "quickly", _("Alone and quickly")
    SLOWLY = "slowly", _("Alone after thinking it over")
    FAMILY = "family", _("With the family")
    ADVISER = "adviser", _("Leaves it to an adviser's proposal")


class After(models.TextChoices):
    """How the client treats what was bought."""

    HOLDS = "holds", _("Holds for long")
    WATCHES = "watches", _("Watches it daily")
    TRADES = "trades", _("Trades it soon")
    DOUBTS = "doubts", _("Doubts afterwards")


class Residence(models.TextChoices):
    OWN = "own", _("Own home")
    RENTED = "rented", _("Rented")
    FAMILY = "family", pgettext_lazy("residence", "With family")
    OTHER = "other", pgettext_lazy("residence", "Other")


class ProfileQuerySet(models.QuerySet["Profile"]):
    def visible_to(self, user: Any) -> "ProfileQuerySet":
        return self.filter(client__in=Client.objects.visible_to(user))


class Profile(models.Model):
    """One client's profile. `influence`, `social`: judged by the manager, 1 (little) to 5 (great), for the score (S4).

    `custom` holds the values of the firm's own fields by key. No field for religion or health (H2).
    """

    JUDGED = [(n, str(n)) for n in range(1, 6)]

    client = models.OneToOneField(Client, models.CASCADE, primary_key=True, related_name="profile")
    background = models.CharField(_("Social background"), max_length=12, choices=Background, blank=True)
    psychology = models.CharField(_("Buying psychology"), max_length=12, choices=Psychology, blank=True)
    needs_found = models.CharField(_("Finds needs"), max_length=12, choices=NeedsFound, blank=True)
    gathers = models.CharField(_("Gathers information"), max_length=12, choices=Gathers, blank=True)
    decides = models.CharField(pgettext_lazy("buying behaviour", "Decides"), max_length=12, choices=Decides, blank=True)
    after = models.CharField(_("After buying"), max_length=12, choices=After, blank=True)
    residence = models.CharField(_("Residence"), max_length=12, choices=Residence, blank=True)
    values = models.CharField(_("Values"), max_length=200, blank=True)
    life_style = models.CharField(_("Life style"), max_length=200, blank=True)
    influence = models.SmallIntegerField(_("Influence on clients around"), choices=JUDGED, null=True, blank=True)
    social = models.SmallIntegerField(_("Standing and social resources"), choices=JUDGED, null=True, blank=True)
    custom = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=0)
    changed_at = models.DateTimeField(null=True)
    changed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    objects = ProfileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="profile_judged",
                condition=(Q(influence__isnull=True) | Q(influence__range=(1, 5)))
                & (Q(social__isnull=True) | Q(social__range=(1, 5))),
            )
        ]


class CustomField(models.Model):
    """A field of the firm's own on the profile, defined by head office; a retired one keeps its values."""

    class Kind(models.TextChoices):
        TEXT = "text", _("Text")
        NUMBER = "number", _("Number")
        DATE = "date", _("Date")
        CHOICE = "choice", _("Choice")
        YES_NO = "yes_no", _("Yes or no")

    key = models.SlugField(_("Key"), max_length=30, unique=True)
    label_zh = models.CharField(_("Label in Chinese"), max_length=40)
    label_en = models.CharField(_("Label in English"), max_length=40)
    kind = models.CharField(_("Kind"), max_length=8, choices=Kind)
    choices = models.JSONField(_("Choices"), default=list, blank=True)
    position = models.PositiveSmallIntegerField(_("Position"), default=0)
    retired_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(name="custom_choice_has_choices", condition=~Q(kind="choice") | ~Q(choices=[]))
        ]
        ordering = ["position", "pk"]


class ProspectQuerySet(models.QuerySet["Prospect"]):
    def visible_to(self, user: Any) -> "ProspectQuerySet":
        """A manager's own and those of managers deputised for; a head's branches."""
        scope = scope_of(user)
        if scope.firm:
            return self.all()
        return self.filter(Q(branch__in=list(scope.branch_ids)) | Q(manager__in=list(scope.staff_ids)))


class Prospect(models.Model):
    """Somebody who may become a client (C12): when the account opens; otherwise deleted in time (PIPL 19)."""

    class Kind(models.TextChoices):
        ASSETS_5M = "assets_5m", _("Assets over 5 million yuan")
        ASSETS_2M = "assets_2m", _("Assets over 2 million yuan")
        AGENT = "agent", _("Insurance agent with a following")
        INVESTOR = "investor", _("Investor with a steady record")
        PROFESSIONAL = "professional", _("High-earning professional")

    class State(models.TextChoices):
        NEW = "new", pgettext_lazy("prospect", "New")
        CONTACTED = "contacted", _("Contacted")
        INTERESTED = "interested", _("Interested")
        OPENING = "opening", _("Opening an account")
        WON = "won", _("Became a client")
        LOST = "lost", _("No longer pursued")

    #: Number of the prospect in the system that sends it by the API; empty = entered by hand.
    external_no = models.CharField(_("External number"), max_length=64, blank=True, default="", db_default="")
    name = models.CharField(_("Name"), max_length=120)
    mobile = models.CharField(_("Mobile"), max_length=32, blank=True)
    email = models.EmailField(_("E-mail"), blank=True)
    kind = models.CharField(_("Target group"), max_length=12, choices=Kind)
    state = models.CharField(_("State"), max_length=12, choices=State, default=State.NEW)
    assets = models.BigIntegerField(_("Assets elsewhere"), null=True, blank=True)
    occupation = models.CharField(_("Occupation"), max_length=80, blank=True)
    source = models.CharField(_("Source"), max_length=80, blank=True)
    introduced_by = models.ForeignKey(Client, models.SET_NULL, null=True, blank=True, related_name="introduced")
    branch = models.ForeignKey(Branch, models.PROTECT, related_name="prospects")
    manager = models.ForeignKey(Staff, models.PROTECT, related_name="prospects")
    next_step = models.CharField(_("Next step"), max_length=120, blank=True)
    next_on = models.DateField(_("Next step on"), null=True, blank=True)
    note = models.TextField(_("Note"), max_length=2000, blank=True)
    client = models.OneToOneField(Client, models.SET_NULL, null=True, blank=True, related_name="prospect")
    created_at = models.DateTimeField(db_default=Now())
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(db_default=Now())
    version = models.PositiveIntegerField(default=1)

    objects = ProspectQuerySet.as_manager()

    class Meta:
        verbose_name = _("Prospect")
        constraints = [
            models.CheckConstraint(name="prospect_won_is_a_client", condition=Q(client__isnull=True) | Q(state="won")),
            models.CheckConstraint(
                name="prospect_reachable", condition=~Q(mobile="", email="") | Q(state__in=["won", "lost"])
            ),
            models.UniqueConstraint(
                fields=["branch", "external_no"], name="prospect_external_once", condition=~Q(external_no="")
            ),
        ]
        indexes = [
            models.Index(fields=["manager", "state", "next_on"], name="prospect_manager"),
            models.Index(fields=["branch", "state", "next_on"], name="prospect_branch"),
            models.Index(fields=["mobile"], name="prospect_mobile"),
        ]
