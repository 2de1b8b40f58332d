"""A firm of two branches for the proof of scope: who asks, what is theirs, what is somebody else's, what is not there.

Whoever adds a URL with a new argument adds an example of it to `EXAMPLES` below; the test says so if it is missing.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.core.signing import Signer
from django.test import Client as Browser
from django.utils import timezone

from analyses.models import Offer
from callbacks.models import Callback
from clients.models import Account, Client
from clients.search import refresh
from clients.services.care import init_care
from complaints.first_policy import FIRST
from complaints.models import Attachment, ComplaintPolicy
from complaints.services import Told, register
from crm.partitions import ensure_months
from dashboards.models import Target, WallLink
from feed.models import DeadLetter, Subscription
from handovers.models import Handover
from ledger.models import ClientTotals, IntakeBatch, IntakeFile
from nights.models import Night
from org.api_auth import make_token
from org.models import Branch, Export, Leave, Role, Staff
from org.rights import FIRM_ONLY, TOKEN_SCOPES
from profiles.models import CustomField, Prospect
from profit.models import CostMonth, RemoteProposal
from segmentation.models import RankingPolicy
from segmentation.ranking import rank
from segments.models import Segment
from tests.factories import BranchFactory, ClientFactory, GrantFactory, LeaveFactory, StaffFactory
from visits.models import Busy, Contact, Duty, MonthPlan, Photo, Promise, Visit

TODAY = timezone.localdate()
DAY = date(2026, 11, 20)
WINDOW = (date(2025, 11, 1), date(2026, 10, 31))
YUAN = 10_000


@dataclass(frozen=True)
class Example:
    """Values of a URL argument: one of the own branch, one of the other (None: the firm has only common ones), none."""

    own: object
    other: object | None
    missing: object


@dataclass
class World:
    """The firm, and a browser or an API client for each kind of asker."""

    firm: Branch
    mine: Branch
    theirs: Branch
    askers: dict[str, Browser] = field(default_factory=dict)
    staff: dict[str, Staff] = field(default_factory=dict)
    rows: dict[str, object] = field(default_factory=dict)
    #: What no asker of the own branch may ever read, by what it says about the foreign client.
    canaries: dict[str, str] = field(default_factory=dict)


SEGMENT_RULE = {"all": [{"field": "status", "op": "in", "value": ["active"]}]}


def build() -> World:
    """Make the firm: in each branch a manager with ranked clients, and everybody who might ask."""
    firm = BranchFactory(name="总部")
    world = World(firm, BranchFactory(name="静安营业部", parent=firm), BranchFactory(name="乌有营业部", parent=firm))
    _staff(world)
    own = ClientFactory(manager=world.staff["manager"], name="甄自家", mobile="13800000001")
    other = ClientFactory(
        manager=world.staff["stranger"], name="闻他乡", mobile="13977771234", id_no="310101190001017777"
    )
    account = Account.objects.create(account_no="6604441234", client=other, kind="ordinary", status="active")
    world.rows |= {"client": own, "other_client": other}
    world.canaries = {
        "name": other.name,
        "number": other.client_no,
        "mobile": other.mobile,
        "id": other.id_no,
        "account": account.account_no,
        "pinyin": "wenta",
    }
    add_clients(world.staff["manager"], [5, 4, 3, 2])
    add_clients(world.staff["stranger"], [50, 40, 3])
    totals([own, other], 10)
    _rows(world)
    settle()
    return world


def add_clients(manager: Staff, contributions: list[int]) -> None:
    """Clients of a manager with contributions in 元."""
    for contribution in contributions:
        totals([ClientFactory(manager=manager)], contribution)


def totals(clients: list[Client], contribution: int) -> None:
    for client in clients:
        ClientTotals.objects.create(
            client=client,
            branch_id=client.branch_id,
            manager_id=client.manager_id,
            no_key=client.no_key,
            contribution=contribution * YUAN,
            assets=100 * contribution * YUAN,
            assets_on=DAY,
            window_from=WINDOW[0],
            window_to=WINDOW[1],
        )


def settle() -> None:
    """Rank, and bring search and reviews up to date, as a night does."""
    RankingPolicy.objects.get_or_create(version=1, defaults={"state": "published", "valid_from": date(2000, 1, 1)})
    refresh(everything=True)
    init_care(DAY)
    rank(DAY)


def _staff(world: World) -> None:
    office = {"compliance": Role.COMPLIANCE_OFFICER, "analyst": Role.ANALYST}
    office |= {"admin": Role.ADMIN, "admin granted": Role.ADMIN, "auditor": Role.AUDITOR}
    staff = {name: StaffFactory(role=role, branch=world.firm) for name, role in office.items()}
    staff["manager"] = StaffFactory(branch=world.mine, name="钱经理")
    staff["head"] = StaffFactory(role=Role.BRANCH_HEAD, branch=world.mine)
    staff["callback"] = StaffFactory(role=Role.CALLBACK_AGENT, branch=world.mine)
    staff["officer"] = StaffFactory(role=Role.COMPLAINT_OFFICER, branch=world.mine)
    staff["deputy"] = StaffFactory(branch=world.mine)
    staff["leaver"] = StaffFactory(branch=world.mine)
    staff["stranger"] = StaffFactory(branch=world.theirs, name="孙外人")
    LeaveFactory(staff=staff["manager"], deputy=staff["deputy"], from_on=TODAY, to_on=TODAY + timedelta(days=9))
    GrantFactory(user=staff["admin granted"].user, branch=world.mine, until=TODAY + timedelta(days=9))
    world.staff = staff
    world.askers["anonymous"] = Browser()
    for name, person in staff.items():
        world.askers[name] = Browser()
        world.askers[name].force_login(person.user)
    # A session from before the last day; the stranger's own world is the mirror image, so nobody asks as the stranger.
    Staff.objects.filter(pk=staff["leaver"].pk).update(left_on=TODAY)
    del world.askers["stranger"]
    branch_scopes = set(TOKEN_SCOPES) - FIRM_ONLY
    tokens = {"token firm": (None, TOKEN_SCOPES), "token branch": (world.mine, branch_scopes), "token bare": (None, ())}
    for name, (branch, scopes) in tokens.items():
        until = timezone.now() + timedelta(days=1)
        row, secret = make_token(
            name=name, scopes=list(scopes), branch=branch, expires_at=until, by=staff["admin"].user
        )
        world.rows[name] = row
        world.askers[name] = Browser(headers={"Authorization": f"Bearer {secret}"})


def _rows(world: World) -> None:
    ComplaintPolicy.objects.get_or_create(version=1, defaults=FIRST)
    theirs = StaffFactory(role=Role.BRANCH_HEAD, branch=world.theirs)
    batch = IntakeBatch.objects.create(source="upload", mapping="core-v1", business_date=DAY, state="done")
    world.rows |= {
        "leave": Leave.objects.get(staff=world.staff["manager"]),
        "other_leave": LeaveFactory(
            staff=world.staff["stranger"], deputy=theirs, from_on=TODAY, to_on=TODAY + timedelta(days=9)
        ),
        "grant": world.staff["admin granted"].user.client_data_grants.get(),
        "other_grant": GrantFactory(
            user=world.staff["admin"].user, branch=world.theirs, until=TODAY - timedelta(days=1), reason="Nothing"
        ),
        "batch": batch,
        "file": IntakeFile.objects.create(batch=batch, name="clients.csv", kind="clients"),
        **{
            name: RemoteProposal.objects.create(client=world.rows[client], month_to=DAY, net=-1, saving=1)
            for name, client in (("proposal", "client"), ("other_proposal", "other_client"))
        },
        **{
            name: CostMonth.objects.create(branch=branch, month=DAY.replace(day=1), total=0)
            for name, branch in (("costs", world.mine), ("other_costs", world.theirs))
        },
        **{
            name: Offer.objects.create(
                client=world.rows[client], product="Fund", kind="fund", made_on=DAY, made_by=world.staff[staff].user
            )
            for name, client, staff in (("offer", "client", "manager"), ("other_offer", "other_client", "stranger"))
        },
        "field": CustomField.objects.create(key="hobby", label_zh="爱好", label_en="Hobby", kind="text"),
        **{
            name: Prospect.objects.create(
                name="Prospect", mobile="1", kind="agent", manager=staff, branch=staff.branch, created_by=staff.user
            )
            for name, staff in (
                ("prospect", world.staff["manager"]),
                ("other_prospect", world.staff["stranger"]),
            )
        },
        "segment": Segment.objects.create(
            name="Ours", rule=SEGMENT_RULE, shared="branch", branch=world.mine, owner=world.staff["manager"].user
        ),
        "other_segment": Segment.objects.create(
            name="Theirs", rule=SEGMENT_RULE, shared="branch", branch=world.theirs, owner=world.staff["stranger"].user
        ),
        **{
            name: Target.objects.create(
                branch=branch,
                kind="month",
                first=DAY.replace(day=1),
                goal="revenue",
                value=YUAN,
                set_by=world.staff["head"].user,
            )
            for name, branch in (("target", world.mine), ("other_target", world.theirs))
        },
        **{
            name: Callback.objects.create(
                client=world.rows[client],
                kind="new",
                year=DAY.year,
                due_on=DAY + timedelta(days=9),
                abnormal=["identity"],
            )
            for name, client in (("callback", "client"), ("other_callback", "other_client"))
        },
        **{
            name: WallLink.objects.create(branch=branch, name="Hall", digest=name, made_by=world.staff["head"].user)
            for name, branch in (("wall", world.mine), ("other_wall", world.theirs))
        },
        **{
            name: _handover(world, client, to)
            for name, client, to in (
                ("handover", "client", "manager"),
                ("other_handover", "other_client", "stranger"),
            )
        },
        **_visits(world),
        **{
            name: register(
                Told(
                    channel="phone",
                    category="fees",
                    narrative="Too dear",
                    received_at=timezone.now(),
                    client=world.rows[client],
                ),
                user=world.staff[staff].user,
                at=timezone.now(),
            )[0]
            for name, client, staff in (
                ("complaint", "client", "manager"),
                ("other_complaint", "other_client", "stranger"),
            )
        },
        **_webhook(world),
        **{
            name: Export.objects.create(
                user=world.staff[staff].user,
                list_name="clients",
                format="csv",
                language="en",
                asked_at=timezone.now(),
                expires_at=timezone.now() + timedelta(days=1),
            )
            for name, staff in (("export", "manager"), ("other_export", "stranger"))
        },
        "night": Night.objects.create(business_date=DAY, state=Night.State.DONE, finished_at=timezone.now()),
    }
    world.rows |= _papers(world)


def _webhook(world: World) -> dict[str, object]:
    """A receiver inside the firm, which nobody calls."""
    hook = Subscription.objects.create(
        name="archive", url="https://127.0.0.1/", kinds=["client."], made_by=world.staff["admin"].user
    )
    letter = DeadLetter.objects.create(subscription=hook, message_id="m", body="{}", changes=1, error="HTTP 500")
    return {"webhook": hook, "letter": letter}


def _visits(world: World) -> dict[str, object]:
    """A visit, an other appointment, a promise and a plan on both sides, and a duty of the month."""
    month = TODAY.replace(day=1)
    ensure_months("visits_duty", [month])
    rows: dict[str, object] = {}
    for prefix, client, staff in (("", "client", "manager"), ("other_", "other_client", "stranger")):
        person, theirs = world.staff[staff], world.rows[client]
        # Done, so that the first of many askers does not take the visit away from the next.
        visit = Visit.objects.create(
            client=theirs, manager=person, date=TODAY, start="10:00", minutes=30, tier="A", state="done"
        )
        contact = Contact.objects.create(
            key=visit.uid, client=theirs, staff=person, visit=visit, channel="visit", at=timezone.now(), outcome="talk",
            feeling=5, created_by=person.user,
        )  # fmt: skip
        Duty.objects.create(
            month=month, client=theirs, number=1, manager=person, tier="A", in_person=True, from_on=TODAY, to_on=TODAY,
            state="done", done_on=TODAY, channel="visit",
        )  # fmt: skip
        rows[f"{prefix}visit"] = visit
        rows[f"{prefix}photo"] = Photo.objects.create(
            contact=contact, number=1, width=1, height=1, size=1, sha256="x", path="x"
        )
        rows[f"{prefix}promise"] = Promise.objects.create(
            contact=contact, client=theirs, staff=person, text="Papers", due_on=TODAY
        )
        rows[f"{prefix}busy"] = Busy.objects.create(
            staff=person, date=TODAY, start="16:00", end="17:00", title="Meeting", created_by=person.user
        )
        rows[f"{prefix}plan"] = MonthPlan.objects.create(manager=person, month=month)
    return rows


PUBLIC_FORM = Signer(salt="complaints.public-form")
#: URLs of one complaint; elsewhere `number` means other things.
COMPLAINT_URLS = (
    *(
        f"complaints:{name}"
        for name in ("case", "act", "follow-up", "ask", "attach", "paper", "letter", "again", "evidence")
    ),
    *(
        f"api:complaint-{name}"
        for name in ("detail", "events", "advance", "back", "handover", "reopen", "withdraw", "command")
    ),
)


def _complaint(world: World) -> Example:
    return Example(world.rows["complaint"].number, world.rows["other_complaint"].number, "TS-none")


#: URL argument (or 'url argument', where the same word means several things) → example values. Rows of the whole firm
#: have no other side.
def _handover(world: World, client: str, to: str) -> Handover:
    """A book that somebody's client came with, long enough ago not to be undone."""
    staff = world.staff[to]
    made = Handover.objects.create(
        branch=staff.branch,
        former=staff,
        reason="Moved",
        on=DAY - timedelta(days=30),
        made_by=world.staff["head"].user,
        undo_until=DAY - timedelta(days=23),
        moved={"client": 1},
    )
    made.moves.create(what="client", client=world.rows[client], to=staff, tier="A", assets=YUAN)
    return made


