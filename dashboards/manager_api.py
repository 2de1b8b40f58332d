"""API of the managers' pages (D4): `/api/v1/manager-dashboards/{staff_no}/`."""

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from dashboards.api import PERIOD, SectionSerializer, section_data
from dashboards.book import ask_manager
from dashboards.rules import read_period
from dashboards.sections.own import build


class ManagerBoardSerializer(serializers.Serializer):
    """The page of a manager as data."""

    staff_no = serializers.CharField()
    name = serializers.CharField()
    branch_no = serializers.CharField()
    period = serializers.CharField()
    as_of = serializers.DateField(allow_null=True)
    sections = SectionSerializer(many=True)


class ManagerBoardViewSet(ViewSet):
    """A manager's own figures, against target; for a head those of the managers below."""

    right = "figures.view"
    lookup_field = "staff_no"
    lookup_value_regex = r"[^/]+"

    @extend_schema(summary="The dashboard of a manager", parameters=[PERIOD], responses=ManagerBoardSerializer)
    def retrieve(self, request: Request, staff_no: str) -> Response:
        period = request.query_params.get("period", "")
        if period and read_period(period) is None:
            raise ValidationError({"period": [_("Give a month, a quarter or a year.")]})
        book = ask_manager(request.user, staff_no, period)
        if book.manager is None:
            raise Http404
        answer = {
            "staff_no": book.manager.staff_no,
            "name": book.manager.name,
            "branch_no": book.manager.branch.branch_no,
            "period": str(book.period),
            "as_of": book.as_of,
            "sections": [section_data(section) for section in build(book)],
        }
        return Response(ManagerBoardSerializer(answer).data)
