"""What every change of a visit does to its version and its duty."""

from crm.clock import now
from org.models import User
from visits.models import Duty, Visit


def owe_again(visit: Visit) -> None:
    """Free the duty that a visit was booked for; it is to be called before the visit's state changes."""
    if visit.duty_month is not None and visit.duty_number is not None and visit.state in ("planned", "missed"):
        Duty.objects.filter(
            month=visit.duty_month, client_id=visit.client_id, number=visit.duty_number, state="booked"
        ).update(state="owed")


def touch(visit: Visit, user: User) -> None:
    """Save a change of a visit: its version rises, so that somebody who saw the former one is told."""
    visit.version += 1
    visit.changed_at, visit.changed_by = now(), user
    visit.save()
