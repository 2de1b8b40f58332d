"""Branches, staff, log-ins, deputies, grants of client data, service tokens, calendar, audit trail."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Role(models.TextChoices):
    """The roles of the product page, section 'People and what they may see'."""

    ACCOUNT_MANAGER = "account_manager", _("Account manager")
    BRANCH_HEAD = "branch_head", _("Branch head")
    COMPLAINT_OFFICER = "complaint_officer", _("Complaint officer")
    ANALYST = "analyst", _("Head-office analyst")
    COMPLIANCE_OFFICER = "compliance_officer", _("Compliance officer")
    CALLBACK_AGENT = "callback_agent", _("Call-back agent")
    ADMIN = "admin", _("Administrator")
    AUDITOR = "auditor", _("Auditor")


#: Roles that have clients of their own; only for them a deputy makes sense.
MANAGING = (Role.ACCOUNT_MANAGER, Role.BRANCH_HEAD)


class BranchQuerySet(models.QuerySet["Branch"]):
    def visible_to(self, user) -> "BranchQuerySet":
        """Branches the user may know figures of; see `org.scope`."""
        from org.scope import scope_of  # scope imports these models

        return self.filter(scope_of(user).branch_condition("pk"))

    def staffed_for(self, user) -> "BranchQuerySet":
        """Branches whose staff the user may see; see `org.scope.people_scope_of`."""
        from org.scope import people_scope_of

        return self.filter(people_scope_of(user).branch_condition("pk"))


class Branch(models.Model):
    """A branch 营业部 or regional branch 分公司; a tree kept as a path of ids ('/1/7/')."""

    branch_no = models.CharField(_("Branch number"), max_length=32, unique=True)
    name = models.CharField(_("Name"), max_length=120)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    path = models.CharField(max_length=200, default="", editable=False)
    province = models.CharField(_("Province"), max_length=40, blank=True)
    city = models.CharField(_("City"), max_length=40, blank=True)
    address = models.CharField(_("Address"), max_length=200, blank=True)
    lat = models.FloatField(_("Latitude"), null=True, blank=True)
    lon = models.FloatField(_("Longitude"), null=True, blank=True)
    opened_on = models.DateField(_("Opened on"), null=True, blank=True)
    closed_on = models.DateField(_("Closed on"), null=True, blank=True)

    objects = BranchQuerySet.as_manager()

    class Meta:
        verbose_name = _("Branch")
        indexes = [models.Index(fields=["path"], name="branch_path", opclasses=["text_pattern_ops"])]
        constraints = [models.CheckConstraint(name="branch_not_own_parent", condition=~Q(parent=models.F("id")))]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A log-in with its interface settings. What it may see hangs on `staff`; passwords change through `org.logins`."""

    must_change_password = models.BooleanField(default=False, editable=False)
    password_changed_at = models.DateTimeField(null=True, editable=False)
    language = models.CharField(_("Language"), max_length=10, blank=True)
    theme = models.CharField(
        _("Theme"),
        max_length=5,
        choices=[("auto", _("As the device")), ("light", _("Light")), ("dark", _("Dark"))],
        default="auto",
    )
    rise_is_red = models.BooleanField(_("Rises are red"), default=True)

    class Meta:
        verbose_name = _("User")


class FormerPassword(models.Model):
    """Hash of a password that a log-in had before; the last ones are not taken again (settings.PASSWORD_HISTORY)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="former_passwords")
    password = models.CharField(max_length=128, editable=False)
    replaced_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("Former password")
        indexes = [models.Index(fields=["user", "-id"], name="former_password_newest")]


class StaffQuerySet(models.QuerySet["Staff"]):
    def visible_to(self, user) -> "StaffQuerySet":
        """Colleagues of the branches whose staff the user may see, and the user."""
        from org.scope import people_scope_of

        scope = people_scope_of(user)
        if scope.firm:
            return self.all()
        return self.filter(Q(branch__in=list(scope.branch_ids)) | Q(pk__in=scope.staff_ids))

    def serving(self, on) -> "StaffQuerySet":
        """Staff in service on a date."""
        return self.filter(Q(joined_on__isnull=True) | Q(joined_on__lte=on)).filter(
            Q(left_on__isnull=True) | Q(left_on__gt=on)
        )


class Staff(models.Model):
    """A member of staff as the core system reports it; `user` is the log-in, if there is one."""

    staff_no = models.CharField(_("Staff number"), max_length=32, unique=True)
    name = models.CharField(_("Name"), max_length=120)
    branch = models.ForeignKey(Branch, models.PROTECT, related_name="staff")
    role = models.CharField(_("Role"), max_length=20, choices=Role)
    mobile = models.CharField(_("Mobile"), max_length=32, blank=True)
    email = models.EmailField(_("E-mail"), blank=True)
    joined_on = models.DateField(_("Joined on"), null=True, blank=True)
    left_on = models.DateField(_("Left on"), null=True, blank=True, help_text=_("First day out of service"))
    user = models.OneToOneField(User, models.SET_NULL, null=True, blank=True, related_name="staff")

    objects = StaffQuerySet.as_manager()

    class Meta:
        verbose_name = _("Staff")
        constraints = [
            models.CheckConstraint(
                name="staff_leaves_after_joining",
                condition=Q(left_on__isnull=True) | Q(joined_on__isnull=True) | Q(left_on__gte=models.F("joined_on")),
            )
        ]

    def __str__(self) -> str:
        return self.name


class Leave(models.Model):
    """Absence of a member of staff; in these days the deputy sees and works the absent one's clients."""

    staff = models.ForeignKey(Staff, models.CASCADE, related_name="leaves")
    deputy = models.ForeignKey(Staff, models.PROTECT, related_name="deputises")
    from_on = models.DateField(_("First day"))
    to_on = models.DateField(_("Last day"))
    entered_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("Leave")
        constraints = [
            models.CheckConstraint(name="leave_ends_after_start", condition=Q(to_on__gte=models.F("from_on"))),
            models.CheckConstraint(name="leave_deputy_is_another", condition=~Q(staff=models.F("deputy"))),
        ]


