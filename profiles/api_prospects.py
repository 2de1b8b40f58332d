"""API of prospects (C12): `/api/v1/prospects/`, made, changed with the version seen, turned into clients."""

from typing import Any

import django_filters
from django.core.exceptions import ValidationError as Wrong
from django.db import IntegrityError, transaction
from django.http import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from clients.errors import Conflict
from clients.models import Client
from clients.services.viewing import masked_value
from crm.clock import now
from org.api_base import ScopedViewSet
from org.api_input import MATCH, YuanField, refused, seen_version, sent
from org.bulk import Rows, bulk_action
from org.masking import mask_name
from org.problems import problem_response
from org.scope import scope_of
from profiles import services
from profiles.bulk import save_prospects
from profiles.models import Prospect
from profiles.services import PROSPECT_FIELDS


class ProspectSerializer(serializers.ModelSerializer):
    """A prospect; assets elsewhere in 元, mobile and e-mail masked. `client_no`: the client it became, null until then."""

    name = serializers.SerializerMethodField(help_text="Masked for whom names are")
    note = serializers.SerializerMethodField(help_text="Empty for viewers who see personal data masked")
    manager_no = serializers.CharField(source="manager.staff_no")
    branch_no = serializers.CharField(source="branch.branch_no")
    mobile = serializers.SerializerMethodField(help_text="Masked")
    email = serializers.SerializerMethodField(help_text="Masked")
    assets = YuanField(allow_null=True)
    client_no = serializers.CharField(source="client.client_no", allow_null=True, default=None)

    class Meta:
        model = Prospect
        fields = (
            "id",
            "external_no",
            *PROSPECT_FIELDS,
            "manager_no",
            "branch_no",
            "client_no",
            "version",
            "created_at",
            "changed_at",
        )

    def get_name(self, row: Prospect) -> str:
        return mask_name(row.name) if self._masked() else row.name

    def get_note(self, row: Prospect) -> str:
        return "" if self._masked() else row.note

    def _masked(self) -> bool:
        return scope_of(self.context["request"].user).masked

    def get_mobile(self, row: Prospect) -> str:
        return masked_value("mobile", row.mobile)

    def get_email(self, row: Prospect) -> str:
        return masked_value("email", row.email)


class ProspectWriteSerializer(serializers.ModelSerializer):
    """A prospect as it is written; it belongs to the caller. One of telephone number and e-mail is needed."""

    assets = YuanField(allow_null=True, required=False, min_value=0)

    class Meta:
        model = Prospect
        fields = PROSPECT_FIELDS


class ProspectRowSerializer(ProspectWriteSerializer):
    """A row of many. A new one needs name and kind; what is left out stays. `manager_no`: whose it is, else the caller's."""

    external_no = serializers.CharField(max_length=64, help_text="Its number in the system that sends it")
    manager_no = serializers.CharField(max_length=32, required=False)
    version = serializers.IntegerField(min_value=1, max_value=10**9, required=False)

    class Meta:
        model = Prospect
        fields = ("external_no", "manager_no", "version", *PROSPECT_FIELDS)
        extra_kwargs = {"name": {"required": False}, "kind": {"required": False}}


class ConvertSerializer(serializers.Serializer):
    """The client whom the prospect became."""

    client_no = serializers.CharField(max_length=32)


class ProspectFilter(django_filters.FilterSet):
    """`due_until`: next step on or before the day."""

    state = django_filters.ChoiceFilter(choices=Prospect.State.choices)
    kind = django_filters.ChoiceFilter(choices=Prospect.Kind.choices)
    manager_no = django_filters.CharFilter(field_name="manager__staff_no")
    due_until = django_filters.DateFilter(field_name="next_on", lookup_expr="lte")

    class Meta:
        model = Prospect
        fields: list[str] = []


@extend_schema_view(list=extend_schema(summary="Prospects"))
class ProspectViewSet(ScopedViewSet):
    """Prospects in the caller's scope."""

    right = "prospects.view"
    rights = {"POST": "prospects.edit", "PATCH": "prospects.edit"}
    http_method_names = ["get", "post", "patch", "head", "options"]
    personal = frozenset({"list"})
    serializer_class = ProspectSerializer
    filterset_class = ProspectFilter
    lookup_value_regex = r"\d{1,18}"
    queryset = Prospect.objects.select_related("manager", "branch", "client").order_by("pk")
    orderings = {"id": ("pk",)}

    @extend_schema(summary="A prospect")
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self._answer(self.get_object())

    @extend_schema(summary="Enter a prospect", request=ProspectWriteSerializer, responses={201: ProspectSerializer})
    def create(self, request: Request) -> Response:
        values = sent(ProspectWriteSerializer, request)
        return self._answer(self._saved(values), status.HTTP_201_CREATED)

    @extend_schema(
        summary="Change a prospect",
        request=ProspectWriteSerializer(partial=True),
        responses={
            200: ProspectSerializer,
            409: OpenApiResponse(description="Somebody was faster: `current`, `yours`"),
        },
        parameters=[MATCH],
    )
    def partial_update(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        found, version = self.get_object(), seen_version(request)
        values = sent(ProspectWriteSerializer, request, partial=True, instance=found)
        values.setdefault("state", found.state)
        try:
            return self._answer(self._saved(values, prospect_id=found.pk, version=version))
        except Conflict:
            current = self.get_serializer(self.get_object()).data
            return problem_response(409, current=current, yours=dict(request.data) | {"version": version})

    @extend_schema(summary="Turn a prospect into a client", request=ConvertSerializer, responses=ProspectSerializer)
    @action(detail=True, methods=["post"])
    def convert(self, request: Request, **kwargs: Any) -> Response:
        found, client_no = self.get_object(), sent(ConvertSerializer, request)["client_no"]
        try:
            with transaction.atomic():
                services.convert(found.pk, client_no, user=request.user, at=now())  # type: ignore[arg-type]
        except Client.DoesNotExist:
            raise ValidationError({"client_no": [_("No client with this number among those you may see.")]}) from None
        except IntegrityError as error:
            raise ValidationError({"client_no": [_("This prospect or this client is linked already.")]}) from error
        except Wrong as error:
            raise refused(error) from error
        return self._answer(self.get_object())

    @bulk_action(
        ProspectRowSerializer,
        ("external_no",),
        "Enter and change many prospects",
        {"external_no": "L-1001", "manager_no": "S0001", "name": "王小明", "mobile": "13800000000", "kind": "agent"},
    )
    def bulk(self, rows: Rows) -> None:
        save_prospects(rows, user=self.request.user, at=now())  # type: ignore[arg-type]

    def _saved(self, values: dict[str, Any], **which: int) -> Prospect:
        try:
            return services.save_prospect(values, user=self.request.user, at=now(), **which)  # type: ignore[arg-type]
        except Wrong as error:
            raise refused(error) from error

    def _answer(self, row: Prospect, code: int = status.HTTP_200_OK) -> Response:
        return Response(self.get_serializer(row).data, status=code, headers={"ETag": f'"{row.version}"'})
