"""API of complaints (N3): list, detail, intake by (source, external_ref), and the actions of the six steps.

Actions take the version the caller saw as `If-Match: "7"` or as `version` in the body; when somebody was faster the answer
is 409 with both versions, and nothing was written.
"""

from typing import Any

from django.core.exceptions import ValidationError as Invalid
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from clients.models import Client
from complaints import services
from complaints.api_case import CaseParts
from complaints.choices import Category, Cause, Channel, Ground, Party, Result, Severity, Step, Wish
from complaints.forms import client_for_intake
from complaints.lists import ComplaintFilter
from complaints.models import Complaint, ComplaintEvent
from complaints.rules import Refused
from complaints.scope import complaint_scope
from complaints.services import Stale, Told
from complaints.services.intake import tells_otherwise
from crm.clock import now
from crm.money import MAX_YUAN, to_units, to_yuan
from org import audit
from org.api_base import ScopedViewSet
from org.masking import mask_mobile, mask_name
from org.models import Branch, Staff
from org.problems import problem_response


class ComplaintSerializer(serializers.ModelSerializer):
    """A case. Amounts in 元; names, contact and texts are masked for callers who see personal data masked."""

    client_no = serializers.CharField(source="client.client_no", read_only=True, allow_null=True, default=None)
    branch_no = serializers.CharField(source="branch.branch_no", read_only=True)
    handler_no = serializers.CharField(source="handler.staff_no", read_only=True, allow_null=True, default=None)
    about_no = serializers.CharField(source="about_person.staff_no", read_only=True, allow_null=True, default=None)
    merged_into = serializers.CharField(source="merged_into.number", read_only=True, allow_null=True, default=None)
    paused = serializers.ChoiceField(choices=Ground.choices, allow_blank=True, read_only=True)
    result = serializers.ChoiceField(choices=Result.choices, allow_blank=True, read_only=True)
    cause = serializers.ChoiceField(choices=Cause.choices, allow_blank=True, read_only=True)
    step_name = serializers.SerializerMethodField()
    amount = serializers.SerializerMethodField()

    class Meta:
        model = Complaint
        fields = (
            "number", "version", "state", "step", "step_name", "round", "paused", "received_at", "registered_at", "channel",
            "kind", "relabel_asked",
            "category", "severity", "wish", "amount", "persons", "summary", "narrative", "product", "party", "complainant",
            "contact", "client_no", "branch_no", "handler_no", "about_no", "due_at", "due_key", "accepted_at", "answered_at",
            "closed_at", "archived_at", "result", "cause", "fast", "merged_into", "keep_until",
        )  # fmt: skip
        read_only_fields = fields

    def get_step_name(self, complaint: Complaint) -> str:
        return str(Step(complaint.step).label)

    def get_amount(self, complaint: Complaint) -> str | None:
        return None if complaint.amount is None else f"{to_yuan(complaint.amount):.2f}"

    def to_representation(self, instance: Complaint) -> dict[str, Any]:
        found = super().to_representation(instance)
        request = self.context.get("request")
        if request is not None and complaint_scope(request.user).masked:
            found["complainant"] = mask_name(found["complainant"])
            found["contact"] = mask_mobile(found["contact"])
            found["narrative"] = found["summary"] = "***"
        return found


class EventSerializer(serializers.ModelSerializer):
    """One event of the file."""

    by = serializers.CharField(source="by.username", read_only=True, allow_null=True, default=None)

    class Meta:
        model = ComplaintEvent
        fields = ("sequence", "kind", "at", "by", "data", "before", "hash")
        read_only_fields = fields


