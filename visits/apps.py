from datetime import date
from functools import partial
from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class VisitsConfig(AppConfig):
    """Visits: cadence, duties, plans, days, contacts (V1–V10, U3, U4)."""

    name = "visits"
    verbose_name = _("Visits")

    def ready(self) -> None:
        from django.urls import reverse  # models must be loaded

        from ledger.intake.undo import register_derived
        from org import audit, notify
        from org.navigation import Page, register_page
        from segmentation.preview import register_cadence
        from visits.cadence import contacts_of
        from visits.cards import register
        from visits.reminders import text_of

        register()
        register_cadence(contacts_of)
        register_page(
            "visits:day",
            Page("visits:day", _("Day's route"), "visits.view", 10),
            Page("visits:calendar", _("Calendar"), "visits.view", 20),
            Page("visits:plan", _("Month plan"), "visits.view", 30),
            Page("visits:coverage", _("Coverage"), "visits.view", 40),
            Page("visits:settings", _("Reminders"), "visits.edit", 60),
        )
        register_page("segmentation:policies", Page("visits:cadence", _("Cadence"), "policies.view", 30))

        def day_url(data: dict[str, Any]) -> str:
            return f"{reverse('visits:day')}?date={date.fromisoformat(data['day'])}"

        def coverage_url(data: dict[str, Any]) -> str:
            return f"{reverse('visits:coverage')}?month={data['day'][:7]}"

        notify.register("visits.evening", partial(text_of, "evening"), day_url)
        notify.register("visits.morning", partial(text_of, "morning"), day_url)
        notify.register("visits.risen", partial(text_of, "risen"), coverage_url)
        for table in ("visits_duty", "visits_unmet"):
            register_derived(table)
        # What people fixed or noted keeps its client.
        register_derived("visits_visit", condition="NOT fixed AND state IN ('proposed', 'planned', 'missed')")
        audit.register(
            {
                "visit.add": _("Visit entered"),
                "visit.move": _("Visit moved"),
                "visit.reorder": _("Order of a day changed"),
                "visit.cancel": _("Visit cancelled"),
                "contact.add": _("Note of a contact"),
                "contact.photo": _("Photo of a note read"),
                "visit.kept": _("Day taken along on a phone"),
                "duty.waive": _("Contact waived"),
                "plan.accept": _("Month plan taken over"),
                "cadence.draft": _("Draft of a cadence kept"),
                "cadence.publish": _("Cadence published"),
                "cadence.discard": _("Draft of a cadence thrown away"),
                "feed.make": _("Calendar feed made"),
                "feed.read": _("Calendar feed read"),
                "feed.drop": _("Calendar feed taken back"),
            }
        )
