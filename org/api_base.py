"""Base of the API: scope by `visible_to`, rights declared by the view."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.viewsets import ReadOnlyModelViewSet

from org.api_pages import CursorPages


class ScopedViewSet(ReadOnlyModelViewSet):
    """Read-only base: `right` names the right, rows come from `visible_to(user)`; out of scope is 404."""

    right: str = ""
    pagination_class = CursorPages

    def get_queryset(self) -> QuerySet[Any]:
        queryset = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return queryset.none()
        return queryset.visible_to(self.request.user)  # type: ignore[attr-defined]
