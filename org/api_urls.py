"""API routes of exports."""

from org.api_exports import ExportViewSet

routes = [("exports", ExportViewSet, "export")]
