"""API of client profit (S7): `/api/v1/profit/`, `/api/v1/cost-months/` and the proposals for remote service with their review."""

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError as Wrong
from django.db.models import Prefetch, QuerySet
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from clients.services.viewing import record_view
from crm.clock import now
from org.api_base import ScopedViewSet
from org.api_input import YuanField, asked, refused, sent
from profit import services
from profit.models import CostMonth, CostPool, ProfitTotal, RemoteProposal
from profit.rules import Profit


class ProfitSerializer(serializers.ModelSerializer):
    """A client's contribution over the newest shared-out months, in 元; `months` of them had costs.

    marginal = revenue − direct; gross = marginal − service; net = gross − overhead. `growth`: change of the assets, null where
    unknown.
    """

    client_no = serializers.CharField(source="client.client_no")
    revenue = YuanField()
    direct = YuanField()
    service = YuanField()
    overhead = YuanField()
    marginal = serializers.SerializerMethodField()
    gross = serializers.SerializerMethodField()
    net = YuanField()
    growth = YuanField(allow_null=True)

    class Meta:
        model = ProfitTotal
        fields = (
            "client_no", "month_from", "month_to", "months", "revenue", "direct", "marginal", "service", "gross", "overhead",
            "net", "growth",
        )  # fmt: skip

    def get_marginal(self, row: ProfitTotal) -> str:
        return YuanField().to_representation(_profit(row).marginal)

    def get_gross(self, row: ProfitTotal) -> str:
        return YuanField().to_representation(_profit(row).gross)


def _profit(row: ProfitTotal) -> Profit:
    return Profit(row.revenue, row.direct, row.service, row.overhead)


class Asked(forms.Form):
    """The query parameters of the clients' profit."""

    branch_no = forms.CharField(required=False, max_length=32)
    manager_no = forms.CharField(required=False, max_length=32)


@extend_schema_view(
    list=extend_schema(
        summary="Contributions of clients",
        parameters=[OpenApiParameter("branch_no", OpenApiTypes.STR), OpenApiParameter("manager_no", OpenApiTypes.STR)],
    ),
)
class ProfitViewSet(ScopedViewSet):
    """Contributions of the clients in the caller's scope, in order of the client's record; closed ones are left out."""

    right = "profit.view"
    personal = frozenset({"list"})
    serializer_class = ProfitSerializer
    lookup_field = "client__client_no"
    lookup_url_kwarg = "client_no"
    lookup_value_regex = r"[^/]+"
    queryset = ProfitTotal.objects.select_related("client").exclude(client__status="closed").order_by("pk")

    def filter_queryset(self, queryset: QuerySet[ProfitTotal]) -> QuerySet[ProfitTotal]:
        wanted = asked(Asked, self.request)
        paths = {"branch_no": "client__branch__branch_no", "manager_no": "client__manager__staff_no"}
        return queryset.filter(**{path: wanted[name] for name, path in paths.items() if wanted[name]})

    @extend_schema(summary="Contribution of a client")
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if "\x00" in kwargs["client_no"]:
            raise Http404
        row = self.get_object()
        record_view(row.client, request.user)  # type: ignore[arg-type]
        return Response(self.get_serializer(row).data)


# --- Costs -------------------------------------------------------------------------------------------------------------


class PoolSerializer(serializers.ModelSerializer):
    """A part of a month's costs, in 元, and what it is shared out by."""

    amount = YuanField()

    class Meta:
        model = CostPool
        fields = ("name", "amount", "level", "driver")


class CostMonthSerializer(serializers.ModelSerializer):
    """The costs of a branch in a month, in 元. `unshared`: cost whose driver nobody used, which stays with the branch."""

    branch_no = serializers.CharField(source="branch.branch_no")
    month = serializers.DateField(help_text="First day of the month")
    total = YuanField()
    unshared = YuanField()
    pools = PoolSerializer(many=True)

    class Meta:
        model = CostMonth
        fields = ("id", "branch_no", "month", "state", "version", "total", "unshared", "shared_at", "pools")


