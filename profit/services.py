"""Writing costs and sharing them out (S7): each verb one transaction, rights and audit included."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from clients.models import Client
from clients.services import Event, add_events
from crm.partitions import ensure_months, month_start, next_month
from crm.temporary import drop
from org import audit
from org.models import Branch, User
from org.rights import require
from profit import queries
from profit.models import CostMonth, CostPool, Driver, Level, RemoteProposal, ServiceUse
from profit.rules import FEN, LEAST_MONTHS, REST_MONTHS

#: Kinds of timeline events that count as a contact; the apps that record contacts add theirs.
CONTACT_KINDS: set[str] = {"note"}
MOST_POOLS = 40


@dataclass(frozen=True)
class Pool:
    """A pool as it is entered; amount in units (whole 分)."""

    name: str
    amount: int
    level: str
    driver: str


class Conflict(Exception):
    """Somebody else changed the month in between; `current` is how it stands."""

    def __init__(self, current: CostMonth) -> None:
        super().__init__("changed in between")
        self.current = current


@transaction.atomic
def save_month(branch: Branch, month: date, total: int, pools: list[Pool], *, version: int, user: User) -> CostMonth:
    """Write the costs of a month as a draft. The branch must be in the user's scope (the caller fetched it by it).

    `version` is the one the user saw (0: none yet); raises Conflict when it is no longer that, ValidationError for pools
    that do not make sense. Pools that do not add up to the total may be kept in a draft, not published.
    """
    require(user, "profit.edit")
    month = month_start(month)
    _check_pools(total, pools)
    row = CostMonth.objects.select_for_update().filter(branch=branch, month=month).first()
    if (row.version if row else 0) != version:
        raise Conflict(row or CostMonth(branch=branch, month=month, total=0, version=0))
    if row is None:
        row = CostMonth(branch=branch, month=month, version=0)
    row.total, row.state = total, "draft"
    row.version += 1
    row.changed_by, row.changed_at = user, timezone.now()
    row.save()
    row.pools.all().delete()
    CostPool.objects.bulk_create(
        CostPool(cost_month=row, name=p.name, amount=p.amount, level=p.level, driver=p.driver) for p in pools
    )
    _record("profit.costs", row, user, pools=len(pools))
    return row


def _check_pools(total: int, pools: list[Pool]) -> None:
    problems: list[str] = []
    names = [pool.name.strip() for pool in pools]
    if len(set(names)) < len(names):
        problems.append(_("Two costs have the same name."))
    if len(pools) > MOST_POOLS:
        problems.append(_("At most %(n)s costs a month.") % {"n": MOST_POOLS})
    if total < 0 or any(pool.amount < 0 for pool in pools):
        problems.append(_("A cost is not below 0; enter a refund as a lower cost."))
    if total % FEN or any(pool.amount % FEN for pool in pools):
        problems.append(_("Costs have at most two decimals."))
    if any(pool.level not in Level or pool.driver not in Driver for pool in pools):
        problems.append(_("Choose a level and what to share out by."))
    if problems:
        raise ValidationError(problems)


@transaction.atomic
def publish(row: CostMonth, *, version: int, user: User) -> CostMonth:
    """Share the month out. Raises ValidationError unless the pools add up to the total, Conflict as `save_month`."""
    require(user, "profit.edit")
    row = CostMonth.objects.select_for_update().get(pk=row.pk)
    if row.version != version:
        raise Conflict(row)
    pools = sum(row.pools.values_list("amount", flat=True))
    if pools != row.total:
        gap = abs(pools - row.total) / 10_000
        word = _("%(gap)s yuan too much") if pools > row.total else _("%(gap)s yuan missing")
        raise ValidationError(
            _("The costs do not add up to the total: %(what)s.") % {"what": word % {"gap": f"{gap:,.2f}"}}
        )
    row.state, row.version = "published", row.version + 1
    row.changed_by, row.changed_at = user, timezone.now()
    row.save()
    share_out_month(row)
    _record("profit.publish", row, user)
    return row


def share_out_month(row: CostMonth) -> int:
    """Share a published month out over the branch's clients, then bring totals and proposals up to date; rows written.

    In the caller's transaction. Repeating it gives the same rows; the shares and `unshared` add up to the total.
    """
    values = _values(row)
    ensure_months("profit_clientprofit", [row.month])
    with connection.cursor() as cursor:
        drop(cursor, "bearing")
        cursor.execute(queries.START, values)
        for pool in row.pools.order_by("pk"):
            join, weight = queries.WEIGHTS[pool.driver]
            statement = queries.SHARE.format(level=pool.level, join=join, weight=weight)
            cursor.execute(statement, values | {"fen": pool.amount // FEN})
        cursor.execute(queries.BORNE)
        borne = int(cursor.fetchone()[0])
        cursor.execute(queries.DROP_MONTH, values)
        cursor.execute(queries.KEEP_MONTH, values)
        written = cursor.rowcount
    CostMonth.objects.filter(pk=row.pk).update(unshared=row.total - borne, shared_at=timezone.now())
    row.refresh_from_db()
    refresh_totals(row.branch)
    return written


def _values(row: CostMonth) -> dict[str, Any]:
    after = next_month(row.month)
    zone = timezone.get_current_timezone()
    return {
        "branch": row.branch_id,
        "month": row.month,
        "after": after,
        "from_at": datetime.combine(row.month, time.min, zone),
        "after_at": datetime.combine(after, time.min, zone),
        "contact_kinds": sorted(CONTACT_KINDS),
    }


def refresh_totals(branch: Branch) -> None:
    """Totals of the twelve months that end with the newest published one, and the proposals that follow from them."""
    newest = CostMonth.objects.filter(branch=branch, state="published").order_by("-month").first()
    if newest is None:
        return
    start = months_before(newest.month, 11)
    values: dict[str, Any] = {
        "branch": branch.pk,
        "month": newest.month,
        "start": start,
        "least": LEAST_MONTHS,
        "rested": months_before(newest.month, REST_MONTHS),
    }
    with connection.cursor() as cursor:
        for statement in (
            queries.DROP_TOTALS,
            queries.TOTALS,
            queries.WITHDRAW,
            queries.REFRESH_PROPOSALS,
            queries.PROPOSE,
        ):
            cursor.execute(statement, values)


def months_before(month: date, count: int) -> date:
    """The first day of the month `count` months before."""
    number = month.year * 12 + month.month - 1 - count
    return date(number // 12, number % 12 + 1, 1)


def refresh(business_date: date) -> int:
    """The night's part: share the last two published months of each branch out again, for late corrections; rows written."""
    months = [months_before(month_start(business_date), count) for count in (1, 2)]
    written = 0
    for row in CostMonth.objects.filter(state="published", month__in=months).order_by("month", "branch_id"):
        with transaction.atomic():
            written += share_out_month(row)
    return written


