"""URLs of the forecasts."""

from django.urls import path

from forecasts import views

app_name = "forecasts"

urlpatterns = [
    path("value/", views.value, name="value"),
    path("value/data/", views.value_data, name="value-data"),
    path("value/what-if/", views.what_if, name="what-if"),
    path("funds/", views.funds, name="funds"),
    path("funds/data/", views.funds_data, name="funds-data"),
    path("clients/<str:client_no>/funds/", views.client_funds, name="client-funds"),
    path("clients/<str:client_no>/funds/data/", views.client_funds_data, name="client-funds-data"),
]
