"""Notices to users: made set-based and once per key; their words are made on reading, in the reader's language (D1)."""

from collections.abc import Callable
from datetime import date
from typing import Any

from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from nights.models import Night, Notice, Step
from org import notify
from org.models import Role, Staff, User

_IN_SERVICE = (
    "u.is_active AND (s.joined_on IS NULL OR s.joined_on <= %(day)s) AND (s.left_on IS NULL OR s.left_on > %(day)s)"
)
_COUNTS = """
       count(*) FILTER (WHERE t.before <> '' AND t.after <> '' AND t.after < t.before) AS up,
       count(*) FILTER (WHERE t.before <> '' AND t.after <> '' AND t.after > t.before) AS down,
       count(*) FILTER (WHERE t.before = '') AS entered,
       count(*) FILTER (WHERE t.after = '') AS gone"""
_DATA = "jsonb_build_object('date', %(day)s::date, 'up', {n}.up, 'down', {n}.down, 'entered', {n}.entered, 'gone', {n}.gone)"

#: One notice per manager who has, or shares, a client whose computed tier changed that night.
_TELL_MANAGERS = f"""
WITH own AS (
    SELECT id AS client_id, manager_id AS staff_id FROM clients_client WHERE manager_id IS NOT NULL
     UNION
    SELECT client_id, staff_id FROM clients_comanager
), moves AS (
    SELECT own.staff_id, {_COUNTS}
      FROM segmentation_tierchange t JOIN own USING (client_id)
     WHERE t.business_date = %(day)s AND t.what = 'tier'
     GROUP BY own.staff_id
)
INSERT INTO nights_notice (user_id, key, kind, data)
SELECT s.user_id, 'moves:' || %(day)s::date, 'moves', {_DATA.format(n="moves")}
  FROM moves JOIN org_staff s ON s.id = moves.staff_id JOIN org_user u ON u.id = s.user_id
 WHERE {_IN_SERVICE}
 ORDER BY s.user_id
    ON CONFLICT (user_id, key) DO NOTHING
"""

#: One notice per branch head, about the own branch and those below it.
_TELL_HEADS = f"""
WITH per_branch AS (
    SELECT c.branch_id, {_COUNTS}
      FROM segmentation_tierchange t JOIN clients_client c ON c.id = t.client_id
     WHERE t.business_date = %(day)s AND t.what = 'tier'
     GROUP BY c.branch_id
), moves AS (
    SELECT s.id AS staff_id, sum(p.up) AS up, sum(p.down) AS down, sum(p.entered) AS entered, sum(p.gone) AS gone
      FROM org_staff s JOIN org_branch own ON own.id = s.branch_id
      JOIN org_branch b ON b.path LIKE own.path || '%%' JOIN per_branch p ON p.branch_id = b.id
     WHERE s.role = %(head)s
     GROUP BY s.id
)
INSERT INTO nights_notice (user_id, key, kind, data)
SELECT s.user_id, 'branch-moves:' || %(day)s::date, 'branch_moves', {_DATA.format(n="moves")}
  FROM moves JOIN org_staff s ON s.id = moves.staff_id JOIN org_user u ON u.id = s.user_id
 WHERE {_IN_SERVICE}
 ORDER BY s.user_id
    ON CONFLICT (user_id, key) DO NOTHING
"""


def tell_of_moves(business_date: date) -> tuple[int, int]:
    """Tell managers and branch heads of the night's tier changes; returns how many notices were new for each.

    A notice is made once per person and date: a repeated night does not tell again.
    """
    values: dict[str, Any] = {"day": business_date, "head": Role.BRANCH_HEAD}
    made = []
    with connection.cursor() as cursor:
        for statement in (_TELL_MANAGERS, _TELL_HEADS):
            cursor.execute(statement, values)
            made.append(cursor.rowcount)
    return made[0], made[1]


def tell_administrators(night: Night, kind: str, data: dict[str, Any]) -> int:
    """Tell everybody who may run nights, once per night, run and kind."""
    key = f"{kind}:{night.business_date}:{night.run_no}"
    told: dict[str, Any] = {name: data[name] for name in ("moved", "known", "limit", "step", "files") if name in data}
    told["date"] = night.business_date.isoformat()
    serving = Staff.objects.serving(night.business_date).filter(role=Role.ADMIN)
    users = User.objects.filter(is_active=True, staff__in=serving).order_by("pk")
    rows = [Notice(user=user, key=key, kind=kind, data=told) for user in users]
    return len(Notice.objects.bulk_create(rows, ignore_conflicts=True))


# --- Words ---------------------------------------------------------------------------------------------------------


def _moves(data: dict[str, Any]) -> str:
    texts = {"up": _("%(n)s risen"), "down": _("%(n)s fallen"), "entered": _("%(n)s new"), "gone": _("%(n)s left")}
    return _(", ").join(text % {"n": data[name]} for name, text in texts.items() if data.get(name))


def _own_moves(data: dict[str, Any]) -> str:
    return _("Tiers of your clients on %(date)s: %(moves)s") % {"date": data["date"], "moves": _moves(data)}


def _branch_moves(data: dict[str, Any]) -> str:
    return _("Tiers in your branch on %(date)s: %(moves)s") % {"date": data["date"], "moves": _moves(data)}


def _held(data: dict[str, Any]) -> str:
    return _("The night of %(date)s waits: %(moved)s of %(known)s clients would move, more than %(limit)s %%") % data


def _failed(data: dict[str, Any]) -> str:
    step = Step(data["step"]).label if data.get("step") in Step.values else data.get("step", "")
    return _("The night of %(date)s failed in the step %(step)s") % {"date": data["date"], "step": step}


def _refused(data: dict[str, Any]) -> str:
    text = ngettext(
        "The night of %(date)s refused %(files)s file", "The night of %(date)s refused %(files)s files", data["files"]
    )
    return text % data


_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "moves": _own_moves,
    "branch_moves": _branch_moves,
    "night_held": _held,
    "night_failed": _failed,
    "files_refused": _refused,
}


def text_of(notice: Notice) -> str:
    """The notice as one sentence in the reader's language."""
    make = _WORDS.get(notice.kind)
    if make is None and (known := notify.kind_of(notice.kind)) is not None:
        make = known[0]
    return make(notice.data) if make else notice.kind


def url_of(notice: Notice) -> str:
    """The page where the notice can be acted upon; empty if there is none."""
    if notice.kind in ("moves", "branch_moves"):
        return reverse("clients:list") + f"?moved_since={notice.data['date']}"
    if notice.kind in _WORDS:
        return reverse("nights:night", args=[date.fromisoformat(notice.data["date"])])
    known = notify.kind_of(notice.kind)
    return known[1](notice.data) if known is not None else ""


def write(user_id: int, key: str, kind: str, data: dict[str, Any]) -> None:
    """Keep a notice of another app (`org.notify`), once per user and key."""
    Notice.objects.bulk_create([Notice(user_id=user_id, key=key, kind=kind, data=data)], ignore_conflicts=True)
