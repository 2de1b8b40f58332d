"""Base of the API: scope by `visible_to`, rights declared by the view, business keys in the address."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.viewsets import ReadOnlyModelViewSet

from org.api_pages import CursorPages


class ScopedViewSet(ReadOnlyModelViewSet):
    """Read-only base: `right` (or `rights` by method) names the right, rows come from `visible_to(user)`.

    A row out of scope is 404, as one that does not exist. `queryset` names its order (unique, for stable pages) or the
    view sets `page_order`; `lookup_field` is a business key. Verbs are `@action`s that call services.
    """

    right: str = ""
    rights: dict[str, str] = {}
    page_order: tuple[str, ...] = ()
    pagination_class = CursorPages

    def get_queryset(self) -> QuerySet[Any]:
        queryset = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return queryset.none()
        return queryset.visible_to(self.request.user)  # type: ignore[attr-defined]
