"""Composition against 20 / 40 / 40, Pareto, nine cells, migration (D2)."""

from datetime import date, timedelta

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from clients.models import STAYING
from crm.partitions import month_start
from dashboards import queries
from dashboards.asked import Asked
from dashboards.figures import CELL_KEYS
from dashboards.parts import Cell, Chart, Section, Table, Tile, column
from dashboards.queries import NONE, Sums
from measures.models import Manner, Size
from org.listing import Kind
from org.templatetags.fmt import day as day_text
from segmentation.policies import policy_on
from segmentation.rules import share


def ideals(on: date) -> dict[str, float]:
    """The ideal composition of the policy in force: 20 / 40 / 40, as shares."""
    policy = policy_on(on)
    ideal = {"A": policy.ideal_a, "B": policy.ideal_b, "C": 100 - policy.ideal_a - policy.ideal_b}
    return {tier: float(value) / 100 for tier, value in ideal.items()}


def build(asked: Asked) -> Section:
    if asked.as_of is None:
        return Section("clients", _("Composition and migration"))
    state_month = month_start(asked.as_of)
    months = [month for month in asked.period.months if month <= state_month]
    tiers = queries.cells(asked, {"tier": [state_month]})
    moved = queries.figures(asked, ["rose", "fell"], months)
    state = queries.figures(asked, [f"cell_{key}" for key in CELL_KEYS], [state_month])
    blocks: list[Table | Chart] = [_composition(asked, state_month, tiers), _cells(asked, state_month, state)]
    query = {**asked.narrowing, **({"branch": asked.branch.branch_no} if asked.branch else {})}
    if asked.segment is None and not asked.nobody:
        address = f"{reverse('segmentation:pareto-data')}?{urlencode(query)}"
        blocks.append(Chart("pareto", _("Pareto: who brings the contribution"), "pareto", address, 320))
        blocks.append(_streams(asked, query))
    return Section(
        "clients",
        _("Composition and migration"),
        _tiles(asked, months, tiers, moved),
        blocks,
        _("Composition and cells as of %(day)s; moves of the period.") % {"day": day_text(asked.as_of)},
    )


def _tiles(
    asked: Asked,
    months: list[date],
    tiers: dict[tuple[str, date, str], Sums],
    moved: dict[tuple[str, date], Sums],
) -> list[Tile]:
    ranked = sum(sums.count for sums in tiers.values())
    tiles = [Tile("ranked", _("Ranked clients"), Cell(ranked, asked.clients_url(tier=["A", "B", "C"], status=STAYING)))]
    for key, label in (("rose", _("Rose to a higher tier")), ("fell", _("Fell to a lower tier"))):
        for month in months[-1:] if len(months) == 1 else []:
            count = moved.get((key, month), NONE).count
            url = asked.clients_url(figure=f"{key}:{month:%Y-%m}")
            tone = ("rise" if key == "rose" else "fall") if count else ""
            tiles.append(Tile(key, label, Cell(count, url, tone=tone)))
    return tiles


def _composition(asked: Asked, month: date, tiers: dict[tuple[str, date, str], Sums]) -> Table:
    ideal = ideals(asked.as_of or month)
    found = {tier: tiers.get(("tier", month, tier), NONE) for tier in "ABC"}
    clients, amount = sum(one.count for one in found.values()), sum(max(one.amount, 0) for one in found.values())
    rows = []
    for tier, sums in found.items():
        part = share(sums.count, clients)
        off = float(part) - ideal[tier] if part is not None else None
        rows.append(
            [
                Cell(tier),
                Cell(sums.count, asked.clients_url(cell=f"tier:{month:%Y-%m}:{tier}")),
                Cell(part),
                Cell(ideal[tier]),
                Cell(off, tone="warn" if off is not None and abs(off) > 0.05 else ""),
                Cell(sums.amount),
                Cell(share(sums.amount, amount)),
                Cell(sums.extra),
            ]
        )
    columns = [
        column("tier", _("Tier")),
        column("clients", _("Clients"), Kind.NUMBER),
        column("share", _("Share"), Kind.SHARE),
        column("ideal", _("Ideal"), Kind.SHARE),
        column("off", _("Away by"), Kind.SHARE),
        column("contribution", _("Contribution"), Kind.MONEY),
        column("contribution_share", _("Of the contribution"), Kind.SHARE),
        column("assets", _("Assets"), Kind.MONEY),
    ]
    return Table("composition", _("A, B and C against the ideal"), columns, rows)


def _cells(asked: Asked, month: date, state: dict[tuple[str, date], Sums]) -> Table:
    rows = [
        [
            Cell(str(size.label)),
            *(
                Cell(
                    state.get((f"cell_{size}{manner}", month), NONE).count,
                    asked.clients_url(nine_cell=f"{size}{manner}"),
                )
                for manner in Manner
            ),
            Cell(sum(state.get((f"cell_{size}{manner}", month), NONE).amount for manner in Manner)),
        ]
        for size in Size
    ]
    columns = [
        column("size", _("Size")),
        *(column(manner.value, str(manner.label), Kind.NUMBER) for manner in Manner),
        column("assets", _("Assets"), Kind.MONEY),
    ]
    return Table("cells", _("Nine cells: size and manner"), columns, rows)


def _streams(asked: Asked, query: dict[str, str]) -> Chart:
    end = min(asked.period.after - timedelta(days=1), asked.as_of or asked.period.first)
    start = min(asked.period.first - timedelta(days=1), end)
    asks = {**query, "scheme": "tier", "from": start.isoformat(), "to": end.isoformat()}
    return Chart(
        "migration",
        _("Who moved between the tiers"),
        "sankey",
        f"{reverse('measures:migration-data')}?{urlencode(asks)}",
        300,
    )