@transaction.atomic
def set_use(client_no: str, month: date, seats: Any, minutes: int, *, user: User) -> ServiceUse:
    """What a client uses of the branch from a month on. Raises Client.DoesNotExist out of scope."""
    require(user, "profit.edit")
    client = Client.objects.visible_to(user).get(client_no=client_no)
    use, _made = ServiceUse.objects.update_or_create(
        client=client,
        month_from=month_start(month),
        defaults={"seats": seats, "minutes": minutes, "entered_by": user, "entered_at": timezone.now()},
    )
    audit.record("profit.use", user=user, object_kind="client", object_no=client_no)
    return use


@transaction.atomic
def decide(proposal_id: int, accept: bool, reason: str, *, user: User, at: datetime) -> RemoteProposal:
    """Agree to remote service for a client, or leave the client as he is; with a reason, kept on the timeline.

    Raises ValidationError without a reason or when it is decided already, DoesNotExist out of scope.
    """
    require(user, "profit.edit")
    proposal = RemoteProposal.objects.visible_to(user).select_for_update(of=("self",)).get(pk=proposal_id)
    reason = reason.strip()
    if not reason:
        raise ValidationError(_("Give the reason; it is kept with the client."))
    if proposal.state != RemoteProposal.State.OPEN:
        raise ValidationError(_("This proposal is decided already."))
    proposal.state = RemoteProposal.State.ACCEPTED if accept else RemoteProposal.State.DECLINED
    proposal.decided_by, proposal.decided_at, proposal.reason = user, at, reason[:200]
    proposal.save()
    add_events(
        [
            Event(
                client_id=proposal.client_id,
                at=at,
                kind=f"profit.remote_{proposal.state}",
                source_key=f"profit.remote:{proposal.pk}",
                data={"reason": proposal.reason, "by": user.staff.name if hasattr(user, "staff") else user.username},
                actor_id=user.pk,
            )
        ]
    )
    audit.record(f"profit.{proposal.state}", user=user, object_kind="client", object_no=proposal.client.client_no)
    return proposal


def _record(action: str, row: CostMonth, user: User, **detail: Any) -> None:
    audit.record(
        action,
        user=user,
        object_kind="branch",
        object_no=row.branch.branch_no,
        detail={"month": row.month.isoformat(), "version": row.version, **detail},
    )
