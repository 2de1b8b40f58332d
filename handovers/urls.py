"""Addresses of the hand-overs."""

from django.urls import path

from handovers import views

app_name = "handovers"
urlpatterns = [
    path("handovers/", views.handovers, name="list"),
    path("handovers/new/", views.new, name="new"),
    path("handovers/<int:handover_id>/", views.handover, name="handover"),
    path("handovers/<int:handover_id>/undo/", views.undo, name="undo"),
]
