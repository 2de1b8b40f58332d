"""API of visits: `/api/v1/visits/` with move, cancel and note; `/api/v1/duties/`, the ledger of contacts owed (U3)."""

from typing import Any

import django_filters
from django.core.exceptions import ValidationError as Wrong
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from clients.errors import Conflict
from clients.models import Client
from crm.clock import today
from crm.partitions import month_start
from org.api_base import ScopedViewSet
from org.api_pages import CursorPages
from visits import services
from visits.models import Channel, Duty, Feeling, Outcome, Visit


class VisitSerializer(serializers.ModelSerializer):
    """A visit or call; `minutes` with the client, `travel_minutes` and `travel_m` (metres) for the way there."""

    client_no = serializers.CharField(source="client.client_no")
    manager_no = serializers.CharField(source="manager.staff_no")

    class Meta:
        model = Visit
        fields = (
            "id", "uid", "client_no", "manager_no", "tier", "date", "start", "minutes", "order", "kind", "state", "fixed",
            "travel_minutes", "travel_m", "reason", "version", "changed_at",
        )  # fmt: skip


class DutySerializer(serializers.ModelSerializer):
    """A contact owed: `number` of the month's contacts of the client, to be made between `from_on` and `to_on`."""

    client_no = serializers.CharField(source="client.client_no")
    manager_no = serializers.CharField(source="manager.staff_no", allow_null=True, default=None)

    class Meta:
        model = Duty
        fields = (
            "month", "client_no", "number", "manager_no", "tier", "in_person", "from_on", "to_on", "state", "waiver",
            "done_on", "channel",
        )  # fmt: skip


class NewVisitSerializer(serializers.Serializer):
    """A visit to enter."""

    client_no = serializers.CharField(max_length=32)
    date = serializers.DateField()
    start = serializers.TimeField()
    minutes = serializers.IntegerField(min_value=5, max_value=600, default=30)
    kind = serializers.ChoiceField(choices=Channel.choices, default=Channel.VISIT)
    agenda = serializers.CharField(max_length=1000, allow_blank=True, default="")


class MoveSerializer(serializers.Serializer):
    """A new day and time; `version` is the one that the caller read."""

    version = serializers.IntegerField(min_value=1)
    date = serializers.DateField()
    start = serializers.TimeField()


class VersionSerializer(serializers.Serializer):
    """The version that the caller read."""

    version = serializers.IntegerField(min_value=1)


class WaiveSerializer(serializers.Serializer):
    """Which contact is no longer owed, and why."""

    client_no = serializers.CharField(max_length=32)
    month = serializers.DateField(help_text="Its first day")
    number = serializers.IntegerField(min_value=1, max_value=100)
    reason = serializers.ChoiceField(
        choices=[(one.value, one.label) for one in (Duty.Waiver.CLIENT, Duty.Waiver.AWAY, Duty.Waiver.HEAD)]
    )


class PromiseSerializer(serializers.Serializer):
    """What was promised, and until when."""

    text = serializers.CharField(max_length=200)
    due_on = serializers.DateField()


class NoteSerializer(serializers.Serializer):
    """What came of a contact. `key` is a UUID made by the caller: the same note sent twice is kept once."""

    key = serializers.UUIDField()
    channel = serializers.ChoiceField(choices=Channel.choices)
    at = serializers.DateTimeField()
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    feeling = serializers.ChoiceField(choices=Feeling.choices, allow_null=True, default=None)
    text = serializers.CharField(max_length=4000, allow_blank=True, default="")
    next_step = serializers.CharField(max_length=200, allow_blank=True, default="")
    next_on = serializers.DateField(allow_null=True, default=None)
    promises = PromiseSerializer(many=True, default=list)


class KeptSerializer(serializers.Serializer):
    """The note that is kept, and whether it was new."""

    key = serializers.UUIDField()
    new = serializers.BooleanField()


class VisitFilter(django_filters.FilterSet):
    """`date_from`, `date_to`: both days included."""

    date_from = django_filters.DateFilter(field_name="date", lookup_expr="gte")
    date_to = django_filters.DateFilter(field_name="date", lookup_expr="lte")
    manager_no = django_filters.CharFilter(field_name="manager__staff_no")
    client_no = django_filters.CharFilter(field_name="client__client_no")
    state = django_filters.ChoiceFilter(choices=Visit.State.choices)
    tier = django_filters.CharFilter()

    class Meta:
        model = Visit
        fields: list[str] = []


def _refused(error: Wrong) -> ValidationError:
    return ValidationError(getattr(error, "message_dict", None) or error.messages)


