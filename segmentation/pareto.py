"""The Pareto page's figures (S2): columns from the best client down, the cumulative curve, composition against the ideal.

Of any day (S12), and with the list of the clients behind each column.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import Http404

from clients.scope import client_scope
from crm import replica
from org.models import Branch, Role, Staff
from org.scope import absent_colleagues, scope_of
from segmentation.explain import sees_branch_figures
from segmentation.history import base_date
from segmentation.models import RankingRun
from segmentation.rules import share
from segmentation.session import series

#: At most so many columns; more clients are put together, equally many in each.
MAX_COLUMNS = 200
#: More than there can be.
MOST_CLIENTS = 10**9


@dataclass(frozen=True)
class Selection:
    """Whose clients: one manager's book, the branches of a list, or all that the viewer may see."""

    branch: Branch | None = None
    manager: Staff | None = None

    @property
    def query(self) -> dict[str, str]:
        """The selection as parameters of this page."""
        found = {}
        if self.branch is not None:
            found["branch"] = self.branch.branch_no
        if self.manager is not None:
            found["manager"] = self.manager.staff_no
        return found

    def list_query(self) -> dict[str, str | list[str]]:
        """The same selection as parameters of the client list, which takes branches one by one."""
        found: dict[str, str | list[str]] = dict(self.query)
        if self.branch is not None:
            below = Branch.objects.filter(path__startswith=self.branch.path).order_by("branch_no")
            found["branch"] = list(below.values_list("branch_no", flat=True))
        return found


@dataclass(frozen=True)
class Column:
    """Clients of places `first` to `last` put together; `tiers`: those among them, `tier`: that of most of them.

    Contribution in units, `cumulative` the share up to the last of them; number of the first of them.
    """

    first: int
    last: int
    contribution: int
    cumulative: Decimal
    tier: str
    tiers: str
    client_no: str
    name: str

    @property
    def single(self) -> bool:
        return self.first == self.last


@dataclass(frozen=True)
class Figures:
    """Counts and sums of a selection; money in units, shares 0–1 with 12 digits."""

    clients: int
    contribution: int
    by_tier: dict[str, tuple[int, int]]
    clients_for_80: int
    columns: list[Column]

    @property
    def share_for_80(self) -> Decimal | None:
        """Share of the clients that brings 80 % of the contribution."""
        return share(self.clients_for_80, self.clients) if self.contribution else None


@dataclass(frozen=True)
class Place:
    """One client in the order of contribution; money in units, `cumulative` the share up to here."""

    place: int
    client_no: str
    name: str
    tier: str
    contribution: int
    cumulative: Decimal


@dataclass(frozen=True)
class Part:
    """Which places of the order are meant: a range, a tier, or both; '' and None: all."""

    first: int | None = None
    last: int | None = None
    tier: str = ""

    @property
    def query(self) -> dict[str, str]:
        """The part as parameters of the list of places."""
        found = {"first": self.first, "last": self.last, "tier": self.tier}
        return {name: str(value) for name, value in found.items() if value}


def select(user, branch_no: str, manager_no: str) -> Selection:
    """The selection asked for, or the viewer's own: a manager's book, a head's branch, the firm.

    Raises Http404 for a branch or manager out of the viewer's scope, exactly as for one that does not exist.
    """
    scope = scope_of(user)
    branch = manager = None
    if branch_no:
        branch = Branch.objects.visible_to(user).filter(branch_no=branch_no).first()
        if branch is None:
            raise Http404
    if manager_no:
        managers = Staff.objects.select_related("branch").filter(role=Role.ACCOUNT_MANAGER, staff_no=manager_no)
        if not scope.firm:
            managers = managers.filter(branch__in=scope.branch_ids) | managers.filter(pk__in=scope.staff_ids)
        manager = managers.first()
        if manager is None:
            raise Http404
    if branch is None and manager is None:
        staff = getattr(user, "staff", None)
        if staff is not None and staff.role == Role.ACCOUNT_MANAGER and not scope.branch_ids:
            manager = staff
        elif staff is not None and staff.role == Role.BRANCH_HEAD:
            branch = staff.branch
        elif heads := [absent for absent in absent_colleagues(user) if absent.role == Role.BRANCH_HEAD]:
            branch = heads[0].branch
    return Selection(branch, manager)


def managers_of(user: Any, selection: Selection) -> Any:
    """The managers a viewer may choose within a selection."""
    scope = scope_of(user)
    if not sees_branch_figures(user):
        return Staff.objects.filter(pk__in=scope.staff_ids).order_by("staff_no")
    managers = Staff.objects.filter(role=Role.ACCOUNT_MANAGER)
    if selection.branch is not None:
        managers = managers.filter(branch__path__startswith=selection.branch.path)
    elif scope.firm:
        # A whole firm's managers are found through their branch.
        return managers.none()
    else:
        managers = managers.filter(branch__in=scope.branch_ids)
    return managers.order_by("staff_no")


#: Who is placed, with figures of the newest run; clients as they are assigned at this moment.
_NOW = """
    SELECT s.client_id, s.contribution, s.tier, t.assets, t.no_key
      FROM segmentation_standing s JOIN ledger_clienttotals t USING (client_id) {join}
     WHERE {condition}
"""

#: The same with figures of an earlier run: its newest marks.
_THEN = """
    SELECT c.id AS client_id, m.contribution, m.tier, m.assets, c.no_key
      FROM (SELECT DISTINCT ON (client_id) client_id, contribution, tier, assets, gone
              FROM segmentation_rankmark
             WHERE series = %(series)s AND business_date BETWEEN %(full)s AND %(day)s
             ORDER BY client_id, business_date DESC) m
      JOIN clients_client c ON c.id = m.client_id
     WHERE NOT m.gone AND {condition}
"""

