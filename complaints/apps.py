from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ComplaintsConfig(AppConfig):
    """Complaints: six steps, limits, the file, recovery, analysis (X1–X8)."""

    name = "complaints"
    verbose_name = _("Complaints")

    def ready(self) -> None:
        from complaints import cards, rules  # models must be loaded
        from complaints.lists import ComplaintListing
        from complaints.tasks import calendar_changed
        from org import audit, calendar, exports
        from org.navigation import Page, register_count, register_page

        cards.register()
        exports.register(ComplaintListing)
        if calendar_changed not in calendar.listeners:
            calendar.listeners.append(calendar_changed)
        register_count("complaints:list", cards.waiting_count)
        register_page(
            "complaints:list",
            Page("complaints:list", _("Queue"), "complaints.view", 10),
            Page("complaints:board", _("Board"), "complaints.view", 20),
            Page("complaints:links", _("Public form"), "complaints.handle", 40),
            Page("complaints:analysis", _("Analysis"), "complaints.analyse", 30),
        )
        register_page(
            "segmentation:policies",
            Page("segmentation:policies", _("Ranking policies"), "policies.view", 10),
            Page("complaints:policy", _("Complaint policy"), "policies.view", 60),
            Page("org:calendar", _("Calendar of the firm"), "policies.view", 70),
        )
        audit.register(
            {
                **{f"complaint.{key}": command.label for key, command in rules.COMMANDS.items()},
                "complaint.register": _("Complaint registered"),
                "complaint.view": _("Complaint opened"),
                "complaint.intake": _("Second intake of a complaint"),
                "complaint.ledger": _("Ledger of complaints exported"),
                "complaint.paper": _("Paper of a complaint read"),
                "complaint.letter": _("Letter of a complaint drafted"),
                "complaint.evidence": _("Evidence pack of a complaint made"),
                "complaint.follow_up": _("Follow-up after a complaint"),
            }
        )
