"""API of the call-backs (H1): `/api/v1/callbacks/`, `…/{id}/`, `…/quota/`. Calls are written down by persons, on the page."""

import django_filters
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from callbacks import queries
from callbacks.models import Callback, branches_of
from crm.clock import today
from org import audit
from org.api_base import ScopedViewSet


class CallbackSerializer(serializers.ModelSerializer):
    """A call-back. `abnormal`: the questions whose answer is not as it should be."""

    client_no = serializers.CharField(source="client.client_no")
    branch_no = serializers.CharField(source="client.branch.branch_no")
    agent_no = serializers.CharField(source="agent.staff_no", allow_null=True, default=None)
    abnormal = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Callback
        fields = (
            "id", "client_no", "branch_no", "kind", "year", "tier", "due_on", "state", "agent_no", "attempts", "abnormal",
            "done_at", "looked_at",
        )  # fmt: skip


class QuotaSerializer(serializers.Serializer):
    """A branch's year. `quota`: clients to be reached, of those eligible at the last year-end."""

    branch_no = serializers.CharField()
    eligible = serializers.IntegerField()
    quota = serializers.IntegerField()
    reached = serializers.IntegerField()
    open = serializers.IntegerField()
    lost = serializers.IntegerField()
    new = serializers.IntegerField()
    new_reached = serializers.IntegerField()
    new_late = serializers.IntegerField()


class CallbackFilter(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(choices=Callback.Kind.choices)
    state = django_filters.ChoiceFilter(choices=Callback.State.choices)
    year = django_filters.NumberFilter(min_value=1990, max_value=2200)
    branch_no = django_filters.CharFilter(field_name="client__branch__branch_no", max_length=32)

    class Meta:
        model = Callback
        fields: list[str] = []


@extend_schema_serializer(many=False)
class QuotasSerializer(serializers.Serializer):
    year = serializers.IntegerField()
    branches = QuotaSerializer(many=True)


@extend_schema_view(list=extend_schema(summary="Call-backs"), retrieve=extend_schema(summary="A call-back"))
class CallbackViewSet(ScopedViewSet):
    """Call-backs of the caller's branches, never those on clients whom the caller serves."""

    right = "callbacks.view"
    serializer_class = CallbackSerializer
    personal = frozenset({"list"})
    page_order = ("due_on", "id")
    filter_backends = (filters.DjangoFilterBackend,)
    filterset_class = CallbackFilter
    lookup_value_regex = r"\d{1,18}"
    queryset: QuerySet[Callback] = Callback.objects.select_related("client__branch", "agent")

    @extend_schema(
        summary="Quotas of a year by branch",
        parameters=[OpenApiParameter("year", int)],
        responses=QuotasSerializer,
        filters=False,
    )
    @action(detail=False, pagination_class=None)
    def quota(self, request: Request) -> Response:
        text = request.query_params.get("year", "")
        year = int(text) if text.isdecimal() and len(text) == 4 else today().year
        rows = queries.meter(branches_of(request.user), year, today())
        audit.record_read("api.callback-quota", user=request.user, rows=len(rows), filters={"year"})
        return Response(QuotasSerializer({"year": year, "branches": rows}).data)
