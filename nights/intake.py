"""The intake step: what lies in the drop folder for the date goes through the one door of the intake (N1)."""

from datetime import date
from typing import Any

from django.conf import settings

from ledger.intake import take_in as door
from ledger.intake import totals
from nights import drop


def take_in(business_date: date) -> tuple[int, dict[str, Any]]:
    """Take the delivery of a date in; returns rows read and counts. Repeating it changes nothing.

    Without files the night goes on with what is known: a night started by hand need not have any.
    """
    files = drop.files(business_date)
    if not files:
        return 0, {"files": 0}
    batch = door(files, mapping=settings.NIGHT_MAPPING, business_date=business_date, source="night")
    counts = totals(batch)
    return counts.read, {
        "batch": batch.pk,
        "files": counts.files,
        "refused": counts.refused,
        "new": counts.new,
        "changed": counts.changed,
        "rejected": counts.rejected,
    }
