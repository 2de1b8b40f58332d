"""API routes of the change feed."""

from feed.api import ChangeViewSet

routes = [("changes", ChangeViewSet, "change")]
