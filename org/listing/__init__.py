"""The list component: one declaration gives page, fragment, saved views and export. See docs/lists.md."""

from org.listing.columns import Column, Kind, Mask

__all__ = ["Column", "Kind", "Mask"]
