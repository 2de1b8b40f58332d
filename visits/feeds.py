"""The calendar feed (V9): one address per person, with a secret that can be taken back."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from icalendar import Calendar, Event

from crm.clock import now, today
from org import audit
from org.models import Staff, User
from org.scope import in_service
from visits.models import CalendarFeed, Channel, Visit

#: Days that the feed holds, back and ahead. Cancelled visits stay in it, so that calendars take them out.
BACK, AHEAD = 31, 92


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def make_feed(staff: Staff, *, user: User, names: bool) -> str:
    """Make a new address for a person's feed and return its secret; the former address holds no more."""
    if getattr(user, "staff", None) != staff:
        raise PermissionError("a feed is made by its owner")
    secret = secrets.token_urlsafe(32)
    CalendarFeed.objects.update_or_create(
        staff=staff, defaults={"digest": _digest(secret), "names": names, "made_at": now(), "last_read_at": None}
    )
    audit.record("feed.make", user=user, object_kind="staff", object_no=staff.staff_no, detail={"names": names})
    return secret


@transaction.atomic
def drop_feed(staff: Staff, *, user: User) -> None:
    """Take the address back; whoever has it sees nothing from now on."""
    CalendarFeed.objects.filter(staff=staff).delete()
    audit.record("feed.drop", user=user, object_kind="staff", object_no=staff.staff_no)


@require_safe
def calendar_feed(request: HttpRequest, secret: str) -> HttpResponse:
    """The feed as iCalendar (RFC 5545). The secret is the right; a person who left has none."""
    feed = CalendarFeed.objects.select_related("staff__user").filter(digest=_digest(secret)).first()
    if feed is None or not in_service(feed.staff, today()) or not (feed.staff.user and feed.staff.user.is_active):
        raise Http404
    if feed.last_read_at is None or now() - feed.last_read_at > timedelta(minutes=15):
        CalendarFeed.objects.filter(pk=feed.pk).update(last_read_at=now())
        told = _visits(feed).values_list("client__client_no", flat=True) if feed.names else ()
        audit.record(
            "feed.read", user=feed.staff.user, object_kind="staff", object_no=feed.staff.staff_no, reached=told
        )
    with translation.override(feed.staff.user.language or None):
        body = as_ical(feed, request)
    response = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    response["Cache-Control"] = "private, max-age=300"
    response["Content-Disposition"] = 'inline; filename="visits.ics"'
    return response


def _visits(feed: CalendarFeed) -> QuerySet[Visit]:
    on = today()
    span = (on - timedelta(days=BACK), on + timedelta(days=AHEAD))
    return Visit.objects.filter(~Q(state="proposed"), manager=feed.staff, date__range=span)


def as_ical(feed: CalendarFeed, request: HttpRequest) -> bytes:
    """All visits of the feed's span; the same visit keeps its UID, a change raises its SEQUENCE."""
    visits = _visits(feed).select_related("client").order_by("date", "start", "pk")
    calendar = Calendar()
    calendar.add("prodid", "-//core-client-crm//visits//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", _("Visits"))
    for visit in visits:
        calendar.add_component(_event(visit, feed, request))
    calendar.add_missing_timezones()
    return calendar.to_ical()


def _event(visit: Visit, feed: CalendarFeed, request: HttpRequest) -> Event:
    start = timezone.make_aware(datetime.combine(visit.date, visit.start))
    event = Event()
    event.add("uid", f"{visit.uid}@core-client-crm")
    event.add("sequence", visit.version)
    event.add("dtstamp", visit.changed_at)
    event.add("last-modified", visit.changed_at)
    event.add("dtstart", start)
    event.add("dtend", start + timedelta(minutes=visit.minutes))
    kind = Channel(visit.kind).label
    # Calendars live on phones and with other firms: names only where the person asked for them.
    who = visit.client.name if feed.names else visit.client.client_no
    event.add("summary", f"{kind} · {who}" + (f" ({visit.tier})" if visit.tier else ""))
    if feed.names and visit.client.address and visit.kind != Channel.PHONE:
        event.add("location", visit.client.address)
    event.add("url", request.build_absolute_uri(reverse("visits:visit", args=[visit.pk])))
    event.add("status", "CANCELLED" if visit.state == "cancelled" else "CONFIRMED")
    return event
