"""The list of prospects (C12)."""

from collections.abc import Sequence
from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from clients.models import SavedView
from crm.clock import today
from org.listing import Column, Kind, ListFilterSet, Listing, Mask
from org.masking import mask_mobile, mask_name
from org.templatetags.fmt import NOTHING, day, money
from profiles.models import Prospect

KIND_WORDS = dict(Prospect.Kind.choices)
STATE_WORDS = dict(Prospect.State.choices)


def name_cell(name: str, pk: int) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse("profiles:prospect", args=[pk]), name)


def state_cell(state: str) -> SafeString:
    return format_html('<span class="crm-state">{}</span>', STATE_WORDS.get(state, state))


class ProspectFilter(ListFilterSet):
    """Filters of the list of prospects."""

    q = django_filters.CharFilter(label=_("Search"), method="find", max_length=60)
    state = django_filters.MultipleChoiceFilter(choices=Prospect.State.choices, label=_("State"))
    kind = django_filters.MultipleChoiceFilter(choices=Prospect.Kind.choices, label=_("Target group"))
    due = django_filters.BooleanFilter(label=_("Next step due"), method="is_due")

    class Meta:
        model = Prospect
        fields: list[str] = []

    def find(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Part of the name, or the end of the telephone number."""
        return queryset.filter(Q(name__icontains=value) | Q(mobile__endswith=value))

    def is_due(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return queryset.filter(next_on__lte=today()).exclude(state__in=("won", "lost")) if value else queryset


class ProspectListing(Listing):
    """Prospects in the viewer's scope."""

    name, title, number = "prospects", _("Prospects"), "pk"
    default_sort = "next_on"
    filterset = ProspectFilter
    view_model = SavedView
    export_right = "prospects.export"
    search_param = "q"
    url_name = "profiles:prospects"
    export_url_name = "profiles:prospects-export"
    views_url_name = "profiles:prospects-views"
    empty_title = _("No prospects yet")
    empty_text = _("Enter whom you would like to win; the next step reminds you.")

    def all_columns(self) -> Sequence[Column]:
        return (
            Column(
                key="name",
                label=_("Name"),
                reads=("name", "pk"),
                cell=name_cell,
                export=lambda name, pk: name,
                sort="name",
                mask=mask_name,
                masked=Mask.BY_POLICY,
            ),
            Column(
                key="kind",
                label=_("Target group"),
                reads=("kind",),
                cell=lambda kind: str(KIND_WORDS.get(kind, kind)),
                export=lambda kind: str(KIND_WORDS.get(kind, kind)),
                sort="kind",
            ),
            Column(
                key="state",
                label=_("State"),
                reads=("state",),
                cell=state_cell,
                export=lambda state: str(STATE_WORDS.get(state, state)),
                sort="state",
            ),
            Column(
                key="next_on",
                label=_("Next step on"),
                reads=("next_on",),
                cell=day,
                kind=Kind.DATE,
                sort="next_on",
                nullable=True,
            ),
            Column(key="next_step", label=_("Next step"), reads=("next_step",)),
            Column(
                key="assets",
                label=_("Assets elsewhere"),
                reads=("assets",),
                cell=money,
                kind=Kind.MONEY,
                sort="assets",
                nullable=True,
                down_first=True,
            ),
            Column(
                key="mobile",
                label=_("Mobile"),
                reads=("mobile",),
                cell=lambda mobile: mobile or NOTHING,
                mask=mask_mobile,
                masked=Mask.ALWAYS,
                shown=False,
            ),
            Column(key="manager", label=_("Manager"), reads=("manager__name",), sort="manager__name"),
        )

    def base(self) -> QuerySet[Prospect]:
        return Prospect.objects.visible_to(self.request.user)
