"""API of own segments (S11): `GET /api/v1/segments/`, `…/{id}/`, `…/{id}/count/`, `…/{id}/clients/`."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from org.api_base import ScopedViewSet
from segments import rules, services
from segments.models import Segment


class SegmentSerializer(serializers.ModelSerializer):
    """A segment; `rule` as docs/segments.md has it."""

    owner = serializers.CharField(source="owner.username", read_only=True)

    class Meta:
        model = Segment
        fields = ("id", "name", "note", "rule", "kind", "frozen_at", "shared", "owner", "version", "changed_at")


class CountSerializer(serializers.Serializer):
    """How many clients of the caller's scope are in the segment."""

    count = serializers.IntegerField()


class MemberSerializer(serializers.Serializer):
    """A client of the segment."""

    client_no = serializers.CharField()


@extend_schema_view(list=extend_schema(summary="Own segments"), retrieve=extend_schema(summary="An own segment"))
class SegmentViewSet(ScopedViewSet):
    """Segments of the caller and those shared with him; counts and clients within the caller's scope."""

    right = "segments.view"
    personal = frozenset({"clients"})
    serializer_class = SegmentSerializer
    lookup_value_regex = r"\d{1,18}"
    queryset = Segment.objects.select_related("owner").order_by("pk")

    def _clients(self) -> QuerySet[Any]:
        try:
            return services.clients_of(self.get_object(), self.request.user)  # type: ignore[arg-type]
        except rules.Broken as error:
            raise ValidationError({"rule": error.messages}) from error

    @extend_schema(summary="Clients in a segment, counted", responses=CountSerializer)
    @action(detail=True)
    def count(self, request: Request, **kwargs: Any) -> Response:
        return Response({"count": self._clients().count()})

    @extend_schema(summary="Clients in a segment", responses=MemberSerializer(many=True))
    @action(detail=True)
    def clients(self, request: Request, **kwargs: Any) -> Response:
        found = self.paginate_queryset(self._clients().order_by("pk").only("pk", "client_no"))
        return self.get_paginated_response(MemberSerializer(found, many=True).data)
