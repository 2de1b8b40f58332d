from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProfitConfig(AppConfig):
    """Client profit (S7)."""

    name = "profit"
    verbose_name = _("Client profit")

    def ready(self) -> None:
        from ledger.intake.undo import register_derived  # models must be loaded
        from org import audit
        from org.navigation import Page, register_page
        from profit.cards import register

        register()
        register_page("segmentation:pareto", Page("profit:overview", _("Profit"), "profit.view", 60))
        for table in ("profit_profittotal", "profit_clientprofit"):
            register_derived(table)
        audit.register(
            {
                "profit.costs": _("Costs of a month entered"),
                "profit.publish": _("Costs of a month shared out"),
                "profit.use": _("Service use of a client entered"),
                "profit.accepted": _("Remote service agreed"),
                "profit.declined": _("Remote service declined"),
            }
        )
