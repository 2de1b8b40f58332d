"""Visits (V1–V10, U3): cadence policy, the duty ledger, visits and plans, what came of a contact, feeds and reminders."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clients.models import Client
from clients.scope import client_scope
from org.models import Branch, Staff, User
from segmentation.models import Tier


class Channel(models.TextChoices):
    """Ways to contact (V5)."""

    VISIT = "visit", pgettext_lazy("channel", "Visit")
    PHONE = "phone", pgettext_lazy("channel", "Telephone call")
    LETTER = "letter", pgettext_lazy("channel", "Letter")
    DEMO = "demo", pgettext_lazy("channel", "Demonstration")
    CLUB = "club", pgettext_lazy("channel", "Core-client club")
    DECIDE = "decide", pgettext_lazy("channel", "Taking part in a decision")


class CadencePolicy(models.Model):
    """How often, by which channel and when clients are contacted (V1–V4). One version holds from its date on.

    Without `branch` for the firm; with it for that branch and those below. `contacts_…` empty: as the ranking policy says.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")

    version = models.PositiveIntegerField(unique=True)
    state = models.CharField(max_length=9, choices=State, default=State.DRAFT)
    branch = models.ForeignKey(
        Branch, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("Branch")
    )
    valid_from = models.DateField(_("Valid from"))
    contacts_a = models.PositiveSmallIntegerField(_("Contacts a month, A"), null=True, blank=True)
    contacts_b = models.PositiveSmallIntegerField(_("Contacts a month, B"), null=True, blank=True)
    contacts_c = models.PositiveSmallIntegerField(_("Contacts a month, C"), null=True, blank=True)
    in_person_a = models.PositiveSmallIntegerField(_("Of these in person, A"), default=3)
    in_person_b = models.PositiveSmallIntegerField(_("Of these in person, B"), default=1)
    in_person_c = models.PositiveSmallIntegerField(_("Of these in person, C"), default=0)
    first_days_a = models.PositiveSmallIntegerField(
        _("First visit to A within, working days"), default=5, help_text=_("0: no such rule")
    )
    gap_days = models.PositiveSmallIntegerField(_("Between two contacts at least, working days"), default=3)
    visit_minutes = models.PositiveSmallIntegerField(_("A visit takes, minutes"), default=30)
    phone_minutes = models.PositiveSmallIntegerField(_("A call takes, minutes"), default=10)
    visits_a_day = models.PositiveSmallIntegerField(_("Visits a day at most"), default=8)
    day_from = models.TimeField(_("Working day from"), default="09:00")
    day_to = models.TimeField(_("Working day until"), default="18:00")
    noon_from = models.TimeField(_("Noon break from"), default="12:00")
    noon_to = models.TimeField(_("Noon break until"), default="14:00")
    desk_minutes = models.PositiveSmallIntegerField(_("Kept free for the desk, minutes a day"), default=60)
    speed_kmh = models.PositiveSmallIntegerField(_("Travel speed, km/h"), default=25)
    detour_percent = models.PositiveSmallIntegerField(_("Road longer than the straight line, %"), default=30)
    far_km = models.PositiveSmallIntegerField(_("By phone from so far off, km"), default=60)
    near_km = models.DecimalField(_("On the way within, km"), max_digits=4, decimal_places=1, default=2)
    unknown_travel_minutes = models.PositiveSmallIntegerField(
        _("Travel where the place is unknown, minutes"), default=30
    )
    rise_after_days = models.PositiveSmallIntegerField(_("A missed visit rises after, working days"), default=2)
    note = models.CharField(_("Why"), max_length=200, blank=True)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    published_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("Cadence policy")
        constraints = [
            models.CheckConstraint(
                name="cadence_hours_in_order",
                condition=Q(day_from__lt=models.F("noon_from"))
                & Q(noon_from__lte=models.F("noon_to"))
                & Q(noon_to__lt=models.F("day_to")),
            ),
            models.CheckConstraint(
                name="cadence_amounts",
                condition=Q(visit_minutes__range=(5, 240))
                & Q(phone_minutes__range=(5, 120))
                & Q(visits_a_day__range=(1, 30))
                & Q(speed_kmh__range=(3, 120)),
            ),
        ]


