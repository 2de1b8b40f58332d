"""API of the nights: `GET /api/v1/nights/`, `GET /api/v1/nights/{YYYY-MM-DD}/`; read only (N2, N3)."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from nights.models import Job, Night
from org.api_base import ScopedViewSet
from org.api_pages import CursorPages


class JobSerializer(serializers.ModelSerializer):
    """One step and part of a run."""

    class Meta:
        model = Job
        fields = (
            "run_no", "step", "part", "parts", "state", "attempt", "started_at", "finished_at", "rows", "error",
        )  # fmt: skip


class NightSerializer(serializers.ModelSerializer):
    """A night. `summary` names policy, window and data date and counts clients per tier, moves, files and rows."""

    number = serializers.IntegerField(source="pk", read_only=True)
    seconds = serializers.FloatField(read_only=True, allow_null=True)

    class Meta:
        model = Night
        fields = (
            "number", "business_date", "state", "run_no", "plan", "started_at", "finished_at", "seconds", "held_reason",
            "released_at", "summary",
        )  # fmt: skip


class NightWithJobsSerializer(NightSerializer):
    """A night with its jobs, those of earlier runs included."""

    jobs = JobSerializer(many=True, read_only=True)

    class Meta(NightSerializer.Meta):
        fields = (*NightSerializer.Meta.fields, "jobs")


class NightPages(CursorPages):
    ordering = "-business_date"


@extend_schema_view(
    list=extend_schema(summary="Nights, newest first"), retrieve=extend_schema(summary="One night with its jobs")
)
class NightViewSet(ScopedViewSet):
    """Nightly runs; the right is `nights.view`."""

    right = "nights.view"
    queryset = Night.objects.all()
    serializer_class = NightSerializer
    pagination_class = NightPages
    filterset_fields = ("state",)
    lookup_field = "business_date"
    lookup_value_regex = r"\d{4}-\d{2}-\d{2}"

    def get_serializer_class(self):
        """The detail carries the jobs."""
        return NightWithJobsSerializer if self.action == "retrieve" else NightSerializer

    def get_queryset(self):
        """With their jobs in one further statement where they are shown."""
        nights = super().get_queryset()
        return nights.prefetch_related("jobs") if self.action == "retrieve" else nights