@extend_schema_view(
    list=extend_schema(summary="Visits and calls"),
    retrieve=extend_schema(summary="A visit"),
    create=extend_schema(summary="Enter a visit", request=NewVisitSerializer, responses={201: VisitSerializer}),
)
class VisitViewSet(ScopedViewSet):
    """Visits to the clients of the caller's scope."""

    rights = {"GET": "visits.view", "POST": "visits.edit"}
    right = "visits.view"
    serializer_class = VisitSerializer
    filterset_class = VisitFilter
    lookup_value_regex = r"\d{1,18}"
    queryset = Visit.objects.select_related("client", "manager").order_by("pk")
    orderings = {"id": ("pk",)}

    def create(self, request: Request) -> Response:
        data = _checked(NewVisitSerializer, request)
        try:
            made = services.add_visit(
                data.pop("client_no"), user=_user(request), on=data.pop("date"), today=today(), **data
            )
        except Client.DoesNotExist:
            raise ValidationError({"client_no": ["–"]}) from None
        except Wrong as error:
            raise _refused(error) from error
        return Response(VisitSerializer(made.visit).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Move a visit",
        request=MoveSerializer,
        responses={
            200: VisitSerializer,
            409: OpenApiResponse(VisitSerializer, description="Changed meanwhile: as it is now"),
        },
    )
    @action(detail=True, methods=["post"])
    def move(self, request: Request, **kwargs: Any) -> Response:
        visit, data = self.get_object(), _checked(MoveSerializer, request)
        return self._act(
            visit,
            lambda: services.move(
                visit.pk,
                user=_user(request),
                version=data["version"],
                on=data["date"],
                start=data["start"],
                today=today(),
            ),
        )

    @extend_schema(
        summary="Cancel a visit",
        request=VersionSerializer,
        responses={
            200: VisitSerializer,
            409: OpenApiResponse(VisitSerializer, description="Changed meanwhile: as it is now"),
        },
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, **kwargs: Any) -> Response:
        visit, data = self.get_object(), _checked(VersionSerializer, request)
        return self._act(visit, lambda: services.cancel(visit.pk, user=_user(request), version=data["version"]))

    @extend_schema(
        summary="Note what came of a visit",
        request=NoteSerializer,
        responses={200: KeptSerializer, 201: KeptSerializer},
    )
    @action(detail=True, methods=["post"])
    def note(self, request: Request, **kwargs: Any) -> Response:
        visit, data = self.get_object(), _checked(NoteSerializer, request)
        promises = tuple((one["text"], one["due_on"]) for one in data.pop("promises"))
        note = services.Note(**data, promises=promises)
        try:
            kept, new = services.record_contact(visit.client.client_no, note, user=_user(request), visit_id=visit.pk)
        except Wrong as error:
            raise _refused(error) from error
        answer = {"key": str(kept.key), "new": new}
        return Response(answer, status=status.HTTP_201_CREATED if new else status.HTTP_200_OK)

    def _act(self, visit: Visit, do: Any) -> Response:
        try:
            do()
        except Visit.DoesNotExist:
            raise Http404 from None
        except Wrong as error:
            raise _refused(error) from error
        except Conflict:
            return Response(VisitSerializer(self.get_object()).data, status=status.HTTP_409_CONFLICT)
        return Response(VisitSerializer(self.get_object()).data)


def _checked(kind: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    found = kind(data=request.data)
    found.is_valid(raise_exception=True)
    return dict(found.validated_data)


def _user(request: Request) -> Any:
    return request.user


class DutyFilter(django_filters.FilterSet):
    """`month`: its first day."""

    month = django_filters.DateFilter()
    manager_no = django_filters.CharFilter(field_name="manager__staff_no")
    client_no = django_filters.CharFilter(field_name="client__client_no")
    state = django_filters.ChoiceFilter(choices=Duty.State.choices)
    tier = django_filters.CharFilter()

    class Meta:
        model = Duty
        fields: list[str] = []


@extend_schema(
    summary="Contacts owed", description="The ledger of a month (U3); `month` is its first day, default this month."
)
class DutyViewSet(ListModelMixin, GenericViewSet):
    """Contacts owed to the clients of the caller's scope."""

    right = "visits.view"
    rights = {"POST": "visits.edit"}
    serializer_class = DutySerializer
    filterset_class = DutyFilter
    pagination_class = CursorPages
    page_order = ("client_id", "number")
    queryset = Duty.objects.none()

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return Duty.objects.none()
        found = Duty.objects.visible_to(self.request.user).select_related("client", "manager")
        return found if self.request.GET.get("month") else found.filter(month=month_start(today()))

    @extend_schema(summary="Waive a contact that is owed", request=WaiveSerializer, responses=DutySerializer)
    @action(detail=False, methods=["post"], filter_backends=[])
    def waive(self, request: Request) -> Response:
        """With a reason; `head` is for who may decide for the branch. A visit planned for it is cancelled."""
        given = _checked(WaiveSerializer, request)
        try:
            services.waive(given["client_no"], given["month"], given["number"], given["reason"], user=_user(request))
        except (Client.DoesNotExist, Duty.DoesNotExist):
            raise Http404 from None
        except Wrong as error:
            raise _refused(error) from error
        key = {"client__client_no": given["client_no"], "month": given["month"], "number": given["number"]}
        found = Duty.objects.visible_to(request.user).select_related("client", "manager").get(**key)
        return Response(DutySerializer(found).data)
