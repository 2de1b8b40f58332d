"""API of own segments (S11): `/api/v1/segments/`, `…/{id}/`, `…/{id}/count/`, `…/{id}/clients/`, `…/{id}/freeze/`, `…/preview/`.

A change, freezing and deleting take the version the caller saw as `If-Match: "3"`; when somebody was faster the answer is 409
with both, and nothing was written.
"""

from typing import Any

from django.core.exceptions import ValidationError as Invalid
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from clients.errors import Conflict
from org.api_base import ScopedViewSet
from org.api_input import MATCH, seen_version
from org.problems import problem_response
from segments import rules, services
from segments.models import Segment


class SegmentSerializer(serializers.ModelSerializer):
    """A segment; `rule` as docs/segments.md has it."""

    owner = serializers.CharField(source="owner.username", read_only=True)

    class Meta:
        model = Segment
        fields = ("id", "name", "note", "rule", "kind", "frozen_at", "shared", "owner", "version", "changed_at")


class WriteSerializer(serializers.Serializer):
    """A segment as it is written. Sharing needs the right `segments.share`."""

    name = serializers.CharField(max_length=60)
    note = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    shared = serializers.ChoiceField(choices=Segment.Shared.choices, default=Segment.Shared.OWN)
    rule = serializers.DictField()


class RuleSerializer(serializers.Serializer):
    """A rule to be tried."""

    rule = serializers.DictField()


class PreviewSerializer(serializers.Serializer):
    """Clients of the caller's scope whom a rule finds; null where counting took too long."""

    count = serializers.IntegerField(allow_null=True)


class CountSerializer(serializers.Serializer):
    """How many clients of the caller's scope are in the segment; null where counting took too long."""

    count = serializers.IntegerField(allow_null=True)


class MemberSerializer(serializers.Serializer):
    """A client of the segment."""

    client_no = serializers.CharField()


class Slow(APIException):
    """The database was not done in time; nothing was written."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = gettext_lazy("Finding the clients takes too long here. Narrow the rule and try again.")
    default_code = "too_slow"


_FASTER = OpenApiResponse(description="Somebody was faster: `current`, `yours`")


@extend_schema_view(list=extend_schema(summary="Own segments"), retrieve=extend_schema(summary="An own segment"))
class SegmentViewSet(ScopedViewSet):
    """Segments of the caller and those shared with him; counts and clients within the caller's scope."""

    right = "segments.view"
    rights = {"POST": "segments.edit", "PUT": "segments.edit", "DELETE": "segments.edit"}
    personal = frozenset({"clients"})
    serializer_class = SegmentSerializer
    lookup_value_regex = r"\d{1,18}"
    queryset = Segment.objects.select_related("owner").order_by("pk")

    def _clients(self) -> QuerySet[Any]:
        try:
            return services.clients_of(self.get_object(), self.request.user)  # type: ignore[arg-type]
        except rules.Broken as error:
            raise ValidationError({"rule": error.messages, "path": error.path}) from error

    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        return self._answer(self.get_object())

    @extend_schema(summary="Make a segment", request=WriteSerializer, responses={201: SegmentSerializer})
    def create(self, request: Request) -> Response:
        segment = self._saved(request)
        return self._answer(segment, status.HTTP_201_CREATED)

    @extend_schema(
        summary="Change a segment of one's own",
        request=WriteSerializer,
        responses={200: SegmentSerializer, 409: _FASTER},
        parameters=[MATCH],
    )
    def update(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        segment = self._own()
        try:
            return self._answer(self._saved(request, segment.pk, seen_version(request)))
        except Conflict:
            return self._late(request)

    @extend_schema(summary="Delete a segment of one's own", responses={204: None, 409: _FASTER}, parameters=[MATCH])
    def destroy(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        segment = self._own()
        try:
            services.delete(segment.pk, user=request.user, version=seen_version(request))  # type: ignore[arg-type]
        except Conflict:
            return self._late(request)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="Keep today's clients of a segment",
        request=None,
        responses={
            200: SegmentSerializer,
            409: _FASTER,
            503: OpenApiResponse(description="It took too long; nothing was written"),
        },
        parameters=[MATCH],
    )
    @action(detail=True, methods=["post"])
    def freeze(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        segment = self._own()
        try:
            return self._answer(services.freeze(segment.pk, user=request.user, version=seen_version(request)))  # type: ignore[arg-type]
        except Conflict:
            return self._late(request)
        except services.TooSlow as error:
            raise Slow from error
        except rules.Broken as error:
            raise ValidationError({"rule": error.messages, "path": error.path}) from error

    def _late(self, request: Request) -> HttpResponseBase:
        """Both, so that the caller can decide."""
        current = self.get_serializer(self._own()).data
        return problem_response(409, current=current, yours=dict(request.data) | {"version": seen_version(request)})

    @extend_schema(summary="Try a rule without keeping it", request=RuleSerializer, responses=PreviewSerializer)
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        sent = RuleSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        try:
            return Response({"count": services.count_of(sent.validated_data["rule"], request.user)})  # type: ignore[arg-type]
        except rules.Broken as error:
            raise ValidationError({"rule": error.messages, "path": error.path}) from error

    def _own(self) -> Segment:
        """The segment, if it is the caller's own: those shared with him are only read."""
        found: Segment = self.get_object()
        if found.owner_id != self.request.user.pk:
            raise PermissionDenied
        return found

    def _saved(self, request: Request, pk: int | None = None, version: int = 0) -> Segment:
        sent = WriteSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        values = dict(sent.validated_data)
        rule = values.pop("rule")
        try:
            return services.save(values, rule, user=request.user, segment_id=pk, version=version)  # type: ignore[arg-type]
        except rules.Broken as error:
            raise ValidationError({"rule": error.messages, "path": error.path}) from error
        except Invalid as error:
            raise ValidationError(error.message_dict) from error
        except Segment.DoesNotExist as error:
            raise NotFound from error
        except IntegrityError as error:  # two at once under one name
            raise ValidationError({"name": [_("You have a segment of this name already.")]}) from error

    def _answer(self, segment: Segment, code: int = status.HTTP_200_OK) -> Response:
        return Response(self.get_serializer(segment).data, status=code, headers={"ETag": f'"{segment.version}"'})

    @extend_schema(summary="Clients in a segment, counted", responses=CountSerializer)
    @action(detail=True)
    def count(self, request: Request, **kwargs: Any) -> Response:
        try:
            return Response({"count": services.size_of(self.get_object(), request.user)})  # type: ignore[arg-type]
        except rules.Broken as error:
            raise ValidationError({"rule": error.messages, "path": error.path}) from error

    @extend_schema(summary="Clients in a segment", responses=MemberSerializer(many=True))
    @action(detail=True)
    def clients(self, request: Request, **kwargs: Any) -> Response:
        found = self.paginate_queryset(self._clients().order_by("pk").only("pk", "client_no"))
        return self.get_paginated_response(MemberSerializer(found, many=True).data)
