from rest_framework.pagination import CursorPagination


class CursorPages(CursorPagination):
    page_size = 25
