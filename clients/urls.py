"""Addresses of the client pages. Fixed words come before client numbers."""

from django.urls import path

from clients import views
from clients.record import views as record

app_name = "clients"
urlpatterns = [
    path("clients/", views.ClientList.as_view(), name="list"),
    path("clients/search/", views.Search.as_view(), name="search"),
    path("clients/export/", views.ClientExport.as_view(), name="export"),
    path("clients/views/", views.ClientViews.as_view(), name="views"),
    path("clients/reassign/", views.Reassign.as_view(), name="reassign"),
    path("clients/confirm/", views.ConfirmMany.as_view(), name="confirm_many"),
    path("clients/<str:client_no>/", record.Record.as_view(), name="record"),
    path("clients/<str:client_no>/timeline/", record.Timeline.as_view(), name="timeline"),
    path("clients/<str:client_no>/note/", record.Note.as_view(), name="note"),
    path("clients/<str:client_no>/reveal/", record.Reveal.as_view(), name="reveal"),
    path("clients/<str:client_no>/confirm/", record.Confirm.as_view(), name="confirm"),
    path("clients/<str:client_no>/care/", record.Care.as_view(), name="care"),
    path("clients/<str:client_no>/seen/", record.Seen.as_view(), name="seen"),
    path("clients/<str:client_no>/co-managers/", record.CoManagers.as_view(), name="co_managers"),
]