EXAMPLES: dict[str, Callable[[World], Example]] = {
    "staff_no": lambda w: Example(w.staff["manager"].staff_no, w.staff["stranger"].staff_no, "S-none"),
    "leave_id": lambda w: Example(w.rows["leave"].pk, w.rows["other_leave"].pk, 99_999_999),
    "grant_id": lambda w: Example(w.rows["grant"].pk, w.rows["other_grant"].pk, 99_999_999),
    "token_id": lambda w: Example(w.rows["token bare"].pk, None, 99_999_999),
    "client_no": lambda w: Example(w.rows["client"].client_no, w.rows["other_client"].client_no, "C-none"),
    "branch_no": lambda w: Example(w.mine.branch_no, w.theirs.branch_no, "B-none"),
    "month": lambda w: Example("2026-10", None, "2026-99"),
    "uid": lambda w: Example(w.rows["webhook"].uid, None, "00000000-0000-0000-0000-000000000000"),
    "api:export-detail uid": lambda w: Example(w.rows["export"].uid, w.rows["other_export"].uid, uuid.UUID(int=0)),
    "api:export-file uid": lambda w: Example(w.rows["export"].uid, w.rows["other_export"].uid, uuid.UUID(int=0)),
    "problem": lambda w: Example("conflict", None, "none"),
    "letter_id": lambda w: Example(w.rows["letter"].pk, None, 99_999_999),
    "segment_id": lambda w: Example(w.rows["segment"].pk, w.rows["other_segment"].pk, 99_999_999),
    "api:segment-detail pk": lambda w: Example(w.rows["segment"].pk, w.rows["other_segment"].pk, 99_999_999),
    "api:segment-count pk": lambda w: Example(w.rows["segment"].pk, w.rows["other_segment"].pk, 99_999_999),
    "api:segment-clients pk": lambda w: Example(w.rows["segment"].pk, w.rows["other_segment"].pk, 99_999_999),
    "api:segment-freeze pk": lambda w: Example(w.rows["segment"].pk, w.rows["other_segment"].pk, 99_999_999),
    **{
        f"api:{url} pk": lambda w, row=row: Example(w.rows[row].pk, w.rows[f"other_{row}"].pk, 99_999_999)
        for url, row in (
            ("remote-proposal-detail", "proposal"),
            ("remote-proposal-decide", "proposal"),
            ("prospect-detail", "prospect"),
            ("prospect-convert", "prospect"),
            ("cost-month-detail", "costs"),
            ("offer-detail", "offer"),
        )
    },
    "analysis": lambda w: Example("overview", None, "nothing"),
    "dimension": lambda w: Example("clients", None, "nothing"),
    "callback_id": lambda w: Example(w.rows["callback"].pk, w.rows["other_callback"].pk, 99_999_999),
    "api:callback-detail pk": lambda w: Example(w.rows["callback"].pk, w.rows["other_callback"].pk, 99_999_999),
    "handover_id": lambda w: Example(w.rows["handover"].pk, w.rows["other_handover"].pk, 99_999_999),
    "api:handover-detail pk": lambda w: Example(w.rows["handover"].pk, w.rows["other_handover"].pk, 99_999_999),
    "api:handover-undo pk": lambda w: Example(w.rows["handover"].pk, w.rows["other_handover"].pk, 99_999_999),
    "target_id": lambda w: Example(w.rows["target"].pk, w.rows["other_target"].pk, 99_999_999),
    "api:target-detail pk": lambda w: Example(w.rows["target"].pk, w.rows["other_target"].pk, 99_999_999),
    "link_id": lambda w: Example(w.rows["wall"].pk, w.rows["other_wall"].pk, 99_999_999),
    "dashboards:section key": lambda w: Example("complaints", None, "nothing"),
    "key": lambda w: Example("hobby", None, "no-such-field"),
    "prospect_id": lambda w: Example(w.rows["prospect"].pk, w.rows["other_prospect"].pk, 99_999_999),
    "days": lambda w: Example(7, None, 99),
    **{f"{url} number": _complaint for url in COMPLAINT_URLS},
    "paper_id": lambda w: Example(w.rows["paper"].pk, w.rows["other_paper"].pk, 99_999_999),
    "attachment_id": lambda w: Example(w.rows["paper"].pk, w.rows["other_paper"].pk, 99_999_999),
    # Signed: whoever has the address may, whatever his role.
    "complaints:public token": lambda w: Example(
        Signer(salt="complaints.public-form").sign_object(w.mine.branch_no), None, "none"
    ),
    "complaints:satisfaction token": lambda w: Example("nobodys", None, "none"),
    "complaints:act key": lambda w: Example("note", None, "nothing"),
    "proposal_id": lambda w: Example(w.rows["proposal"].pk, w.rows["other_proposal"].pk, 99_999_999),
    "visit_id": lambda w: Example(w.rows["visit"].pk, w.rows["other_visit"].pk, 99_999_999),
    "photo_id": lambda w: Example(w.rows["photo"].pk, w.rows["other_photo"].pk, 99_999_999),
    "promise_id": lambda w: Example(w.rows["promise"].pk, w.rows["other_promise"].pk, 99_999_999),
    "busy_id": lambda w: Example(w.rows["busy"].pk, w.rows["other_busy"].pk, 99_999_999),
    "plan_id": lambda w: Example(w.rows["plan"].pk, w.rows["other_plan"].pk, 99_999_999),
    "number": lambda w: Example(1, None, 99),
    "secret": lambda w: Example("no-such-secret", None, "none-either"),
    **{
        f"api:visit-{name} pk": lambda w: Example(w.rows["visit"].pk, w.rows["other_visit"].pk, 99_999_999)
        for name in ("detail", "move", "cancel", "note")
    },
    "version": lambda w: Example(1, None, 9999),
    "day": lambda w: Example(DAY, None, date(1999, 1, 4)),
    "business_date": lambda w: Example(DAY, None, date(1999, 1, 4)),
    "ledger:batch pk": lambda w: Example(w.rows["batch"].pk, None, 99_999_999),
    "ledger:undo pk": lambda w: Example(w.rows["batch"].pk, None, 99_999_999),
    "ledger:retry pk": lambda w: Example(w.rows["batch"].pk, None, 99_999_999),
    "ledger:rejects pk": lambda w: Example(w.rows["file"].pk, None, 99_999_999),
    "ledger:rejects-download pk": lambda w: Example(w.rows["file"].pk, None, 99_999_999),
    "api:intake-detail pk": lambda w: Example(w.rows["batch"].pk, None, 99_999_999),
    "api:intake-rejects pk": lambda w: Example(w.rows["batch"].pk, None, 99_999_999),
}


