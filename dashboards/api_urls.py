"""API routes of the dashboards."""

from dashboards.api import DashboardViewSet, TargetViewSet

routes = [("dashboards", DashboardViewSet, "dashboard"), ("targets", TargetViewSet, "target")]
