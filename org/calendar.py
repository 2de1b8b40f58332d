"""Working days (visits, limits, reminders; make-up Saturdays count) and trading days (intake, facts; they do not).

The truth is the table `CalendarDay`, seeded by `manage.py load_calendar` and edited by head office. A date it does not
hold is answered by its weekday and called provisional.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from org import audit
from org.models import CalendarDay, User
from org.rights import require

#: Longer than any break of the exchange since 1990, so that one look is nearly always enough.
_LOOK = 21


@dataclass(frozen=True)
class Day:
    """What kind of day a date is; `provisional` as long as nobody has announced or confirmed it."""

    date: date
    is_workday: bool
    is_trading_day: bool
    label: str = ""
    provisional: bool = False


def day(on: date) -> Day:
    """What kind of day a date is."""
    return next(days(on, on))


def days(first: date, last: date) -> Iterator[Day]:
    """Each date of a span, both ends included, in order; one query."""
    known = {row.date: row for row in CalendarDay.objects.filter(date__range=(first, last))}
    for number in range((last - first).days + 1):
        on = first + timedelta(days=number)
        row = known.get(on)
        yield by_weekday(on) if row is None else Day(on, row.is_workday, row.is_trading_day, row.label, row.provisional)


def by_weekday(on: date) -> Day:
    """The answer where the calendar is silent: Monday to Friday are working and trading days, provisionally."""
    is_weekday = on.weekday() < 5
    return Day(on, is_weekday, is_weekday, provisional=True)


def is_workday(on: date) -> bool:
    """Whether offices work on a date."""
    return day(on).is_workday


def is_trading_day(on: date) -> bool:
    """Whether the exchanges trade on a date; never on a weekend, even if offices make up for a holiday."""
    return day(on).is_trading_day


def previous_trading_day(on: date) -> date:
    """The last trading day before a date."""
    end = on
    while True:
        found = [one.date for one in days(end - timedelta(days=_LOOK), end - timedelta(days=1)) if one.is_trading_day]
        if found:
            return found[-1]
        end -= timedelta(days=_LOOK)


def next_trading_day(on: date) -> date:
    """The first trading day after a date."""
    start = on
    while True:
        look = days(start + timedelta(days=1), start + timedelta(days=_LOOK))
        found = next((one.date for one in look if one.is_trading_day), None)
        if found:
            return found
        start += timedelta(days=_LOOK)


def working_days(first: date, last: date) -> list[date]:
    """The working days of a span, both ends included."""
    return [one.date for one in days(first, last) if one.is_workday]


def trading_days(first: date, last: date) -> list[date]:
    """The trading days of a span, both ends included."""
    return [one.date for one in days(first, last) if one.is_trading_day]


def missing_years(on: date) -> list[int]:
    """This year and the next, as far as the calendar lacks them or knows them provisionally only.

    Next year's plan is announced in November or December; head office is warned until it is in.
    """
    wanted = (on.year, on.year + 1)
    settled = CalendarDay.objects.filter(date__year__in=wanted, provisional=False)
    found = set(settled.values_list("date__year", flat=True).distinct())
    return [year for year in wanted if year not in found]


# --- Seeding from the holidays library ------------------------------------------------------------------------------

#: The library's exchange calendar and the announced sessions agree exactly from this year on (tested).
FIRST_YEAR = 2007
#: Nobody plans further ahead; a typing error must not make a million rows.
LAST_YEAR = 2100
_YEARS = {"first": FIRST_YEAR, "last": LAST_YEAR}


def library_days(year: int) -> Iterator[Day]:
    """Each date of a year after the library; provisional where the year's plan was not announced when it was made.

    Raises ValueError for years it is not exact in.
    """
    if year < FIRST_YEAR:
        raise ValueError(f"the calendar begins in {FIRST_YEAR}")
    import holidays  # only who seeds a calendar needs it

    # The years around lend days to each other: 31 December may be a make-up day for New Year.
    around = range(year - 1, year + 2)
    china = holidays.country_holidays("CN", years=around, language="zh_CN")
    exchange = holidays.financial_holidays("XSHG", years=around)
    # A plan always has make-up days; without any, the year's holidays are only computed.
    provisional = not any(on.year == year for on in china.weekend_workdays)
    on = date(year, 1, 1)
    while on.year == year:
        works = china.is_working_day(on)
        trades = works and on.weekday() < 5 and exchange.is_working_day(on)
        yield Day(on, works, trades, china.get(on, "")[:60], provisional)
        on += timedelta(days=1)


#: Called within the transaction that changed days: whatever was reckoned with them is reckoned anew.
listeners: list[Callable[[], object]] = []


@transaction.atomic
def load(years: Iterable[int]) -> dict[int, int]:
    """Write the library's days of these years; returns how many rows each year changed or added.

    Days that somebody settled by hand stay: only provisional rows and days not yet there are written.
    """
    changed = {}
    for year in sorted(set(years)):
        there = {row.date: row for row in CalendarDay.objects.filter(date__year=year)}
        fresh = [
            CalendarDay(**vars(one)) for one in library_days(year) if one.date not in there or _differs(there, one)
        ]
        CalendarDay.objects.bulk_create(
            fresh,
            update_conflicts=True,
            unique_fields=["date"],
            update_fields=["is_workday", "is_trading_day", "label", "provisional"],
        )
        changed[year] = len(fresh)
    if any(changed.values()):
        for listener in listeners:
            listener()
    return changed


@transaction.atomic
def take_over(year: int, *, user: User) -> int:
    """The library's days of a year, by hand; rows changed. Raises PermissionDenied, ValidationError (a year it does not know)."""
    require(user, "policies.edit")
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValidationError(_("The calendar holds the years %(first)s to %(last)s.") % _YEARS)
    changed = load([year])[year]
    audit.record("calendar.load", user=user, object_kind="calendar", object_no=str(year), detail={"days": changed})
    return changed


