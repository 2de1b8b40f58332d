"""URLs of segmentation."""

from django.urls import path

from segmentation import pareto_views, views

app_name = "segmentation"

urlpatterns = [
    path("pareto/", pareto_views.pareto, name="pareto"),
    path("pareto/data/", pareto_views.pareto_data, name="pareto-data"),
    path("pareto/clients/", pareto_views.pareto_clients, name="pareto-clients"),
    path("policies/", views.policy_list, name="policies"),
    path("policies/draft/", views.policy_draft, name="policy-draft"),
    path("policies/<int:version>/", views.policy, name="policy"),
    path("policies/<int:version>/preview/", views.policy_preview, name="policy-preview"),
    path("policies/<int:version>/publish/", views.policy_publish, name="policy-publish"),
    path("policies/<int:version>/discard/", views.policy_discard, name="policy-discard"),
    path("clients/<str:client_no>/tiers/", views.tier_history, name="tier-history"),
]
