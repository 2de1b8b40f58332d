"""Cases for tests: a branch with its people, and a complaint walked to where a test wants it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from clients.models import Client
from complaints import services
from complaints.models import Complaint
from complaints.services import Told
from org.models import Branch, Role, Staff
from tests.factories import BranchFactory, ClientFactory, StaffFactory

ZONE = ZoneInfo("Asia/Shanghai")
#: A Tuesday without a holiday near.
T0 = datetime(2026, 11, 3, 10, 0, tzinfo=ZONE)

RECORDS = {
    1: {"told": "You sold me a fund I did not want.", "feeling": "Angry, acknowledged", "restated": True},
    2: {"apology": "Sorry for the trouble and for the wait", "contained": "No more calls about this fund"},
    3: {"findings": "The risk sheet was not shown", "sources": "Recording, order, manager asked"},
    4: {
        "responsibility": "firm",
        "grounds": "Duty to inform",
        "proposals": [{"text": "Fee given back", "amount": None}],
    },
    5: {"choice": "1", "client_words": "Agreed", "evidence": "Signed letter of 5 November"},
    6: {"carried_out": "Fee paid back on 9 November"},
}


@dataclass
class Office:
    """A firm with one branch and everybody who deals with complaints there."""

    firm: Branch = field(default_factory=lambda: BranchFactory(name="总部"))
    branch: Branch = field(init=False)
    manager: Staff = field(init=False)
    head: Staff = field(init=False)
    officer: Staff = field(init=False)
    second: Staff = field(init=False)
    compliance: Staff = field(init=False)
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.branch = BranchFactory(parent=self.firm, name="静安营业部")
        self.manager = StaffFactory(branch=self.branch, name="钱经理")
        self.head = StaffFactory(branch=self.branch, role=Role.BRANCH_HEAD, name="李主任")
        self.officer = StaffFactory(branch=self.branch, role=Role.COMPLAINT_OFFICER, name="周专员")
        self.second = StaffFactory(branch=self.firm, role=Role.COMPLAINT_OFFICER, name="吴专员")
        self.compliance = StaffFactory(branch=self.firm, role=Role.COMPLIANCE_OFFICER, name="郑合规")
        self.client = ClientFactory(manager=self.manager, name="甄客户")

    def told(self, **more) -> Told:
        usual = {
            "channel": "phone",
            "category": "products",
            "narrative": "You sold me a fund I did not want.",
            "received_at": T0,
            "client": self.client,
        }
        return Told(**usual | more)

    def take_in(self, *, user=None, at: datetime = T0, **more) -> Complaint:
        """A case registered by the officer."""
        user = user or self.officer.user
        return services.register(self.told(**{"received_at": at} | more), user=user, at=at)[0]

    def walk(self, complaint: Complaint, to: str | int, *, at: datetime = T0) -> Complaint:
        """Bring a new case to a step (2–6) or a state ('accepted', 'answered', 'closed') by its handler."""
        user = complaint.handler.user
        clock = iter(at + timedelta(minutes=minute) for minute in range(1, 999))

        def act(key: str, **data) -> Complaint:
            return services.act(complaint.number, key, data, user=user, at=next(clock))

        found = act("accept")
        for step in range(1, 7):
            if to in ("accepted", step):
                return found
            if step == 6 or (step == 5 and to == "answered"):
                break
            act("record", record=RECORDS[step])
            if step == 5:
                act("promise", text="Pay the fee back", due_on="2026-11-09")
            found = act("advance")
        found = act("answer", text="We give the fee back.", way="letter")
        if to == "answered":
            return found
        act("follow", no=1, kept=True, note="Client has the money")
        act("record", record=RECORDS[6])
        return act("close", result="upheld", cause="information", proof="Receipt of 9 November")
