"""Cursor pages of the API; apart from the views, which DRF's settings import in turn."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound
from rest_framework.exceptions import ValidationError as WrongParameter
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request


class CursorPages(CursorPagination):
    """`?cursor=` pages with next, previous, results; `page_size` from 1 to 200.

    The order is the view's `page_order`, else that of its queryset, else the primary key. It must be unique.
    """

    page_size = 25
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering = "pk"

    def paginate_queryset(self, queryset: QuerySet[Any], request: Request, view: Any = None) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, TypeError, ValidationError) as error:  # a cursor somebody made up
            raise NotFound(self.invalid_cursor_message) from error

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        allowed = getattr(view, "orderings", {}) if getattr(view, "action", "") == "list" else {}
        asked = request.query_params.get("ordering", "") if allowed else ""
        if asked:
            return _in_order(asked, allowed)
        return tuple(getattr(view, "page_order", ()) or queryset.query.order_by or (self.ordering,))


def _in_order(asked: str, allowed: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The columns of an order, turned round for `-name`. Raises ValidationError for one that is not on offer."""
    columns = allowed.get(asked.removeprefix("-"))
    if columns is None:
        names = ", ".join(name for key in allowed for name in (key, f"-{key}"))
        raise WrongParameter({"ordering": [_("Choose one of: %(names)s") % {"names": names}]})
    if not asked.startswith("-"):
        return columns
    return tuple(column[1:] if column.startswith("-") else f"-{column}" for column in columns)
