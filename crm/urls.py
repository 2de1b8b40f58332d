"""URLs of the project. Each app spells its own paths; API routes are collected from the apps."""

from importlib import import_module
from importlib.util import find_spec

from django.apps import apps
from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import TemplateView
from rest_framework.routers import SimpleRouter

from crm.health import healthz, readyz
from nights.home import my_day
from org.idempotency import once

OWN_APPS = (
    "org",
    "clients",
    "ledger",
    "segmentation",
    "forecasts",
    "profit",
    "profiles",
    "measures",
    "segments",
    "analyses",
    "visits",
    "complaints",
    "dashboards",
    "handovers",
    "callbacks",
    "nights",
    "feed",
)


def _api_router() -> SimpleRouter:
    router = SimpleRouter()
    for label in OWN_APPS:
        module = f"{apps.get_app_config(label).name}.api_urls"
        if find_spec(module) is None:
            continue
        for prefix, viewset, basename in import_module(module).routes:
            router.register(prefix, once(viewset), basename=basename)
    return router


urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("", my_day, name="home"),
    path("account/", include("org.account_urls")),
    *(path("", include(f"{label}.urls")) for label in OWN_APPS if find_spec(f"{label}.urls")),
    path("api/v1/", include((_api_router().urls, "api"))),
]

if settings.DEBUG:
    urlpatterns.append(path("styleguide/", TemplateView.as_view(template_name="styleguide/index.html")))

handler400 = "org.errors.bad_request"
handler403 = "org.errors.forbidden"
handler404 = "org.errors.not_found"
handler500 = "org.errors.server_error"
