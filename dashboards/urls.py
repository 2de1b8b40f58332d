"""Addresses of the dashboards."""

from django.urls import path

from dashboards import views

app_name = "dashboards"

urlpatterns = [
    path("dashboards/", views.home, name="home"),
    path("dashboards/firm/", views.firm, name="firm"),
    path("dashboards/firm/export/", views.firm_export, name="firm-export"),
    path("dashboards/revenue/data/", views.revenue_data, name="revenue"),
    path("dashboards/branch/", views.own, name="own"),
    path("dashboards/branch/<str:branch_no>/", views.branch, name="branch"),
    path("dashboards/branch/<str:branch_no>/export/", views.export, name="export"),
    path("dashboards/branch/<str:branch_no>/targets/", views.set_target, name="set-target"),
    path("dashboards/branch/<str:branch_no>/part/<str:key>/", views.section, name="section"),
    path("dashboards/targets/<int:target_id>/drop/", views.drop_target, name="drop-target"),
]
