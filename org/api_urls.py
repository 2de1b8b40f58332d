"""API routes of the calendar, of exports and of the problem catalogue."""

from org.api_calendar import CalendarViewSet
from org.api_exports import ExportViewSet
from org.api_problems import ProblemViewSet

routes = [
    ("calendar", CalendarViewSet, "calendar"),
    ("exports", ExportViewSet, "export"),
    ("problems", ProblemViewSet, "problem"),
]
