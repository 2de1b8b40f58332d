"""The product's URLs and the floor's."""

from django.urls import path

from benchmarks import floor
from crm.urls import handler400, handler403, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [
    path("floor/list/", floor.rows),
    path("floor/record/", floor.one),
    path("floor/api/", floor.Rows.as_view()),
    *urlpatterns,
]
