"""API of the tiers (S1, S12): `GET /api/v1/tiers/?date=&scope=&tier=&branch_no=&manager_no=`."""

from typing import Any

from django import forms
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin
from rest_framework.viewsets import GenericViewSet

from clients.models import Client
from crm.clock import today
from crm.money import to_yuan
from org.api_base import AuditedPages
from org.api_pages import CursorPages
from segmentation.history import base_date, run_on
from segmentation.models import RankMark, Scope, Tier
from segmentation.session import series


class TierSerializer(serializers.Serializer):
    """A client's tier in the run that holds on the date; contribution in 元."""

    client_no = serializers.CharField()
    branch_no = serializers.CharField(source="branch.branch_no")
    manager_no = serializers.CharField(source="manager.staff_no", allow_null=True, default=None)
    tier = serializers.ChoiceField(choices=Tier.choices, source="mark.tier")
    service_tier = serializers.ChoiceField(choices=Tier.choices, source="mark.service_tier")
    contribution = serializers.SerializerMethodField()

    def get_contribution(self, client: Any) -> str:
        """元 with two decimals, as text."""
        return f"{to_yuan(client.mark['contribution']):.2f}"


class Asked(forms.Form):
    """The query parameters."""

    date = forms.DateField(required=False)
    scope = forms.ChoiceField(choices=Scope.choices, required=False)
    tier = forms.ChoiceField(choices=Tier.choices, required=False)
    branch_no = forms.CharField(required=False, max_length=32)
    manager_no = forms.CharField(required=False, max_length=32)


class TierPages(CursorPages):
    ordering = "pk"


@extend_schema(
    summary="Tiers on a date",
    description="The tiers of the run that holds on a date (default: today) for clients in the caller's scope.",
    parameters=[
        OpenApiParameter("date", OpenApiTypes.DATE, description="Any day; the newest run on or before it answers"),
        OpenApiParameter("scope", OpenApiTypes.STR, enum=Scope.values, description="Ranked within; default branch"),
        OpenApiParameter("tier", OpenApiTypes.STR, enum=Tier.values),
        OpenApiParameter("branch_no", OpenApiTypes.STR),
        OpenApiParameter("manager_no", OpenApiTypes.STR),
    ],
)
class TierViewSet(AuditedPages, ListModelMixin, GenericViewSet):
    """Read-only list of tiers."""

    right = "clients.view"
    personal = frozenset({"list"})
    serializer_class = TierSerializer
    pagination_class = TierPages
    filter_backends = ()
    queryset = Client.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return Client.objects.none()
        form = Asked(self.request.GET)
        if not form.is_valid():
            raise ValidationError({name: list(errors) for name, errors in form.errors.items()})
        asked = form.cleaned_data
        run = run_on(asked["date"] or today(), asked["scope"] or Scope.BRANCH)
        if run is None:
            return Client.objects.none()
        marks = RankMark.objects.filter(
            series=series(run),
            client_id=OuterRef("pk"),
            business_date__gte=base_date(run),
            business_date__lte=run.business_date,
        ).order_by("-business_date")
        newest = marks.values(
            mark=JSONObject(tier="tier", service_tier="service_tier", contribution="contribution", gone="gone")
        )
        clients = Client.objects.visible_to(self.request.user).select_related("branch", "manager")
        clients = clients.annotate(mark=Subquery(newest[:1])).filter(mark__gone=False)
        if asked["tier"]:
            clients = clients.filter(mark__tier=asked["tier"])
        if asked["branch_no"]:
            clients = clients.filter(branch__branch_no=asked["branch_no"])
        if asked["manager_no"]:
            clients = clients.filter(manager__staff_no=asked["manager_no"])
        return clients
