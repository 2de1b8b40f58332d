"""Our own kinds of timeline events (C8), and the names of our acts on the audit page.

| kind | data | told by |
| --- | --- | --- |
| note | text, by | a person |
| care.changed | fields, by, do_not_contact where it changed | `services.update_care` |
| confirmed | fields, by | `services.confirm`, `confirm_many` |
| reassigned | before, after, reason, by | `services.reassign` |
| co_manager | what (added, removed), staff, by | `services.add_co_manager`, `remove_co_manager` |
| record.moved | what (branch, manager), before, after (names, '' = none) | intake |
"""

from typing import Any

from django.utils.html import format_html, linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import get_text_list
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from clients import timeline
from clients.models import Client, ClientCare
from clients.rules import CONFIRMABLE
from org import audit


def field_label(field: str) -> str:
    """A field of the record or of its care, in the reader's language."""
    for model in (Client, ClientCare):
        if field in {f.name for f in model._meta.get_fields()}:
            return str(getattr(model._meta.get_field(field), "verbose_name", field))
    return field


def _list(fields: list[str]) -> str:
    return get_text_list([field_label(field) for field in fields], pgettext("last of a list", "and"))


def _note(data: dict[str, Any]) -> str:
    return gettext("Note by %(by)s") % data


def _note_text(data: dict[str, Any]) -> SafeString:
    return mark_safe(linebreaks(data["text"], autoescape=True))  # noqa: S308  linebreaks escapes


def _care(data: dict[str, Any]) -> str:
    if data.get("do_not_contact") is True:
        return gettext("Does not want to be contacted any more (%(by)s)") % data
    if data.get("do_not_contact") is False:
        return gettext("May be contacted again (%(by)s)") % data
    return gettext("%(by)s changed: %(fields)s") % {"by": data["by"], "fields": _list(data["fields"])}


def _confirmed(data: dict[str, Any]) -> str:
    if set(CONFIRMABLE) <= set(data["fields"]):
        return gettext("%(by)s confirmed the whole record") % data
    return gettext("%(by)s confirmed: %(fields)s") % {"by": data["by"], "fields": _list(data["fields"])}


def _reassigned(data: dict[str, Any]) -> str:
    if not data["before"]:
        return gettext("Handed to %(after)s (%(by)s)") % data
    return gettext("Handed from %(before)s to %(after)s (%(by)s)") % data


def _reason(data: dict[str, Any]) -> SafeString:
    return format_html("<p>{}</p>", data["reason"])


def _co_manager(data: dict[str, Any]) -> str:
    if data["what"] == "added":
        return gettext("%(staff)s looks after the client too (%(by)s)") % data
    return gettext("%(staff)s no longer looks after the client (%(by)s)") % data


def _moved(data: dict[str, Any]) -> str:
    words = {"before": data["before"] or gettext("nobody"), "after": data["after"] or gettext("nobody")}
    if data["what"] == "branch":
        return gettext("The core system moved the client from %(before)s to %(after)s") % words
    return gettext("The core system names another manager: %(after)s instead of %(before)s") % words


def register() -> None:
    """Called when the app is ready."""
    timeline.register("note", "note", _note, detail=_note_text, private=True, words=("text",))
    timeline.register("care.changed", "edit", _care)
    timeline.register("confirmed", "checkbox", _confirmed, tone="good")
    timeline.register("reassigned", "switch-horizontal", _reassigned, detail=_reason)
    timeline.register("co_manager", "users", _co_manager)
    timeline.register("record.moved", "building-bank", _moved)
    audit.register(
        {
            "client.view": _("Client record opened"),
            "client.reveal": _("Personal data revealed"),
            "client.change": _("Client wishes or standing changed"),
            "client.confirm": _("Client record confirmed"),
            "client.note": _("Note written"),
            "client.seen": _("Who has seen the client: read"),
            "client.report": _("Access report of the client made"),
            "client.reassign": _("Client handed over"),
            "client.co_manager.added": _("Co-manager added"),
            "client.co_manager.removed": _("Co-manager removed"),
            "list.export": _("List exported"),
        }
    )
