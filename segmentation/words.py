"""Tier changes in words (U1): one sentence each, in the reader's language."""

from typing import Any

from django.utils.translation import gettext

from org.templatetags.fmt import money_text


def reason(code: str, before: int | None, after: int | None) -> str:
    """Why a tier changed. Contributions in money units, shown only where they are the reason."""
    if code == "own" and before is not None and after is not None:
        text = (
            gettext("own contribution rose from %(before)s to %(after)s")
            if after > before
            else gettext("own contribution fell from %(before)s to %(after)s")
        )
        return text % {"before": money_text(before), "after": money_text(after)}
    return {
        "entered": gettext("ranked for the first time"),
        "own": gettext("own contribution moved"),
        "line": gettext("the line between the tiers moved"),
        "policy": gettext("the ranking policy changed"),
        "scope": gettext("moved to another branch or manager"),
        "month": gettext("the service tier follows at the start of the month"),
        "left": gettext("no longer ranked"),
    }.get(code, code)


def change(what: str, before: str, after: str) -> str:
    """What happened, without the reason."""
    values = {"before": before, "after": after}
    if not after:
        return gettext("No longer ranked, was %(before)s") % values
    if not before:
        return gettext("Ranked %(after)s") % values
    if what == "service":
        text = (
            gettext("Service tier up from %(before)s to %(after)s")
            if after < before
            else gettext("Service tier down from %(before)s to %(after)s")
        )
    else:
        text = (
            gettext("Tier up from %(before)s to %(after)s")
            if after < before
            else gettext("Tier down from %(before)s to %(after)s")
        )
    return text % values


def event(what: str, data: dict[str, Any]) -> str:
    """The line of a timeline event."""
    said = change(what, data["before"], data["after"])
    why = reason(data["reason"], data["contribution_before"], data["contribution_after"])
    return gettext("%(what)s: %(why)s") % {"what": said, "why": why}
