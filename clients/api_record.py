"""What hangs on one client in the API (C1, C7, C8): accounts, timeline with notes, what the firm itself keeps."""

from html import unescape
from typing import Any

from django.http import Http404, HttpResponseBase
from django.utils.html import strip_tags
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from clients import services, timeline
from clients.errors import Conflict, Refused
from clients.forms import CareForm
from clients.models import Account, Client, ClientCare, TimelineEvent
from clients.rules import CONFIRMABLE
from clients.services.care import EDITABLE
from clients.services.events import MAX_NOTE
from crm.clock import now, today
from org.api_input import MATCH, seen_version, sent
from org.problems import problem_response
from org.scope import scope_of

_FASTER = OpenApiResponse(description="Somebody was faster: `current`, `yours`")


class AccountSerializer(serializers.ModelSerializer):
    """A fund account; of the number the last four characters."""

    account_no = serializers.CharField(source="masked_no", help_text="Masked")

    class Meta:
        model = Account
        fields = ("account_no", "kind", "status", "opened_on", "closed_on", "commission_rate")


class TimelineSerializer(serializers.ModelSerializer):
    """An event of the client's story, in words of the reader's language."""

    text = serializers.SerializerMethodField()
    detail = serializers.SerializerMethodField()

    class Meta:
        model = TimelineEvent
        fields = ("id", "at", "kind", "text", "detail")

    def get_text(self, row: TimelineEvent) -> str:
        return unescape(strip_tags(timeline.text(row.kind, row.data)))

    def get_detail(self, row: TimelineEvent) -> str:
        return unescape(strip_tags(timeline.detail(row.kind, row.data)))


class ClientNoteSerializer(serializers.Serializer):
    """A note for the timeline."""

    text = serializers.CharField(max_length=MAX_NOTE)


class ConfirmedSerializer(serializers.Serializer):
    """Who checked a field with the client, and when."""

    on = serializers.DateField()
    by = serializers.CharField()


class CareSerializer(serializers.ModelSerializer):
    """What the firm itself keeps: credit standing, contact wishes, confirmations by field. Own words are empty where masked."""

    confirmed = serializers.DictField(child=ConfirmedSerializer())

    class Meta:
        model = ClientCare
        fields = ("confirmed", "review_due_on", *EDITABLE, "version")


class CareChangeSerializer(serializers.ModelSerializer):
    """What is to change; fields that are left out stay."""

    class Meta:
        model = ClientCare
        fields = EDITABLE


class ConfirmSerializer(serializers.Serializer):
    """Names of fields that were checked with the client today."""

    names = serializers.ListField(
        child=serializers.ChoiceField(choices=[(name, name) for name in CONFIRMABLE]), min_length=1, max_length=50
    )


class RecordActions:
    """For the viewset of the clients: what stands below one of them. Reading any of it is reading the record."""

    @extend_schema(summary="Accounts of a client", responses=AccountSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def accounts(self, request: Request, client_no: str) -> Response:
        client = self._read(client_no)
        return Response(AccountSerializer(client.accounts.order_by("account_no"), many=True).data)

    @extend_schema(summary="Timeline of a client, newest first", responses=TimelineSerializer(many=True))
    @action(detail=True, page_order=("-at", "-id"))
    def timeline(self: Any, request: Request, client_no: str) -> Response:
        events = self._read(client_no).timeline.all()
        if scope_of(request.user).masked:
            events = events.exclude(kind__in=[kind.name for kind in timeline.kinds() if kind.private])
        rows = self.paginate_queryset(events)
        return self.get_paginated_response(TimelineSerializer(rows, many=True).data)

    @extend_schema(summary="Write a note on a client's timeline", request=ClientNoteSerializer, responses={204: None})
    @action(detail=True, methods=["post"], parser_classes=[JSONParser])
    def notes(self: Any, request: Request, client_no: str) -> Response:
        self._client(client_no)
        try:
            services.add_note(client_no, sent(ClientNoteSerializer, request)["text"], user=request.user, at=now())  # type: ignore[arg-type]
        except Refused as refused:
            raise ValidationError({"text": [str(refused)]}) from refused
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="What the firm itself keeps of a client", responses=CareSerializer)
    @action(detail=True, parser_classes=[JSONParser])
    def care(self, request: Request, client_no: str) -> Response:
        return self._care(self._read(client_no))

    @extend_schema(
        summary="Change credit standing and contact wishes",
        request=CareChangeSerializer(partial=True),
        responses={200: CareSerializer, 409: _FASTER},
        parameters=[MATCH],
    )
    @care.mapping.patch
    def change_care(self: Any, request: Request, client_no: str) -> HttpResponseBase:
        client = self._client(client_no)
        version = seen_version(request)
        values = sent(CareChangeSerializer, request, partial=True)
        held = _held(client)
        form = CareForm({name: getattr(held, name) for name in EDITABLE} | values | {"version": version})
        if not form.is_valid():
            raise ValidationError({name: [str(error) for error in errors] for name, errors in form.errors.items()})
        try:
            services.update_care(client_no, version, values, user=request.user, on=today(), at=now())  # type: ignore[arg-type]
        except Conflict:
            current = CareSerializer(_held(self._client(client_no))).data
            return problem_response(409, current=current, yours=dict(request.data) | {"version": version})
        return self._care(self._client(client_no))

    @extend_schema(
        summary="Fields were checked with the client today", request=ConfirmSerializer, responses=CareSerializer
    )
    @action(detail=True, methods=["post"], parser_classes=[JSONParser])
    def confirm(self: Any, request: Request, client_no: str) -> Response:
        self._client(client_no)
        fields = sent(ConfirmSerializer, request)["names"]
        services.confirm(client_no, fields, user=request.user, on=today(), at=now())  # type: ignore[arg-type]
        return self._care(self._client(client_no))

    def _client(self: Any, client_no: str) -> Client:
        if "\x00" in client_no:
            raise Http404
        found = self.get_queryset().select_related("care").filter(client_no=client_no).first()
        if found is None:
            raise Http404
        return found

    def _read(self: Any, client_no: str) -> Client:
        client = self._client(client_no)
        services.record_view(client, self.request.user)
        return client

    def _care(self: Any, client: Client) -> Response:
        care = _held(client)
        row = dict(CareSerializer(care).data)
        if scope_of(self.request.user).masked:
            row |= {"credit_note": "", "do_not_contact_reason": "", "note": "", "confirmed": {}}
        return Response(row, headers={"ETag": f'"{care.version}"'})


def _held(client: Client) -> ClientCare:
    """The care row, or an empty one that is not stored yet."""
    return getattr(client, "care", None) or ClientCare(client=client, version=1)
