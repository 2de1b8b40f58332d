from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AnalysesConfig(AppConfig):
    """The seven analyses (S10) and offers (S9)."""

    name = "analyses"
    verbose_name = _("Analyses")

    def ready(self) -> None:
        from analyses.cards import register  # models must be loaded
        from ledger.intake.undo import register_derived
        from org import audit
        from org.navigation import Page, register_page

        register()
        register_derived("analyses_offer")
        register_page("segmentation:pareto", Page("analyses:overview", _("Analyses"), "analyses.view", 90))
        audit.register({"offer.record": _("Offer recorded"), "analysis.export": _("Analysis exported")})
