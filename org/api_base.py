"""Base of the API: scope by `visible_to`, rights declared by the view, business keys in the address."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from org import audit
from org.api_pages import CursorPages

#: Parameters that say which page is meant, not which rows.
_PAGING = {"cursor", "page_size", "format", "fields", "ordering"}
#: What a row is found by; always told.
KEYS = frozenset({"id", "number", "client_no", "staff_no", "branch_no", "business_date"})


class AuditedPages:
    """Each page that an action named in `personal` gives leaves one row in the audit trail."""

    personal: frozenset[str] = frozenset()

    def get_paginated_response(self: Any, data: Any) -> Response:
        if self.action in self.personal:
            asked = {name for name, value in self.request.query_params.items() if value} - _PAGING
            name = f"api.{self.basename}"
            audit.record_read(name, user=self.request.user, rows=len(data), filters=asked)
        return super().get_paginated_response(data)  # type: ignore[misc]


class ChosenFields:
    """`?fields=name,status` on lists and single rows: these and the keys, for the audit trail reads off whom an answer tells."""

    fields_asked: frozenset[str] = frozenset()

    def initial(self: Any, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        asked = request.query_params.get("fields", "") if self._may_choose() else ""
        if asked:
            known = self.get_serializer_class()().fields.keys()
            names = {name.strip() for name in asked.split(",")} - {""}
            unknown = ", ".join(sorted(names - known))[:200]
            if unknown or not names:
                raise ValidationError({"fields": [_("There is no such field: %(names)s") % {"names": unknown}]})
            self.fields_asked = frozenset((names | KEYS) & known)

    def finalize_response(self: Any, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any) -> Any:
        if self.fields_asked and response.status_code == 200:
            data = response.data  # type: ignore[attr-defined]
            rows = data["results"] if self.action == "list" else [data]
            kept = [{name: row[name] for name in row if name in self.fields_asked} for row in rows]
            response.data = data | {"results": kept} if self.action == "list" else kept[0]  # type: ignore[attr-defined]
        return super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]

    def _may_choose(self: Any) -> bool:
        return self.request.method == "GET" and self.action in ("list", "retrieve")


class ScopedViewSet(ChosenFields, AuditedPages, ReadOnlyModelViewSet):
    """Read-only base: `right` (or `rights` by method) names the right, rows come from `visible_to(user)`.

    A row out of scope is 404, as one that does not exist. `queryset` names its order (unique, for stable pages) or the
    view sets `page_order`; `lookup_field` is a business key. Verbs are `@action`s that call services.
    """

    right: str = ""
    rights: dict[str, str] = {}
    page_order: tuple[str, ...] = ()
    #: `?ordering=NAME`, and `-NAME` the other way: columns that an index carries, the whole unique.
    orderings: dict[str, tuple[str, ...]] = {}
    pagination_class = CursorPages

    def get_queryset(self) -> QuerySet[Any]:
        queryset = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return queryset.none()
        return queryset.visible_to(self.request.user)  # type: ignore[attr-defined]
