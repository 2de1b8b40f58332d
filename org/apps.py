from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrgConfig(AppConfig):
    """Branches, staff, roles, scope, audit."""

    name = "org"
    verbose_name = _("Organisation")
