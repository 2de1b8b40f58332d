"""Addresses of the dashboards."""

from django.urls import path

from dashboards import views
from dashboards.pages import manager, paper, wall

app_name = "dashboards"

urlpatterns = [
    path("dashboards/", views.home, name="home"),
    path("dashboards/firm/", views.firm, name="firm"),
    path("dashboards/firm/export/", views.firm_export, name="firm-export"),
    path("dashboards/revenue/data/", views.revenue_data, name="revenue"),
    path("dashboards/branch/", views.own, name="own"),
    path("dashboards/branch/<str:branch_no>/", views.branch, name="branch"),
    path("dashboards/branch/<str:branch_no>/export/", views.export, name="export"),
    path("dashboards/branch/<str:branch_no>/report.pdf", paper.report, name="report"),
    path("dashboards/branch/<str:branch_no>/targets/", views.set_target, name="set-target"),
    path("dashboards/branch/<str:branch_no>/part/<str:key>/", views.section, name="section"),
    path("dashboards/branch/<str:branch_no>/walls/", wall.links, name="walls"),
    path("dashboards/walls/<int:link_id>/drop/", wall.drop, name="drop-wall"),
    path("wall/<str:secret>/", wall.board, name="wall"),
    path("dashboards/manager/", manager.mine, name="mine"),
    path("dashboards/manager/<str:staff_no>/", manager.manager, name="manager"),
    path("dashboards/manager/<str:staff_no>/export/", manager.export, name="manager-export"),
    path("dashboards/targets/<int:target_id>/drop/", views.drop_target, name="drop-target"),
]
