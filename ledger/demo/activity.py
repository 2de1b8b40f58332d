"""What an invented client does: assets, trades, cash flows and fees, month by month."""

import calendar
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

HOLIDAYS = {(1, 1), (5, 1), (5, 2), (5, 3), *((10, day) for day in range(1, 8))}
SECURITIES = (
    ("stock", ("600", "601", "603", "000", "002", "300"), 70),
    ("etf", ("510", "512", "159"), 12),
    ("fund", ("161", "163"), 5),
    ("bond", ("113", "127"), 5),
    ("option", ("100",), 2),
    ("hk_stock", ("00", "01"), 3),
    ("repo", ("204", "131"), 3),
)
_KINDS = [kind for kind, _, _ in SECURITIES]
_PREFIXES = {kind: prefixes for kind, prefixes, _ in SECURITIES}
_KIND_WEIGHTS = [weight for _, _, weight in SECURITIES]
#: Exchange and regulator fees on turnover, both sides.
EXCHANGE_RATE = 0.0000541
MINIMUM_COMMISSION = 5.0


@dataclass(frozen=True)
class Temper:
    """How somebody behaves: `assets` in 元 at the end, trades a month, commission rate, monthly growth, margin debt share."""

    assets: float
    trades_a_month: float
    rate: float
    growth: float
    debt_share: float
    product_fee: float


def month_days(month: date, last: date) -> list[date]:
    """Trading days of a month up to and including `last`: weekdays without the fixed public holidays."""
    days = calendar.monthrange(month.year, month.month)[1]
    dates = (month.replace(day=day) for day in range(1, days + 1))
    return [day for day in dates if day <= last and is_trading(day)]


def is_trading(day: date) -> bool:
    return day.weekday() < 5 and (day.month, day.day) not in HOLIDAYS


def previous_trading(day: date) -> date:
    """The newest trading day on or before a date."""
    while not is_trading(day):
        day -= timedelta(days=1)
    return day


def temper(random: Random, trades_per_client: float, *, margin: bool) -> Temper:
    """Heavy tails in wealth and in activity; about a fifth does nothing at all."""
    wealth = random.lognormvariate(math.log(110_000), 1.3)
    idle = random.random() < 0.21
    activity = 0.0 if idle else trades_per_client * random.lognormvariate(-0.4, 1.0)
    rate = min(0.003, max(0.00012, random.lognormvariate(math.log(0.0004), 0.5)))
    growth = random.choice((0.0,) * 6 + (0.05, 0.07, -0.06, -0.08))
    debt = random.uniform(0.05, 0.4) if margin and not idle else 0.0
    product = wealth * 0.0006 * random.random() if not idle and random.random() < 0.3 else 0.0
    return Temper(min(wealth, 2e8), min(activity, 40 * trades_per_client), rate, growth, debt, product)


def poisson(random: Random, mean: float) -> int:
    """A draw by Knuth's product, with a normal draw where that would take long."""
    if mean <= 0:
        return 0
    if mean > 30:
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count


def level(nature: Temper, months_ago: int) -> float:
    """Share of the final activity that a client had some months before the end."""
    return max(0.05, min(4.0, (1 + nature.growth) ** (12 - months_ago)))


def trades(random: Random, nature: Temper, days: list[date], months_ago: int) -> Iterator[tuple]:
    """Rows (date, code, kind, side, quantity, amount, commission, exchange_fees); about one in 400 is a cancellation."""
    for _ in range(poisson(random, nature.trades_a_month * level(nature, months_ago)) if days else 0):
        kind = random.choices(_KINDS, _KIND_WEIGHTS)[0]
        prefix = random.choice(_PREFIXES[kind])
        code = prefix + f"{random.randrange(10 ** (6 - len(prefix))):0{6 - len(prefix)}d}"
        price = round(random.lognormvariate(2.6, 0.8), 2)
        lots = max(1, round(nature.assets * random.uniform(0.02, 0.3) / price / 100))
        amount = round(price * lots * 100, 2)
        commission = round(max(MINIMUM_COMMISSION, amount * nature.rate), 2)
        sign = -1 if random.random() < 0.0025 else 1
        side = "buy" if random.random() < 0.52 else "sell"
        fees = round(amount * EXCHANGE_RATE, 2)
        yield random.choice(days), code, kind, side, lots * 100, sign * amount, sign * commission, sign * fees


def snapshot(random: Random, nature: Temper, months_ago: int) -> tuple[float, float, float]:
    """Cash, securities value and liabilities in 元 at a month's end."""
    total = nature.assets * level(nature, months_ago) ** 0.5 * random.uniform(0.9, 1.1)
    debt = total * nature.debt_share
    cash = total * random.uniform(0.03, 0.4)
    return round(cash, 2), round(total + debt - cash, 2), round(debt, 2)


def fees(random: Random, nature: Temper, day: date, debt: float) -> Iterator[tuple[date, str, float]]:
    """Rows (date, kind, amount) of one month; refunds are negative."""
    if debt:
        yield day, "margin_interest", round(debt * 0.068 / 12, 2)
    if nature.product_fee and random.random() < 0.5:
        yield day, "product_fee", round(nature.product_fee * random.uniform(0.5, 1.5), 2)
    chance = random.random()
    if nature.trades_a_month and chance < 0.01:
        yield day, "advisory_fee", round(random.uniform(50, 600), 2)
    elif chance > 0.9985:
        yield day, "other", -round(random.uniform(5, 60), 2)


def cash_flows(random: Random, nature: Temper, days: list[date]) -> Iterator[tuple[date, str, float]]:
    """Rows (date, direction, amount) of one month."""
    for _ in range(poisson(random, 0.35) if days and nature.trades_a_month else 0):
        direction = "in" if random.random() < (0.55 + nature.growth * 2) else "out"
        yield random.choice(days), direction, round(nature.assets * random.uniform(0.02, 0.2), 2)
