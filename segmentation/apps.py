from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SegmentationConfig(AppConfig):
    """Ranking, policies, tiers and their history."""

    name = "segmentation"
    verbose_name = _("Segmentation")

    def ready(self) -> None:
        from ledger.intake.undo import register_derived  # models must be loaded
        from org import audit
        from org.navigation import Page, register_page
        from segmentation.cards import register

        register()
        register_page("segmentation:pareto", Page("segmentation:pareto", _("Pareto"), "pareto.view", 10))
        audit.register(
            {
                "policy.draft": _("Policy drafted"),
                "policy.change": _("Policy draft changed"),
                "policy.discard": _("Policy draft discarded"),
                "policy.publish": _("Policy published"),
                "ranking.run": _("Ranking run by hand"),
            }
        )
        # Undoing the intake of a client takes along what the night made of that client.
        for table in ("segmentation_standing", "segmentation_rankmark", "segmentation_tierchange"):
            register_derived(table)
        register_derived("clients_timelineevent", condition="kind IN ('segmentation.tier', 'segmentation.service')")
