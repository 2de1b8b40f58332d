"""What a manager's page reads beside `dashboards.queries` (D4): whom to act on, targets, acts and recorded time.

Each function is one or two statements, however many clients or targets there are.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from clients.models import Client
from complaints.choices import OPEN_STATES
from complaints.lists import MATTERS, SOON
from complaints.models import Complaint
from crm import replica
from dashboards.book import Book
from dashboards.figures import FIGURES
from dashboards.models import Figure, Target
from dashboards.queries import NONE, Case, Sums
from dashboards.rules import WEIGHTS, Period, period_of
from dashboards.services import values_for
from org.models import AuditEvent
from visits.models import Contact, Visit
from visits.queries import hide_names

# --- Whom to act on ------------------------------------------------------------------------------------------------------

#: Figures that say that a client needs somebody, each with the weight of its deviation (dashboards.rules).
REASONS = {
    "leaving": WEIGHTS["leaving"],
    "idle_a": WEIGHTS["idle"],
    "fell": WEIGHTS["fallen"],
    "less": WEIGHTS["revenue"] // 3,
}
#: Clients on the page.
SHOWN = 15

_ACT_ON = """
WITH chosen (id) AS MATERIALIZED ({chosen})
SELECT r.client_id, array_agg(r.key ORDER BY r.weight DESC, r.key), sum(r.weight),
       min(r.amount) FILTER (WHERE r.key IN ('leaving', 'less')) AS lost, count(*) OVER ()
  FROM ({rows}) r JOIN chosen ON chosen.id = r.client_id
 GROUP BY r.client_id
 ORDER BY sum(r.weight) DESC, lost NULLS LAST, r.client_id
 LIMIT {shown}
