"""The list component: one declaration gives page, fragment, saved views and export. See docs/lists.md."""

from org.listing.columns import Column, Kind, Mask
from org.listing.filters import ListFilterSet
from org.listing.listing import Action, Listing

__all__ = ["Action", "Column", "Kind", "ListFilterSet", "Listing", "Mask"]
