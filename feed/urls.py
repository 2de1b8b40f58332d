"""Addresses of the webhook pages."""

from django.urls import path

from feed import views

app_name = "feed"
urlpatterns = [
    path("webhooks/", views.webhooks, name="webhooks"),
    path("webhooks/<uuid:uid>/", views.webhook, name="webhook"),
    path("webhooks/<uuid:uid>/dead/<int:letter_id>/", views.replay, name="replay"),
]
