from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SegmentationConfig(AppConfig):
    """Ranking, policies, tiers and their history."""

    name = "segmentation"
    verbose_name = _("Segmentation")

    def ready(self) -> None:
        from segmentation.cards import register  # models must be loaded

        register()