class ClientDataGrant(models.Model):
    """Client data granted for a time to somebody whose role carries none (the administrator)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="client_data_grants")
    branch = models.ForeignKey(Branch, models.PROTECT, null=True, blank=True, help_text=_("Empty: the whole firm"))
    until = models.DateField(_("Until"), help_text=_("Last day"))
    reason = models.CharField(_("Reason"), max_length=200)
    granted_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    granted_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("Grant of client data")
        constraints = [models.CheckConstraint(name="grant_not_to_oneself", condition=~Q(user=models.F("granted_by")))]


class ApiToken(models.Model):
    """A token of a service account (N3). Only its SHA-256 is kept; it is shown once, when it is made."""

    name = models.CharField(_("Name"), max_length=80)
    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens")
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(_("Scopes"), default=list)
    branch = models.ForeignKey(Branch, models.PROTECT, null=True, blank=True, help_text=_("Empty: the whole firm"))
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(_("Valid until"))
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("API token")


class CalendarDay(models.Model):
    """One date with its two kinds: working day (visits, limits) and trading day (intake, facts)."""

    date = models.DateField(primary_key=True)
    is_workday = models.BooleanField(_("Working day"))
    is_trading_day = models.BooleanField(_("Trading day"))
    label = models.CharField(_("Label"), max_length=60, blank=True)
    provisional = models.BooleanField(_("Provisional"), default=False)

    class Meta:
        verbose_name = _("Calendar day")
        constraints = [
            models.CheckConstraint(
                name="calendar_trading_is_workday", condition=Q(is_trading_day=False) | Q(is_workday=True)
            )
        ]


class AuditEvent(models.Model):
    """Who saw, changed, exported what and when (N4). A database trigger refuses UPDATE and DELETE."""

    at = models.DateTimeField(db_default=Now())
    user = models.ForeignKey(User, models.PROTECT, null=True, db_constraint=False, related_name="+")
    action = models.CharField(max_length=40)
    object_kind = models.CharField(max_length=40, blank=True)
    object_no = models.CharField(max_length=64, blank=True)
    detail = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=36, blank=True)
    #: Numbers of the clients whom the answer told of, beside the object itself: the rows of a list, hits, an export.
    reached = ArrayField(models.CharField(max_length=32), null=True)
    #: SHA-256 of the row, made by the database as it is written (`org_audit_digest`); rows of before have none.
    digest = models.BinaryField(null=True, editable=False)

    class Meta:
        verbose_name = _("Audit event")
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_newest"),
            models.Index(fields=["object_kind", "object_no", "-at"], name="audit_object"),
            models.Index(fields=["user", "-at"], name="audit_user"),
            models.Index(fields=["action", "-at"], name="audit_action"),
            GinIndex(fields=["reached"], name="audit_reached"),
        ]


class AuditLink(models.Model):
    """An event's place in the hash chain of the trail (U8): hash = SHA-256(hash of the place before + the event's digest).

    Append-only by trigger. The event is named, not referred to: that it is missing must be told, not prevented.
    """

    place = models.BigIntegerField(primary_key=True)
    event_id = models.BigIntegerField(unique=True)
    hash = models.BinaryField()

    class Meta:
        verbose_name = _("Link of the audit chain")


class AuditSeal(models.Model):
    """One run that put events into the chain: the head of the chain then, which the log of the firm keeps as well."""

    at = models.DateTimeField(db_default=Now())
    place = models.BigIntegerField(unique=True)
    hash = models.BinaryField()
    #: The newest event there was: later runs begin behind it.
    newest_id = models.BigIntegerField()
    #: Whether all events of the last weeks were looked through, and not only the newest.
    thorough = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("Seal of the audit trail")
        indexes = [models.Index(fields=["-at"], name="audit_seal_newest")]


class IdempotencyKey(models.Model):
    """What came of a POST of the API with this key, for a day (`org.idempotency`)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=200)
    request = models.CharField(max_length=64, help_text="SHA-256 of address and body")
    at = models.DateTimeField(db_index=True)
    status = models.PositiveSmallIntegerField(default=0)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")

    class Meta:
        verbose_name = _("Idempotency key")
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="idempotency_once")]


class Export(models.Model):
    """A file of a list, asked for by the API and made by a worker (`org.exports`); kept for a day."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("export", "Waiting")
        DONE = "done", pgettext_lazy("export", "Made")
        FAILED = "failed", pgettext_lazy("export", "Failed")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    list_name = models.CharField(max_length=40)
    format = models.CharField(max_length=4)
    query = models.TextField(blank=True)
    language = models.CharField(max_length=10)
    #: Whose rows the file holds; it is given to nobody whose scope is another one by then.
    scope = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    columns = models.JSONField(default=list)
    reached = models.JSONField(default=list, help_text="Numbers of the clients whom the file tells of")
    rows = models.PositiveIntegerField(null=True)
    size = models.PositiveBigIntegerField(null=True)
    path = models.CharField(max_length=80, blank=True)
    asked_at = models.DateTimeField()
    made_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("Export")
        indexes = [models.Index(fields=["tries", "id"], name="export_waiting", condition=Q(state="waiting"))]
