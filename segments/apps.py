from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SegmentsConfig(AppConfig):
    """Own segments (S11)."""

    name = "segments"
    verbose_name = _("Own segments")

    def ready(self) -> None:
        from ledger.intake.undo import register_derived  # models must be loaded
        from org import audit
        from org.navigation import Page, register_page
        from segments.registry import register

        register()
        register_derived("segments_segmentmember")
        register_page("clients:list", Page("segments:list", _("Own segments"), "segments.view", 15))
        audit.register(
            {
                "segment.save": _("Segment saved"),
                "segment.freeze": _("Segment frozen"),
                "segment.delete": _("Segment deleted"),
            }
        )
