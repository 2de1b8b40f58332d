"""Who would move if the date were ranked now (U14): counted by tier and by branch, written nowhere."""

from datetime import date
from typing import Any

from django.db import connection, transaction

from segmentation import ranking
from segmentation.models import RankingRun
from segmentation.policies import policy_on, window_of

_COUNTS = """
SELECT r.branch_id, s.tier, r.tier, count(*)
  FROM ranked r JOIN segmentation_standing s USING (client_id)
 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


def preview(business_date: date) -> dict[str, Any]:
    """Counts of the clients ranked before and now: `known`, `moved`, `matrix` and `branches`.

    `matrix` is a list of [before, after, clients] of those who move, `branches` of [branch id, up, down]. For a date older
    than the newest one ranked nobody moves: its result is kept apart.
    """
    policy = policy_on(business_date)
    if RankingRun.objects.filter(apart=False, business_date__gt=business_date).exists():
        return {"known": 0, "moved": 0, "matrix": [], "branches": []}
    window = window_of(policy, business_date)
    run = RankingRun(
        scope=policy.scope, business_date=business_date, policy=policy, window_from=window.start, window_to=window.end
    )
    with transaction.atomic(), connection.cursor() as cursor:
        ranking.prepare(cursor, run)
        cursor.execute(_COUNTS)
        rows = cursor.fetchall()
        transaction.set_rollback(True)
    return _counted(rows)


def _counted(rows: list[tuple[int, str, str, int]]) -> dict[str, Any]:
    matrix: dict[tuple[str, str], int] = {}
    branches: dict[int, list[int]] = {}
    for branch_id, before, after, count in rows:
        if before == after:
            continue
        matrix[before, after] = matrix.get((before, after), 0) + count
        branches.setdefault(branch_id, [0, 0])[after > before] += count
    return {
        "known": sum(count for *_, count in rows),
        "moved": sum(matrix.values()),
        "matrix": [[before, after, count] for (before, after), count in sorted(matrix.items())],
        "branches": [[branch_id, up, down] for branch_id, (up, down) in branches.items()],
    }
