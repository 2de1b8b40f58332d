from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LedgerConfig(AppConfig):
    """What the core system reports, and the monthly facts made of it."""

    name = "ledger"
    verbose_name = _("Ledger")

    def ready(self) -> None:
        from org import audit  # models must be loaded

        audit.register(
            {
                "intake.run": _("Files taken in"),
                "intake.retry": _("Intake tried again"),
                "intake.undo": _("Intake undone"),
                "intake.rejects": _("Rejected rows opened"),
                "intake.rejects.download": _("Rejected rows downloaded"),
            }
        )