class DutyQuerySet(models.QuerySet["Duty"]):
    def visible_to(self, user: Any) -> "DutyQuerySet":
        """Duties towards the clients a user may see."""
        return self.filter(client_scope(user).condition("client__"))


class Duty(models.Model):
    """One contact owed to a client in a month (U3); the ledger behind every figure of coverage. Partitioned by month.

    `number` counts a client's duties of the month; `from_on` … `to_on` is the part of the month it belongs into.
    """

    class State(models.TextChoices):
        OWED = "owed", pgettext_lazy("duty", "Owed")
        BOOKED = "booked", pgettext_lazy("duty", "Booked")
        DONE = "done", pgettext_lazy("duty", "Done")
        WAIVED = "waived", pgettext_lazy("duty", "Waived")
        MISSED = "missed", pgettext_lazy("duty", "Missed")

    class Waiver(models.TextChoices):
        CLOSED = "closed", _("Account closed")
        SILENCE = "silence", _("The client wishes no contact")
        UNRANKED = "unranked", _("No longer ranked")
        CLIENT = "client", _("At the client's wish")
        AWAY = "away", _("Client is away")
        HEAD = "head", _("Decided by the branch head")

    pk = models.CompositePrimaryKey("month", "client_id", "number")
    month = models.DateField(_("Month"))
    client = models.ForeignKey(Client, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="duties")
    number = models.PositiveSmallIntegerField(_("Number"))
    manager = models.ForeignKey(
        Staff, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="duties"
    )
    tier = models.CharField(_("Tier"), max_length=1, choices=Tier)
    in_person = models.BooleanField(_("In person"))
    from_on = models.DateField(_("From"))
    to_on = models.DateField(_("Until"))
    state = models.CharField(_("State"), max_length=6, choices=State, default=State.OWED)
    waiver = models.CharField(_("Waived because"), max_length=8, choices=Waiver, blank=True)
    done_on = models.DateField(_("Done on"), null=True)
    channel = models.CharField(_("Channel"), max_length=6, choices=Channel, blank=True)

    objects = DutyQuerySet.as_manager()

    class Meta:
        verbose_name = _("Duty")
        constraints = [
            models.CheckConstraint(name="duty_month_is_a_month", condition=Q(month__day=1)),
            models.CheckConstraint(name="duty_days_in_order", condition=Q(from_on__lte=models.F("to_on"))),
            models.CheckConstraint(
                name="duty_done_has_a_day",
                condition=Q(state="done", done_on__isnull=False) | (~Q(state="done") & Q(done_on__isnull=True)),
            ),
            models.CheckConstraint(
                name="duty_waived_says_why",
                condition=(Q(state="waived") & ~Q(waiver="")) | (~Q(state="waived") & Q(waiver="")),
            ),
        ]
        indexes = [
            models.Index(fields=["manager", "month", "state"], name="duty_manager"),
            models.Index(fields=["client", "month"], name="duty_client"),
        ]


class MonthPlan(models.Model):
    """The planner's proposal for one manager and month (V7), with what it could not meet. The newest one counts."""

    manager = models.ForeignKey(Staff, models.PROTECT, related_name="month_plans")
    month = models.DateField(_("Month"))
    run_no = models.PositiveIntegerField(default=1)
    made_at = models.DateTimeField(db_default=Now())
    made_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    seconds = models.FloatField(default=0)
    summary = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("Month plan")
        constraints = [
            models.UniqueConstraint(fields=["manager", "month", "run_no"], name="month_plan_once"),
            models.CheckConstraint(name="month_plan_is_a_month", condition=Q(month__day=1)),
        ]


