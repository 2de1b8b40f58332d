"""Clients with trades, built straight into the tables: intake has its own tests."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from crm.money import to_units
from crm.partitions import ensure_months, month_start
from ledger.models import DirtyMonth, Trade
from measures.models import MeasurePolicy
from nights import jobs, services
from org.models import Role
from tests.factories import BranchFactory, ClientFactory, StaffFactory
from visits.models import CadencePolicy

#: A Friday; the window of its night is October 2025 to September 2026.
DAY = date(2026, 10, 16)
#: The trading day after it.
NEXT_DAY = date(2026, 10, 19)
SHANGHAI = ZoneInfo("Asia/Shanghai")
#: After the policy hour of the night of NEXT_DAY, at a moment when the UTC date is still NEXT_DAY.
MORNING = datetime(2026, 10, 20, 5, 0, tzinfo=SHANGHAI)


class Firm:
    """Two branches with a head and a manager each; clients earn what `earn` says."""

    def __init__(self) -> None:
        # A test with real transactions takes the migrations' rows away.
        for policy in (MeasurePolicy, CadencePolicy):
            policy.objects.get_or_create(version=1, defaults={"state": "published", "valid_from": date(2000, 1, 1)})
        self.branches = [BranchFactory(), BranchFactory()]
        self.heads = [StaffFactory(branch=branch, role=Role.BRANCH_HEAD) for branch in self.branches]
        self.managers = [StaffFactory(branch=branch) for branch in self.branches]
        self.admin = StaffFactory(branch=self.branches[0], role=Role.ADMIN)
        self._trades = 0

    def client(self, branch: int, yuan: int, **values):
        """A client of a branch's manager who earned the firm that much in September 2026."""
        client = ClientFactory(**({"manager": self.managers[branch], "branch": self.branches[branch]} | values))
        self.earn(client, yuan)
        return client

    def earn(self, client, yuan: int, on: date = date(2026, 9, 1)) -> None:
        ensure_months("ledger_trade", [on])
        self._trades += 1
        Trade.objects.create(
            date=on, trade_no=f"T{self._trades:06d}", client=client, security_code="600000", security_kind="stock",
            side="buy", amount=to_units(100_000), commission=to_units(yuan), exchange_fees=0,
        )  # fmt: skip
        DirtyMonth.objects.get_or_create(client_id=client.pk, month=month_start(on))

    def ladder(self) -> list:
        """Per branch 60, 30, 10: the classes A, B, C."""
        return [self.client(branch, yuan) for branch in (0, 1) for yuan in (60, 30, 10)]


def work(night) -> None:
    """Do what is due until nothing is, as workers would."""
    while ids := jobs.due_ids(night.pk, night.run_no):
        done = [services.run_job(job_id) for job_id in ids]
        assert any(done), "no job could be done"
        night.refresh_from_db()
    night.refresh_from_db()
