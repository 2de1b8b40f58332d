from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MeasuresConfig(AppConfig):
    """Nine cells, score, RFM and kinds of clients (S3–S6), migration (S12)."""

    name = "measures"
    verbose_name = _("Measures")

    def ready(self) -> None:
        from ledger.intake.undo import register_derived  # models must be loaded
        from measures.cards import register
        from org import audit
        from org.navigation import Page, register_page

        register()
        for table in ("measures_clientmeasures", "measures_measuremark"):
            register_derived(table)
        register_page(
            "segmentation:pareto",
            Page("measures:cells", _("Nine cells"), "pareto.view", 20),
            Page("measures:score", _("High-value score"), "pareto.view", 30),
            Page("measures:rfm", "RFM", "pareto.view", 40),  # type: ignore[arg-type]
            Page("measures:kinds", _("Four kinds"), "pareto.view", 50),
            Page("measures:migration", _("Migration"), "pareto.view", 55),
        )
        register_page("segmentation:policies", Page("measures:policy", _("Measures"), "policies.view", 20))
        audit.register(
            {
                "measures.export": _("Measures exported"),
                "measure_policy.draft": _("Measure policy drafted"),
                "measure_policy.discard": _("Measure policy draft discarded"),
                "measure_policy.publish": _("Measure policy published"),
            }
        )