_PLACED = """
WITH base AS MATERIALIZED ({base}), placed AS (
    SELECT client_id, contribution, tier, row_number() OVER best AS place, count(*) OVER () AS everybody,
           sum(greatest(contribution, 0)) OVER best AS cumulative, sum(greatest(contribution, 0)) OVER () AS total
      FROM base WINDOW best AS (ORDER BY contribution DESC, assets DESC, no_key, client_id ROWS UNBOUNDED PRECEDING)
)
"""

_SUMMARY = (
    _PLACED
    + """
SELECT tier, count(*), coalesce(sum(contribution) FILTER (WHERE contribution > 0), 0)::bigint,
       count(*) FILTER (WHERE contribution > 0 AND cumulative - contribution < total * 0.8)
  FROM placed GROUP BY tier
"""
)

_COLUMNS = (
    _PLACED
    + """
, bundled AS (
    SELECT (place - 1) / ((everybody + %(columns)s - 1) / %(columns)s) AS bundle, min(place) AS first, max(place) AS last,
           sum(contribution)::bigint AS contribution, max(cumulative) / nullif(max(total), 0) AS cumulative,
           mode() WITHIN GROUP (ORDER BY tier) AS tier, string_agg(DISTINCT tier, '' ORDER BY tier) AS tiers,
           (array_agg(client_id ORDER BY place))[1] AS client_id
      FROM placed GROUP BY 1
)
SELECT b.first, b.last, b.contribution, round(coalesce(b.cumulative, 0), 12), b.tier, b.tiers, c.client_no, c.name
  FROM bundled b JOIN clients_client c ON c.id = b.client_id ORDER BY b.first
"""
)

_PART = "p.place BETWEEN %(first)s AND %(last)s AND (%(tier)s = '' OR p.tier = %(tier)s)"

_PLACES = (
    _PLACED
    + f"""
, wanted AS (SELECT p.*, count(*) OVER () AS found FROM placed p WHERE {_PART})
SELECT w.place, c.client_no, c.name, w.tier, w.contribution, round(coalesce(w.cumulative / nullif(w.total, 0), 0), 12),
       w.found, w.everybody
  FROM wanted w JOIN clients_client c ON c.id = w.client_id
 ORDER BY w.place LIMIT %(size)s OFFSET %(skip)s
"""
)


def _base(user, selection: Selection, past: RankingRun | None) -> tuple[str, dict[str, Any]]:
    """The statement that gives the clients of a selection within the viewer's scope, and its values."""
    condition, values = client_scope(user).sql("c", "id")
    wanted = [condition]
    if selection.branch is not None:
        wanted.append("c.branch_id = ANY(%(selected_branches)s)")
        below = Branch.objects.filter(path__startswith=selection.branch.path)
        values["selected_branches"] = list(below.values_list("pk", flat=True))
    if selection.manager is not None:
        wanted.append("c.manager_id = %(selected_manager)s")
        values["selected_manager"] = selection.manager.pk
    if past is not None:
        values |= {"series": series(past), "day": past.business_date, "full": base_date(past)}
        return _THEN.format(condition=" AND ".join(wanted)), values
    # The whole firm needs no look at the clients.
    join = "" if wanted == ["TRUE"] else "JOIN clients_client c ON c.id = s.client_id"
    return _NOW.format(condition=" AND ".join(wanted), join=join), values


def figures(user, selection: Selection, *, columns: bool, past: RankingRun | None = None) -> Figures:
    """Figures of a selection within the viewer's scope; the columns only where they are drawn.

    By the newest run, or by a `past` one: then clients as they are assigned today, with contribution and tier of then.
    """
    base, values = _base(user, selection, past)
    with replica.connection().cursor() as cursor:
        cursor.execute(_SUMMARY.format(base=base), values)
        rows = cursor.fetchall()
        found: list[Column] = []
        if columns:
            cursor.execute(_COLUMNS.format(base=base), values | {"columns": MAX_COLUMNS})
            found = [Column(*row) for row in cursor.fetchall()]
    by_tier = {tier: (count, int(contribution)) for tier, count, contribution, _ in rows}
    return Figures(
        clients=sum(count for count, _ in by_tier.values()),
        contribution=sum(contribution for _, contribution in by_tier.values()),
        by_tier={tier: by_tier.get(tier, (0, 0)) for tier in "ABC"},
        clients_for_80=sum(row[3] for row in rows),
        columns=found,
    )


NOBODY = Figures(0, 0, dict.fromkeys("ABC", (0, 0)), 0, [])


def places(
    user, selection: Selection, part: Part, *, past: RankingRun | None = None, size: int = 50, page: int = 1
) -> tuple[list[Place], int, int]:
    """One page of the clients behind a column or a tier, in their order; how many there are, and how many in all."""
    base, values = _base(user, selection, past)
    values |= {"first": part.first or 1, "last": part.last or MOST_CLIENTS, "tier": part.tier}
    values |= {"size": size, "skip": (page - 1) * size}
    with replica.connection().cursor() as cursor:
        cursor.execute(_PLACES.format(base=base), values)
        rows = cursor.fetchall()
    if not rows:
        return [], 0, 0
    return [Place(*row[:-2]) for row in rows], rows[0][-2], rows[0][-1]
