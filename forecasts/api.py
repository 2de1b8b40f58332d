"""API of lifetime values (S13): `GET /api/v1/lifetime-values/` and `…/<client_no>/`."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from crm.money import to_yuan
from forecasts.models import ClientValue
from org.api_base import ScopedViewSet


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
