"""Filters of the client list. Their parameters are relied on by other pages: `tier`, `branch` and `manager` by the Pareto."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import django_filters
from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clients import columns
from clients.find import find
from clients.models import Account, Client, Status
from crm.clock import today
from org.listing import ListFilterSet
from org.models import MANAGING, Branch, Staff
from org.scope import scope_of

#: Value of `manager` for clients without one.
NOBODY = "-"
#: More names than this are no choice any more; the branch narrows them.
MOST_CHOICES = 300


class NumbersField(forms.MultipleChoiceField):
    """Business numbers. Any number is accepted: one out of scope must answer like one that does not exist."""

    def valid_value(self, value: Any) -> bool:
        return len(str(value)) <= 32 and "\x00" not in str(value)


class NumbersFilter(django_filters.Filter):
    """Rows whose number is among those given; `offered(user)` gives the choices of the viewer."""

    field_class = NumbersField

    def __init__(self, *args: Any, offered: Callable[[Any], Iterable[tuple[str, str]]], **kwargs: Any) -> None:
        super().__init__(*args, lookup_expr="in", **kwargs)
        self.offered = offered

    @property
    def field(self):
        if not hasattr(self, "_field"):
            user = getattr(getattr(self.parent, "request", None), "user", None)
            self.extra["choices"] = partial(self.offered, user) if user is not None else []
            self._field = self.field_class(label=self.label, **self.extra)
        return self._field


def branch_choices(user) -> list[tuple[str, str]]:
    """Branches of the viewer's scope."""
    found = Branch.objects.visible_to(user).order_by("branch_no")[:MOST_CHOICES]
    return [(branch.branch_no, branch.name) for branch in found]


def manager_choices(user) -> list[tuple[str, str]]:
    """Account managers and heads of the viewer's scope; none when they are too many to choose from."""
    found = Staff.objects.visible_to(user).filter(role__in=MANAGING)
    rows = list(found.order_by("name", "staff_no").values_list("staff_no", "name")[: MOST_CHOICES + 1])
    return [(NOBODY, gettext("No manager")), *rows] if len(rows) <= MOST_CHOICES else []


def branch_words(number: str, user) -> str:
    """Name of a branch that the viewer may know of, else the number as typed."""
    known = Q(pk__in=[user.staff.branch_id]) if getattr(user, "staff", None) else Q()
    scope = scope_of(user)
    branch = Branch.objects.filter(known | scope.branch_condition("pk"), branch_no=number).first()
    return branch.name if branch else number


def manager_words(number: str, user) -> str:
    """Name of a colleague whom the viewer may know of, else the number as typed."""
    if number == NOBODY:
        return gettext("No manager")
    staff = Staff.objects.visible_to(user).filter(staff_no=number).first()
    return staff.name if staff else number


class TickField(forms.BooleanField):
    """A tick that stands in the URL as 1."""

    widget = forms.CheckboxInput(attrs={"value": "1"})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.pop("null_value", None)
        super().__init__(*args, **kwargs)

    def to_python(self, value: Any) -> bool:
        if value in ("1", True):
            return True
        if value in (None, "", "0", False):
            return False
        raise forms.ValidationError(_("Give 1 or nothing."))


class TickFilter(django_filters.Filter):
    field_class = TickField


class ClientFilter(ListFilterSet):
    """Own filters; those of other apps are added by `client_filter`."""

    q = django_filters.CharFilter(label=_("Search"), method="filter_text", max_length=60)
    branch = NumbersFilter(label=_("Branch"), field_name="branch__branch_no", offered=branch_choices)
    manager = NumbersFilter(label=_("Manager"), method="filter_manager", offered=manager_choices)
    status = django_filters.MultipleChoiceFilter(label=_("Status"), choices=Status.choices)
    risk = django_filters.MultipleChoiceFilter(
        label=_("Risk level"), field_name="risk_level", choices=[(f"C{n}", f"C{n}") for n in range(1, 6)]
    )
    account_kind = django_filters.MultipleChoiceFilter(
        label=_("Kind of account"), choices=Account.Kind.choices, method="filter_account_kind"
    )
    stale = TickFilter(label=_("To be refreshed"), method="filter_stale")

    words = {"branch": branch_words, "manager": manager_words}

    class Meta:
        model = Client
        fields: list[str] = []

    def filter_text(self, queryset: QuerySet[Client], name: str, value: str) -> QuerySet[Client]:
        """Matches of the search (C10), within the viewer's scope."""
        found = find(self.request.user, value)
        if found.masked:
            self.notes.append(gettext("Names are masked for you: search by client or account number."))
        elif found.capped:
            self.notes.append(gettext("Only the first 2,000 matches were looked at. Narrow the search."))
        return queryset.filter(pk__in=found.ids)

    def filter_manager(self, queryset: QuerySet[Client], name: str, value: list[str]) -> QuerySet[Client]:
        wanted = Q(manager__staff_no__in=[number for number in value if number != NOBODY])
        if NOBODY in value:
            wanted |= Q(manager__isnull=True)
        return queryset.filter(wanted)

    def filter_account_kind(self, queryset: QuerySet[Client], name: str, value: list[str]) -> QuerySet[Client]:
        """Clients with an account of one of these kinds that is not closed."""
        return queryset.filter(Exists(Account.objects.filter(client=OuterRef("pk"), kind__in=value, status="active")))

    def filter_stale(self, queryset: QuerySet[Client], name: str, value: bool) -> QuerySet[Client]:
        """Clients whose review is due (C1)."""
        return queryset.filter(care__review_due_on__lte=today()) if value else queryset


def client_filter() -> type[ClientFilter]:
    """The filter set with what other apps registered; theirs stand right behind the search."""
    made = type("ClientFilter", (ClientFilter,), columns.registered_filters())
    order = ["q", *columns.registered_filters(), *ClientFilter.base_filters]
    made.base_filters = {name: made.base_filters[name] for name in dict.fromkeys(order)}
    return made
