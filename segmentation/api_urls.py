"""API routes of segmentation."""

from segmentation.api import TierViewSet
from segmentation.api_rules import RankingPolicyViewSet, TierChangeViewSet

routes = [
    ("tiers", TierViewSet, "tier"),
    ("tier-changes", TierChangeViewSet, "tier-change"),
    ("ranking-policies", RankingPolicyViewSet, "ranking-policy"),
]
