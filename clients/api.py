"""API of the clients (N3): `GET /api/v1/clients/`, `GET /api/v1/clients/{client_no}/`. Personal data is masked."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from clients import columns
from clients.api_record import RecordActions
from clients.models import Client, ClientCare, Status
from clients.services.viewing import MASKS, masked_value, record_view
from org.api_base import ScopedViewSet
from org.masking import mask_name
from org.scope import scope_of

#: Field of the answer → path it is read from. Own fields; other apps add theirs by `columns.register_api`.
PATHS = {
    "client_no": "client_no",
    "name": "name",
    "branch_no": "branch__branch_no",
    "manager_no": "manager__staff_no",
    "status": "status",
    "opened_on": "opened_on",
    "closed_on": "closed_on",
    "mobile": "mobile",
    "email": "email",
    "address": "address",
    "id_type": "id_type",
    "id_no": "id_no",
    "risk_level": "risk_level",
    "risk_valid_until": "risk_valid_until",
    "investor_type": "investor_type",
    "do_not_contact": "care__do_not_contact",
    "contact_from": "care__contact_from",
    "contact_to": "care__contact_to",
    "preferred_channel": "care__preferred_channel",
    "core_as_of": "core_as_of",
}


class ClientSerializer(serializers.ModelSerializer):
    """One client, as the schema tells it; answers are made straight from the query's values."""

    branch_no = serializers.CharField()
    manager_no = serializers.CharField(allow_null=True)
    mobile = serializers.CharField(help_text="Masked")
    email = serializers.CharField(help_text="Masked")
    address = serializers.CharField(help_text="Masked")
    id_no = serializers.CharField(help_text="Masked")
    do_not_contact = serializers.BooleanField()
    contact_from = serializers.TimeField(allow_null=True)
    contact_to = serializers.TimeField(allow_null=True)
    preferred_channel = serializers.ChoiceField(choices=ClientCare.Channel.choices)

    class Meta:
        model = Client
        fields = tuple(PATHS)

    def get_fields(self) -> dict[str, serializers.Field]:
        return super().get_fields() | {name: extra.make() for name, extra in columns.api_fields().items()}


class Asked(forms.Form):
    """The query parameters."""

    branch_no = forms.CharField(required=False, max_length=32)
    manager_no = forms.CharField(required=False, max_length=32)
    status = forms.ChoiceField(choices=Status.choices, required=False)
    risk_level = forms.CharField(required=False, max_length=2)


#: Parameter → path compared with.
_FILTERS = {
    "branch_no": "branch__branch_no",
    "manager_no": "manager__staff_no",
    "status": "status",
    "risk_level": "risk_level",
}


@extend_schema_view(
    list=extend_schema(
        summary="Clients",
        description="Clients in the caller's scope, in pages. Fields of other apps, such as `tier`, filter too.",
        parameters=[
            OpenApiParameter("branch_no", OpenApiTypes.STR),
            OpenApiParameter("manager_no", OpenApiTypes.STR, description="Staff number of the manager"),
            OpenApiParameter("status", OpenApiTypes.STR, enum=Status.values),
            OpenApiParameter("risk_level", OpenApiTypes.STR),
            OpenApiParameter("tier", OpenApiTypes.STR, enum=["A", "B", "C"]),
        ],
    ),
    retrieve=extend_schema(
        summary="One client", description="Out of scope answers like a number that does not exist: 404."
    ),
)
class ClientViewSet(RecordActions, ScopedViewSet):
    """Clients as the core system tells them, and what hangs on them; reading one is written into the audit trail."""

    right = "clients.view"
    rights = {"POST": "clients.edit", "PATCH": "clients.edit"}
    personal = frozenset({"list"})
    queryset = Client.objects.all()
    serializer_class = ClientSerializer
    filter_backends = ()
    lookup_field = "client_no"
    lookup_value_regex = r"[^/]+"
    page_order = ("pk",)
    orderings = {"client_no": ("client_no",)}

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        wanted = _paths(self.fields_asked)
        keys = {"pk", "client_no"} - set(wanted.values())
        rows = self.paginate_queryset(self._asked(request, self.get_queryset()).values(*keys, *set(wanted.values())))
        masked = scope_of(request.user).masked
        return self.get_paginated_response([_answer(row, wanted, masked) for row in rows or ()])

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        number = kwargs[self.lookup_field]
        if "\x00" in number:
            raise Http404
        wanted = _paths(self.fields_asked)
        row = self.get_queryset().filter(client_no=number).values("pk", *set(wanted.values())).first()
        if row is None:
            raise Http404
        record_view(Client(client_no=number), request.user)
        return Response(_answer(row, wanted, scope_of(request.user).masked))

    def _asked(self, request: Request, queryset: QuerySet[Client]) -> QuerySet[Client]:
        """The rows that the parameters ask for; a wrong value is an error that names the parameter."""
        params = request.query_params
        if not params:
            return queryset
        form = Asked(params)
        if not form.is_valid():
            raise ValidationError({name: list(errors) for name, errors in form.errors.items()})
        for name, path in _FILTERS.items():
            if form.cleaned_data[name]:
                queryset = queryset.filter(**{path: form.cleaned_data[name]})
        for name, extra in columns.api_fields().items():
            if value := params.get(name):
                try:
                    queryset = queryset.filter(**{extra.path: extra.make().run_validation(value)})
                except serializers.ValidationError as wrong:
                    raise ValidationError({name: wrong.detail}) from wrong
        return queryset


def _paths(asked: frozenset[str]) -> dict[str, str]:
    """Field of the answer → path it is read from; all of them, or what was asked for: the rest is not read."""
    paths = PATHS | {name: extra.path for name, extra in columns.api_fields().items()}
    return {name: path for name, path in paths.items() if not asked or name in asked}


def _answer(row: dict[str, Any], wanted: dict[str, str], masked: bool) -> dict[str, Any]:
    """A row of the query as the API gives it."""
    answer = {name: row[path] for name, path in wanted.items()}
    for name in MASKS.keys() & answer.keys():
        answer[name] = masked_value(name, answer[name])
    if masked and "name" in answer:
        answer["name"] = mask_name(answer["name"])
    # A client whose care row is yet to be made has no wishes.
    if "do_not_contact" in answer:
        answer["do_not_contact"] = bool(answer["do_not_contact"])
    if "preferred_channel" in answer:
        answer["preferred_channel"] = answer["preferred_channel"] or ClientCare.Channel.ANY.value
    return answer
