"""API routes of the hand-overs."""

from handovers.api import HandoverViewSet

routes = [("handovers", HandoverViewSet, "handover")]
