"""API of the hand-overs (U10): `/api/v1/handovers/`, `…/preview/`, `…/{id}/`, `…/{id}/undo/`."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from clients.errors import Conflict, Refused
from crm.clock import now, today
from handovers import services
from handovers.models import Handover
from org.api_base import ScopedViewSet
from org.api_input import sent
from org.models import Staff
from org.problems import problem_response
from org.scope import scope_of


class HandoverCountsSerializer(serializers.Serializer):
    """Things by kind; `duty`: contacts owed, `step`: next steps announced in notes, `case`: complaints."""

    client = serializers.IntegerField(default=0)
    duty = serializers.IntegerField(default=0)
    visit = serializers.IntegerField(default=0)
    promise = serializers.IntegerField(default=0)
    step = serializers.IntegerField(default=0)
    case = serializers.IntegerField(default=0)


class HandoverSerializer(serializers.ModelSerializer):
    """A hand-over. `moved`: what changed hands; `stayed`: what could not be moved, or not be given back."""

    branch_no = serializers.CharField(source="branch.branch_no")
    former = serializers.CharField(source="former.staff_no")
    moved = HandoverCountsSerializer()
    stayed = HandoverCountsSerializer()

    class Meta:
        model = Handover
        fields = (
            "id", "branch_no", "former", "reason", "on", "made_at", "overlap_until", "overlap_ended_at", "undo_until",
            "undone_at", "moved", "stayed",
        )  # fmt: skip


class HandoverWishSerializer(serializers.Serializer):
    """Whose book goes to whom. `tiers` empty: the whole book; `none` are clients without a tier."""

    former = serializers.CharField(max_length=32, help_text="staff_no")
    to = serializers.ListField(child=serializers.CharField(max_length=32), min_length=1, max_length=50)
    reason = serializers.CharField(max_length=200)
    tiers = serializers.ListField(
        child=serializers.ChoiceField(choices=["A", "B", "C", "none"]), required=False, default=list
    )
    overlap_until = serializers.DateField(required=False, allow_null=True, default=None)


class MakeHandoverSerializer(HandoverWishSerializer):
    digest = serializers.CharField(max_length=64, help_text="of the preview that is confirmed")


class HeirSerializer(serializers.Serializer):
    """A successor; contacts a month by the cadence, `clashes`: planned visits that fall together."""

    staff_no = serializers.CharField(source="staff.staff_no")
    clients_now = serializers.IntegerField()
    contacts_now = serializers.IntegerField()
    clients = serializers.IntegerField()
    contacts = serializers.IntegerField()
    clashes = serializers.IntegerField()


class StuckSerializer(serializers.Serializer):
    number = serializers.CharField(source="0")
    why = serializers.CharField(source="1")


class HandoverPreviewSerializer(serializers.Serializer):
    """What a hand-over would do; `stuck`: complaints that would stay."""

    digest = serializers.CharField()
    counts = HandoverCountsSerializer()
    heirs = HeirSerializer(many=True)
    stuck = StuckSerializer(many=True)


@extend_schema_view(
    list=extend_schema(summary="Hand-overs of books, newest first"), retrieve=extend_schema(summary="A hand-over")
)
class HandoverViewSet(ScopedViewSet):
    """Books handed over: of the caller's branches, or to the caller."""

    right = "handovers.view"
    rights = {"POST": "clients.reassign"}
    serializer_class = HandoverSerializer
    lookup_value_regex = r"\d{1,18}"
    queryset: QuerySet[Handover] = Handover.objects.select_related("branch", "former").order_by("-pk")

    @extend_schema(
        summary="What a hand-over would do", request=HandoverWishSerializer, responses={200: HandoverPreviewSerializer}
    )
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> HttpResponseBase:
        wish = _wish(sent(HandoverWishSerializer, request), request.user)
        try:
            found = services.preview(wish, user=request.user, on=today())  # type: ignore[arg-type]
        except Refused as error:
            raise ValidationError({"former": [error.message]}) from error
        return Response(HandoverPreviewSerializer(found).data)

    @extend_schema(
        summary="Hand a book over, as previewed",
        request=MakeHandoverSerializer,
        responses={
            201: HandoverSerializer,
            409: OpenApiResponse(description="The book is no longer what was previewed"),
        },
    )
    def create(self, request: Request) -> HttpResponseBase:
        wanted = sent(MakeHandoverSerializer, request)
        wish = _wish(wanted, request.user)
        try:
            made = services.hand_over(wish, digest=wanted["digest"], user=request.user, on=today(), at=now())  # type: ignore[arg-type]
        except Refused as error:
            raise ValidationError({"former": [error.message]}) from error
        except Conflict:
            return problem_response(409)
        return Response(HandoverSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(summary="Undo a hand-over", request=None, responses={200: HandoverSerializer})
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: str = "") -> HttpResponseBase:
        try:
            found = services.undo(self.get_object().pk, user=request.user, on=today(), at=now())  # type: ignore[arg-type]
        except Handover.DoesNotExist as error:
            raise Http404 from error
        except Refused as error:
            return problem_response(409, str(error.message))
        return Response(HandoverSerializer(found).data)


def _wish(wanted: dict[str, Any], user: Any) -> services.Wish:
    """Staff by their numbers, within the caller's branches; one unknown is named."""
    numbers = [wanted["former"], *wanted["to"]]
    branches = list(scope_of(user).branch_ids)
    known = {
        one.staff_no: one
        for one in Staff.objects.filter(branch__in=branches, staff_no__in=numbers).select_related("branch")
    }
    if wanted["former"] not in known:
        raise ValidationError({"former": [_("There is no such manager in your branches.")]})
    if missing := [one for one in wanted["to"] if one not in known]:
        raise ValidationError({"to": [_("There is no such manager in your branches.") + f" ({missing[0]})"]})
    return services.Wish(
        former=known[wanted["former"]],
        successors=[known[number] for number in sorted(set(wanted["to"]))],
        reason=wanted["reason"],
        tiers=tuple("" if one == "none" else one for one in wanted["tiers"]),
        overlap_until=wanted["overlap_until"],
    )
