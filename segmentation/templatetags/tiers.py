"""Tier changes in words, for templates."""

from django import template

from segmentation import words
from segmentation.models import TierChange

register = template.Library()


@register.filter
def tier_change(change: TierChange) -> str:
    """What happened."""
    return words.change(change.what, change.before, change.after)


@register.filter
def tier_reason(change: TierChange) -> str:
    """Why it happened."""
    return words.reason(change.reason, change.contribution_before, change.contribution_after)