"""


@dataclass(frozen=True)
class Pressing:
    """A client to act on. `reasons`: keys of figures, the weightiest first; `lost`: units that went or are missing (≤ 0)."""

    client: Client
    reasons: list[str]
    lost: int | None


def act_on(book: Book, month: date) -> tuple[list[Pressing], int]:
    """Clients who need somebody, the most pressing first, and how many there are in all. Names masked as for the viewer."""
    if book.as_of is None:
        return [], 0
    sql, params = book.clients().order_by().values("pk").query.sql_with_params()
    with replica.connection().cursor() as cursor:
        chosen = cursor.mogrify(sql, params).decode()
        rows = " UNION ALL ".join(
            cursor.mogrify(
                f"SELECT client_id, %(key)s AS key, %(weight)s AS weight, amount FROM ({FIGURES[key].rows}) f_{key}",
                values_for(month, book.as_of) | {"key": key, "weight": weight},
            ).decode()
            for key, weight in REASONS.items()
        )
        cursor.execute(_ACT_ON.format(chosen=chosen, rows=rows, shown=SHOWN))
        found = cursor.fetchall()
    clients = Client.objects.in_bulk([row[0] for row in found])
    hide_names(book.user, clients.values())
    pressing = [Pressing(clients[pk], list(keys), lost) for pk, keys, _weight, lost, _all in found if pk in clients]
    return pressing, found[0][4] if found else 0


def handled(book: Book, at: datetime) -> Case:
    """Open complaints that he handles: all, over a limit, due within a day; of those that the viewer may see."""
    found = Complaint.objects.visible_to(book.user).filter(MATTERS, state__in=OPEN_STATES, handler=book.manager)
    row = found.aggregate(
        n=Count("pk"),
        over=Count("pk", filter=Q(due_at__lt=at)),
        near=Count("pk", filter=Q(due_at__range=(at, at + SOON))),
    )
    return Case(row["n"], row["over"], row["near"])


# --- Targets -------------------------------------------------------------------------------------------------------------


def targets(book: Book) -> list[Target]:
    """What his head set for him, for the month, quarter and year of the period."""
    condition = Q()
    for span in (period_of(kind, book.period.last) for kind in ("month", "quarter", "year")):
        condition |= Q(kind=span.kind, first=span.first)
    found = Target.objects.filter(condition, staff=book.manager)
    if not book.whole:
        found = found.filter(branch__in=list(book.branches))
    return list(found.select_related("staff", "branch").order_by("goal", "first", "kind", "pk"))


def reached(book: Book, wanted: Sequence[Target]) -> dict[int, float | None]:
    """What was reached of each target until the newest night: units, or 1/100 % of contacts. One statement."""
    months = sorted({month for one in wanted for month in Period(one.kind, one.first).months})
    if not months:
        return {}
    sums = sums_of(book, ("revenue", "inflow", "duty", "duty_done"), months)
    return {one.pk: _reached(one, sums) for one in wanted}


def sums_of(book: Book, keys: Sequence[str], months: Sequence[date]) -> dict[tuple[str, date], Sums]:
    """His kept figures by key and month."""
    rows = Figure.objects.filter(staff_id=book.staff_id, key__in=keys, month__in=months)
    if not book.whole:
        rows = rows.filter(branch__in=list(book.branches))
    summed = rows.values_list("key", "month").annotate(Sum("count"), Sum("amount")).order_by()
    return {(key, month): Sums(count, int(amount)) for key, month, count, amount in summed}


def _reached(target: Target, sums: Mapping[tuple[str, date], Sums]) -> float | None:
    months = Period(target.kind, target.first).months
    if target.goal == Target.Goal.CONTACTS:
        owed = sum(sums.get(("duty", month), NONE).count for month in months)
        done = sum(sums.get(("duty_done", month), NONE).count for month in months)
        return 10_000 * done / owed if owed else None
    return sum(sums.get((target.goal, month), NONE).amount for month in months)


# --- How time is spent ---------------------------------------------------------------------------------------------------

PLANNING, ROUTINE, PEOPLE, NETWORKING = "planning", "routine", "people", "networking"
ACTIVITIES = (PLANNING, ROUTINE, PEOPLE, NETWORKING)
#: Which way to contact (V5) is which activity.
OF_CHANNEL = {
    "phone": ROUTINE, "letter": ROUTINE, "visit": NETWORKING, "demo": NETWORKING, "club": NETWORKING, "decide": NETWORKING,
}  # fmt: skip
#: Which entries of the trail are planning; what he does in complaints is settling conflicts between people.
PLANS = ("visit.add", "visit.move", "visit.reorder", "visit.cancel", "plan.accept", "duty.waive")
SETTLES, NOT_SETTLING = "complaint.", ("complaint.view", "complaint.paper", "complaint.ledger", "complaint.evidence")


@dataclass
class Spent:
    """Acts of an activity; minutes with clients and on the way where a visit or call recorded them."""

    acts: int = 0
    minutes: int = 0
    travel: int = 0


def time_spent(book: Book) -> dict[str, Spent]:
    """By activity, in the period; three statements. Appointments count with the minutes that were set aside for them."""
    found: dict[str, Spent] = defaultdict(Spent, {name: Spent() for name in ACTIVITIES})
    done = _visits(book).values_list("kind").annotate(Count("pk"), Sum("minutes"), Sum("travel_minutes"))
    for kind, acts, minutes, travel in done.order_by():
        spent = found[OF_CHANNEL[kind]]
        spent.acts, spent.minutes, spent.travel = spent.acts + acts, spent.minutes + minutes, spent.travel + travel
    start, end = _moments(book.period)
    loose = Contact.objects.visible_to(book.user).filter(
        staff=book.manager, visit__isnull=True, at__gte=start, at__lt=end
    )
    for channel, acts in loose.values_list("channel").annotate(Count("pk")).order_by():
        found[OF_CHANNEL[channel]].acts += acts
    if book.manager is not None and book.manager.user_id is not None:
        trail = AuditEvent.objects.filter(user=book.manager.user_id, at__gte=start, at__lt=end)
        settles = Q(action__startswith=SETTLES) & ~Q(action__in=NOT_SETTLING)
        row = trail.aggregate(plans=Count("pk", filter=Q(action__in=PLANS)), settles=Count("pk", filter=settles))
        found[PLANNING].acts, found[PEOPLE].acts = row["plans"], row["settles"]
    return dict(found)


def _visits(book: Book) -> QuerySet[Visit]:
    return Visit.objects.visible_to(book.user).filter(
        manager=book.manager, state="done", date__gte=book.period.first, date__lt=book.period.after
    )


def _moments(period: Period) -> tuple[datetime, datetime]:
    """A period's first moment and the one behind it, in the firm's time zone."""
    first, after = (timezone.make_aware(datetime.combine(day, time())) for day in (period.first, period.after))
    return first, after
