"""URLs of client profit."""

from django.urls import path

from profit import views

app_name = "profit"

urlpatterns = [
    path("profit/", views.overview, name="overview"),
    path("profit/curve/", views.curve_data, name="curve"),
    path("profit/costs/", views.months, name="months"),
    path("profit/costs/<str:branch_no>/<str:month>/", views.month, name="month"),
    path("profit/remote/", views.remote, name="remote"),
    path("profit/remote/<int:proposal_id>/", views.decide, name="decide"),
    path("clients/<str:client_no>/service-use/", views.use, name="use"),
]
