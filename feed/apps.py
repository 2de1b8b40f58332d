from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FeedConfig(AppConfig):
    """Change feed and webhooks (N3)."""

    name = "feed"
    verbose_name = _("Change feed")

    def ready(self) -> None:
        from django.urls import reverse

        from org import audit, notify

        audit.register(
            {
                "webhook.made": _("Webhook made"),
                "webhook.ended": _("Webhook ended"),
                "webhook.rotated": _("Secret of a webhook renewed"),
                "webhook.resumed": _("Webhook resumed"),
                "webhook.paused": _("Webhook paused"),
                "webhook.replayed": _("Dead letter sent again"),
            }
        )
        notify.register(
            "feed.paused",
            lambda data: _("The webhook %(name)s was paused: its receiver does not answer.") % data,
            lambda data: reverse("feed:webhooks"),
        )
