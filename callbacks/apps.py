from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CallbacksConfig(AppConfig):
    """Call-backs by somebody independent (H1, U11)."""

    name = "callbacks"
    verbose_name = _("Call-backs")

    def ready(self) -> None:
        from django.urls import reverse

        from org import audit, notify
        from org.navigation import Page, register_page

        register_page(
            "callbacks:queue",
            Page("callbacks:queue", _("Queue"), "callbacks.view", 10),
            Page("callbacks:meter", _("Quota"), "callbacks.meter", 20),
        )
        register_page("dashboards:home", Page("callbacks:meter", _("Call-backs"), "callbacks.meter", 90))
        audit.register(
            {
                "callback.drawn": _("Call-backs of a year drawn"),
                "callback.topped_up": _("More call-backs drawn"),
                "callback.open": _("Call-back opened"),
                "callback.call": _("Call-back made"),
                "callback.dispensed": _("Call-back dispensed with"),
                "callback.looked": _("Abnormal call-back looked into"),
            }
        )
        notify.register(
            "callbacks.abnormal",
            lambda data: str(_("A call-back is not as it should be.")),
            lambda data: reverse("callbacks:callback", args=[data["id"]]),
        )
