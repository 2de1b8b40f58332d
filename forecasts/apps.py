from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ForecastsConfig(AppConfig):
    """Growth of funds (S8) and lifetime value (S13)."""

    name = "forecasts"
    verbose_name = _("Forecasts")

    def ready(self) -> None:
        from forecasts.cards import register  # models must be loaded
        from ledger.intake.undo import register_derived
        from org import audit
        from org.navigation import Page, register_page

        register()
        register_page(
            "segmentation:pareto",
            Page("forecasts:value", _("Lifetime value"), "pareto.view", 70),
            Page("forecasts:funds", _("Growth of funds"), "pareto.view", 80),
        )
        register_derived("forecasts_clientvalue")
        audit.register({"forecasts.make": _("Forecasts made by hand")})