class CostsAsked(forms.Form):
    """The query parameters of the costs."""

    branch_no = forms.CharField(required=False, max_length=32)
    month_from = forms.DateField(required=False)
    month_to = forms.DateField(required=False)


@extend_schema_view(
    list=extend_schema(
        summary="Costs by branch and month",
        parameters=[
            OpenApiParameter("branch_no", OpenApiTypes.STR),
            OpenApiParameter("month_from", OpenApiTypes.DATE),
            OpenApiParameter("month_to", OpenApiTypes.DATE),
        ],
    ),
    retrieve=extend_schema(summary="The costs of a month"),
)
class CostMonthViewSet(ScopedViewSet):
    """Costs of the branches that the caller sees whole, with their pools. They are entered on the page."""

    right = "profit.view"
    serializer_class = CostMonthSerializer
    lookup_value_regex = r"\d{1,18}"
    queryset = (
        CostMonth.objects.select_related("branch")
        .prefetch_related(Prefetch("pools", CostPool.objects.order_by("pk")))
        .order_by("pk")
    )

    def filter_queryset(self, queryset: QuerySet[CostMonth]) -> QuerySet[CostMonth]:
        wanted = asked(CostsAsked, self.request)
        paths = {"branch_no": "branch__branch_no", "month_from": "month__gte", "month_to": "month__lte"}
        found: dict[str, str | date] = {path: wanted[name] for name, path in paths.items() if wanted[name]}
        return queryset.filter(**found)


# --- Remote service ----------------------------------------------------------------------------------------------------


class ProposalSerializer(serializers.ModelSerializer):
    """A client proposed for remote service; money in 元. `saving`: service cost of twelve months that it would spare."""

    client_no = serializers.CharField(source="client.client_no")
    net = YuanField()
    saving = YuanField()
    growth = YuanField(allow_null=True)

    class Meta:
        model = RemoteProposal
        fields = ("id", "client_no", "month_to", "net", "saving", "growth", "state", "made_at", "decided_at", "reason")


class DecisionSerializer(serializers.Serializer):
    """The review of a proposal: remote service or not, and why; the reason is kept with the client."""

    accept = serializers.BooleanField()
    reason = serializers.CharField(max_length=200)


class ProposalsAsked(forms.Form):
    """The query parameters of the proposals."""

    state = forms.ChoiceField(choices=RemoteProposal.State.choices, required=False)
    branch_no = forms.CharField(required=False, max_length=32)


@extend_schema_view(
    list=extend_schema(
        summary="Proposals for remote service",
        parameters=[
            OpenApiParameter("state", OpenApiTypes.STR, enum=RemoteProposal.State.values),
            OpenApiParameter("branch_no", OpenApiTypes.STR),
        ],
    ),
    retrieve=extend_schema(summary="A proposal for remote service"),
)
class ProposalViewSet(ScopedViewSet):
    """Proposals about the clients in the caller's scope."""

    right = "profit.view"
    rights = {"POST": "profit.edit"}
    personal = frozenset({"list"})
    serializer_class = ProposalSerializer
    lookup_value_regex = r"\d{1,18}"
    queryset = RemoteProposal.objects.select_related("client").order_by("pk")

    def filter_queryset(self, queryset: QuerySet[RemoteProposal]) -> QuerySet[RemoteProposal]:
        if self.action != "list":
            return queryset
        wanted = asked(ProposalsAsked, self.request)
        paths = {"state": "state", "branch_no": "client__branch__branch_no"}
        return queryset.filter(**{path: wanted[name] for name, path in paths.items() if wanted[name]})

    @extend_schema(summary="Decide on a proposal", request=DecisionSerializer, responses=ProposalSerializer)
    @action(detail=True, methods=["post"])
    def decide(self, request: Request, **kwargs: Any) -> Response:
        found = self.get_object()
        given = sent(DecisionSerializer, request)
        try:
            services.decide(found.pk, given["accept"], given["reason"], user=request.user, at=now())  # type: ignore[arg-type]
        except Wrong as error:
            raise refused(error) from error
        return Response(self.get_serializer(self.get_object()).data)
