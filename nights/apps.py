from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NightsConfig(AppConfig):
    """The nightly chain and its job ledger."""

    name = "nights"
    verbose_name = _("Nights")
