"""The sections of a branch's dashboard: key → (title, builder), in the order shown."""

from collections.abc import Callable

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dashboards.asked import Asked
from dashboards.parts import Section
from dashboards.sections import cases, clients, contacts, managers, money, targets

SECTIONS: dict[str, tuple[str | Promise, Callable[[Asked], Section]]] = {
    "money": (_("Revenue and assets"), money.build),
    "clients": (_("Composition and migration"), clients.build),
    "contacts": (_("Contacts"), contacts.build),
    "complaints": (_("Complaints against their limits"), cases.build),
    "managers": (_("Managers, compared fairly"), managers.build),
    "churn": (_("Churn"), managers.build_churn),
    "targets": (_("Targets"), targets.build),
}
#: What a viewer sees who knows of complaints only.
OF_COMPLAINTS = ("complaints",)


def allowed(asked: Asked) -> list[str]:
    """Keys of the sections that the viewer may see."""
    return list(SECTIONS) if asked.sees_clients else list(OF_COMPLAINTS)
