"""API of lifetime values (S13), `/api/v1/lifetime-values/`, and of funds (S8), `/api/v1/funds/`; each also `…/<client_no>/`."""

from django import forms
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from clients.models import Client
from clients.services.viewing import record_view
from crm.money import to_yuan
from forecasts.models import ClientValue
from forecasts.reading import Growth, growth_of, growth_of_client
from org.api_base import ScopedViewSet
from org.api_input import YuanField, asked
from segmentation.pareto import select


class LifetimeValueSerializer(serializers.ModelSerializer):
    """What a client brought up to `as_of` and what is expected of the 12 months after; money in 元.

    `alive`: probability of staying, 0–1. Forecasts are null without a model.
    """

    client_no = serializers.CharField(source="client.client_no")
    historic = serializers.SerializerMethodField()
    day_value = serializers.SerializerMethodField()
    clv_12m = serializers.SerializerMethodField()

    class Meta:
        model = ClientValue
        fields = (
            "client_no",
            "as_of",
            "days",
            "first_on",
            "last_on",
            "historic",
            "alive",
            "days_12m",
            "day_value",
            "clv_12m",
        )

    def get_historic(self, value: ClientValue) -> str:
        return _yuan(value.historic) or "0.00"

    def get_day_value(self, value: ClientValue) -> str | None:
        return _yuan(value.day_value)

    def get_clv_12m(self, value: ClientValue) -> str | None:
        return _yuan(value.clv_12m)


def _yuan(units: int | None) -> str | None:
    return None if units is None else f"{to_yuan(units):.2f}"


@extend_schema_view(
    list=extend_schema(summary="Lifetime values"), retrieve=extend_schema(summary="Lifetime value of a client")
)
class LifetimeValueViewSet(ScopedViewSet):
    """Lifetime values of the clients in the caller's scope, in order of the client's record."""

    right = "clients.view"
    personal = frozenset({"list"})
    serializer_class = LifetimeValueSerializer
    lookup_field = "client__client_no"
    lookup_url_kwarg = "client_no"
    queryset = ClientValue.objects.select_related("client")


# --- Growth of funds ---------------------------------------------------------------------------------------------------


class MonthSerializer(serializers.Serializer):
    """A month's end, in 元: assets = cash + securities − liabilities; money in less money out during the month."""

    month = serializers.DateField()
    clients = serializers.IntegerField()
    cash = YuanField()
    securities = YuanField()
    liabilities = YuanField()
    assets = YuanField()
    net_inflow = YuanField()


class AheadSerializer(serializers.Serializer):
    """A month to come, in 元: the middle and the ends of the interval, which covers 80 %."""

    month = serializers.DateField()
    middle = YuanField()
    low = YuanField()
    high = YuanField()


class ForecastTestSerializer(serializers.Serializer):
    """Mean absolute error of both forecasts over the held-back months, in 元."""

    smoothing = YuanField()
    naive = YuanField()
    months = serializers.IntegerField()


@extend_schema_serializer(many=False)
class FundsSerializer(serializers.Serializer):
    """History and forecast of assets. `method`: smoothing or naive, whichever was nearer; null without a forecast.

    `test` is null where the series is too short to be tested.
    """

    months = MonthSerializer(many=True)
    method = serializers.CharField(allow_null=True)
    forecast = AheadSerializer(many=True)
    test = ForecastTestSerializer(allow_null=True)


class FundsAsked(forms.Form):
    """Whose funds."""

    branch_no = forms.CharField(required=False, max_length=32)
    manager_no = forms.CharField(required=False, max_length=32)


class FundsViewSet(ViewSet):
    """Funds of the clients in the caller's scope together, or of one client."""

    right = "pareto.view"
    lookup_field = "client_no"
    lookup_value_regex = r"[^/]+"

    @extend_schema(
        summary="Growth of funds",
        parameters=[
            OpenApiParameter("branch_no", OpenApiTypes.STR, description="With the branches below it"),
            OpenApiParameter("manager_no", OpenApiTypes.STR),
        ],
        responses=FundsSerializer,
    )
    def list(self, request: Request) -> Response:
        wanted = asked(FundsAsked, request)
        return _funds(growth_of(request.user, select(request.user, wanted["branch_no"], wanted["manager_no"])))

    @extend_schema(summary="Growth of a client's funds", responses=FundsSerializer)
    def retrieve(self, request: Request, client_no: str) -> Response:
        if "\x00" in client_no:
            raise Http404
        client = Client.objects.visible_to(request.user).filter(client_no=client_no).first()
        if client is None:
            raise Http404
        record_view(client, request.user)  # type: ignore[arg-type]
        return _funds(growth_of_client(client))


def _funds(growth: Growth) -> Response:
    found = growth.forecast
    ends = zip(growth.ahead, found.middle, found.low, found.high, strict=True) if found else ()
    test = found.test if found else None
    answer = {
        "months": growth.months,
        "method": found.method if found else None,
        "forecast": [
            {"month": month, "middle": round(middle), "low": round(low), "high": round(high)}
            for month, middle, low, high in ends
        ],
        "test": {"smoothing": round(test.smoothing), "naive": round(test.naive), "months": test.months}
        if test
        else None,
    }
    return Response(FundsSerializer(answer).data)
