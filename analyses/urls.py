"""URLs of the analyses."""

from django.urls import path

from analyses import views

app_name = "analyses"

urlpatterns = [
    path("analyses/", views.analysis, name="overview"),
    path("analyses/data/<slug:dimension>/", views.data, name="data"),
    path("analyses/trend/<slug:dimension>/", views.trend, name="trend"),
    path("analyses/<slug:analysis>/", views.analysis, name="analysis"),
    path("analyses/<slug:analysis>/export/", views.export, name="export"),
    path("clients/<str:client_no>/offers/", views.offer, name="offer"),
]