def _papers(world: World) -> dict[str, object]:
    return {
        name: Attachment.objects.create(
            complaint=world.rows[case],
            name="x.pdf",
            kind="application/pdf",
            size=1,
            sha256="x",
            path="x",
            added_at=timezone.now(),
        )
        for name, case in (("paper", "complaint"), ("other_paper", "other_complaint"))
    }


def example(url: str, argument: str, world: World) -> Example:
    """The values of an argument of a URL. Raises KeyError if nobody has named any."""
    return (EXAMPLES.get(f"{url} {argument}") or EXAMPLES[argument])(world)


#: What is sent along, where nothing would say nothing: a question without its field is refused whoever asks.
SENT: dict[str, dict[str, str]] = {
    "clients:reveal": {"field": "mobile"},
    "clients:confirm": {"all": "1"},
    "clients:note": {"text": "Rang back"},
    "clients:export": {"format": "csv"},
    "clients:views": {"act": "save", "name": "Mine"},
    "clients:search": {"q": "a"},
    "api:change-list": {"after": "0"},
    "profiles:prospects-export": {"format": "csv"},
    "profiles:prospects-views": {"act": "save", "name": "Mine"},
    "complaints:export": {"format": "csv"},
    "complaints:views": {"act": "save", "name": "Mine"},
}
