"""API routes of the dashboards."""

from dashboards.api import DashboardViewSet, TargetViewSet
from dashboards.manager_api import ManagerBoardViewSet

routes = [
    ("dashboards", DashboardViewSet, "dashboard"),
    ("manager-dashboards", ManagerBoardViewSet, "manager-dashboard"),
    ("targets", TargetViewSet, "target"),
]
