from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class VisitsConfig(AppConfig):
    """Visits: cadence, duties, plans, days, contacts (V1–V10, U3, U4)."""

    name = "visits"
    verbose_name = _("Visits")
