"""API routes of the analyses and of offers."""

from analyses.api import AnalysisViewSet, OfferViewSet

routes = [("analyses", AnalysisViewSet, "analysis"), ("offers", OfferViewSet, "offer")]
