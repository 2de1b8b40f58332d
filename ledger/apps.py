from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LedgerConfig(AppConfig):
    """What the core system reports, and the monthly facts made of it."""

    name = "ledger"
    verbose_name = _("Ledger")
