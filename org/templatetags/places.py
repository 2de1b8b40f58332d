"""Tabs between the pages behind one entry of the navigation."""

from typing import Any

from django import template

from org.navigation import siblings

register = template.Library()


@register.inclusion_tag("shell/siblings.html", takes_context=True)
def pages_of(context: dict[str, Any], entry: str) -> dict[str, Any]:
    """The tabs, one marked as here; nothing if there is only one."""
    return {"pages": siblings(context["request"], entry)}