class Unmet(models.Model):
    """Contacts that a plan could not place, and why (V7)."""

    class Reason(models.TextChoices):
        TIME = "time", _("The working time does not suffice")
        NO_DAY = "no_day", _("No working day is left for it")
        LEAVE = "leave", _("The manager is on leave on these days")
        HOURS = "hours", _("The client's hours leave no room")
        SILENCE = "silence", _("The client wishes no contact")

    plan = models.ForeignKey(MonthPlan, models.CASCADE, related_name="unmet")
    client = models.ForeignKey(Client, models.CASCADE, related_name="+")
    tier = models.CharField(max_length=1, choices=Tier)
    missing = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=8, choices=Reason)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "client", "reason"], name="unmet_once")]


class VisitQuerySet(models.QuerySet["Visit"]):
    def visible_to(self, user: Any) -> "VisitQuerySet":
        """Visits to the clients a user may see; a client who moved on takes the visits along."""
        return self.filter(client_scope(user).condition("client__"))


class Visit(models.Model):
    """An appointment or call with a client on a day. `fixed`: set by a person, the planner leaves it alone (V7).

    `minutes` is the time with the client, `travel_minutes` and `travel_m` (metres on the road) the way there.
    """

    class State(models.TextChoices):
        PROPOSED = "proposed", pgettext_lazy("visit", "Proposed")
        PLANNED = "planned", pgettext_lazy("visit", "Planned")
        DONE = "done", pgettext_lazy("visit", "Done")
        CANCELLED = "cancelled", pgettext_lazy("visit", "Cancelled")
        MISSED = "missed", pgettext_lazy("visit", "Missed")

    class Reason(models.TextChoices):
        FIRST_DAYS = "first_days", _("First visit of the month to an A client")
        DUE = "due", _("Due in this part of the month")
        NEARBY = "nearby", _("On the way: another client is visited nearby")
        BY_PHONE = "by_phone", _("By phone, as the policy says for this tier")
        WISH = "wish", _("By phone, as the client prefers")
        FAR = "far", _("By phone: too far off")
        NO_TIME = "no_time", _("By phone: the day has no room for a visit")
        BY_HAND = "by_hand", _("Entered by hand")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    client = models.ForeignKey(Client, models.CASCADE, related_name="visits")
    manager = models.ForeignKey(Staff, models.PROTECT, related_name="visits")
    plan = models.ForeignKey(MonthPlan, models.SET_NULL, null=True, related_name="visits")
    duty_month = models.DateField(null=True)
    duty_number = models.PositiveSmallIntegerField(null=True)
    tier = models.CharField(_("Tier"), max_length=1, choices=Tier, blank=True)
    date = models.DateField(_("Date"))
    start = models.TimeField(_("Start"))
    minutes = models.PositiveSmallIntegerField(_("Minutes"))
    order = models.PositiveSmallIntegerField(_("Order"), default=0)
    kind = models.CharField(_("Kind"), max_length=6, choices=Channel, default=Channel.VISIT)
    state = models.CharField(_("State"), max_length=9, choices=State, default=State.PLANNED)
    fixed = models.BooleanField(_("Fixed"), default=False)
    travel_minutes = models.PositiveSmallIntegerField(default=0)
    travel_m = models.PositiveIntegerField(default=0)
    reason = models.CharField(_("Why then"), max_length=10, choices=Reason, default=Reason.BY_HAND)
    reason_data = models.JSONField(default=dict)
    agenda = models.TextField(_("Agenda"), max_length=1000, blank=True)
    version = models.PositiveIntegerField(default=1)
    checked_in_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(db_default=Now())
    changed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    objects = VisitQuerySet.as_manager()

    class Meta:
        verbose_name = _("Visit")
        constraints = [
            models.CheckConstraint(name="visit_minutes", condition=Q(minutes__range=(5, 600))),
            models.CheckConstraint(
                name="visit_duty_whole",
                condition=Q(duty_month__isnull=True, duty_number__isnull=True)
                | Q(duty_month__isnull=False, duty_number__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["client", "duty_month", "duty_number"],
                name="visit_once_per_duty",
                condition=Q(state__in=["planned", "done"], duty_month__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["manager", "date", "start"], name="visit_manager_day"),
            models.Index(fields=["client", "-date"], name="visit_client"),
        ]


class Busy(models.Model):
    """Time of a manager that is not for clients' visits: meetings, training. The planner works around it."""

    staff = models.ForeignKey(Staff, models.CASCADE, related_name="busy")
    date = models.DateField(_("Date"))
    start = models.TimeField(_("From"))
    end = models.TimeField(_("Until"))
    title = models.CharField(_("What"), max_length=80)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("Other appointment")
        constraints = [models.CheckConstraint(name="busy_in_order", condition=Q(start__lt=models.F("end")))]
        indexes = [models.Index(fields=["staff", "date"], name="busy_staff_day")]


class Outcome(models.TextChoices):
    """What came of a contact."""

    DEAL = "deal", _("Agreed on something")
    INTEREST = "interest", _("Interested")
    TALK = "talk", _("Good talk")
    LATER = "later", _("Another time")
    REFUSED = "refused", pgettext_lazy("outcome", "Declined")
    ABSENT = "absent", _("Not met")


class Feeling(models.IntegerChoices):
    """How a contact felt (V6), seven steps; 7 is best."""

    DELIGHTED = 7, _("Delighted")
    COMFORTABLE = 6, _("Comfortable")
    SATISFIED = 5, _("Satisfied")
    NEUTRAL = 4, _("Neutral")
    INEFFECTIVE = 3, _("Ineffective")
    POOR = 2, pgettext_lazy("feeling", "Poor")
    TERRIBLE = 1, _("Terrible")


class ContactQuerySet(models.QuerySet["Contact"]):
    def visible_to(self, user: Any) -> "ContactQuerySet":
        return self.filter(client_scope(user).condition("client__"))


class Contact(models.Model):
    """What came of a visit, call or letter (V6). `key` is made where the note is written: the same note arrives once."""

    key = models.UUIDField(unique=True)
    client = models.ForeignKey(Client, models.CASCADE, related_name="contacts")
    staff = models.ForeignKey(Staff, models.PROTECT, related_name="contacts")
    visit = models.OneToOneField(Visit, models.SET_NULL, null=True, related_name="contact")
    channel = models.CharField(_("Channel"), max_length=6, choices=Channel)
    at = models.DateTimeField(_("When"))
    received_at = models.DateTimeField(db_default=Now())
    outcome = models.CharField(_("Outcome"), max_length=8, choices=Outcome)
    feeling = models.SmallIntegerField(_("How it felt"), choices=Feeling, null=True, blank=True)
    text = models.TextField(_("Note"), max_length=4000, blank=True)
    next_step = models.CharField(_("Next step"), max_length=200, blank=True)
    next_on = models.DateField(_("Next step on"), null=True, blank=True)
    next_done_at = models.DateTimeField(null=True)
    next_staff = models.ForeignKey(
        Staff,
        models.PROTECT,
        null=True,
        db_index=False,
        related_name="+",
        help_text="who does it instead, after a hand-over",
    )
    duty_month = models.DateField(null=True)
    duty_number = models.PositiveSmallIntegerField(null=True)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    objects = ContactQuerySet.as_manager()

    class Meta:
        verbose_name = _("Contact")
        constraints = [
            models.CheckConstraint(
                name="contact_feeling", condition=Q(feeling__isnull=True) | Q(feeling__range=(1, 7))
            ),
            models.CheckConstraint(
                name="contact_met_says_how", condition=Q(outcome="absent") | Q(feeling__isnull=False)
            ),
        ]
        indexes = [
            models.Index(fields=["client", "-at"], name="contact_client"),
            models.Index(fields=["staff", "next_on"], name="contact_next", condition=Q(next_done_at__isnull=True)),
            models.Index(
                fields=["next_staff", "next_on"],
                name="contact_next_handed",
                condition=Q(next_done_at__isnull=True, next_staff__isnull=False),
            ),
        ]


class PhotoQuerySet(models.QuerySet["Photo"]):
    def visible_to(self, user: Any) -> "PhotoQuerySet":
        return self.filter(client_scope(user).condition("contact__client__"))


class Photo(models.Model):
    """A photo of a note; stored under MEDIA_ROOT, which no URL serves, and sent with rights asked again.

    Always a JPEG made anew from what was sent: without place, device and time of the camera. `size` in bytes.
    """

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="photos")
    number = models.PositiveSmallIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    path = models.CharField(max_length=80)

    objects = PhotoQuerySet.as_manager()

    class Meta:
        verbose_name = _("Photo")
        constraints = [models.UniqueConstraint(fields=["contact", "number"], name="photo_once")]


class Promise(models.Model):
    """What was promised to the client, with its day; open ones stand in the briefing and on My day."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="promises")
    client = models.ForeignKey(Client, models.CASCADE, related_name="promises")
    staff = models.ForeignKey(Staff, models.PROTECT, related_name="promises")
    text = models.CharField(_("Promise"), max_length=200)
    due_on = models.DateField(_("Due on"))
    kept_at = models.DateTimeField(null=True)
    kept_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("Promise")
        indexes = [models.Index(fields=["staff", "due_on"], name="promise_open", condition=Q(kept_at__isnull=True))]


class CalendarFeed(models.Model):
    """A person's calendar feed (V9): the address carries a secret of which only the SHA-256 is kept."""

    staff = models.OneToOneField(Staff, models.CASCADE, primary_key=True, related_name="calendar_feed")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    names = models.BooleanField(_("With the clients' names"), default=False)
    made_at = models.DateTimeField(db_default=Now())
    last_read_at = models.DateTimeField(null=True)


class ReminderWish(models.Model):
    """How somebody wants to be reminded (V9). No row: in the app and by e-mail, the evening before and in the morning."""

    staff = models.OneToOneField(Staff, models.CASCADE, primary_key=True, related_name="reminder_wish")
    evening = models.BooleanField(_("The evening before"), default=True)
    morning = models.BooleanField(_("In the morning"), default=True)
    digest = models.BooleanField(_("Daily digest of the branch"), default=True, db_default=True)
    by_email = models.BooleanField(_("By e-mail"), default=True)
    by_messenger = models.BooleanField(_("By the firm's messenger"), default=False)
    quiet_from = models.TimeField(_("Quiet from"), default="20:00")
    quiet_to = models.TimeField(_("Quiet until"), default="07:30")


class Reminder(models.Model):
    """One reminder to one person about one day, by one way: made once per key, sent once."""

    class Way(models.TextChoices):
        APP = "app", _("In the app")
        EMAIL = "email", _("E-mail")
        MESSENGER = "hook", _("Messenger")

    class State(models.TextChoices):
        DUE = "due", pgettext_lazy("reminder", "Due")
        SENDING = "sending", pgettext_lazy("reminder", "Being sent")
        SENT = "sent", pgettext_lazy("reminder", "Sent")
        FAILED = "failed", pgettext_lazy("reminder", "Failed")

    key = models.CharField(max_length=80)
    way = models.CharField(max_length=5, choices=Way)
    staff = models.ForeignKey(Staff, models.CASCADE, related_name="reminders")
    kind = models.CharField(max_length=10)
    day = models.DateField()
    data = models.JSONField(default=dict)
    due_at = models.DateTimeField()
    state = models.CharField(max_length=7, choices=State, default=State.DUE)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("Reminder")
        constraints = [models.UniqueConstraint(fields=["key", "way"], name="reminder_once")]
        indexes = [
            models.Index(fields=["due_at"], name="reminder_open", condition=Q(state__in=["due", "sending"])),
            models.Index(fields=["day", "kind"], name="reminder_day"),
        ]
