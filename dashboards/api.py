"""API of the dashboards (D2, D3): `/api/v1/dashboards/`, `…/{branch_no}/`; of targets: `/api/v1/targets/`, `…/{id}/`."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError as Invalid
from django.db.models import QuerySet
from django.http import Http404, HttpResponseBase
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_serializer,
    extend_schema_view,
)
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from clients.errors import Conflict
from crm.money import to_yuan
from dashboards import deviations, firm, services
from dashboards.asked import Asked, ask, branches_of
from dashboards.models import Target
from dashboards.parts import Section, Table
from dashboards.rules import Period, read_period
from dashboards.sections import SECTIONS, allowed
from org.api_base import ScopedViewSet
from org.api_input import YuanField, sent
from org.listing import Kind
from org.models import Branch
from org.problems import problem_response


class BranchFiguresSerializer(serializers.Serializer):
    """One branch beside the others; money in 元, shares 0–1, null where nothing is known.

    `revenue_likely`: a running month by its trading days so far.
    """

    branch_no = serializers.CharField(source="branch.branch_no")
    name = serializers.CharField(source="branch.name")
    clients = serializers.IntegerField()
    clients_a = serializers.IntegerField()
    assets = YuanField(allow_null=True)
    revenue = YuanField(allow_null=True)
    revenue_likely = YuanField(source="likely", allow_null=True)
    revenue_year_before = YuanField(source="before", allow_null=True)
    revenue_target = YuanField(source="target", allow_null=True)
    net_inflow = YuanField(source="inflow")
    contacts_owed = serializers.IntegerField(source="duties")
    contacts_done = serializers.IntegerField(source="done")
    complaints_open = serializers.IntegerField(source="open")
    complaints_overdue = serializers.IntegerField(source="overdue")
    leaving = serializers.IntegerField()


@extend_schema_serializer(many=False)
class FirmSerializer(serializers.Serializer):
    """The branches that the caller sees whole, side by side."""

    period = serializers.CharField()
    as_of = serializers.DateField(allow_null=True)
    branches = BranchFiguresSerializer(many=True)


class DeviationSerializer(serializers.Serializer):
    """A figure beyond its threshold, the most pressing first. `count`: rows of the list at `list` (null: a page)."""

    kind = serializers.CharField(source="deviation.kind")
    what = serializers.CharField()
    figure = serializers.CharField()
    threshold = serializers.CharField()
    who = serializers.CharField()
    count = serializers.IntegerField(allow_null=True)
    list = serializers.CharField(source="url")


class FigureSerializer(serializers.Serializer):
    """A figure. `value`: money as text in 元, shares 0–1; `list`: where the `count` rows behind it are."""

    key = serializers.CharField()
    label = serializers.CharField()
    kind = serializers.ChoiceField(choices=["number", "money", "share", "text"])
    value = serializers.JSONField(allow_null=True)
    count = serializers.IntegerField(allow_null=True)
    list = serializers.CharField()


class ColumnSerializer(serializers.Serializer):
    key = serializers.CharField()
    label = serializers.CharField()
    kind = serializers.CharField()


class BoardTableSerializer(serializers.Serializer):
    """A table of the page; the values of its rows in the order of its columns."""

    key = serializers.CharField()
    title = serializers.CharField()
    columns = ColumnSerializer(many=True)
    rows = serializers.ListField(child=serializers.ListField(child=serializers.JSONField(allow_null=True)))


class SectionSerializer(serializers.Serializer):
    key = serializers.CharField()
    title = serializers.CharField()
    figures = FigureSerializer(many=True)
    tables = BoardTableSerializer(many=True)


class BranchSerializer(serializers.Serializer):
    """The page of a branch as data."""

    branch_no = serializers.CharField()
    name = serializers.CharField()
    period = serializers.CharField()
    as_of = serializers.DateField(allow_null=True)
    deviations = DeviationSerializer(many=True)
    sections = SectionSerializer(many=True)


PERIOD = OpenApiParameter(
    "period", OpenApiTypes.STR, description="2026-10, 2026-Q4 or 2026; default: the running month"
)
_NARROW = [
    OpenApiParameter("manager_no", OpenApiTypes.STR, description="This manager's clients; `-`: nobody's"),
    OpenApiParameter("segment", OpenApiTypes.INT, description="Clients of an own segment"),
]


def _asked(request: Request, branch: Branch | None) -> Asked:
    wanted = request.query_params
    if wanted.get("period") and read_period(wanted["period"]) is None:
        raise ValidationError({"period": [_("Give a month, a quarter or a year.")]})
    return ask(
        request.user,
        branch,
        period=wanted.get("period", ""),
        manager=wanted.get("manager_no", "")[:32].replace("\x00", ""),
        segment=wanted.get("segment", ""),
    )


class DashboardViewSet(ViewSet):
    """Dashboards of the branches that the caller sees whole: the same figures as on the pages."""

    right = "dashboards.view"
    lookup_field = "branch_no"
    lookup_value_regex = r"[^/]+"

    @extend_schema(summary="Branches side by side", parameters=[PERIOD], responses=FirmSerializer)
    def list(self, request: Request) -> Response:
        asked = _asked(request, None)
        lines = firm.lines(asked) if asked.sees_clients else []
        answer = {"period": str(asked.period), "as_of": asked.as_of, "branches": lines}
        return Response(FirmSerializer(answer).data)

    @extend_schema(summary="The dashboard of a branch", parameters=[PERIOD, *_NARROW], responses=BranchSerializer)
    def retrieve(self, request: Request, branch_no: str) -> Response:
        found = None if "\x00" in branch_no else branches_of(request.user, None).filter(branch_no=branch_no).first()
        if found is None:
            raise Http404
        asked = _asked(request, found)
        answer = {
            "branch_no": found.branch_no,
            "name": found.name,
            "period": str(asked.period),
            "as_of": asked.as_of,
            "deviations": deviations.find(asked),
            "sections": [section_data(SECTIONS[key][1](asked)) for key in allowed(asked)],
        }
        return Response(BranchSerializer(answer).data)


def section_data(section: Section) -> dict[str, Any]:
    """A part of a page as data."""
    figures = [
        {
            "key": tile.key,
            "label": str(tile.label),
            "kind": tile.kind,
            "value": _plain(tile.cell.value, tile.kind),
            "count": tile.cell.listed,
            "list": tile.cell.url,
        }
        for tile in section.tiles
    ]
    tables = [_table(table) for table in section.tables]
    return {"key": section.key, "title": str(section.title), "figures": figures, "tables": tables}


def _table(table: Table) -> dict[str, Any]:
    columns = [{"key": one.key, "label": str(one.label), "kind": one.kind} for one in table.heads]
    rows = [
        [_plain(cell.value, column.kind) for cell, column in zip(row, table.columns, strict=True)] for row in table.rows
    ]
    return {"key": table.key, "title": str(table.title), "columns": columns, "rows": rows}


def _plain(value: Any, kind: str) -> Any:
    """A value as JSON has it: money as text in 元 with two decimals."""
    if value is not None and kind == Kind.MONEY:
        return f"{to_yuan(value).quantize(Decimal('0.01'))}"
    if isinstance(value, Decimal):
        return float(value)
    return str(value) if isinstance(value, Promise) else value


# --- Targets -------------------------------------------------------------------------------------------------------------


class TargetSerializer(serializers.ModelSerializer):
    """A target. `value`: 元, or per cent for contacts. `staff_no` null: of the branch itself."""

    branch_no = serializers.CharField(source="branch.branch_no")
    staff_no = serializers.CharField(source="staff.staff_no", allow_null=True, default=None)
    period = serializers.SerializerMethodField()
    value = serializers.SerializerMethodField()

    class Meta:
        model = Target
        fields = ("id", "branch_no", "staff_no", "period", "goal", "value", "version", "set_at")

    def get_period(self, target: Target) -> str:
        return str(Period(target.kind, target.first))

    def get_value(self, target: Target) -> str:
        share = target.goal == Target.Goal.CONTACTS
        return f"{Decimal(target.value).scaleb(-2 if share else -4).quantize(Decimal('0.01'))}"


class WriteTargetSerializer(serializers.Serializer):
    """A target to be set; one that is there is changed. `version`: the one seen (0: none), left out: whatever is there."""

    branch_no = serializers.CharField(max_length=32)
    staff_no = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    period = serializers.CharField(max_length=7)
    goal = serializers.ChoiceField(choices=Target.Goal.choices)
    value = serializers.DecimalField(max_digits=15, decimal_places=2, min_value=Decimal("0.01"))
    version = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)

    def validate_period(self, text: str) -> Period:
        found = read_period(text)
        if found is None:
            raise serializers.ValidationError(_("Give a month, a quarter or a year."))
        return found


@extend_schema_view(list=extend_schema(summary="Targets"), retrieve=extend_schema(summary="A target"))
class TargetViewSet(ScopedViewSet):
    """Targets of the branches that the caller sees whole, and of their managers."""

    right = "dashboards.view"
    rights = {"POST": "targets.edit", "DELETE": "targets.edit"}
    serializer_class = TargetSerializer
    lookup_value_regex = r"\d{1,18}"
    queryset: QuerySet[Target] = Target.objects.select_related("branch", "staff").order_by("pk")

    @extend_schema(
        summary="Set or change a target",
        request=WriteTargetSerializer,
        responses={200: TargetSerializer, 409: OpenApiResponse(description="Another version is there")},
    )
    def create(self, request: Request) -> HttpResponseBase:
        wanted = sent(WriteTargetSerializer, request)
        share = wanted["goal"] == Target.Goal.CONTACTS
        try:
            target = services.set_target(
                wanted["branch_no"],
                wanted["period"],
                wanted["goal"],
                int(wanted["value"].scaleb(2 if share else 4)),
                user=request.user,  # type: ignore[arg-type]
                staff_no=wanted["staff_no"],
                version=wanted.get("version"),
            )
        except Branch.DoesNotExist as error:
            raise ValidationError({"branch_no": [_("There is no such branch.")]}) from error
        except Conflict:
            return problem_response(409)
        except Invalid as error:
            raise ValidationError(error.message_dict) from error
        return Response(TargetSerializer(target).data)

    @extend_schema(summary="Take a target back", responses={204: None})
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        services.drop_target(self.get_object().pk, user=request.user)  # type: ignore[arg-type]
        return Response(status=status.HTTP_204_NO_CONTENT)
