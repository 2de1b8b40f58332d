"""Cursor pages of the API; apart from the views, which DRF's settings import in turn."""

from rest_framework.pagination import CursorPagination


class CursorPages(CursorPagination):
    """`?cursor=` pages with next, previous, results; `page_size` up to 200."""

    page_size = 25
    page_size_query_param = "page_size"
    max_page_size = 200
    ordering = "pk"
