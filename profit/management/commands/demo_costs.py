"""`manage.py demo_costs --date YYYY-MM-DD`: the demo firm's costs of twelve months, entered as its branch heads would."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Sum

from crm.partitions import month_start
from ledger.models import MonthlyFact
from org.models import Branch, Role, Staff, User
from profit.models import CostMonth, Driver, Level
from profit.services import Pool, months_before, publish, save_month

#: Name, level, driver, and its part of a month's revenue.
_POOLS = (
    ("交易系统与清算", Level.DIRECT, Driver.TRADES, Decimal("0.14")),
    ("客户服务人员", Level.SERVICE, Driver.CLIENTS, Decimal("0.17")),
    ("大户室与席位", Level.SERVICE, Driver.ASSETS, Decimal("0.09")),
    ("房租与水电", Level.OVERHEAD, Driver.CLIENTS, Decimal("0.11")),
    ("管理费用", Level.OVERHEAD, Driver.TURNOVER, Decimal("0.13")),
)


class Command(BaseCommand):
    help = "Demo mode only: enters and shares out the costs of the twelve months before a date."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--date", type=date.fromisoformat, required=True, help="business date, YYYY-MM-DD")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.CRM_ENV == "production":
            raise CommandError("demo_costs is for demo firms only")
        heads = Staff.objects.filter(role=Role.BRANCH_HEAD, user__isnull=False).select_related("branch", "user")
        done = 0
        for head in heads.order_by("branch__branch_no", "staff_no"):
            for back in range(12, 0, -1):
                if head.user is not None:
                    done += self._enter(head.branch, months_before(month_start(options["date"]), back), head.user)
        self.stdout.write(f"{done} branch months")

    def _enter(self, branch: Branch, month: date, user: User) -> int:
        if CostMonth.objects.filter(branch=branch, month=month).exists():
            return 0
        facts = MonthlyFact.objects.filter(month=month, client__branch=branch)
        revenue = facts.aggregate(sum=Sum("net_commission") + Sum("margin_interest") + Sum("product_fee"))["sum"]
        if not revenue or revenue < 0:
            return 0
        # Whole yuan: a made-up firm has round costs.
        pools = [
            Pool(name, int(revenue * part / 10_000) * 10_000, level, driver) for name, level, driver, part in _POOLS
        ]
        total = sum(pool.amount for pool in pools)
        row = save_month(branch, month, total, pools, version=0, user=user)
        publish(row, version=row.version, user=user)
        return 1
