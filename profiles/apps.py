from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProfilesConfig(AppConfig):
    """Profiles of clients (C2) and prospects (C12)."""

    name = "profiles"
    verbose_name = _("Profiles and prospects")

    def ready(self) -> None:
        from ledger.intake.undo import register_derived  # models must be loaded
        from org import audit, exports
        from org.navigation import Page, register_page
        from profiles.cards import register
        from profiles.lists import ProspectListing

        register()
        exports.register(ProspectListing)
        register_page(
            "clients:list",
            Page("clients:list", _("Clients"), "clients.view", 10),
            Page("profiles:prospects", _("Prospects"), "prospects.view", 20),
        )
        register_page(
            "segmentation:policies",
            Page("segmentation:policies", _("Ranking policies"), "policies.view", 10),
            Page("profiles:fields", _("Own fields"), "fields.edit", 90),
        )
        register_derived("profiles_profile")
        audit.register(
            {
                "profile.change": _("Client profile changed"),
                "field.save": _("Own field of the profile defined"),
                "field.retire": _("Own field of the profile retired or asked again"),
                "prospect.save": _("Prospect entered or changed"),
                "prospect.won": _("Prospect became a client"),
            }
        )
