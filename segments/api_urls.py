"""API routes of own segments."""

from segments.api import SegmentViewSet

routes = [("segments", SegmentViewSet, "segment")]
