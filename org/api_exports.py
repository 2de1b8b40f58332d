"""API of exports (N3): `POST /api/v1/exports/` → 202, `GET …/{uid}/` how it goes, `GET …/{uid}/file/` the file."""

from django.core.exceptions import ValidationError as Wrong
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from crm.clock import now
from org import exports
from org.api_base import ScopedViewSet
from org.api_input import refused, sent
from org.listing.export import FORMATS
from org.models import Export
from org.problems import problem_response
from org.rights import ANYBODY
from org.tasks import ring

_KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ExportSerializer(serializers.ModelSerializer):
    """An export; `rows` and `size` (bytes) once it is made, `file` its address, null until then. Kept until `expires_at`."""

    list = serializers.CharField(source="list_name")
    file = serializers.SerializerMethodField()

    class Meta:
        model = Export
        fields = (
            "uid", "list", "format", "query", "state", "error", "rows", "size", "asked_at", "made_at", "expires_at", "file",
        )  # fmt: skip

    def get_file(self, row: Export) -> str | None:
        if row.state != Export.State.DONE:
            return None
        return self.context["request"].build_absolute_uri(reverse("api:export-file", args=[row.uid]))


class ExportWriteSerializer(serializers.Serializer):
    """What to export. `query`: as in the address of the list's page, for example `tier=A&sort=-assets&cols=name,tier`."""

    list = serializers.CharField(max_length=40, help_text="clients, complaints, prospects")
    format = serializers.ChoiceField(choices=[(name, name) for name in FORMATS], default="csv")
    query = serializers.CharField(max_length=2000, allow_blank=True, default="")


class CsvFile(JSONRenderer):
    """For the negotiation: whoever asks for a file may accept only files. The view answers with one, or with a problem."""

    media_type, format = "text/csv", "csv"


class XlsxFile(CsvFile):
    media_type, format = _KINDS["xlsx"], "xlsx"


@extend_schema_view(
    list=extend_schema(summary="The caller's exports, newest first"), retrieve=extend_schema(summary="An export")
)
class ExportViewSet(ScopedViewSet):
    """Exports of lists by the rules of the pages; each is its asker's alone. The right is the one of the list."""

    right = ANYBODY
    http_method_names = ["get", "post", "head", "options"]
    serializer_class = ExportSerializer
    filter_backends = ()
    lookup_field = "uid"
    lookup_value_regex = r"[0-9a-f-]{36}"
    page_order = ("-pk",)
    queryset = Export.objects.all()

    def get_queryset(self) -> QuerySet[Export]:
        if getattr(self, "swagger_fake_view", False):
            return Export.objects.none()
        return Export.objects.filter(user=self.request.user, expires_at__gt=now())  # type: ignore[misc]

    @extend_schema(
        summary="Ask for an export",
        request=ExportWriteSerializer,
        responses={202: ExportSerializer},
        examples=[
            OpenApiExample(
                "Clients of tier A", {"list": "clients", "format": "xlsx", "query": "tier=A"}, request_only=True
            )
        ],
    )
    def create(self, request: Request) -> Response:
        given = sent(ExportWriteSerializer, request)
        try:
            made = exports.ask(
                given["list"],
                given["format"],
                given["query"],
                user=request.user,  # type: ignore[arg-type]
                at=now(),
            )
        except Wrong as error:
            raise refused(error) from error
        ring()
        where = request.build_absolute_uri(reverse("api:export-detail", args=[made.uid]))
        return Response(self.get_serializer(made).data, status=status.HTTP_202_ACCEPTED, headers={"Location": where})

    @extend_schema(
        summary="The file of an export",
        responses={
            (200, "text/csv"): OpenApiTypes.BINARY,
            (200, _KINDS["xlsx"]): OpenApiTypes.BINARY,
            409: OpenApiResponse(description="Not made yet, or failed"),
        },
    )
    @action(detail=True, renderer_classes=[JSONRenderer, CsvFile, XlsxFile])
    def file(self, request: Request, uid: str) -> HttpResponseBase:
        found = self.get_object()
        if found.state != Export.State.DONE:
            return problem_response(409, _("This export is not made."), kind="not-made", state=found.state)
        path = exports.take(found, user=request.user)  # type: ignore[arg-type]
        try:
            file = path.open("rb")
        except FileNotFoundError as error:
            raise Http404 from error
        name = f"{found.list_name}.{found.format}"
        answer = FileResponse(file, as_attachment=True, filename=name, content_type=_KINDS[found.format])
        answer.headers["Cache-Control"] = "no-store"
        return answer
