"""API routes of visits."""

from visits.api import DutyViewSet, VisitViewSet

routes = [("visits", VisitViewSet, "visit"), ("duties", DutyViewSet, "duty")]
