from django.apps import AppConfig
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class DashboardsConfig(AppConfig):
    """Dashboards of branch and firm, targets (D2, D3)."""

    name = "dashboards"
    verbose_name = _("Dashboards")

    def ready(self) -> None:
        from dashboards.cards import register  # models must be loaded
        from dashboards.digest import text_of
        from org import audit, notify
        from visits.reminders import register_kind

        register()
        register_kind("digest", _("Daily digest of the branch"), text_of)
        notify.register("visits.digest", text_of, lambda _data: reverse("dashboards:own"))
        audit.register(
            {
                "target.set": _("Target set"),
                "target.drop": _("Target taken back"),
                "wall.make": _("Address of a wallboard made"),
                "wall.drop": _("Address of a wallboard taken back"),
                "dashboard.weekly": _("Weekly report sent"),
                "dashboard.report": _("Report of a branch as PDF"),
                "dashboard.export": _("Table of a dashboard exported"),
            }
        )
