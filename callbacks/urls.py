"""Addresses of the call-backs."""

from django.urls import path

from callbacks import views

app_name = "callbacks"
urlpatterns = [
    path("callbacks/", views.queue, name="queue"),
    path("callbacks/take/", views.take, name="take"),
    path("callbacks/quota/", views.meter, name="meter"),
    path("callbacks/quota/top-up/", views.top_up, name="top-up"),
    path("callbacks/<int:callback_id>/", views.callback, name="callback"),
    path("callbacks/<int:callback_id>/dispense/", views.dispense, name="dispense"),
    path("callbacks/<int:callback_id>/look/", views.look, name="look"),
]
