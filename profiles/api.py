"""API of profiles (C2): `/api/v1/profiles/{client_no}/`, and the firm's own fields: `/api/v1/profile-fields/`."""

from typing import Any

from django.http import Http404, HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from clients.errors import Conflict
from clients.models import Client
from clients.services.viewing import record_view
from crm.clock import now, today
from org.api_base import ScopedViewSet
from org.api_input import MATCH, seen_version, sent
from org.api_pages import CursorPages
from org.bulk import Rows, bulk_action
from org.problems import problem_response
from org.scope import scope_of
from profiles import services
from profiles.bulk import save_profiles
from profiles.forms import OwnFieldsForm
from profiles.models import CustomField, Profile
from profiles.rules import STAGES, stage_on
from profiles.services import EDITABLE

#: What a manager wrote in own words; not for viewers who see personal data masked.
_OWN_WORDS = ("values", "life_style")


class ProfileSerializer(serializers.ModelSerializer):
    """A client's profile; `custom` by key of the own field (text, number as text, date, true or false).

    `stage` follows from the birth date, null where it is not known. Own words are empty for viewers who see personal data masked.
    """

    client_no = serializers.CharField(source="client.client_no")
    stage = serializers.ChoiceField(choices=[(stage.key, stage.label) for stage in STAGES], allow_null=True)
    custom = serializers.DictField()

    class Meta:
        model = Profile
        fields = ("client_no", "stage", *EDITABLE, "custom", "version", "changed_at")


class ProfileChangeSerializer(serializers.ModelSerializer):
    """What is to change; fields that are left out stay. `custom`: the own fields to change, null empties one."""

    custom = serializers.DictField(required=False)

    class Meta:
        model = Profile
        fields = (*EDITABLE, "custom")


class ProfileRowSerializer(ProfileChangeSerializer):
    """A row of many: the client, what is to change, and `version` where the caller names the one seen."""

    client_no = serializers.CharField(max_length=32)
    version = serializers.IntegerField(min_value=0, max_value=10**9, required=False)

    class Meta:
        model = Profile
        fields = ("client_no", "version", *EDITABLE, "custom")


class FieldSerializer(serializers.ModelSerializer):
    """A field of the firm's own on the profile."""

    class Meta:
        model = CustomField
        fields = ("key", "kind", "label_zh", "label_en", "choices", "position")


class ProfileViewSet(ScopedViewSet):
    """Profiles of the clients in the caller's scope; who has none yet has an empty one of version 0."""

    right = "clients.view"
    rights = {"PATCH": "clients.edit", "POST": "clients.edit"}
    http_method_names = ["get", "post", "patch", "head", "options"]
    personal = frozenset({"list"})
    serializer_class = ProfileSerializer
    lookup_field = "client_no"
    lookup_value_regex = r"[^/]+"
    page_order = ("pk",)
    queryset = Client.objects.select_related("profile").filter(profile__isnull=False)

    @extend_schema(summary="Profiles")
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = self.paginate_queryset(self.get_queryset())
        retired = _retired()
        return self.get_paginated_response([self._row(client, retired) for client in rows or ()])

    @extend_schema(summary="Profile of a client")
    def retrieve(self, request: Request, client_no: str) -> Response:
        client = self._client(client_no)
        record_view(client, request.user)  # type: ignore[arg-type]
        return self._answer(client)

    @extend_schema(
        summary="Change a client's profile",
        request=ProfileChangeSerializer,
        responses={200: ProfileSerializer, 409: OpenApiResponse(description="Somebody was faster: `current`, `yours`")},
        parameters=[MATCH],
    )
    def partial_update(self, request: Request, client_no: str) -> HttpResponseBase:
        self._client(client_no)
        version = seen_version(request)
        values = sent(ProfileChangeSerializer, request, partial=True)
        custom = _own_values(values.pop("custom", {}))
        try:
            services.save_profile(client_no, version, values, custom, user=request.user, at=now())  # type: ignore[arg-type]
        except Conflict:
            current = self._row(self._client(client_no), _retired())
            return problem_response(409, current=current, yours=dict(request.data) | {"version": version})
        return self._answer(self._client(client_no))

    @bulk_action(
        ProfileRowSerializer,
        ("client_no",),
        "Change many profiles",
        {"client_no": "C000000001", "decides": "family", "influence": 4, "custom": {"hobby": "Go"}},
    )
    def bulk(self, rows: Rows) -> None:
        fields = list(CustomField.objects.filter(retired_at__isnull=True))
        for row in rows:
            try:
                row.values["custom"] = _own_values(row.values.pop("custom", {}), fields)
            except ValidationError as error:
                row.refuse(error.detail)
        save_profiles([row for row in rows if row.open], user=self.request.user, at=now())  # type: ignore[arg-type]

    def _client(self, client_no: str) -> Client:
        if "\x00" in client_no:
            raise Http404
        visible = Client.objects.visible_to(self.request.user).select_related("profile")
        found = visible.filter(client_no=client_no).first()
        if found is None:
            raise Http404
        return found

    def _answer(self, client: Client) -> Response:
        row = self._row(client, _retired())
        return Response(row, headers={"ETag": f'"{row["version"]}"'})

    def _row(self, client: Client, retired: set[str]) -> dict[str, Any]:
        profile: Profile = getattr(client, "profile", None) or Profile(client=client)
        stage = stage_on(client.birth_date, today())
        profile.stage = stage.key if stage else None  # type: ignore[attr-defined]
        row = dict(ProfileSerializer(profile).data)
        row["custom"] = {key: value for key, value in profile.custom.items() if key not in retired}
        if scope_of(self.request.user).masked:
            row |= dict.fromkeys(_OWN_WORDS, "") | {"custom": {}}
        return row


def _retired() -> set[str]:
    return set(CustomField.objects.filter(retired_at__isnull=False).values_list("key", flat=True))


def _own_values(custom: dict[str, Any], own: list[CustomField] | None = None) -> dict[str, Any]:
    """Values of own fields as they are kept, checked as the page checks them. Raises ValidationError at the field."""
    if not custom:
        return {}
    form = OwnFieldsForm({f"custom-{key}": _typed(value) for key, value in custom.items()}, own=own)
    known = {field.key for field in form.own}
    wrong = {key: [_("There is no such field.")] for key in custom if key not in known}
    wrong |= {key: [_("Give one value.")] for key, value in custom.items() if isinstance(value, dict | list)}
    if not wrong and not form.is_valid():
        wrong = {key: list(form.errors[f"custom-{key}"]) for key in custom if f"custom-{key}" in form.errors}
    if wrong:
        raise ValidationError({"custom": wrong})
    found = form.custom_values()
    return {key: found[key] for key in custom}


def _typed(value: Any) -> Any:
    """A value as it would be typed on the page."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else value


@extend_schema_view(list=extend_schema(summary="The firm's own fields on the profile"))
class FieldViewSet(ListModelMixin, GenericViewSet):
    """The own fields that are asked for now. They are defined on the page *Own fields*."""

    right = "clients.view"
    serializer_class = FieldSerializer
    pagination_class = CursorPages
    filter_backends = ()
    queryset = CustomField.objects.filter(retired_at__isnull=True).order_by("position", "pk")
