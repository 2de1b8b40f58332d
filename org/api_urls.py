"""API routes of exports and of the problem catalogue."""

from org.api_exports import ExportViewSet
from org.api_problems import ProblemViewSet

routes = [("exports", ExportViewSet, "export"), ("problems", ProblemViewSet, "problem")]
