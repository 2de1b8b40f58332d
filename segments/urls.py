"""URLs of own segments."""

from django.urls import path

from segments import views

app_name = "segments"

urlpatterns = [
    path("segments/", views.segment_list, name="list"),
    path("segments/new/", views.new, name="new"),
    path("segments/count/", views.count, name="count"),
    path("segments/<int:segment_id>/", views.segment, name="segment"),
    path("segments/<int:segment_id>/freeze/", views.freeze, name="freeze"),
    path("segments/<int:segment_id>/delete/", views.delete, name="delete"),
]
