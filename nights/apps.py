from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NightsConfig(AppConfig):
    """The nightly chain, its job ledger, notices, My day."""

    name = "nights"
    verbose_name = _("Nights")

    def ready(self) -> None:
        from nights.home import unread_count  # models must be loaded
        from nights.notices import write
        from org import audit, notify
        from org.navigation import register_count

        register_count("home", unread_count)
        notify.set_writer(write)
        audit.register(
            {
                "night.start": _("Night started"),
                "night.release": _("Night released"),
                "night.cancel": _("Night cancelled"),
            }
        )
