"""Reading for the nights' pages, API and summaries; one function, few statements, none of them grows with clients."""

from datetime import date
from typing import Any

from django.db import connection

from nights.models import Job, Night, Step
from segmentation.policies import policy_on

_SUMMARY = """
SELECT r.id, r.clients, r.moved_up, r.moved_down, r.entered, r.data_as_of, r.window_from, r.window_to,
       coalesce(sum(t.clients_a), 0)::bigint, coalesce(sum(t.clients_b), 0)::bigint, coalesce(sum(t.clients_c), 0)::bigint,
       (SELECT count(*) FROM segmentation_tierchange c
         WHERE c.business_date = r.business_date AND c.what = 'tier' AND c.after = '')
  FROM segmentation_rankingrun r LEFT JOIN segmentation_runtotal t ON t.run_id = r.id
 WHERE r.scope = %s AND r.business_date = %s AND r.state = 'done'
 GROUP BY r.id
"""


def summary(night: Night) -> dict[str, Any]:
    """What a finished night came to (U14): policy, clients per tier, moves, data date, files and rows taken in."""
    policy = policy_on(night.business_date)
    found: dict[str, Any] = {"policy": policy.version, "scope": policy.scope} | _intake_of(night)
    with connection.cursor() as cursor:
        cursor.execute(_SUMMARY, [policy.scope, night.business_date])
        row = cursor.fetchone()
    if row is None:
        return found
    run, clients, up, down, entered, data_as_of, window_from, window_to, a, b, c, gone = row
    return found | {
        "run": run,
        "clients": clients,
        "a": a,
        "b": b,
        "c": c,
        "up": up,
        "down": down,
        "entered": entered,
        "gone": gone,
        "data_as_of": data_as_of.isoformat() if data_as_of else None,
        "window_from": window_from.isoformat(),
        "window_to": window_to.isoformat(),
    }


def _intake_of(night: Night) -> dict[str, Any]:
    """Counts of the newest intake of the night: files, refused ones, rows, rejects."""
    job = Job.objects.filter(night=night, step=Step.INTAKE, state=Job.State.DONE).order_by("-run_no").first()
    if job is None:
        return {}
    return {name: job.detail[name] for name in ("batch", "files", "refused", "read", "rejected") if name in job.detail}


def night_before(business_date: date) -> Night | None:
    """The newest finished night before a date."""
    return (
        Night.objects.filter(business_date__lt=business_date, state=Night.State.DONE).order_by("-business_date").first()
    )
