"""API routes of the forecasts."""

from forecasts.api import FundsViewSet, LifetimeValueViewSet

routes = [("lifetime-values", LifetimeValueViewSet, "lifetime-value"), ("funds", FundsViewSet, "funds")]
