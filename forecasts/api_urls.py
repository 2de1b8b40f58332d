"""API routes of the forecasts."""

from forecasts.api import LifetimeValueViewSet

routes = [("lifetime-values", LifetimeValueViewSet, "lifetime-value")]
