"""The queue: every list of complaints is this one, filtered; figures of the analysis open it with the same count (X8)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import django_filters
from django.db.models import Count, DateTimeField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clients.models import SavedView
from complaints.choices import COUNTED, OPEN_STATES, Category, Cause, Channel, Result, Severity, State, Step
from complaints.choices import Kind as Matter
from complaints.models import Complaint, StepRun, Watch
from complaints.scope import complaint_scope
from complaints.words import STATE_TONES, due_cell
from crm.clock import now
from org.listing import Column, Kind, ListFilterSet, Listing, Mask
from org.masking import mask_name
from org.models import Branch
from org.scope import is_service_account
from org.templatetags.fmt import day, money


def number_cell(number: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse("complaints:case", args=[number]), number)


def state_cell(state: str) -> SafeString:
    return format_html('<span class="crm-state crm-state-{}">{}</span>', STATE_TONES[State(state)], State(state).label)


def step_cell(step: int, state: str) -> str:
    return f"{step} · {Step(step).label}"


def _date(name: str, lookup: str, label: Any) -> django_filters.DateFilter:
    return django_filters.DateFilter(field_name="received_at", lookup_expr=lookup, label=label)


#: A clock that ends within so long is about to run out.
SOON = timedelta(hours=24)
#: What figures count: each matter once, and no question or suggestion that two persons called so.
MATTERS = ~Q(result="merged") & Q(kind__in=COUNTED)


class ComplaintFilter(ListFilterSet):
    """Filters of the queue; the analysis page relies on their names."""

    q = django_filters.CharFilter(label=_("Search"), method="find", max_length=60)
    mine = django_filters.BooleanFilter(label=_("Mine"), method="is_mine")
    open = django_filters.BooleanFilter(label=_("Still open"), method="is_open")
    overdue = django_filters.BooleanFilter(label=_("Overdue"), method="is_overdue")
    soon = django_filters.BooleanFilter(label=_("Due within a day"), method="is_soon")
    unassigned = django_filters.BooleanFilter(label=_("Without a handler"), method="is_unassigned")
    step = django_filters.MultipleChoiceFilter(choices=Step.choices, label=_("Step"))
    state = django_filters.MultipleChoiceFilter(choices=State.choices, label=_("State"))
    category = django_filters.MultipleChoiceFilter(choices=Category.choices, label=_("Business line"))
    severity = django_filters.MultipleChoiceFilter(choices=Severity.choices, label=_("Severity"))
    channel = django_filters.MultipleChoiceFilter(choices=Channel.choices, label=pgettext_lazy("complaint", "Channel"))
    result = django_filters.MultipleChoiceFilter(choices=Result.choices, label=_("Result"))
    cause = django_filters.MultipleChoiceFilter(choices=Cause.choices, label=_("Root cause"))
    received_from = _date("received_from", "date__gte", _("Received from"))
    received_to = _date("received_to", "date__lte", _("Received until"))
    branch = django_filters.CharFilter(field_name="branch__branch_no", label=_("Branch"), max_length=32)
    within = django_filters.CharFilter(method="is_within", label=_("Branch and those below"), max_length=32)
    about = django_filters.CharFilter(method="is_about", label=_("Complained about"), max_length=32)
    handler = django_filters.CharFilter(field_name="handler__staff_no", label=_("Handler"), max_length=32)
    client = django_filters.CharFilter(field_name="client__client_no", label=_("Client"), max_length=32)
    product = django_filters.CharFilter(method="is_of_product", label=_("Product"), max_length=120)
    matter = django_filters.BooleanFilter(label=_("Without merged cases, questions, suggestions"), method="is_matter")
    kind = django_filters.MultipleChoiceFilter(choices=Matter.choices, label=_("Kind of matter"))
    relabel = django_filters.BooleanFilter(field_name="relabel_asked", label=_("Labels wait for a second person"))
    done_step = django_filters.MultipleChoiceFilter(choices=Step.choices, label=_("Step done"), method="has_done")
    leaving = django_filters.BooleanFilter(label=_("Client leaves after closing"), method="is_leaving")
    repeat = django_filters.BooleanFilter(label=_("Client complained before"), method="is_repeat")

    class Meta:
        model = Complaint
        fields: list[str] = []

    def find(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """The number or its end, part of the line; names for those who see them."""
        value = value.replace("\x00", "")
        wanted = Q(number__iendswith=value) | Q(intakes__external_ref=value)
        if not complaint_scope(self.request.user).masked:
            wanted |= Q(summary__icontains=value) | Q(complainant__icontains=value) | Q(client__client_no=value)
        return queryset.filter(pk__in=Complaint.objects.filter(wanted).values("pk"))

    def is_mine(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        user = self.request.user
        mine = queryset.none() if is_service_account(user) else queryset.filter(handler=user.staff)
        return mine if value else queryset

    def is_open(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return queryset.filter(state__in=OPEN_STATES) if value else queryset.exclude(state__in=OPEN_STATES)

    def is_overdue(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return queryset.filter(state__in=OPEN_STATES, due_at__lt=now()) if value else queryset

    def is_soon(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        at = now()
        return queryset.filter(state__in=OPEN_STATES, due_at__range=(at, at + SOON)) if value else queryset

    def is_within(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        path = Branch.objects.filter(branch_no=value).values_list("path", flat=True).first()
        return queryset.filter(branch__path__startswith=path) if path else queryset.none()

    def is_unassigned(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return queryset.filter(state__in=OPEN_STATES, handler=None) if value else queryset

    def is_about(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(about_person=None) if value == "-" else queryset.filter(about_person__staff_no=value)

    def is_of_product(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.filter(product="" if value == "-" else value)

    def is_matter(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return queryset.filter(MATTERS) if value else queryset.exclude(MATTERS)

    def has_done(self, queryset: QuerySet[Any], name: str, value: list[str]) -> QuerySet[Any]:
        done = StepRun.objects.filter(complaint=OuterRef("pk"), step__in=value, done_at__isnull=False)
        return queryset.filter(Exists(done))

    def is_leaving(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        watched = Exists(Watch.objects.leaving().filter(complaint=OuterRef("pk")))
        return queryset.filter(watched) if value else queryset

    def is_repeat(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return queryset.filter(repeats()) if value else queryset


def repeats() -> Exists:
    """Whether the same client complained within 365 days before, as figures count."""
    year_before = ExpressionWrapper(OuterRef("received_at") - timedelta(days=365), output_field=DateTimeField())
    earlier = Complaint.objects.filter(client=OuterRef("client"), received_at__gte=year_before)
    return Exists(earlier.filter(MATTERS, received_at__lt=OuterRef("received_at")))


def _case_columns(at: datetime) -> tuple[Column, ...]:
    """What the case is and where it stands."""
    return (
        Column(
            key="number", label=pgettext_lazy("complaint", "Number"), reads=("number",), cell=number_cell, sort="number"
        ),
        Column(
            key="summary",
            label=_("In one line"),
            reads=("summary",),
            mask=lambda text: "***",
            masked=Mask.BY_POLICY,
        ),
        Column(
            key="complainant",
            label=_("Complainant"),
            reads=("complainant",),
            mask=mask_name,
            masked=Mask.BY_POLICY,
        ),
        Column(
            key="due",
            label=_("Time left"),
            reads=("due_at",),
            cell=lambda due: due_cell(due, at),
            kind=Kind.DATE,
            sort="due_at",
            nullable=True,
        ),
        Column(key="step", label=_("Step"), reads=("step", "state"), cell=step_cell, sort="step"),
        Column(
            key="state",
            label=_("State"),
            reads=("state",),
            cell=state_cell,
            export=lambda state: str(State(state).label),
        ),
    )


def _other_columns() -> tuple[Column, ...]:
    """Of what kind it is, whose, and since when."""
    return (
        Column(
            key="severity",
            label=_("Severity"),
            reads=("severity",),
            cell=lambda key: str(Severity(key).label),
            export=lambda key: str(Severity(key).label),
        ),
        Column(
            key="kind",
            label=_("Kind of matter"),
            reads=("kind",),
            cell=lambda key: str(Matter(key).label),
            export=lambda key: str(Matter(key).label),
            shown=False,
        ),
        Column(
            key="category",
            label=_("Business line"),
            reads=("category",),
            cell=lambda key: str(Category(key).label),
            export=lambda key: str(Category(key).label),
            sort="category",
        ),
        Column(
            key="handler", label=_("Handler"), reads=("handler__name",), cell=lambda name: name or "–",
            sort="handler__name", nullable=True,
        ),
        Column(key="branch", label=_("Branch"), reads=("branch__name",), sort="branch__name", shown=False),
        Column(
            key="received",
            label=pgettext_lazy("time", "Received"),
            reads=("received_at",),
            cell=day,
            kind=Kind.DATE,
            sort="received_at",
            down_first=True,
        ),
        Column(
            key="amount",
            label=_("Amount claimed"),
            reads=("amount",),
            cell=money,
            kind=Kind.MONEY,
            sort="amount",
            nullable=True,
            down_first=True,
            shown=False,
        ),
        Column(
            key="channel",
            label=pgettext_lazy("complaint", "Channel"),
            reads=("channel",),
            cell=lambda key: str(Channel(key).label),
            export=lambda key: str(Channel(key).label),
            shown=False,
        ),
    )  # fmt: skip


class ComplaintListing(Listing):
    """Complaints in the viewer's scope."""

    name, title, number = "complaints", _("Complaints"), "number"
    client_path = "client__client_no"
    default_sort = "due"
    filterset = ComplaintFilter
    view_model = SavedView
    export_right = "complaints.export"
    search_param = "q"
    url_name = "complaints:list"
    export_url_name = "complaints:export"
    views_url_name = "complaints:views"
    empty_title = _("No complaints here")
    empty_text = _("Whoever hears one writes it down at once; the first to hear it stays responsible.")

    def all_columns(self) -> Sequence[Column]:
        return (*_case_columns(now()), *_other_columns())

    def base(self) -> QuerySet[Complaint]:
        return Complaint.objects.visible_to(self.request.user)


def counts(user: Any) -> dict[str, int]:
    """Figures above the queue: open, mine, overdue, without a handler, client leaving; one statement."""
    mine = None if is_service_account(user) else getattr(user, "staff", None)
    is_open = Q(state__in=OPEN_STATES)
    return Complaint.objects.visible_to(user).aggregate(
        open=Count("pk", filter=is_open),
        mine=Count("pk", filter=is_open & Q(handler=mine)),
        overdue=Count("pk", filter=is_open & Q(due_at__lt=now())),
        unassigned=Count("pk", filter=is_open & Q(handler=None)),
        leaving=Count("pk", filter=Exists(Watch.objects.leaving().filter(complaint=OuterRef("pk")))),
    )
