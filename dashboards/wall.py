"""The wallboard of a branch: a link without a log-in that can be taken back, figures without persons and small numbers.

Whoever stands before the screen may be a client: no names, no amounts of money, no count from one to four.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from crm.partitions import month_start
from dashboards import queries, rules
from dashboards.asked import Asked, ask, branches_of
from dashboards.models import Target, WallLink
from dashboards.queries import NONE
from org import audit
from org.models import Branch, User
from org.rights import may, require
from org.templatetags.fmt import percent, thousands

RIGHT = "walls.edit"
#: Counts below it are not shown (0 is); shares need a base of twice as many.
SMALL = 5
#: Readings are noted at most so often.
NOTED = timedelta(minutes=15)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def make_link(branch_no: str, name: str, *, user: User) -> str:
    """Make a link and return its secret, which is shown once. Raises PermissionDenied, Branch.DoesNotExist out of scope."""
    require(user, RIGHT)
    branch = Branch.objects.visible_to(user).get(branch_no=branch_no)
    secret = secrets.token_urlsafe(32)
    link = WallLink.objects.create(branch=branch, name=name, digest=digest_of(secret), made_by=user)
    detail = {"link": link.pk, "name": name}
    audit.record("wall.make", user=user, object_kind="branch", object_no=branch_no, detail=detail)
    return secret


@transaction.atomic
def drop_link(link_id: int, *, user: User) -> None:
    """Take a link back; the screen shows nothing from now on. Raises PermissionDenied, WallLink.DoesNotExist."""
    require(user, RIGHT)
    link = WallLink.objects.visible_to(user).select_related("branch").get(pk=link_id)
    detail = {"link": link.pk, "name": link.name}
    audit.record("wall.drop", user=user, object_kind="branch", object_no=link.branch.branch_no, detail=detail)
    link.delete()


def read_link(secret: str, at: datetime) -> WallLink | None:
    """The link of a secret, while its maker may still show the branch; None otherwise. Notes when it was read."""
    link = WallLink.objects.select_related("branch", "made_by__staff").filter(digest=digest_of(secret)).first()
    if link is None or not may(link.made_by, RIGHT):
        return None
    if not branches_of(link.made_by, None).filter(pk=link.branch_id).exists():
        return None
    if link.last_read_at is None or at - link.last_read_at > NOTED:
        WallLink.objects.filter(pk=link.pk).update(last_read_at=at)
    return link


# --- What it shows -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Panel:
    """One figure in large type. `share` (0–1) and `mark` (where it should be by now) draw a bar; `tone`: warn, bad."""

    key: str
    label: str
    value: str
    sub: str = ""
    share: float | None = None
    mark: float | None = None
    tone: str = ""


def hidden(count: int) -> str:
    """A count for all eyes: exact from five on, and 0."""
    return thousands(count) if count == 0 or count >= SMALL else f"< {SMALL}"


def share_of(part: int, base: int) -> float | None:
    """A share for all eyes; None where so few stand behind it that it would tell of persons."""
    return part / base if base >= 2 * SMALL else None


def panels(link: WallLink, on: date, at: datetime) -> list[Panel]:
    """Today's contacts, the month's, complaints, composition, revenue; live but for the last two."""
    asked = ask(link.made_by, link.branch)
    return [*_contacts(asked, on), *_complaints(asked, at), *_composition(asked), *_revenue(asked)]


def _contacts(asked: Asked, on: date) -> list[Panel]:
    day = queries.visits_on(asked, on).values()
    planned, done = sum(one["all"] for one in day), sum(one["done"] for one in day)
    month = month_start(on)
    whole, _tiers = queries.whole_of(queries.contacts(asked, month, on))
    gone, share = queries.gone(asked, month, on), share_of(whole.done, whole.wanted)
    behind = bool(rules.behind(whole.done, whole.wanted, gone))
    # 'Done' of a small day would give away who is out.
    today_share = share_of(done, planned)
    sub = _("%(share)s done") % {"share": percent(today_share, 0)} if today_share is not None else ""
    return [
        Panel("today", _("Visits and calls today"), hidden(planned), sub, today_share),
        Panel(
            "month",
            _("Contacts of the month"),
            percent(share, 0),
            _("%(share)s of the working days are over") % {"share": percent(gone, 0)},
            share,
            gone,
            "warn" if behind and share is not None else "",
        ),
    ]


def _complaints(asked: Asked, at: datetime) -> list[Panel]:
    total = queries.funnel(asked, at).total
    over = _("over a limit: %(n)s") % {"n": hidden(total.overdue)}
    soon = _("due within a day: %(n)s") % {"n": hidden(total.soon)}
    tone = "bad" if total.overdue else "warn" if total.soon else ""
    return [Panel("complaints", _("Open complaints"), hidden(total.open), f"{over} · {soon}", tone=tone)]


def _composition(asked: Asked) -> list[Panel]:
    if asked.as_of is None:
        return []
    month = month_start(asked.as_of)
    found = queries.cells(asked, {"tier": [month]})
    counts = {tier: found.get(("tier", month, tier), NONE).count for tier in "ABC"}
    clients = sum(counts.values())
    shares = {tier: share_of(count, clients) for tier, count in counts.items()}
    # One small tier beside the sum would give itself away: then none is shown.
    told = all(count == 0 or count >= SMALL for count in counts.values())
    known = [round(share * 100) for share in shares.values() if share is not None]
    value = f"{' / '.join(map(str, known))} %" if told and known else "–"
    return [Panel("tiers", _("A / B / C clients"), value, _("ideal: 20 / 40 / 40"))]


def _revenue(asked: Asked) -> list[Panel]:
    """Of the target that the head set for the month; without one, against the same month a year before. No amounts."""
    if asked.as_of is None:
        return []
    month = month_start(asked.as_of)
    before = month.replace(year=month.year - 1)
    found = queries.figures(asked, ["revenue"], [month, before])
    now, then = found.get(("revenue", month), NONE), found.get(("revenue", before), NONE)
    over, days = queries.trading_days(month, asked.as_of, asked.period.after)
    mark = over / days if days else None
    goals = [
        one.value
        for one in queries.targets(asked)
        if (one.staff_id, one.kind, one.first, one.goal) == (None, "month", month, Target.Goal.REVENUE)
    ]
    base = goals[0] if goals else then.amount
    if base <= 0 or now.count < 2 * SMALL:
        return []
    share = now.amount / base
    label = _("Revenue of the month, of its target") if goals else _("Revenue of the month, of the year before's")
    sub = _("%(share)s of the trading days are over") % {"share": percent(mark, 0)} if mark is not None else ""
    return [Panel("revenue", label, percent(share, 0), sub, min(max(share, 0.0), 1.0), mark)]
