"""What other apps read of segments, within the viewer's scope."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404

from clients.models import Client
from segments import rules, services
from segments.models import Segment


def find(user: Any, number: str) -> Segment | None:
    """The segment of a number in an address that a viewer may use; None for any other."""
    if not (number.isascii() and number.isdecimal() and len(number) < 10):
        return None
    return Segment.objects.visible_to(user).filter(pk=int(number)).first()


def segment_or_404(user: Any, number: str) -> QuerySet[Client]:
    """Its clients that the viewer may see. Raises Http404 where there is none, or its rule no longer holds."""
    found = find(user, number)
    if found is None:
        raise Http404
    try:
        return services.clients_of(found, user)
    except rules.Broken as error:
        raise Http404 from error
