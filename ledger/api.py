"""API of the intake (N1, N3): batches with their files; `POST /api/v1/intake/` takes files as multipart/form-data."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.forms import UploadForm
from ledger.models import IntakeBatch, IntakeFile, IntakeReject
from ledger.uploads import take_in_later
from org.api_base import ScopedViewSet
from org.api_pages import CursorPages
from org.audit import record


class FileSerializer(serializers.ModelSerializer):
    """One file. rows_read = new + changed + same + rejected."""

    class Meta:
        model = IntakeFile
        fields = (
            "id", "name", "kind", "state", "encoding", "error", "error_detail", "unknown_columns", "rows_read", "rows_new",
            "rows_changed", "rows_same", "rows_rejected", "seconds",
        )  # fmt: skip


class BatchSerializer(serializers.ModelSerializer):
    """One delivery with its files."""

    files = FileSerializer(many=True, read_only=True)

    class Meta:
        model = IntakeBatch
        fields = (
            "id", "source", "mapping", "business_date", "dry_run", "state", "problem", "created_at", "started_at",
            "finished_at", "progress", "files",
        )  # fmt: skip


class RejectSerializer(serializers.ModelSerializer):
    """A row that was not taken in, with the source line as it was."""

    file = serializers.CharField(source="file.name", read_only=True)
    kind = serializers.CharField(source="file.kind", read_only=True)

    class Meta:
        model = IntakeReject
        fields = ("file", "kind", "line", "reason", "column", "value", "source")


class UploadSerializer(serializers.Serializer):
    """What an upload carries."""

    files = serializers.ListField(child=serializers.FileField(), allow_empty=False)
    mapping = serializers.CharField(default="core-v1")
    business_date = serializers.DateField()
    dry_run = serializers.BooleanField(default=False)


class BatchPages(CursorPages):
    ordering = ("-created_at", "-id")


@extend_schema_view(
    list=extend_schema(summary="Intake batches, newest first"),
    retrieve=extend_schema(summary="One batch with its files"),
)
class IntakeViewSet(ScopedViewSet):
    """Deliveries of the core system. Reading wants `intake.view`, sending `intake.run`."""

    right = "intake.view"
    rights = {"POST": "intake.run"}
    queryset = IntakeBatch.objects.order_by("-created_at", "-id")
    serializer_class = BatchSerializer
    pagination_class = BatchPages
    parser_classes = (MultiPartParser,)
    filterset_fields = ("state", "mapping", "business_date")
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[Any]:
        # Batches belong to the firm; the right alone decides.
        return IntakeBatch.objects.order_by("-created_at", "-id").prefetch_related("files")

    @extend_schema(
        summary="Send files", request={"multipart/form-data": UploadSerializer}, responses={202: BatchSerializer}
    )
    def create(self, request: Request) -> Response:
        """Take files in the background; ask for the batch to see how it went."""
        data: Any = request.data.copy()
        data.setdefault("mapping", "core-v1")
        form = UploadForm(data, request.FILES)
        if not form.is_valid():
            raise ValidationError({name: [str(text) for text in texts] for name, texts in form.errors.items()})
        values = form.cleaned_data
        made = take_in_later(
            values["files"],
            mapping=values["mapping"],
            business_date=values["business_date"],
            source="api",
            user=request.user,
            dry_run=values["dry_run"],
        )
        return Response(self.get_serializer(made).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        summary="Rejected rows of a batch",
        description="They hold personal data: the right is `intake.run`, and reading them is on the audit trail.",
        responses={200: RejectSerializer(many=True)},
    )
    @action(detail=True, methods=["get"], rights={"GET": "intake.run"}, filterset_fields=())
    def rejects(self, request: Request, pk: str) -> Response:
        """Rows with line, reason, column and value, file by file in the order of the lines."""
        found = self.get_object()
        record("intake.rejects", user=request.user, object_kind="intake", object_no=str(found.pk))
        rows = IntakeReject.objects.filter(file__batch=found).select_related("file").order_by("file_id", "line", "id")
        pages = CursorPages()
        chosen = pages.paginate_queryset(rows, request)
        return pages.get_paginated_response(RejectSerializer(chosen, many=True).data)
