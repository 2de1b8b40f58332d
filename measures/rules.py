"""The decisions of the measures as plain functions; `queries` says the same in SQL and a test holds both together."""

from collections.abc import Mapping
from datetime import date

from measures.models import Kind, Manner, RfmGroup, Size

#: (group, R, F, M ranges), the first that fits; as the manual of the R package `rfm` has them.
GROUPS: tuple[tuple[str, tuple[int, int], tuple[int, int], tuple[int, int]], ...] = (
    (RfmGroup.CHAMPIONS, (5, 5), (5, 5), (5, 5)),
    (RfmGroup.POTENTIAL, (3, 5), (3, 5), (2, 5)),
    (RfmGroup.LOYAL, (2, 4), (2, 4), (2, 4)),
    (RfmGroup.PROMISING, (3, 4), (1, 3), (3, 5)),
    (RfmGroup.NEW, (4, 5), (1, 3), (1, 5)),
    (RfmGroup.CANT_LOSE, (1, 2), (3, 4), (4, 5)),
    (RfmGroup.AT_RISK, (1, 2), (2, 5), (4, 5)),
    (RfmGroup.ATTENTION, (1, 3), (3, 5), (3, 5)),
    (RfmGroup.SLEEPING, (2, 3), (1, 3), (1, 4)),
    (RfmGroup.LOST, (1, 1), (1, 5), (1, 5)),
)


def rfm_group(r: int | None, f: int | None, m: int | None) -> str:
    """The named group of three quintiles (S5)."""
    if r is None or f is None or m is None:
        return RfmGroup.NEVER
    for group, *ranges in GROUPS:
        if all(low <= value <= high for value, (low, high) in zip((r, f, m), ranges, strict=True)):
            return group
    return RfmGroup.OTHERS


def size_of(assets: int, medium_from: int, large_from: int) -> str:
    """Size by assets (S3); all in the same unit."""
    return Size.LARGE if assets >= large_from else Size.MEDIUM if assets >= medium_from else Size.SMALL


def manner_of(last_trade_on: date | None, idle_before: date, turnover_rate: float | None, short: float) -> str:
    """Idle without a trade since `idle_before`, short-term from a turnover of `short` times a year on, else steady (S3)."""
    if last_trade_on is None or last_trade_on < idle_before:
        return Manner.IDLE
    return Manner.SHORT if turnover_rate is not None and turnover_rate >= short else Manner.STEADY


def kind_of(
    *, tier: str, inflow: int, assets_before: int | None, months: int, growth_percent: int, cash_months: int
) -> str:
    """The four kinds (S6): A clients are value; who brings in much money, growth; who contributes most months, cash-flow."""
    if tier == "A":
        return Kind.VALUE
    if assets_before is not None and inflow > 0 and inflow * 100 >= growth_percent * assets_before:
        return Kind.GROWTH
    return Kind.CASH_FLOW if months >= cash_months else Kind.RELATIONSHIP


def score(parts: Mapping[str, int | None], weights: Mapping[str, int]) -> tuple[int, int]:
    """(score 0–100, confidence %): weighted mean of the known parts, rounded half up; missing ones cost confidence."""
    known = {name: value for name, value in parts.items() if value is not None and weights[name]}
    total = sum(weights[name] for name in known)
    if not total:
        return 0, 0
    weighted = sum(weights[name] * value for name, value in known.items())
    return (2 * weighted + total) // (2 * total), total


def waterfall(parts: Mapping[str, int | None], weights: Mapping[str, int]) -> list[tuple[str, int | None, float]]:
    """(part, its value 0–100, points it gives): the points of the known parts add up to the score before rounding."""
    total = sum(weights[name] for name, value in parts.items() if value is not None)
    return [
        (name, value, weights[name] * value / total if value is not None and total else 0.0)
        for name, value in parts.items()
    ]


def moved_inputs(scheme: str, before: str, after: str) -> list[str]:
    """Which inputs moved a client from one key of a scheme to another (S12), as far as the two keys tell: assets, last_trade,
    turnover, tier, inflow, months, contribution. Empty where nothing moved, or where the keys alone do not tell."""
    if before == after or "-" in (before, after):
        return []
    if scheme == "cell":
        manners = {before[1], after[1]}
        manner = [] if len(manners) == 1 else ["last_trade"] if Manner.IDLE in manners else ["turnover"]
        return (["assets"] if before[0] != after[0] else []) + manner
    if scheme == "kind":
        kinds = {before, after}
        return ["tier"] if Kind.VALUE in kinds else ["inflow"] if Kind.GROWTH in kinds else ["months"]
    return ["contribution"] if scheme in ("tier", "service_tier") else []
