"""The Pareto page's figures (S2): columns from the best client down, the cumulative curve, composition against the ideal."""

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.http import Http404

from clients.scope import client_scope
from org.models import Branch, Role, Staff
from org.scope import scope_of

#: At most so many columns; more clients are put together, equally many in each.
MAX_COLUMNS = 200


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
    """`clients` clients put together: their contribution in units and the cumulative share up to the last of them."""

    first: int
    last: int
    contribution: int
    cumulative: float
    tier: str
    client_no: str
    name: str


@dataclass(frozen=True)
class Figures:
    """Counts and sums of a selection; money in units, shares 0–1."""

    clients: int
    contribution: int
    by_tier: dict[str, tuple[int, int]]
    clients_for_80: int
    columns: list[Column]

    @property
    def share_for_80(self) -> float | None:
        """Share of the clients that brings 80 % of the contribution."""
        return self.clients_for_80 / self.clients if self.clients and self.contribution else None


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
    return Selection(branch, manager)


_BASE = """
WITH base AS MATERIALIZED (
    SELECT t.client_id, t.contribution, s.tier, t.assets, t.no_key
      FROM ledger_clienttotals t JOIN segmentation_standing s USING (client_id)
     WHERE t.ranked AND {condition} AND {selection}
)
"""

_SUMMARY = (
    _BASE
    + """
, running AS (
    SELECT tier, contribution, sum(greatest(contribution, 0)) OVER best - greatest(contribution, 0) AS before,
           sum(greatest(contribution, 0)) OVER () AS total
      FROM base WINDOW best AS (ORDER BY contribution DESC, assets DESC, no_key, client_id ROWS UNBOUNDED PRECEDING)
)
SELECT tier, count(*), coalesce(sum(contribution) FILTER (WHERE contribution > 0), 0)::bigint,
       count(*) FILTER (WHERE contribution > 0 AND before < total * 0.8)
  FROM running GROUP BY tier
"""
)

_COLUMNS = (
    _BASE
    + """
, placed AS (
    SELECT client_id, contribution, tier, row_number() OVER best AS place, count(*) OVER () AS everybody,
           sum(greatest(contribution, 0)) OVER best AS cumulative, sum(greatest(contribution, 0)) OVER () AS total
      FROM base WINDOW best AS (ORDER BY contribution DESC, assets DESC, no_key, client_id ROWS UNBOUNDED PRECEDING)
), bundled AS (
    SELECT (place - 1) / ((everybody + %(columns)s - 1) / %(columns)s) AS bundle, min(place) AS first, max(place) AS last,
           sum(contribution)::bigint AS contribution, max(cumulative) / nullif(max(total), 0) AS cumulative,
           mode() WITHIN GROUP (ORDER BY tier) AS tier, min(client_id) AS client_id
      FROM placed GROUP BY 1
)
SELECT b.first, b.last, b.contribution, coalesce(b.cumulative, 0)::float8, b.tier, c.client_no, c.name
  FROM bundled b JOIN clients_client c ON c.id = b.client_id ORDER BY b.first
"""
)


def _parts(user, selection: Selection) -> tuple[str, str, dict[str, Any]]:
    condition, values = client_scope(user).sql("t", "client_id")
    wanted = []
    if selection.branch is not None:
        wanted.append("t.branch_id = ANY(%(selected_branches)s)")
        below = Branch.objects.filter(path__startswith=selection.branch.path)
        values["selected_branches"] = list(below.values_list("pk", flat=True))
    if selection.manager is not None:
        wanted.append("t.manager_id = %(selected_manager)s")
        values["selected_manager"] = selection.manager.pk
    return condition, " AND ".join(wanted) or "TRUE", values


def figures(user, selection: Selection, *, columns: bool) -> Figures:
    """Figures of a selection within the viewer's scope; the columns only where they are drawn."""
    condition, wanted, values = _parts(user, selection)
    with connection.cursor() as cursor:
        cursor.execute(_SUMMARY.format(condition=condition, selection=wanted), values)
        rows = cursor.fetchall()
        found: list[Column] = []
        if columns:
            cursor.execute(_COLUMNS.format(condition=condition, selection=wanted), values | {"columns": MAX_COLUMNS})
            found = [Column(*row) for row in cursor.fetchall()]
    by_tier = {tier: (count, int(contribution)) for tier, count, contribution, _ in rows}
    return Figures(
        clients=sum(count for count, _ in by_tier.values()),
        contribution=sum(contribution for _, contribution in by_tier.values()),
        by_tier={tier: by_tier.get(tier, (0, 0)) for tier in "ABC"},
        clients_for_80=sum(row[3] for row in rows),
        columns=found,
    )
