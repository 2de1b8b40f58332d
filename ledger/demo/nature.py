"""What kind of client somebody is: wealth, taste for trading, how that changes over the years.

The constants are set so that over twelve months a branch's revenue looks like a real one's: the best fifth of the clients
bring about 80 %, a fifth or a quarter brings nothing, a few cost money (`tests/ledger/test_demo_files.py` holds that).
"""

from math import exp
from random import Random
from typing import NamedTuple

from ledger.demo.draws import Weighted

_MEDIAN_ASSETS, _ASSETS_SPREAD = 110_000, 1.1
_MOST_ASSETS = 300_000_000
_ACTIVITY_SPREAD = 1.05
#: Average trades of a client and month ÷ median of those who trade at all; brings the average to what was asked for.
_MEAN_TO_MEDIAN = 1.07
#: Entry to margin trading, options and Hong Kong shares: 500,000 元.
QUALIFIED = 500_000
#: Commission rates in millionths: what was usual when the account was opened, and what large clients get.
_OLD_RATES = Weighted({250: 20, 300: 30, 500: 25, 800: 17, 1200: 8})
_NEW_RATES = Weighted({150: 20, 200: 25, 250: 30, 300: 25})
_LARGE_RATES = Weighted({120: 30, 150: 40, 200: 30})
_TRENDS = Weighted({"steady": 56, "rising": 15, "falling": 15, "lapsed": 7, "burst": 7})
_ADVICE = (28.0, 68.0, 98.0, 198.0, 398.0)


class Nature(NamedTuple):
    """`assets` in 元, about, at the end; `trades` a month at full level; `rate` in millionths of the amount.

    `debt`: margin debt ÷ assets; `cash`: share of cash; `funds`: share in products that pay the firm a fee; `advice`: 元
    a month for an advisory service. `trend`, `turn` (months before the end) and `low` say how the level of activity
    changes. `idle`: does nothing at all.
    """

    assets: float
    idle: bool
    trades: float
    rate: int
    margin: bool
    options: bool
    debt: float
    cash: float
    funds: float
    advice: float
    trend: str
    turn: int
    low: float


def make_nature(random: Random, *, company: bool, opened_year: int, trades_per_client: float) -> Nature:
    """Draw a nature; `trades_per_client` is the average number of trades of all clients a month."""
    assets = _MEDIAN_ASSETS * exp(random.gauss(0.0, _ASSETS_SPREAD)) * (8 if company else 1)
    if random.random() < 0.02:
        assets *= random.paretovariate(1.5)
    assets = max(300.0, min(assets, _MOST_ASSETS))
    idle = random.random() < 0.135
    median = trades_per_client / _MEAN_TO_MEDIAN
    trades = 0.0 if idle else median * min(25.0, exp(random.gauss(0.0, _ACTIVITY_SPREAD)))
    margin = random.random() < (0.6 if assets > QUALIFIED else 0.065)
    options = random.random() < (0.2 if assets > QUALIFIED else 0.01)
    chance = random.random()
    return Nature(
        assets=assets,
        idle=idle,
        trades=trades,
        rate=_rate(random, assets, opened_year),
        margin=margin,
        options=options,
        debt=_debt(random, assets) if margin and not idle and random.random() < 0.5 else 0.0,
        cash=0.03 + 0.4 * random.random() ** 2,
        funds=0.05 + 0.45 * random.random() if not idle and chance < 0.25 else 0.0,
        advice=random.choice(_ADVICE[: 3 if assets < QUALIFIED else 5]) if not idle and chance > 0.98 else 0.0,
        trend=_TRENDS.draw(random),
        turn=2 + int(random.random() * 17),
        low=0.08 + 0.25 * random.random(),
    )


def _debt(random: Random, assets: float) -> float:
    """Margin debt as a share of the assets: the larger they are, the less is borrowed on them."""
    return (0.03 + 0.16 * random.random()) * min(1.0, (assets / 300_000) ** -0.35)


def _rate(random: Random, assets: float, opened_year: int) -> int:
    if assets > 2_000_000 or (assets > QUALIFIED and random.random() < 0.5):
        return _LARGE_RATES.draw(random)
    return (_OLD_RATES if opened_year < 2018 else _NEW_RATES).draw(random)


def level(nature: Nature, ago: int) -> float:
    """Activity some months before the end, as a share of the client's full activity."""
    match nature.trend:
        case "steady":
            return 1.0
        case "lapsed":
            return 1.0 if ago > nature.turn else 0.0
        case "burst":
            return 4.0 if nature.turn <= ago < nature.turn + 3 else 0.7
    risen = 1.0 / (1.0 + exp((ago - nature.turn) / 1.5))
    if nature.trend == "falling":
        risen = 1.0 - risen
    return nature.low + (1.0 - nature.low) * risen


def dormant_since(nature: Nature) -> int:
    """For dormant clients: how many months ago they did anything for the last time."""
    return nature.turn + 13
