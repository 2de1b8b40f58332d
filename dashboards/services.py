"""Making the figures each night (N2), and the targets that a head sets: each a transaction with rights, scope and audit."""

from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from clients.errors import Conflict
from crm.clock import now
from crm.partitions import month_start, next_month
from crm.planner import whole_tables
from crm.temporary import drop
from dashboards.figures import FIGURES, FigureDef
from dashboards.models import Made, Target
from dashboards.rules import Period, months_on
from org import audit
from org.models import Branch, Role, Staff, User
from org.rights import require

_COUNT = """
CREATE TEMP TABLE figure_new ON COMMIT DROP AS
SELECT c.branch_id, CASE WHEN GROUPING(c.manager_id) = 1 THEN 0 ELSE coalesce(c.manager_id, -1) END AS staff_id,
       count(*)::int AS count, sum(r.amount)::bigint AS amount
  FROM ({rows}) r JOIN clients_client c ON c.id = r.client_id
 WHERE c.branch_id %% %(parts)s = %(part)s
 GROUP BY GROUPING SETS ({sets})
"""
_DROP = """
DELETE FROM dashboards_figure k
 WHERE k.key = %(key)s AND k.month = %(month)s AND k.branch_id %% %(parts)s = %(part)s
   AND NOT EXISTS (SELECT FROM figure_new n WHERE (n.branch_id, n.staff_id) = (k.branch_id, k.staff_id))
"""
_WRITE = """
INSERT INTO dashboards_figure AS kept (branch_id, staff_id, month, key, count, amount)
SELECT branch_id, staff_id, %(month)s, %(key)s, count, amount FROM figure_new
    ON CONFLICT (branch_id, staff_id, key, month) DO UPDATE SET count = excluded.count, amount = excluded.amount
 WHERE (kept.count, kept.amount) IS DISTINCT FROM (excluded.count, excluded.amount)
"""


def values_for(month: date, day: date) -> dict[str, Any]:
    """Parameters of a figure's rows."""
    return {
        "month": month,
        "after": next_month(month),
        "three": months_on(month, -2),
        "year_before": month.replace(year=month.year - 1),
        "day": day,
    }


@transaction.atomic
def refresh(business_date: date, *, part: int = 0, parts: int = 1) -> int:
    """Bring a part of the branches up to a business date; rows written. Repeating it writes nothing.

    The running month each time; earlier ones where they are missing, and each once more after its end.
    """
    current = month_start(business_date)
    made = dict(Made.objects.filter(part=part, parts=parts).values_list("month", "as_of"))
    written = 0
    for back in range(max(figure.months for figure in FIGURES.values())):
        month = months_on(current, -back)
        if back and month in made and made[month] >= next_month(month):
            continue
        for figure in FIGURES.values():
            if back < figure.months:
                written += _make(figure, month, business_date, part, parts)
        Made.objects.update_or_create(month=month, part=part, parts=parts, defaults={"as_of": business_date})
    return written


def _make(figure: FigureDef, month: date, business_date: date, part: int, parts: int) -> int:
    sets = "(c.branch_id), (c.branch_id, c.manager_id)" if figure.whole else "(c.branch_id, c.manager_id)"
    values = values_for(month, business_date) | {"key": figure.key, "part": part, "parts": parts}
    with whole_tables(), connection.cursor() as cursor:
        drop(cursor, "figure_new")
        cursor.execute(_COUNT.format(rows=figure.rows, sets=sets), values)
        cursor.execute(_DROP, values)
        cursor.execute(_WRITE, values)
        return cursor.rowcount


# --- Targets -----------------------------------------------------------------------------------------------------------


@transaction.atomic
def set_target(
    branch_no: str,
    period: Period,
    goal: str,
    value: int,
    *,
    user: User,
    staff_no: str = "",
    version: int | None = None,
) -> Target:
    """Set what a branch or one of its managers is to reach. `value`: units of money, or 1/100 % of contacts.

    `version`: the one seen, None: whatever is there. Raises PermissionDenied, ValidationError, Conflict,
    Branch.DoesNotExist out of scope.
    """
    require(user, "targets.edit")
    branch = Branch.objects.visible_to(user).get(branch_no=branch_no)
    staff = _manager_of(branch, staff_no) if staff_no else None
    key = {"branch": branch, "staff": staff, "kind": period.kind, "first": period.first, "goal": goal}
    there = Target.objects.select_for_update().filter(**key).first()
    if version is not None and version != (there.version if there else 0):
        raise Conflict
    before = there.value if there else None
    target = there or Target(**key, version=0)
    target.value, target.set_by, target.set_at = value, user, now()
    target.version += 1
    target.full_clean(validate_unique=False, validate_constraints=True)
    target.save()
    _tell("target.set", target, user, {"value": value, "before": before})
    return target


@transaction.atomic
def drop_target(target_id: int, *, user: User) -> None:
    """Take a target back. Raises PermissionDenied, Target.DoesNotExist out of scope."""
    require(user, "targets.edit")
    target = Target.objects.visible_to(user).select_for_update(of=("self",)).get(pk=target_id)
    _tell("target.drop", target, user, {"before": target.value})
    target.delete()


def _manager_of(branch: Branch, staff_no: str) -> Staff:
    found = Staff.objects.filter(staff_no=staff_no, branch__path__startswith=branch.path, role=Role.ACCOUNT_MANAGER)
    staff = found.first()
    if staff is None:
        raise ValidationError({"staff": _("There is no such manager in this branch.")})
    return staff


def _tell(action: str, target: Target, user: User, detail: dict[str, Any]) -> None:
    period = str(Period(target.kind, target.first))
    about = {"branch": target.branch.branch_no, "period": period, "goal": target.goal}
    if target.staff is not None:
        about["staff"] = target.staff.staff_no
    audit.record(action, user=user, object_kind="target", object_no=str(target.pk), detail=about | detail)
