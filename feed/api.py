"""Change feed (N3): `/api/v1/changes/?after=SEQUENCE`. Keys of what changed; what it is now, its own address tells."""

from django.http import HttpResponseBase
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from feed.models import Head
from feed.queries import as_dict, changes_for
from feed.services import collect
from org.problems import problem_response


class Asked(serializers.Serializer):
    """From where on, and what of it."""

    after = serializers.IntegerField(min_value=0, max_value=2**62, required=False, default=None)
    kind = serializers.ListField(child=serializers.CharField(max_length=40), required=False, default=list)
    branch_no = serializers.CharField(max_length=32, required=False, default="")
    page_size = serializers.IntegerField(min_value=1, max_value=1000, required=False, default=100)


class ChangeSerializer(serializers.Serializer):
    """A change. `object_no`: client or complaint number, id of a visit or batch, date of a night, number of a branch."""

    sequence = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = serializers.CharField(
        help_text="client.changed, client.moved, client.tier_changed, visit.done, complaint.close …"
    )
    object_no = serializers.CharField()
    client_no = serializers.CharField(allow_null=True)
    branch_no = serializers.CharField(allow_null=True)
    data = serializers.DictField()


@extend_schema_serializer(many=False)
class FeedSerializer(serializers.Serializer):
    """Changes in their order; ask again with `after` = `next`. `more`: there are some already."""

    results = ChangeSerializer(many=True)
    next = serializers.IntegerField()
    more = serializers.BooleanField()


class ChangeViewSet(ViewSet):
    """What changed, in one order that never changes: no change is missed and none comes twice."""

    right = "changes.view"

    @extend_schema(
        summary="Changes after a place of the feed",
        description=(
            "Without `after`: nothing yet, and the place from which to go on. Kept for FEED_DAYS days; who comes later gets "
            "410 and begins anew from the lists. A change is told to whoever has the right of its kind, within the asker's "
            "branches."
        ),
        parameters=[
            OpenApiParameter("after", int, description="`next` of the answer before"),
            OpenApiParameter("kind", str, many=True, description="Beginnings of kinds: `client.`, `visit.done`"),
            OpenApiParameter("branch_no", str),
            OpenApiParameter("page_size", int, description="1 to 1000; 100 if absent"),
        ],
        responses={200: FeedSerializer, 410: OpenApiResponse(description="Forgotten; begin anew from the lists")},
    )
    def list(self, request: Request) -> HttpResponseBase:
        given = Asked(data=request.query_params)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data
        head = collect()
        after = head if wanted["after"] is None else min(wanted["after"], head)
        forgotten = Head.objects.values_list("forgotten", flat=True).get(pk=1)
        if after < forgotten:
            detail = _("These changes are no longer kept. Read the lists anew, then go on after %(n)d.") % {"n": head}
            return problem_response(410, detail, kind="changes-forgotten", head=head)
        piece = changes_for(
            request.user, after, head, kinds=wanted["kind"], branch=wanted["branch_no"], size=wanted["page_size"]
        )
        answer = {"results": [as_dict(change) for change in piece.changes], "next": piece.upto, "more": piece.more}
        return Response(FeedSerializer(answer).data)
