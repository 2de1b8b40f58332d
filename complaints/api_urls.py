"""API routes of complaints."""

from complaints.api import ComplaintViewSet

routes = [("complaints", ComplaintViewSet, "complaint")]
