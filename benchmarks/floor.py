"""The floor: what a bare Django view of the same size costs on the same server and database.

25 rows by key in a small template (list, search, deep), one row (record), a DRF serializer of 25 rows (api_list).
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework import serializers
from rest_framework.generics import ListAPIView

from clients.models import Client

ROWS = 25


def _keys(request: HttpRequest) -> list[int]:
    first = int(request.GET.get("from", "1"))
    return list(range(first, first + ROWS))


def rows(request: HttpRequest) -> HttpResponse:
    """25 clients by key."""
    return render(request, "floor/list.html", {"clients": Client.objects.filter(pk__in=_keys(request))})


def one(request: HttpRequest) -> HttpResponse:
    """One client by key."""
    return render(request, "floor/record.html", {"client": Client.objects.get(pk=_keys(request)[0])})


class RowSerializer(serializers.ModelSerializer):
    class Meta:
        model = Client
        fields = ("client_no", "name", "status", "opened_on", "risk_level")


class Rows(ListAPIView):
    """25 clients by key through a plain DRF serializer."""

    serializer_class = RowSerializer
    authentication_classes = ()
    permission_classes = ()
    pagination_class = None
    filter_backends = ()

    def get_queryset(self):
        return Client.objects.filter(pk__in=_keys(self.request))
