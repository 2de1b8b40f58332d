"""Managers side by side, each against the mean of such clients (D2); churn watch and churn economics (L7, L8)."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from crm.clock import today
from crm.partitions import month_start
from dashboards import queries
from dashboards.asked import NO_MANAGER, Asked
from dashboards.book import manager_url
from dashboards.parts import Cell, Section, Table, Tile, column
from dashboards.queries import NONE
from dashboards.rules import INDEX_BEHIND, Book, Churn, churn, expected, few, index, months_on, rates, standard_share
from dashboards.sections.contacts import shown_month, staff_words
from org.listing import Kind


def build(asked: Asked) -> Section:
    found = queries.books(asked)
    standard = rates(list(found.values()))
    staff = queries.people(found)
    duties = {row.staff.pk if row.staff else -1: row for row in queries.contacts(asked, shown_month(asked), today())}
    weights = {tier: sum(row.tiers[tier].wanted for row in duties.values() if tier in row.tiers) for tier in "ABC"}
    month = month_start(asked.as_of) if asked.as_of else asked.period.first
    leaving = queries.by_manager(asked, "leaving", [month])
    rows = []
    for staff_id, book in sorted(found.items(), key=lambda item: -(index(item[1], standard) or 0)):
        one = staff.get(staff_id)
        if staff_id > 0 and one is None:
            continue
        who = {"manager": one.staff_no if one is not None else NO_MANAGER}
        row = duties.get(staff_id)
        done = {tier: (cell.done, cell.wanted) for tier, cell in row.tiers.items()} if row is not None else {}
        lost = leaving.get(staff_id, NONE)
        rows.append(
            [
                Cell(staff_words(one), manager_url(asked, one), page=True),
                *_mix(asked, book, who),
                Cell(book.amount),
                Cell(round(expected(book, standard))),
                _index(book, standard),
                Cell(row.total.share if row is not None else None),
                Cell(standard_share(done, weights)),
                Cell(
                    lost.count,
                    asked.clients_url(**who, figure=f"leaving:{month:%Y-%m}"),
                    tone="warn" if lost.count else "",
                ),
            ]
        )
    note = _(
        "Index: what the clients brought in twelve months ÷ what they would have brought at the mean of their tier in this branch"
        " (indirect standardisation): 1.00 is as expected from such clients; below ten clients it says little and stays grey."
        " Contacts, same mix: shares by tier weighted with the branch's own contacts (direct standardisation)."
    )
    columns = [
        column("manager", _("Manager")),
        *(column(tier, tier, Kind.NUMBER) for tier in "ABC"),
        column("contribution", _("Contribution"), Kind.MONEY),
        column("expected", _("Expected of such clients"), Kind.MONEY),
        column("index", _("Index"), Kind.NUMBER),
        column("contacts", _("Contacts done"), Kind.SHARE),
        column("standard", _("Contacts, same mix"), Kind.SHARE),
        column("leaving", _("Taking money out"), Kind.NUMBER),
    ]
    table = Table(
        "managers", _("Managers by the mix of their clients"), columns, rows, note, empty=_("Nobody has clients here")
    )
    return Section("managers", _("Managers, compared fairly"), blocks=[table])


def _mix(asked: Asked, book: Book, who: dict[str, str]) -> list[Cell]:
    return [Cell(book.clients.get(tier, 0), asked.clients_url(**who, tier=tier)) for tier in "ABC"]


def _index(book: Book, standard: dict[str, float]) -> Cell:
    found = index(book, standard)
    tone = "quiet" if few(book) else "warn" if found is not None and found < INDEX_BEHIND else ""
    return Cell(round(found, 2) if found is not None else None, tone=tone)


# --- Churn ---------------------------------------------------------------------------------------------------------------

#: Rates beside the branch's own: the product page's worked example.
EXAMPLES = (Decimal("0.10"), Decimal("0.50"))


def build_churn(asked: Asked, what_if: Decimal | None = None) -> Section:
    """Who is about to go, and what it costs to win others. `what_if`: a rate to try (0–1)."""
    if asked.as_of is None:
        return Section("churn", _("Churn"))
    month = month_start(asked.as_of)
    watched = ("leaving", "idle_a", "less", "lost")
    sums = {key: found for (key, _month), found in queries.figures(asked, watched, [month]).items()}
    lost = sums.get("lost", NONE).count
    start = _there_before(asked)
    rate = Decimal(lost) / start if start else None
    labels = {
        "leaving": (_("A and B taking money out"), _("10 % of their assets or more within three months, net")),
        "idle_a": (_("A without a trade for a quarter"), _("90 days")),
        "less": (_("Bring less than a year before"), _("in the running month")),
        "lost": (_("Closed within twelve months"), ""),
    }
    tiles = [
        Tile(
            key,
            label,
            Cell(count, asked.clients_url(figure=f"{key}:{month:%Y-%m}"), tone="warn" if count else ""),
            sub=sub,
        )
        for key, (label, sub) in labels.items()
        for count in [sums.get(key, NONE).count]
    ]
    if rate is not None:
        tiles.append(Tile("rate", _("Churn rate"), Cell(rate), Kind.SHARE, _("of the clients twelve months ago")))
    keep = queries.cost_of_keeping(asked)
    wanted = [(_("Own rate"), rate), *((_("Example"), one) for one in EXAMPLES), (_("Tried"), what_if)]
    rows = [[Cell(words), *_economics(churn(start, one), keep)] for words, one in wanted if one is not None and start]
    columns = [
        column("what", _("Churn")),
        column("rate", _("Rate"), Kind.SHARE),
        column("win", _("Clients to win"), Kind.NUMBER),
        column("keep", _("Clients kept"), Kind.NUMBER),
        column("winning", _("Winning, × n"), Kind.NUMBER),
        column("keeping", _("Keeping, × n"), Kind.NUMBER),
        column("all", _("Together, × n"), Kind.NUMBER),
        column("cost", _("A year, by own costs"), Kind.MONEY),
    ]
    note = _(
        "n: what keeping one client costs; winning one costs five times as much. Own costs: those shared out to clients."
    )
    table = Table("economics", _("What churn costs: to keep the number of clients"), columns, rows, note)
    return Section("churn", _("Churn"), tiles, [table], more={"what_if": what_if})


def _economics(found: Churn, keep: int | None) -> list[Cell]:
    money = found.cost * keep if keep is not None else None
    figures: list[Any] = [found.rate, found.win, found.keep, found.winning_cost, found.keeping_cost, found.cost, money]
    return [Cell(value) for value in figures]


def _there_before(asked: Asked) -> int:
    """Clients at the end of the month twelve months ago (analyses)."""
    if asked.as_of is None:
        return 0
    month = months_on(month_start(asked.as_of), -12)
    return queries.cells(asked, {"clients": [month]}).get(("clients", month, "open"), NONE).count
