"""API routes of segmentation."""

from segmentation.api import TierViewSet

routes = [("tiers", TierViewSet, "tier")]
