from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrgConfig(AppConfig):
    """Branches, staff, roles, scope, audit."""

    name = "org"
    verbose_name = _("Organisation")

    def ready(self) -> None:
        import_module("org.receivers")
