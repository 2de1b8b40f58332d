"""URLs of profiles and prospects. Fixed words come before numbers."""

from django.urls import path

from profiles import views

app_name = "profiles"

urlpatterns = [
    path("clients/<str:client_no>/profile/", views.profile, name="profile"),
    path("settings/fields/", views.fields, name="fields"),
    path("settings/fields/<slug:key>/", views.field, name="field"),
    path("prospects/", views.ProspectList.as_view(), name="prospects"),
    path("prospects/export/", views.ProspectExport.as_view(), name="prospects-export"),
    path("prospects/views/", views.ProspectViews.as_view(), name="prospects-views"),
    path("prospects/new/", views.new_prospect, name="new-prospect"),
    path("prospects/<int:prospect_id>/", views.prospect, name="prospect"),
    path("prospects/<int:prospect_id>/convert/", views.convert, name="convert"),
]