@transaction.atomic
def settle(on: date, *, is_workday: bool, is_trading_day: bool, label: str, user: User) -> None:
    """Say what kind of day a date is; that stands, whatever the library says later.

    Raises PermissionDenied, ValidationError (trading on a day off or at a weekend: the exchange never does).
    """
    require(user, "policies.edit")
    if not FIRST_YEAR <= on.year <= LAST_YEAR:
        raise ValidationError({"date": _("The calendar holds the years %(first)s to %(last)s.") % _YEARS})
    if is_trading_day and not is_workday:
        raise ValidationError({"is_trading_day": _("A trading day is a working day.")})
    if is_trading_day and on.weekday() >= 5:
        raise ValidationError({"is_trading_day": _("The exchange does not trade at weekends, make-up days included.")})
    values = {"is_workday": is_workday, "is_trading_day": is_trading_day, "label": label[:60], "provisional": False}
    there = CalendarDay.objects.select_for_update().filter(date=on).values(*values).first()
    if there == values:
        return
    CalendarDay.objects.update_or_create(date=on, defaults=values)
    detail = {"workday": is_workday, "trading_day": is_trading_day, "before": there}
    audit.record("calendar.settle", user=user, object_kind="calendar", object_no=on.isoformat(), detail=detail)
    for listener in listeners:
        listener()


def marked(year: int) -> list[Day]:
    """The days of a year that are not what their weekday says, or that have a name or are provisional by a row."""
    rows = CalendarDay.objects.filter(date__year=year).order_by("date")
    found = [Day(row.date, row.is_workday, row.is_trading_day, row.label, row.provisional) for row in rows]
    return [one for one in found if one.label or (one.is_workday, one.is_trading_day) != _usual(one.date)]


def _usual(on: date) -> tuple[bool, bool]:
    return on.weekday() < 5, on.weekday() < 5


def _differs(there: dict[date, CalendarDay], one: Day) -> bool:
    row = there[one.date]
    kept = (row.is_workday, row.is_trading_day, row.label, row.provisional)
    return row.provisional and kept != (one.is_workday, one.is_trading_day, one.label, one.provisional)
