"""What segmentation shows on the record page and in the client list; registered in `AppConfig.ready`."""

from collections.abc import Callable
from functools import partial
from typing import Any

import django_filters
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from clients import cards, columns, timeline
from clients.cards import Card, Place
from clients.models import Client
from org.listing import Column, Kind
from org.templatetags.fmt import day, money, money_text, yuan
from segmentation import words
from segmentation.explain import Why, why
from segmentation.models import Tier, TierChange


def badge(tier: str | None, service_tier: str | None = None) -> SafeString:
    """The tier mark; an arrow where the service tier differs."""
    if not tier:
        return format_html('<span class="crm-tier crm-tier-none" title="{}">–</span>', gettext("Not ranked"))
    mark = format_html('<span class="crm-tier crm-tier-{}">{}</span>', tier.lower(), tier)
    if service_tier and service_tier != tier:
        title = gettext("Service tier %(tier)s") % {"tier": service_tier}
        return format_html('{}<span class="crm-quiet" title="{}">{}</span>', mark, title, f" ({service_tier})")
    return mark


def sentence(found: Why) -> str:
    """The tier in one sentence (U1): why, and what is missing for the next one or may be lost."""
    tier = found.standing.tier
    values = {"tier": tier, "sum": money_text(found.standing.contribution), "next": found.next_tier}
    if found.standing.contribution <= 0:
        said = gettext("C because the window brought no contribution.")
    elif tier == "A":
        said = gettext("A: with %(sum)s among the clients who bring the first %(cut)s%% of the contribution.") % (
            values | {"cut": f"{found.run.policy.cut_a.normalize():f}"}
        )
    else:
        said = gettext("%(tier)s with a contribution of %(sum)s.") % values
    if found.missing is None:
        return said
    return gettext("%(said)s %(gap)s yuan more would make it %(next)s.") % (
        values | {"said": said, "gap": yuan(found.missing)}
    )


def _header(client: Client, request: HttpRequest) -> str:
    standing = getattr(client, "standing", None)
    if standing is None:
        return badge(None)
    mark = format_html(
        '<span class="crm-tier crm-tier-{} crm-tier-large" title="{}">{}</span>',
        standing.tier.lower(),
        gettext("since %(day)s") % {"day": day(standing.tier_since)},
        standing.tier,
    )
    if standing.service_tier == standing.tier:
        return mark
    text = gettext("Service tier %(tier)s") % {"tier": standing.service_tier}
    return format_html('{} <span class="crm-chip">{}</span>', mark, text)


def _figures(client: Client, request: HttpRequest) -> str:
    totals = getattr(client, "totals", None)
    return render_to_string("segmentation/cards/figures.html", {"totals": totals}, request) if totals else ""


def _why(client: Client, request: HttpRequest) -> str:
    found = why(client, request.user)
    if found is None:
        return ""
    return render_to_string("segmentation/cards/why.html", {"why": found, "sentence": sentence(found)}, request)


def _history(client: Client, request: HttpRequest) -> str:
    return render_to_string("segmentation/cards/history.html", {"client": client}, request)


class MovedSince(django_filters.DateFilter):
    """Clients whose tier changed on or after a date."""

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        if not value:
            return qs
        moves = TierChange.objects.filter(client=OuterRef("pk"), what="tier", business_date__gte=value)
        return qs.filter(Exists(moves))


def _api_tier() -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=Tier.choices, allow_null=True)


def register() -> None:
    """Everything that segmentation adds to the pages of the clients."""
    for what in ("tier", "service"):
        timeline.register(f"segmentation.{what}", "trending-up", partial(words.event, what))
    cards.register(
        Card("segmentation.tier", Place.HEADER, _header, related=("standing",), order=10),
        Card("segmentation.figures", Place.FIGURES, _figures, related=("totals",), order=10),
        Card("segmentation.why", Place.OVERVIEW, _why, related=("standing",), order=10),
        Card("segmentation.history", Place.HISTORY, _history, order=10),
    )
    for name in ("tier", "service_tier"):
        columns.register_api(name, f"standing__{name}", _api_tier)
    columns.register(
        Column(
            key="tier",
            label=_("Tier"),
            reads=("standing__tier", "standing__service_tier"),
            cell=badge,
            sort="standing__tier",
            nullable=True,
        ),
        first=True,
    )
    columns.register(
        Column(
            key="contribution",
            label=_("Contribution"),
            reads=("standing__contribution",),
            cell=money,
            kind=Kind.MONEY,
            sort="standing__contribution",
            nullable=True,
            tie="standing__client_id",
            down_first=True,
        ),
        Column(
            key="assets",
            label=_("Assets"),
            reads=("totals__assets",),
            cell=money,
            kind=Kind.MONEY,
            sort="totals__assets",
            nullable=True,
            tie="totals__client_id",
            down_first=True,
        ),
        Column(
            key="last_trade",
            label=_("Last trade"),
            reads=("totals__last_trade_on",),
            cell=day,
            kind=Kind.DATE,
            sort="totals__last_trade_on",
            nullable=True,
            tie="totals__client_id",
            down_first=True,
        ),
        Column(
            key="service_tier",
            label=_("Service tier"),
            reads=("standing__service_tier",),
            cell=badge,
            sort="standing__service_tier",
            nullable=True,
            shown=False,
        ),
    )
    make: dict[str, Callable[[], django_filters.Filter]] = {
        "tier": lambda: django_filters.MultipleChoiceFilter(
            field_name="standing__tier", choices=Tier.choices, label=_("Tier"), distinct=False
        ),
        "service_tier": lambda: django_filters.MultipleChoiceFilter(
            field_name="standing__service_tier", choices=Tier.choices, label=_("Service tier"), distinct=False
        ),
        "moved_since": lambda: MovedSince(label=_("Tier changed since")),
    }
    for name, maker in make.items():
        columns.register_filter(name, maker)
