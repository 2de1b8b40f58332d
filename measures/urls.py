"""URLs of the measures."""

from django.urls import path

from measures import policy_views, views

app_name = "measures"

urlpatterns = [
    path("segmentation/cells/", views.cells, name="cells"),
    path("segmentation/rfm/", views.rfm, name="rfm"),
    path("segmentation/kinds/", views.kinds, name="kinds"),
    path("segmentation/score/", views.score, name="score"),
    path("segmentation/score/data/", views.score_data, name="score-data"),
    path("segmentation/migration/", views.migration, name="migration"),
    path("segmentation/migration/data/", views.migration_data, name="migration-data"),
    path("policies/measures/", policy_views.policy, name="policy"),
    path("policies/measures/preview/", policy_views.preview, name="policy-preview"),
    path("policies/measures/<int:version>/publish/", policy_views.publish, name="policy-publish"),
    path("policies/measures/<int:version>/discard/", policy_views.discard, name="policy-discard"),
]
