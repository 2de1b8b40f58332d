"""API of the analyses (S10): `/api/v1/analyses/`, `…/{dimension}/`, `…/{dimension}/trend/`; of offers (S9): `/api/v1/offers/`."""

from datetime import date
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError as Wrong
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from analyses.dimensions import DIMENSIONS, Dimension
from analyses.models import Made, Offer
from analyses.offers import record_offer, record_offers
from analyses.reading import Row, months_made, series, table, whole_branches
from clients.models import Client
from crm.clock import now
from org.api_base import ScopedViewSet
from org.api_input import YuanField, asked, refused, sent
from org.bulk import Rows, bulk_action
from org.models import Branch


class DimensionSerializer(serializers.Serializer):
    """Something that an analysis counts by. `amount`, `extra`: what the two sums mean, empty = nothing."""

    key = serializers.CharField()
    analysis = serializers.CharField()
    label = serializers.CharField()
    amount = serializers.CharField()
    extra = serializers.CharField()
    past = serializers.BooleanField(help_text="Kept for the months before")


class RowSerializer(serializers.Serializer):
    """One key: clients, their share of all counted (0–1), two sums in 元, null where the dimension has none."""

    key = serializers.CharField()
    name = serializers.CharField()
    clients = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)
    amount = YuanField(allow_null=True)
    extra = YuanField(allow_null=True)


class TableSerializer(serializers.Serializer):
    """A dimension in a month, as of a business date; both null before the first night."""

    dimension = serializers.CharField()
    month = serializers.DateField(allow_null=True)
    as_of = serializers.DateField(allow_null=True)
    rows = RowSerializer(many=True)


class PointSerializer(serializers.Serializer):
    """A key in a month; the sum in 元, null where the dimension has none."""

    month = serializers.DateField()
    key = serializers.CharField()
    clients = serializers.IntegerField()
    amount = YuanField(allow_null=True)


class TrendSerializer(serializers.Serializer):
    """A dimension over the months that are kept."""

    dimension = serializers.CharField()
    points = PointSerializer(many=True)


class Asked(forms.Form):
    """The query parameters."""

    month = forms.DateField(required=False)
    branch_no = forms.CharField(required=False, max_length=32)


_BRANCH = OpenApiParameter("branch_no", OpenApiTypes.STR, description="With the branches below it")


def _found(key: str) -> Dimension:
    try:
        return DIMENSIONS[key]
    except KeyError as error:
        raise Http404 from error


def _branch(request: Request, number: str) -> Branch | None:
    """A branch that the caller sees whole. Raises Http404 for another, as for one that does not exist."""
    if not number:
        return None
    found = whole_branches(request.user).filter(branch_no=number).first()
    if found is None:
        raise Http404
    return found


def _row(dimension: Dimension, row: Row) -> dict[str, Any]:
    """A row without the sums that mean nothing."""
    sums = {name: getattr(row, name) if getattr(dimension, name) else None for name in ("amount", "extra")}
    return {name: getattr(row, name) for name in ("key", "name", "clients", "share")} | sums


class AnalysisViewSet(ViewSet):
    """Figures of the branches that the caller sees whole: the same as on the pages."""

    right = "analyses.view"
    lookup_field = "dimension"
    lookup_value_regex = r"[a-z0-9_-]+"

    @extend_schema(summary="What the analyses count by", responses=DimensionSerializer(many=True))
    def list(self, request: Request) -> Response:
        return Response(DimensionSerializer(DIMENSIONS.values(), many=True).data)

    @extend_schema(
        summary="A dimension in a month",
        parameters=[
            OpenApiParameter("month", OpenApiTypes.DATE, description="First day; default: the newest"),
            _BRANCH,
        ],
        responses=TableSerializer,
    )
    def retrieve(self, request: Request, dimension: str) -> Response:
        found, wanted = _found(dimension), asked(Asked, request)
        branch = _branch(request, wanted["branch_no"])
        months = months_made([found])
        month: date | None = wanted["month"] or (months[0] if months else None)
        if wanted["month"] and month not in months:
            raise ValidationError({"month": [_("There are no figures of this month.")]})
        made = Made.objects.filter(dimension=found.key, month=month).first() if month else None
        answer = {
            "dimension": found.key,
            "month": month,
            "as_of": made.as_of if made else None,
            "rows": [_row(found, row) for row in table(request.user, found, month, branch)] if month else [],
        }
        return Response(TableSerializer(answer).data)

    @extend_schema(summary="A dimension over the months", parameters=[_BRANCH], responses=TrendSerializer)
    @action(detail=True)
    def trend(self, request: Request, dimension: str) -> Response:
        found = _found(dimension)
        if not found.past:
            raise Http404
        branch = _branch(request, asked(Asked, request)["branch_no"])
        months, lines = series(request.user, found, branch)
        points = [
            {
                "month": month,
                "key": line.key,
                "clients": line.clients[place],
                "amount": line.amounts[place] if found.amount else None,
            }
            for place, month in enumerate(months)
            for line in lines
        ]
        return Response(TrendSerializer({"dimension": found.key, "points": points}).data)


