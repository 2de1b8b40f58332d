"""Client records (C1, C7), their accounts, co-managers, timeline (C8) and the search table (C10)."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from org.listing.saved import SavedViewBase
from org.models import Branch, Staff, User


class Status(models.TextChoices):
    ACTIVE = "active", _("Active")
    DORMANT = "dormant", _("Dormant")
    CLOSED = "closed", _("Closed")


#: Of clients who have not left.
STAYING = [status.value for status in Status if status != Status.CLOSED]


class ClientQuerySet(models.QuerySet["Client"]):
    def visible_to(self, user) -> "ClientQuerySet":
        """The clients a user may see; see `clients.scope`."""
        from clients.scope import client_scope  # scope reads these models

        return self.filter(client_scope(user).condition())


class Client(models.Model):
    """A client as the core system reports it. Imported fields are read-only here; ours live in `ClientCare`.

    `no_key` orders client numbers (digits by value, others by code point); `name_key` orders names by pinyin.
    """

    client_no = models.CharField(_("Client number"), max_length=32, unique=True)
    no_key = models.CharField(max_length=40, editable=False, db_collation="C")
    name = models.CharField(_("Name"), max_length=120)
    name_key = models.CharField(max_length=240, editable=False, db_collation="C")
    branch = models.ForeignKey(Branch, models.PROTECT, related_name="clients")
    manager = models.ForeignKey(Staff, models.PROTECT, null=True, blank=True, related_name="clients")
    core_manager = models.ForeignKey(
        Staff,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        db_index=False,
        related_name="+",
        help_text=_("Manager whom the core system named last; a hand-over holds until it names another"),
    )
    status = models.CharField(_("Status"), max_length=8, choices=Status)
    opened_on = models.DateField(_("Opened on"))
    closed_on = models.DateField(_("Closed on"), null=True, blank=True)
    id_type = models.CharField(_("Document type"), max_length=32, blank=True)
    id_no = models.CharField(_("Document number"), max_length=64, blank=True)
    gender = models.CharField(_("Gender"), max_length=1, blank=True, choices=[("M", _("Male")), ("F", _("Female"))])
    birth_date = models.DateField(_("Date of birth"), null=True, blank=True)
    mobile = models.CharField(_("Mobile"), max_length=32, blank=True)
    email = models.CharField(_("E-mail"), max_length=254, blank=True)
    address = models.CharField(_("Address"), max_length=300, blank=True)
    lat = models.FloatField(_("Latitude"), null=True, blank=True)
    lon = models.FloatField(_("Longitude"), null=True, blank=True)
    risk_level = models.CharField(
        _("Risk level"), max_length=2, blank=True, choices=[(f"C{n}", f"C{n}") for n in range(1, 6)]
    )
    risk_valid_until = models.DateField(_("Risk level valid until"), null=True, blank=True)
    investor_type = models.CharField(
        _("Investor type"),
        max_length=12,
        blank=True,
        choices=[("ordinary", _("Ordinary")), ("professional", _("Professional"))],
    )
    occupation = models.CharField(_("Occupation"), max_length=80, blank=True)
    education = models.CharField(_("Education"), max_length=80, blank=True)
    core_as_of = models.DateField(
        _("Reported on"), help_text=_("Business date of the file that last changed the record")
    )
    file_id = models.BigIntegerField(null=True, editable=False, help_text=_("Intake file that last wrote the record"))

    objects = ClientQuerySet.as_manager()

    class Meta:
        verbose_name = _("Client")
        constraints = [
            models.CheckConstraint(
                name="client_closed_after_opening",
                condition=Q(closed_on__isnull=True) | Q(closed_on__gte=models.F("opened_on")),
            )
        ]
        indexes = [
            models.Index(fields=["branch", "name_key", "id"], name="client_branch_name"),
            models.Index(fields=["manager", "name_key", "id"], name="client_manager_name"),
        ]

    def __str__(self) -> str:
        return self.client_no


class CoManager(models.Model):
    """A further manager of a client beside the primary one."""

    client = models.ForeignKey(Client, models.CASCADE, related_name="co_managers")
    staff = models.ForeignKey(Staff, models.PROTECT, related_name="co_managed")
    since = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["staff", "client"], name="co_manager_once")]


class ClientCare(models.Model):
    """What the firm itself knows and wishes to respect: confirmations (C1), credit standing and contact wishes (C7).

    `confirmed` maps a field name to {"on": ISO date, "by": name} of who last checked it with the client; `since` is the
    day the client was taken over, `review_due_on` follows `clients.rules.review_due_on`.
    """

    class Credit(models.TextChoices):
        UNKNOWN = "unknown", _("Not assessed")
        GOOD = "good", _("Good")
        FAIR = "fair", _("Fair")
        POOR = "poor", _("Poor")

    class Channel(models.TextChoices):
        ANY = "any", _("Any")
        PHONE = "phone", _("Telephone")
        MESSAGE = "message", _("Message")
        EMAIL = "email", _("E-mail")
        VISIT = "visit", _("Visit")
        LETTER = "letter", _("Letter")

    client = models.OneToOneField(Client, models.CASCADE, primary_key=True, related_name="care")
    confirmed = models.JSONField(_("Confirmed"), default=dict)
    since = models.DateField(_("Client here since"), null=True)
    review_due_on = models.DateField(_("Review due on"), null=True)
    credit = models.CharField(_("Credit standing"), max_length=8, choices=Credit, default=Credit.UNKNOWN)
    credit_note = models.CharField(_("Note on credit standing"), max_length=200, blank=True)
    do_not_contact = models.BooleanField(_("Do not contact"), default=False)
    do_not_contact_reason = models.CharField(_("Reason"), max_length=200, blank=True)
    contact_from = models.TimeField(_("Contact from"), null=True, blank=True)
    contact_to = models.TimeField(_("Contact until"), null=True, blank=True)
    preferred_channel = models.CharField(_("Preferred channel"), max_length=8, choices=Channel, default=Channel.ANY)
    note = models.TextField(_("Note"), blank=True, max_length=2000)
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField(null=True)
    changed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="care_hours_in_order",
                condition=Q(contact_from__isnull=True)
                | Q(contact_to__isnull=True)
                | Q(contact_from__lt=models.F("contact_to")),
            ),
            models.CheckConstraint(
                name="care_silence_has_reason", condition=Q(do_not_contact=False) | ~Q(do_not_contact_reason="")
            ),
        ]
        indexes = [models.Index(fields=["review_due_on"], name="care_review_due")]


class Account(models.Model):
    """A fund account 资金账号 of a client; read-only here."""

    class Kind(models.TextChoices):
        ORDINARY = "ordinary", _("Ordinary")
        MARGIN = "margin", _("Margin")
        OPTIONS = "options", _("Options")

    account_no = models.CharField(_("Account number"), max_length=32, unique=True)
    client = models.ForeignKey(Client, models.CASCADE, related_name="accounts")
    kind = models.CharField(_("Kind"), max_length=8, choices=Kind)
    status = models.CharField(_("Status"), max_length=8, choices=[("active", _("Active")), ("closed", _("Closed"))])
    opened_on = models.DateField(_("Opened on"), null=True, blank=True)
    closed_on = models.DateField(_("Closed on"), null=True, blank=True)
    commission_rate = models.DecimalField(_("Commission rate"), max_digits=9, decimal_places=6, null=True, blank=True)
    file_id = models.BigIntegerField(null=True, editable=False)

    class Meta:
        verbose_name = _("Account")

    @property
    def masked_no(self) -> str:
        """The number as screens show it: its last four characters."""
        return "*" * max(0, len(self.account_no) - 4) + self.account_no[-4:]


class TimelineEvent(models.Model):
    """One event of a client's story (C8). Other apps add theirs through `clients.services.add_events`.

    The words are made on reading, from `kind` and `data`, in the reader's language (`clients.timeline.register`).
    `source_key` makes a repeated job harmless.
    """

    client = models.ForeignKey(Client, models.CASCADE, related_name="timeline")
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    data = models.JSONField(default=dict)
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    source_key = models.CharField(max_length=80, unique=True)

    class Meta:
        indexes = [models.Index(fields=["client", "-at", "-id"], name="timeline_newest")]


class NameReading(models.Model):
    """One distinct name prepared for search and sorting (`clients.names`), once: no night loops over clients."""

    name = models.CharField(max_length=120, primary_key=True)
    sort_key = models.CharField(max_length=240, db_collation="C")
    tokens = ArrayField(models.TextField())


class ClientSearch(models.Model):
    """Narrow table behind the search (C10). The columns are the right; tokens in `tsv` only find.

    `weight` orders the hits: assets in steps of about 10 %, so that the market does not rewrite the table each night.
    It carries no index, which keeps its updates cheap (HOT).
    """

    client = models.OneToOneField(Client, models.CASCADE, primary_key=True, related_name="search")
    branch = models.ForeignKey(Branch, models.CASCADE, related_name="+", db_index=False)
    manager = models.ForeignKey(Staff, models.SET_NULL, null=True, related_name="+", db_index=False)
    weight = models.SmallIntegerField(default=0)
    tsv = SearchVectorField()


class NoteSearch(models.Model):
    """What people wrote in an event of the timeline, prepared for the search (C10): `clients.notes`. `tsv` has a plain GIN."""

    event = models.OneToOneField(TimelineEvent, models.CASCADE, primary_key=True, related_name="+")
    client = models.ForeignKey(Client, models.CASCADE, related_name="+")
    body = models.TextField()
    tsv = SearchVectorField()


class SavedView(SavedViewBase):
    """Saved views of the lists; the table behind `org.listing.saved`."""

    class Meta(SavedViewBase.Meta):
        abstract = False
