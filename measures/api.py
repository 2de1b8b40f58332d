"""API of the measures (S3–S6): `/api/v1/measures/`, `…/{client_no}/`; of migration (S12): `/api/v1/migration/`, `…/clients/`."""

from datetime import date
from typing import Any

from django import forms
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from clients.models import Client
from clients.services.viewing import record_view
from measures.models import ClientMeasures, Kind, MeasureMark, RfmGroup
from measures.reading import BANDS, CELLS, SCHEMES, Scheme, flows, kept_days, moved, names_of
from measures.rules import moved_inputs
from measures.words import INPUTS
from org.api_base import AuditedPages
from org.api_input import YuanField, asked
from org.api_pages import CursorPages
from segmentation.pareto import Selection, select


class MeasuresSerializer(serializers.Serializer):
    """Where a client stands. Of a past date the history keeps cell, group, kind and band; the rest is null there.

    `score_band`: 0 (0–19) to 4 (80–100). Parts of the score 0–100, null where not known; `confidence` is the weight of the
    known ones in %. Money in 元.
    """

    client_no = serializers.CharField()
    as_of = serializers.DateField(help_text="Business date from which this holds")
    nine_cell = serializers.ChoiceField(choices=list(CELLS), help_text="Size L, M, S and manner i, s, t")
    rfm_group = serializers.ChoiceField(choices=RfmGroup.choices)
    kind = serializers.ChoiceField(choices=Kind.choices)
    score_band = serializers.IntegerField()
    score = serializers.IntegerField(allow_null=True, default=None)
    confidence = serializers.IntegerField(allow_null=True, default=None)
    part_contribution = serializers.IntegerField(allow_null=True, default=None)
    part_growth = serializers.IntegerField(allow_null=True, default=None)
    part_products = serializers.IntegerField(allow_null=True, default=None)
    part_influence = serializers.IntegerField(allow_null=True, default=None)
    part_social = serializers.IntegerField(allow_null=True, default=None)
    r = serializers.IntegerField(allow_null=True, default=None)
    f = serializers.IntegerField(allow_null=True, default=None)
    m = serializers.IntegerField(allow_null=True, default=None)
    last_trade_on = serializers.DateField(allow_null=True, default=None)
    frequency = serializers.IntegerField(allow_null=True, default=None)
    monetary = YuanField(allow_null=True, default=None)
    turnover = YuanField(allow_null=True, default=None)
    turnover_rate = serializers.FloatField(allow_null=True, default=None)


class Asked(forms.Form):
    """The query parameters of the measures."""

    date = forms.DateField(required=False)
    branch_no = forms.CharField(required=False, max_length=32)
    manager_no = forms.CharField(required=False, max_length=32)
    nine_cell = forms.ChoiceField(choices=[(key, key) for key in CELLS], required=False)
    rfm_group = forms.ChoiceField(choices=RfmGroup.choices, required=False)
    kind = forms.ChoiceField(choices=Kind.choices, required=False)
    score_band = forms.ChoiceField(choices=[(key, key) for key in BANDS], required=False)


#: Parameter → path from the client, and key of the history.
_FILTERS = {"nine_cell": "cell", "rfm_group": "rfm_group", "kind": "kind", "score_band": "band"}
#: The same of today's row, which keeps the score itself.
_TODAY = (
    "as_of", "cell", "rfm_group", "kind", "score", "confidence", "part_contribution", "part_growth", "part_products",
    "part_influence", "part_social", "r", "f", "m", "last_trade_on", "frequency", "monetary", "turnover", "turnover_rate",
)  # fmt: skip
_PARAMETERS = [
    OpenApiParameter("date", OpenApiTypes.DATE, description="A past day; default: the newest night"),
    OpenApiParameter("branch_no", OpenApiTypes.STR),
    OpenApiParameter("manager_no", OpenApiTypes.STR),
    OpenApiParameter("nine_cell", OpenApiTypes.STR, enum=list(CELLS)),
    OpenApiParameter("rfm_group", OpenApiTypes.STR, enum=RfmGroup.values),
    OpenApiParameter("kind", OpenApiTypes.STR, enum=Kind.values),
    OpenApiParameter("score_band", OpenApiTypes.STR, enum=list(BANDS)),
]