# --- Offers ------------------------------------------------------------------------------------------------------------


class OfferSerializer(serializers.ModelSerializer):
    """A new product offered to a client and what came of it; amount in 元."""

    client_no = serializers.CharField(source="client.client_no")
    amount = YuanField(allow_null=True)

    class Meta:
        model = Offer
        fields = ("id", "client_no", "product", "kind", "made_on", "opened_on", "decided_on", "outcome", "amount")


class OfferWriteSerializer(serializers.Serializer):
    """An offer or its outcome: the same product on the same day is the same offer. Days default to today where one is due."""

    client_no = serializers.CharField(max_length=32)
    product = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(choices=Offer.Kind.choices)
    made_on = serializers.DateField()
    outcome = serializers.ChoiceField(choices=Offer.Outcome.choices, default=Offer.Outcome.OPEN)
    opened_on = serializers.DateField(allow_null=True, default=None)
    decided_on = serializers.DateField(allow_null=True, default=None)
    amount = YuanField(allow_null=True, default=None, min_value=0)


class OfferFilter(django_filters.FilterSet):
    """`made_from`, `made_to`: both days included."""

    client_no = django_filters.CharFilter(field_name="client__client_no")
    branch_no = django_filters.CharFilter(field_name="client__branch__branch_no")
    kind = django_filters.ChoiceFilter(choices=Offer.Kind.choices)
    outcome = django_filters.ChoiceFilter(choices=Offer.Outcome.choices)
    made_from = django_filters.DateFilter(field_name="made_on", lookup_expr="gte")
    made_to = django_filters.DateFilter(field_name="made_on", lookup_expr="lte")

    class Meta:
        model = Offer
        fields: list[str] = []


@extend_schema_view(list=extend_schema(summary="Offers"), retrieve=extend_schema(summary="An offer"))
class OfferViewSet(ScopedViewSet):
    """Offers to the clients in the caller's scope."""

    right = "clients.view"
    rights = {"POST": "clients.edit"}
    personal = frozenset({"list"})
    serializer_class = OfferSerializer
    filterset_class = OfferFilter
    lookup_value_regex = r"\d{1,18}"
    queryset = Offer.objects.select_related("client").order_by("pk")
    orderings = {"id": ("pk",)}

    @extend_schema(summary="Record an offer", request=OfferWriteSerializer, responses={201: OfferSerializer})
    def create(self, request: Request) -> Response:
        given = sent(OfferWriteSerializer, request)
        try:
            made = record_offer(given.pop("client_no"), given, user=request.user, at=now())  # type: ignore[arg-type]
        except Client.DoesNotExist:
            raise ValidationError({"client_no": [_("No client with this number among those you may see.")]}) from None
        except Wrong as error:
            raise refused(error) from error
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @bulk_action(
        OfferWriteSerializer,
        ("client_no", "product", "made_on"),
        "Record many offers",
        {
            "client_no": "C000000001",
            "product": "Steady income 3M",
            "kind": "fund",
            "made_on": "2026-11-02",
            "outcome": "taken",
        },
    )
    def bulk(self, rows: Rows) -> None:
        record_offers(rows, user=self.request.user, at=now())  # type: ignore[arg-type]