class IntakeSerializer(serializers.Serializer):
    """A complaint as it comes in. The same (source, external_ref) answers with the same case."""

    channel = serializers.ChoiceField(choices=Channel.choices)
    category = serializers.ChoiceField(choices=Category.choices)
    severity = serializers.ChoiceField(choices=Severity.choices, default=Severity.NORMAL)
    wish = serializers.ChoiceField(choices=Wish.choices, default=Wish.HEARD)
    narrative = serializers.CharField(max_length=40_000)
    summary = serializers.CharField(max_length=120, required=False, default="")
    received_at = serializers.DateTimeField()
    amount = serializers.DecimalField(
        max_digits=18, decimal_places=2, min_value=0, max_value=MAX_YUAN, required=False, allow_null=True, default=None
    )
    persons = serializers.IntegerField(min_value=1, max_value=30_000, default=1)
    product = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    party = serializers.ChoiceField(choices=Party.choices, default=Party.CLIENT)
    complainant = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    contact = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    client_no = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    branch_no = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    about_no = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    source = serializers.CharField(max_length=40)
    external_ref = serializers.CharField(max_length=64)

    def told(self, user: Any) -> Told:
        """The same for `services.register`. Raises ValidationError for numbers that lead nowhere in the caller's scope."""
        said = dict(self.validated_data)
        amount = said.pop("amount")
        numbers = {name: said.pop(f"{name}_no") for name in ("client", "branch", "about")}
        scope = complaint_scope(user)
        rows: dict[str, Any] = {"client": None, "branch": None, "about": None}
        if numbers["client"]:
            visible = Client.objects.visible_to(user).filter(client_no=numbers["client"]).first()
            rows["client"] = visible or client_for_intake(numbers["client"], user)
        branches = Branch.objects.all() if scope.firm else Branch.objects.filter(pk__in=scope.branch_ids)
        if numbers["branch"]:
            rows["branch"] = branches.filter(branch_no=numbers["branch"]).first()
        if numbers["about"]:
            rows["about"] = Staff.objects.filter(staff_no=numbers["about"], branch__in=branches).first()
        wrong = {f"{name}_no": ["unknown"] for name, number in numbers.items() if number and rows[name] is None}
        if wrong:
            raise ValidationError(wrong)
        return Told(**said, **rows, amount=None if amount is None else to_units(amount))


class ActionSerializer(serializers.Serializer):
    """What an action may carry beside the version."""

    version = serializers.IntegerField(required=False, min_value=1)
    reason = serializers.CharField(required=False, max_length=2000, allow_blank=True, default="")


class AdvanceSerializer(ActionSerializer):
    """`record`: the record of the current step (docs/complaints.md); left out, the one already kept counts."""

    record = serializers.DictField(required=False)


class HandoverSerializer(ActionSerializer):
    to = serializers.CharField(max_length=32)


class ReopenSerializer(ActionSerializer):
    to = serializers.IntegerField(required=False, min_value=1, max_value=6, default=3)


class WithdrawSerializer(ActionSerializer):
    evidence = serializers.CharField(max_length=500)


#: Commands that have no address of their own.
COMMANDS = (
    "accept", "record", "pause", "resume", "promise", "follow", "answer", "close", "note", "archive", "relabel",
    "relabel_confirm", "relabel_decline",
)  # fmt: skip


class CommandSerializer(ActionSerializer):
    """Any other command: its name and what it asks for."""

    command = serializers.ChoiceField(choices=COMMANDS)
    data = serializers.DictField(required=False, default=dict)


_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description='The version the caller saw, as `"7"`')
_ANSWERS = {
    200: ComplaintSerializer,
    400: OpenApiResponse(description="The rules say no; the problem says why"),
    409: OpenApiResponse(description="Somebody was faster: `current` and `yours`"),
}


def _schema(summary: str, request: Any) -> Any:
    return extend_schema(summary=summary, request=request, responses=_ANSWERS, parameters=[_MATCH])


class ApiFilter(ComplaintFilter):
    """The filters of the queue, without the search box: texts are not searched by programs."""

    q = None


