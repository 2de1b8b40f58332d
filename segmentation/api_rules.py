"""API of the ranking's rules and of what moved: `/api/v1/ranking-policies/`, `/api/v1/tier-changes/?client_no=` (S12)."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from clients.models import Client
from clients.services.viewing import record_view
from org.api_base import ScopedViewSet
from org.api_input import asked
from org.api_pages import CursorPages
from segmentation.models import RankingPolicy, TierChange


class RankingPolicySerializer(serializers.ModelSerializer):
    """A version of the ranking's rules; cuts and ideals in percent."""

    state = serializers.CharField(help_text="draft, published")

    class Meta:
        model = RankingPolicy
        fields = (
            "version", "state", "valid_from", "scope", "cut_a", "cut_b", "window", "window_months", "window_from",
            "window_to", "watch_months", "max_move_percent", "visits_a", "visits_b", "visits_c", "ideal_a", "ideal_b",
            "note", "published_at",
        )  # fmt: skip


class TierChangeSerializer(serializers.ModelSerializer):
    """A change of the computed tier (`tier`) or of the service tier (`service`); empty `before`: ranked for the first time."""

    client_no = serializers.CharField(source="client.client_no")

    class Meta:
        model = TierChange
        fields = ("id", "business_date", "client_no", "what", "before", "after", "reason")


class Asked(forms.Form):
    """The query parameters."""

    client_no = forms.CharField(max_length=32)


@extend_schema_view(
    list=extend_schema(summary="Ranking policies, newest first"), retrieve=extend_schema(summary="A ranking policy")
)
class RankingPolicyViewSet(ScopedViewSet):
    """The rules by which clients are ranked, version by version; drafted and published on the pages."""

    right = "policies.view"
    serializer_class = RankingPolicySerializer
    filter_backends = ()
    lookup_field = "version"
    lookup_value_regex = r"\d{1,9}"
    page_order = ("-version",)
    queryset = RankingPolicy.objects.all()

    def get_queryset(self) -> QuerySet[RankingPolicy]:
        # They are the firm's; the right alone decides.
        return RankingPolicy.objects.all()


class TierChangeViewSet(ListModelMixin, GenericViewSet):
    """The history of one client's tiers; asking for it is reading the record."""

    right = "clients.view"
    serializer_class = TierChangeSerializer
    pagination_class = CursorPages
    filter_backends = ()
    page_order = ("-business_date", "-pk")
    queryset = TierChange.objects.none()

    @extend_schema(
        summary="Changes of a client's tier, newest first",
        parameters=[OpenApiParameter("client_no", OpenApiTypes.STR, required=True)],
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        client = Client.objects.visible_to(request.user).filter(client_no=asked(Asked, request)["client_no"]).first()
        if client is None:
            raise Http404
        record_view(client, request.user)  # type: ignore[arg-type]
        rows = self.paginate_queryset(TierChange.objects.filter(client=client).select_related("client"))
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)