def known_day(day: date) -> date:
    """A day of which the history tells. Raises ValidationError before the first night and after the newest."""
    kept = kept_days()
    if kept is None:
        raise ValidationError({"date": [_("Nothing is measured yet.")]})
    first, newest = kept
    if not first <= day <= newest:
        words = {"first": first.isoformat(), "newest": newest.isoformat()}
        raise ValidationError({"date": [_("The history is kept from %(first)s to %(newest)s.") % words]})
    return day


class MeasuresViewSet(AuditedPages, GenericViewSet):
    """Read-only measures of the clients in the caller's scope; reading one leaves a row in the audit trail."""

    right = "clients.view"
    personal = frozenset({"list"})
    serializer_class = MeasuresSerializer
    pagination_class = CursorPages
    filter_backends = ()
    lookup_field = "client_no"
    lookup_value_regex = r"[^/]+"
    page_order = ("pk",)
    queryset = Client.objects.none()

    @extend_schema(summary="Measures of clients", parameters=_PARAMETERS, responses=MeasuresSerializer(many=True))
    def list(self, request: Request) -> Response:
        rows = self.paginate_queryset(self._wanted(asked(Asked, request)))
        return self.get_paginated_response(MeasuresSerializer([_row(row) for row in rows or ()], many=True).data)

    @extend_schema(summary="Measures of a client", parameters=_PARAMETERS[:1], responses=MeasuresSerializer)
    def retrieve(self, request: Request, client_no: str) -> Response:
        if "\x00" in client_no:
            raise Http404
        wanted = self._wanted({"date": asked(Asked, request)["date"]})
        client = wanted.filter(client_no=client_no).first()
        if client is None:
            raise Http404
        record_view(client, request.user)  # type: ignore[arg-type]
        return Response(MeasuresSerializer(_row(client)).data)

    def _wanted(self, wanted: dict[str, Any]) -> QuerySet[Client]:
        clients = Client.objects.visible_to(self.request.user).only("pk", "client_no")
        if wanted.get("branch_no"):
            clients = clients.filter(branch__branch_no=wanted["branch_no"])
        if wanted.get("manager_no"):
            clients = clients.filter(manager__staff_no=wanted["manager_no"])
        keys = {path: wanted[name] for name, path in _FILTERS.items() if wanted.get(name)}
        if wanted["date"] is None:
            if band := keys.pop("band", None):
                low = int(band) * 20
                keys |= {"score__gte": low, "score__lte": 100 if band == "4" else low + 19}
            keys = {f"measures__{path}": value for path, value in keys.items()}
            only = (f"measures__{name}" for name in _TODAY)
            return (
                clients.select_related("measures").only("pk", "client_no", *only).filter(measures__isnull=False, **keys)
            )
        marks = MeasureMark.objects.filter(client_id=OuterRef("pk"), business_date__lte=known_day(wanted["date"]))
        kept = {name: name for name in ("cell", "rfm_group", "kind", "band", "gone")} | {"as_of": "business_date"}
        newest = marks.order_by("-business_date").values(mark=JSONObject(**kept))
        clients = clients.annotate(mark=Subquery(newest[:1])).filter(mark__gone=False)
        return clients.filter(**{f"mark__{key}": int(value) if key == "band" else value for key, value in keys.items()})


