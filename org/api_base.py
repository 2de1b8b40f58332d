"""Base of the API: scope by `visible_to`, rights declared by the view, business keys in the address."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from org import audit
from org.api_pages import CursorPages

#: Parameters that say which page is meant, not which rows.
_PAGING = {"cursor", "page_size", "format"}


class AuditedPages:
    """Each page that an action named in `personal` gives leaves one row in the audit trail."""

    personal: frozenset[str] = frozenset()

    def get_paginated_response(self: Any, data: Any) -> Response:
        if self.action in self.personal:
            asked = {name for name, value in self.request.query_params.items() if value} - _PAGING
            name = f"api.{self.basename}"
            audit.record_read(name, user=self.request.user, rows=len(data), filters=asked)
        return super().get_paginated_response(data)  # type: ignore[misc]


class ScopedViewSet(AuditedPages, ReadOnlyModelViewSet):
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
