"""API of the webhooks (N3): `/api/v1/webhooks/`, pause, resume, dead letters and their replay. Made and ended on the page.

The right is a person's alone (`webhooks.edit`): no token tells the firm's changes to another address.
"""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from crm.clock import now
from feed import services
from feed.models import DeadLetter, Subscription
from org.api_base import ScopedViewSet


class WebhookSerializer(serializers.ModelSerializer):
    """A receiver: `after` is the sequence up to which it has taken everything, `error` what went wrong last."""

    branch_no = serializers.CharField(source="branch.branch_no", allow_null=True, default=None)
    kinds = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Subscription
        fields = (
            "uid", "name", "url", "kinds", "branch_no", "after", "attempts", "next_at", "paused_at", "taken_at", "ended_at",
            "error",
        )  # fmt: skip


class DeadLetterSerializer(serializers.ModelSerializer):
    """A batch that was not taken; `changes` in it, `taken_at` when a replay was taken."""

    class Meta:
        model = DeadLetter
        fields = ("id", "message_id", "changes", "at", "error", "taken_at")


class ReplaySerializer(serializers.Serializer):
    """What came of sending it again: `error` is empty when it was taken."""

    error = serializers.CharField(allow_blank=True)


@extend_schema_view(list=extend_schema(summary="Webhooks, newest first"), retrieve=extend_schema(summary="A webhook"))
class WebhookViewSet(ScopedViewSet):
    """Receivers of the change feed."""

    right = "webhooks.edit"
    http_method_names = ["get", "post", "head", "options"]
    serializer_class = WebhookSerializer
    filter_backends = ()
    lookup_field = "uid"
    lookup_value_regex = r"[0-9a-f-]{36}"
    page_order = ("-pk",)
    queryset = Subscription.objects.select_related("branch")

    def get_queryset(self) -> QuerySet[Subscription]:
        # They belong to the firm; the right alone decides.
        return Subscription.objects.select_related("branch")

    @extend_schema(summary="Tell a receiver nothing for now", request=None, responses=WebhookSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, uid: str) -> Response:
        services.pause(self.get_object(), by=request.user, now=now())  # type: ignore[arg-type]
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(summary="Go on from where the receiver is", request=None, responses=WebhookSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, uid: str) -> Response:
        services.resume(self.get_object(), by=request.user, now=now())  # type: ignore[arg-type]
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(summary="What a receiver did not take, newest first", responses=DeadLetterSerializer(many=True))
    @action(detail=True, url_path="letters")
    def letters(self, request: Request, uid: str) -> Response:
        rows: Any = self.paginate_queryset(self.get_object().dead.all())
        return self.get_paginated_response(DeadLetterSerializer(rows, many=True).data)

    @extend_schema(
        summary="Send a dead letter again, now",
        request=None,
        responses=ReplaySerializer,
        parameters=[OpenApiParameter("letter_id", OpenApiTypes.INT, OpenApiParameter.PATH)],
    )
    @action(detail=True, methods=["post"], url_path=r"letters/(?P<letter_id>\d{1,18})/replay")
    def replay(self, request: Request, uid: str, letter_id: str) -> Response:
        letter = get_object_or_404(self.get_object().dead.select_related("subscription"), pk=letter_id)
        error = services.replay(letter, by=request.user, now=now())  # type: ignore[arg-type]
        return Response(ReplaySerializer({"error": error}).data)