@extend_schema_view(
    list=extend_schema(summary="Complaints, newest first"), retrieve=extend_schema(summary="A complaint")
)
class ComplaintViewSet(CaseParts, ScopedViewSet):
    """Complaints of the caller's scope; never those about the caller (X1–X5, U6)."""

    right = "complaints.view"
    rights = {"POST": "complaints.handle"}
    serializer_class = ComplaintSerializer
    page_order = ("-received_at", "-id")
    orderings = {"received_at": ("received_at", "id")}
    filter_backends = (filters.DjangoFilterBackend,)
    filterset_class = ApiFilter
    lookup_field = "number"
    lookup_value_regex = r"[A-Za-z0-9-]{1,16}"
    queryset = Complaint.objects.select_related("client", "branch", "handler", "about_person", "merged_into")

    @extend_schema(
        summary="Register a complaint",
        request=IntakeSerializer,
        responses={
            200: ComplaintSerializer,
            201: ComplaintSerializer,
            409: OpenApiResponse(description="The reference is known with another text; `number` is its case"),
        },
    )
    def create(self, request: Request) -> HttpResponseBase:
        sent = IntakeSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        told = sent.told(request.user)
        complaint, fresh = services.register(told, user=request.user, at=now())
        if not fresh and tells_otherwise(complaint, told):
            detail = _("This reference is known with another text. Nothing was changed; add what is new to the case.")
            return problem_response(409, detail, number=complaint.number)
        visible = Complaint.objects.visible_to(request.user).filter(pk=complaint.pk).exists()
        # The number is told even to the one it is about, nothing else.
        body = self.get_serializer(complaint).data if visible else {"number": complaint.number}
        return Response(body, status=status.HTTP_201_CREATED if fresh else status.HTTP_200_OK)

    @extend_schema(summary="The file of a complaint", responses=EventSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None)
    def events(self, request: Request, **kwargs: Any) -> Response:
        if complaint_scope(request.user).masked:
            return Response([])
        case = self.get_object()
        if case.client is not None:
            audit.note_clients([case.client.client_no])
        rows: QuerySet[Any] = ComplaintEvent.objects.filter(complaint=case).select_related("by")
        return Response(EventSerializer(rows.order_by("sequence"), many=True).data)

    @_schema("Record the current step and go on to the next", AdvanceSerializer)
    @action(detail=True, methods=["post"])
    def advance(self, request: Request, number: str = "") -> HttpResponseBase:
        def go(said: dict[str, Any], version: int | None) -> None:
            if "record" in said:
                done = services.act(
                    number, "record", {"record": said["record"]}, user=request.user, at=now(), version=version
                )
                version = done.version
            services.act(number, "advance", user=request.user, at=now(), version=version)

        return self._carry_out(request, AdvanceSerializer, go)

    @_schema("Go back a step", ActionSerializer)
    @action(detail=True, methods=["post"])
    def back(self, request: Request, number: str = "") -> HttpResponseBase:
        return self._command(request, ActionSerializer, number, "back")

    @_schema("Hand over", HandoverSerializer)
    @action(detail=True, methods=["post"])
    def handover(self, request: Request, number: str = "") -> HttpResponseBase:
        def go(said: dict[str, Any], version: int | None) -> None:
            services.give_to(number, said["to"], said["reason"], user=request.user, at=now(), version=version)

        return self._carry_out(request, HandoverSerializer, go)

    @_schema("Reopen", ReopenSerializer)
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, number: str = "") -> HttpResponseBase:
        return self._command(request, ReopenSerializer, number, "reopen")

    @_schema("Withdrawn by the client", WithdrawSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, number: str = "") -> HttpResponseBase:
        return self._command(request, WithdrawSerializer, number, "withdraw")

    @_schema("Any other command", CommandSerializer)
    @action(detail=True, methods=["post"])
    def command(self, request: Request, number: str = "") -> HttpResponseBase:
        def go(said: dict[str, Any], version: int | None) -> None:
            data = {"reason": said["reason"], **said["data"]}
            if said["command"] == "relabel":
                reason = data.pop("reason")
                services.relabel(number, data, reason, user=request.user, at=now(), version=version)
                return
            services.act(number, said["command"], data, user=request.user, at=now(), version=version)

        return self._carry_out(request, CommandSerializer, go)

    def _command(self, request: Request, serializer: type, number: str, key: str) -> HttpResponseBase:
        def go(said: dict[str, Any], version: int | None) -> None:
            services.act(number, key, said, user=request.user, at=now(), version=version)

        return self._carry_out(request, serializer, go)

    def _carry_out(self, request: Request, serializer: type, go: Any) -> HttpResponseBase:
        self.get_object()  # 404 before anything else
        sent = serializer(data=request.data)
        sent.is_valid(raise_exception=True)
        said = dict(sent.validated_data)
        version = _version(request, said.pop("version", None))
        try:
            go(said, version)
        except Stale:
            current = self.get_serializer(self.get_queryset().get(number=self.kwargs["number"])).data
            return problem_response(409, current=current, yours={"version": version, **_plain(request.data)})
        except Refused as refused:
            return problem_response(400, str(refused.message), code=refused.code)
        except (KeyError, TypeError) as error:
            raise ValidationError({"data": ["not complete"]}) from error
        except Invalid as error:
            raise ValidationError(getattr(error, "message_dict", None) or error.messages) from error
        found = Complaint.objects.visible_to(request.user).filter(number=self.kwargs["number"])
        done = found.select_related("client", "branch", "handler", "about_person", "merged_into").first()
        # Whoever handed a case over may see it no longer.
        body = self.get_serializer(done).data if done else {"number": self.kwargs["number"]}
        return Response(body, headers={"ETag": f'"{done.version}"'} if done else {})


def _plain(data: Any) -> dict[str, Any]:
    return {str(name): value for name, value in data.items()} if hasattr(data, "items") else {}


def _version(request: Request, said: int | None) -> int | None:
    header = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    if header.isdecimal() and len(header) < 10:
        return int(header)
    return said
