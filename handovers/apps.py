from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class HandoversConfig(AppConfig):
    """Books handed over in one act (U10)."""

    name = "handovers"
    verbose_name = _("Hand-overs")

    def ready(self) -> None:
        from django.urls import reverse

        from handovers.cards import register  # models must be loaded
        from org import audit, notify
        from org.navigation import Page, register_page

        register()
        register_page("clients:list", Page("handovers:list", _("Hand-overs"), "handovers.view", order=60))
        audit.register(
            {
                "handover.made": _("Book handed over"),
                "handover.undone": _("Hand-over undone"),
                "handover.overlap_ended": _("Overlap of a hand-over ended"),
            }
        )
        notify.register(
            "handovers.received",
            lambda data: _("%(clients)s clients of %(name)s are yours now.") % data,
            lambda data: reverse("handovers:handover", args=[data["id"]]),
        )
        notify.register(
            "handovers.given",
            lambda data: _("%(clients)s of your clients were handed over.") % data,
            lambda data: reverse("handovers:list"),
        )
        notify.register(
            "handovers.undone",
            lambda data: _("The hand-over of the book of %(name)s was undone.") % data,
            lambda data: reverse("handovers:list"),
        )
