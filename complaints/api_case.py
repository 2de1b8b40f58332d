"""What hangs on a case, in the API: follow-ups and the watch after closing (X6), papers, letters (H3)."""

from typing import Any

from django.core.exceptions import ValidationError as Invalid
from django.http import FileResponse, Http404, HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from complaints import services
from complaints.letters import Letter
from complaints.models import Attachment, FollowUp, Watch
from complaints.rules import Refused
from complaints.scope import complaint_scope
from complaints.services import Stale, files, letters
from crm.clock import now
from org.api_input import MATCH, YuanField, seen_version, sent
from org.problems import problem_response


class FollowUpSerializer(serializers.ModelSerializer):
    """A follow-up so many days after closing; `satisfaction`: 1 to 5, 5 is best."""

    class Meta:
        model = FollowUp
        fields = ("days", "due_on", "done_at", "satisfaction", "note")


class WriteFollowUpSerializer(serializers.Serializer):
    """What the client said; satisfaction or a note."""

    days = serializers.IntegerField(min_value=0, max_value=3650)
    satisfaction = serializers.IntegerField(min_value=1, max_value=5, required=False, allow_null=True, default=None)
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class WatchSerializer(serializers.ModelSerializer):
    """The client since closing; money in 元. `sign`: empty, `closed` or `outflow`."""

    assets = YuanField()
    inflow = YuanField()

    class Meta:
        model = Watch
        fields = ("from_on", "until_on", "assets", "inflow", "as_of", "sign", "noticed_on")


class RecoverySerializer(serializers.Serializer):
    """After closing: follow-ups of this round, and the watch (null: not begun, or no known client)."""

    follow_ups = FollowUpSerializer(many=True)
    watch = WatchSerializer(allow_null=True)


class PaperSerializer(serializers.ModelSerializer):
    """A paper of the file; its content at `…/papers/{id}/`."""

    class Meta:
        model = Attachment
        fields = ("id", "name", "kind", "size", "sha256", "added_at")


class AttachSerializer(serializers.Serializer):
    file = serializers.FileField()


class LetterSerializer(serializers.Serializer):
    """Which letter, in which language."""

    letter = serializers.ChoiceField(choices=Letter.choices)
    language = serializers.ChoiceField(choices=["zh-hans", "en"], default="zh-hans")


def _user(request: Request) -> Any:
    return request.user


class CaseParts:
    """Actions of a `ComplaintViewSet`."""

    @extend_schema(summary="Follow-ups and the watch after closing", responses=RecoverySerializer, filters=False)
    @action(detail=True, url_path="recovery", pagination_class=None)
    def recovery(self: Any, request: Request, number: str = "") -> Response:
        case = self.get_object()
        if complaint_scope(request.user).masked:
            raise Http404
        rows = case.follow_ups.filter(dropped=False).order_by("due_on")
        watch = case.watches.filter(dropped=False, round=case.round).first()
        return Response(RecoverySerializer({"follow_ups": rows, "watch": watch}).data)

    @extend_schema(
        summary="Record a follow-up",
        request=WriteFollowUpSerializer,
        responses={200: FollowUpSerializer, 404: OpenApiResponse(description="None of these days is open")},
        filters=False,
    )
    @recovery.mapping.post
    def follow_up(self: Any, request: Request, number: str = "") -> HttpResponseBase:
        case = self.get_object()
        wanted = sent(WriteFollowUpSerializer, request)
        days = wanted.pop("days")
        try:
            row = services.follow_up(case.number, days, **wanted, user=_user(request), at=now())
        except FollowUp.DoesNotExist as error:
            raise Http404 from error
        except Invalid as error:
            raise ValidationError(error.message_dict) from error
        return Response(FollowUpSerializer(row).data)

    @extend_schema(summary="Papers of the file", responses=PaperSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None, parser_classes=[MultiPartParser])
    def papers(self: Any, request: Request, number: str = "") -> Response:
        case = self.get_object()
        if complaint_scope(request.user).masked:
            return Response([])
        return Response(PaperSerializer(case.attachments.order_by("pk"), many=True).data)

    @extend_schema(
        summary="Add a paper",
        request={"multipart/form-data": AttachSerializer},
        responses={201: PaperSerializer},
        filters=False,
    )
    @papers.mapping.post
    def attach(self: Any, request: Request, number: str = "") -> HttpResponseBase:
        case = self.get_object()
        file = sent(AttachSerializer, request)["file"]
        try:
            made = files.attach(case.number, file, user=_user(request), at=now())
        except Refused as refused:
            return problem_response(400, str(refused.message), code=refused.code)
        except Invalid as error:
            raise ValidationError({"file": error.messages}) from error
        return Response(PaperSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        summary="Content of a paper", responses={(200, "application/octet-stream"): OpenApiTypes.BINARY}, filters=False
    )
    @action(detail=True, url_path=r"papers/(?P<paper_id>\d{1,18})", pagination_class=None)
    def paper(self: Any, request: Request, number: str = "", paper_id: str = "") -> HttpResponseBase:
        case = self.get_object()
        if complaint_scope(request.user).masked:
            raise Http404
        try:
            row, file = files.opened(case.number, int(paper_id), user=_user(request))
        except (Attachment.DoesNotExist, FileNotFoundError) as error:
            raise Http404 from error
        headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"}
        return FileResponse(file, as_attachment=True, filename=row.name, content_type=row.kind, headers=headers)

    @extend_schema(
        summary="Write a letter into the file, as PDF",
        request=LetterSerializer,
        parameters=[MATCH],
        responses={201: PaperSerializer, 409: OpenApiResponse(description="The case is at another version")},
        filters=False,
    )
    @action(detail=True, methods=["post"], pagination_class=None)
    def letters(self: Any, request: Request, number: str = "") -> HttpResponseBase:
        case = self.get_object()
        if complaint_scope(request.user).masked:
            raise Http404
        wanted, version = sent(LetterSerializer, request), seen_version(request)
        try:
            made = letters.write(case.number, **wanted, user=_user(request), at=now(), version=version)
        except Stale:
            return problem_response(409, current=self.get_serializer(self.get_object()).data)
        except Refused as refused:
            return problem_response(400, str(refused.message), code=refused.code)
        except Invalid as error:
            raise ValidationError({"letter": error.messages}) from error
        return Response(PaperSerializer(made).data, status=status.HTTP_201_CREATED)
