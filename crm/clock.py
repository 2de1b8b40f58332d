"""The only place that asks what day it is. Domain code takes dates as arguments (the UTC date is wrong until 08:00)."""

from datetime import date, datetime

from django.utils import timezone


def today() -> date:
    """Today in the firm's time zone."""
    return timezone.localdate()


def now() -> datetime:
    """This moment, aware."""
    return timezone.now()