def _row(client: Any) -> dict[str, Any]:
    mark = getattr(client, "mark", None)
    if mark is not None:
        return {
            "client_no": client.client_no,
            "as_of": date.fromisoformat(mark["as_of"]),
            "nine_cell": mark["cell"],
            "rfm_group": mark["rfm_group"],
            "kind": mark["kind"],
            "score_band": mark["band"],
        }
    found: ClientMeasures = client.measures
    row = {name: getattr(found, name) for name in _TODAY}
    return row | {"client_no": client.client_no, "nine_cell": row["cell"], "score_band": min(found.score // 20, 4)}


# --- Migration ---------------------------------------------------------------------------------------------------------


class StreamSerializer(serializers.Serializer):
    """Clients who went from one place to another; `-`: not ranked on that day."""

    before = serializers.CharField()
    after = serializers.CharField()
    clients = serializers.IntegerField()
    reasons = serializers.ListField(
        child=serializers.ChoiceField(choices=list(INPUTS)),
        help_text="Inputs that moved, as far as the two keys tell; none for rfm_group and band",
    )


class MigrationSerializer(serializers.Serializer):
    """All streams between two days, unmoved clients included, and the words of the keys in the caller's language."""

    scheme = serializers.CharField()
    date_from = serializers.DateField()
    date_to = serializers.DateField()
    names = serializers.DictField(child=serializers.CharField())
    streams = StreamSerializer(many=True)


class MoverSerializer(serializers.Serializer):
    """A client of one stream."""

    client_no = serializers.CharField()


class MigrationAsked(forms.Form):
    """Which scheme, between which days, of whom."""

    scheme = forms.ChoiceField(choices=[(key, key) for key in SCHEMES])
    date_from = forms.DateField()
    date_to = forms.DateField()
    branch_no = forms.CharField(required=False, max_length=32)
    manager_no = forms.CharField(required=False, max_length=32)
    before = forms.CharField(required=False, max_length=12)
    after = forms.CharField(required=False, max_length=12)


_WHEN = [
    OpenApiParameter("scheme", OpenApiTypes.STR, required=True, enum=list(SCHEMES)),
    OpenApiParameter("date_from", OpenApiTypes.DATE, required=True),
    OpenApiParameter("date_to", OpenApiTypes.DATE, required=True),
    OpenApiParameter("branch_no", OpenApiTypes.STR, description="With the branches below it"),
    OpenApiParameter("manager_no", OpenApiTypes.STR),
]


class MigrationViewSet(AuditedPages, GenericViewSet):
    """Who went from where to where between two days, within the caller's scope."""

    right = "pareto.view"
    personal = frozenset({"clients"})
    serializer_class = MoverSerializer
    pagination_class = CursorPages
    filter_backends = ()
    page_order = ("pk",)
    queryset = Client.objects.none()

    @extend_schema(summary="Streams between two days", parameters=_WHEN, responses=MigrationSerializer)
    def list(self, request: Request) -> Response:
        scheme, start, end, selection, _wanted = self._asked(request)
        found = flows(request.user, selection, scheme, start, end)
        streams = [
            {"before": b, "after": a, "clients": count, "reasons": moved_inputs(scheme.key, b, a)}
            for (b, a), count in sorted(found.items())
        ]
        answer = {
            "scheme": scheme.key,
            "date_from": start,
            "date_to": end,
            "names": names_of(scheme),
            "streams": streams,
        }
        return Response(MigrationSerializer(answer).data)

    @extend_schema(
        summary="The clients of a stream",
        parameters=[
            *_WHEN,
            OpenApiParameter("before", OpenApiTypes.STR, required=True),
            OpenApiParameter("after", OpenApiTypes.STR, required=True),
        ],
        responses=MoverSerializer(many=True),
    )
    @action(detail=False)
    def clients(self, request: Request) -> Response:
        scheme, start, end, selection, wanted = self._asked(request)
        keys = names_of(scheme)
        wrong = {
            name: [_("There is no such key in this scheme.")]
            for name in ("before", "after")
            if wanted[name] not in keys
        }
        if wrong:
            raise ValidationError(wrong)
        clients = Client.objects.visible_to(request.user)
        if selection.manager is not None:
            clients = clients.filter(manager=selection.manager)
        if selection.branch is not None:
            clients = clients.filter(branch__path__startswith=selection.branch.path)
        found = moved(clients, scheme, start, end, wanted["before"], wanted["after"])
        rows = self.paginate_queryset(found.only("pk", "client_no"))
        return self.get_paginated_response(MoverSerializer(rows, many=True).data)

    def _asked(self, request: Request) -> tuple[Scheme, date, date, Selection, dict[str, Any]]:
        wanted = asked(MigrationAsked, request)
        start, end = wanted["date_from"], wanted["date_to"]
        if start > end:
            raise ValidationError({"date_from": [_("The first day lies after the last.")]})
        kept = kept_days()
        if kept is None or end > kept[1]:
            raise ValidationError({"date_to": [_("Nothing is known yet after the newest night.")]})
        selection = select(request.user, wanted["branch_no"], wanted["manager_no"])
        return SCHEMES[wanted["scheme"]], start, end, selection, wanted
