from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClientsConfig(AppConfig):
    """Client records, timeline, search."""

    name = "clients"
    verbose_name = _("Clients")

    def ready(self) -> None:
        from clients import kinds  # models are needed
        from clients.lists import ClientListing
        from org import exports

        kinds.register()
        exports.register(ClientListing)
