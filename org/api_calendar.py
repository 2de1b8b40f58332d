"""API of the firm's calendar: `/api/v1/calendar/?from_on=&to_on=`. The calendar is data, kept on its page."""

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.mixins import ListModelMixin
from rest_framework.viewsets import GenericViewSet

from org.api_pages import CursorPages
from org.models import CalendarDay
from org.rights import ANYBODY


class CalendarDaySerializer(serializers.ModelSerializer):
    """A date: a working day of the firm, a trading day of the exchanges; `provisional` until the year is announced."""

    class Meta:
        model = CalendarDay
        fields = ("date", "is_workday", "is_trading_day", "label", "provisional")


class CalendarFilter(django_filters.FilterSet):
    """Both days included."""

    from_on = django_filters.DateFilter(field_name="date", lookup_expr="gte")
    to_on = django_filters.DateFilter(field_name="date", lookup_expr="lte")

    class Meta:
        model = CalendarDay
        fields: list[str] = []


@extend_schema_view(list=extend_schema(summary="The firm's calendar"))
class CalendarViewSet(ListModelMixin, GenericViewSet[CalendarDay]):
    """Days as the firm has settled them."""

    right = ANYBODY
    serializer_class = CalendarDaySerializer
    filterset_class = CalendarFilter
    pagination_class = CursorPages
    page_order = ("date",)
    queryset: QuerySet[CalendarDay] = CalendarDay.objects.order_by("date")
