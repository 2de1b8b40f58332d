"""API of the problem catalogue (N3): `/api/v1/problems/`, each under the address that is its `type`."""

from typing import Any

from django.conf import settings
from django.http import Http404
from django.utils import translation
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from org.problem_types import CATALOGUE, Problem, address
from org.rights import ANYBODY


class WordsSerializer(serializers.Serializer):
    """A problem in one language."""

    language = serializers.CharField()
    title = serializers.CharField()
    remedy = serializers.CharField()


class ProblemTypeSerializer(serializers.Serializer):
    """A kind of problem, in the language of the request and in each language of the product."""

    type = serializers.CharField()
    status = serializers.IntegerField()
    title = serializers.CharField()
    remedy = serializers.CharField(help_text="What to do about it")
    words = WordsSerializer(many=True)


def _told(problem: Problem) -> dict[str, Any]:
    words = []
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            words.append({"language": language, "title": str(problem.title), "remedy": str(problem.remedy)})
    return {
        "type": address(problem),
        "status": problem.status,
        "title": str(problem.title),
        "remedy": str(problem.remedy),
        "words": words,
    }


class ProblemViewSet(ViewSet):
    """What can go wrong, and what to do about it."""

    right = ANYBODY
    lookup_field = "problem"
    lookup_value_regex = r"[a-z-]+"

    @extend_schema(summary="The catalogue of problems", responses=ProblemTypeSerializer(many=True))
    def list(self, request: Request) -> Response:
        return Response(ProblemTypeSerializer([_told(problem) for problem in CATALOGUE.values()], many=True).data)

    @extend_schema(summary="A kind of problem", responses=ProblemTypeSerializer)
    def retrieve(self, request: Request, problem: str) -> Response:
        found = CATALOGUE.get(problem)
        if found is None:
            raise Http404
        return Response(ProblemTypeSerializer(_told(found)).data)
