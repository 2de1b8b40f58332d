"""What a client does month by month: assets, money in and out, fees, trades. All money in 分 (1/100 元)."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from ledger.demo.dates import Month
from ledger.demo.draws import poisson
from ledger.demo.market import CHARGES, KIND_MIX, KIND_MIX_WITH_OPTIONS, Market, Security, Weather
from ledger.demo.nature import QUALIFIED, Nature, dormant_since, level
from ledger.demo.people import Client

#: A year: of the debt, of the money in products.
_MARGIN_INTEREST, _TRAILER_FEE = 0.0635, 0.0025
#: Once, of the money put into a product.
_SUBSCRIPTION_FEE = 0.005
_CANCELLED = 0.002
#: How much smaller the part of the assets in one trade gets as they grow (exponent).
_CAUTION = 0.2
#: Option premiums against what the same client pays for shares.
_PREMIUM_SHARE = 0.05


class Flow(NamedTuple):
    day: str
    direction: str
    amount: int


class Fee(NamedTuple):
    day: str
    kind: str
    amount: int


class Trade(NamedTuple):
    """`account`: kind of the account it was made in. Cancellations repeat a trade with negative money."""

    day: str
    account: str
    security: Security
    side: str
    quantity: int
    amount: int
    commission: int
    fees: int


class MonthOfClient(NamedTuple):
    """`days`: trading days of the month on which the client was a client. `level`: of activity, 0 if none.

    `assets` in 元, net of debt, at the month's end. `snapshot`: cash, securities value, liabilities; None once closed.
    """

    month: Month
    weather: Weather
    days: tuple[str, ...]
    level: float
    assets: float
    snapshot: tuple[int, int, int] | None
    flows: list[Flow]
    fees: list[Fee]


def live(
    random: Random, client: Client, nature: Nature, months: list[Month], market: Market
) -> Iterator[MonthOfClient]:
    """The months of a client, from the first of the history (or the opening) on to the closing or the end."""
    opened, closed = client.opened_on.isoformat(), client.closed_on.isoformat() if client.closed_on else "9999"
    assets = _start(random, nature) if opened < months[0].days[0] else 0.0
    for month, weather in zip(months, market.weather, strict=True):
        days = _days(month, opened, closed)
        if not days:
            continue
        active = 0.0 if nature.idle else level(nature, month.ago)
        if client.status == "dormant" and month.ago < dormant_since(nature):
            active = 0.0
        assets *= 1 + weather.gain * (1 - nature.cash) + random.gauss(0.0, 0.012)
        flows = []
        if assets <= 0:
            assets = nature.assets * (0.4 + 0.6 * random.random())
            flows.append(Flow(days[0], "in", round(assets * 100)))
        if active:
            moved, assets = _flows(random, nature, assets, days)
            flows += moved
        if month.days[-1] >= closed:
            flows.append(Flow(days[-1], "out", round(assets * 100)))
            yield MonthOfClient(month, weather, days, active, assets, None, flows, [])
            return
        debt = assets * nature.debt * (0.8 + 0.4 * random.random()) if active and nature.debt else 0.0
        snapshot = _snapshot(random, nature, assets, debt)
        yield MonthOfClient(
            month, weather, days, active, assets, snapshot, flows, _fees(random, nature, month, active, assets, debt)
        )


def _start(random: Random, nature: Nature) -> float:
    """Assets before the first month; who rises had less then, who falls had more."""
    share = {"rising": 0.5, "falling": 1.5, "lapsed": 1.2}.get(nature.trend, 0.9)
    return nature.assets * share * (0.8 + 0.4 * random.random())


def _days(month: Month, opened: str, closed: str) -> tuple[str, ...]:
    if opened <= month.days[0] and month.days[-1] <= closed:
        return month.days
    return tuple(day for day in month.days if opened <= day <= closed)


def _flows(random: Random, nature: Nature, assets: float, days: tuple[str, ...]) -> tuple[list[Flow], float]:
    """Money in and out of one month, and the assets after it."""
    inwards = {"rising": 0.75, "falling": 0.3, "lapsed": 0.4}.get(nature.trend, 0.52)
    flows = []
    for _ in range(poisson(random, 0.35)):
        amount = round(assets * (0.02 + 0.18 * random.random()), 2)
        direction = "in" if random.random() < inwards else "out"
        flows.append(Flow(days[int(random.random() * len(days))], direction, round(amount * 100)))
        assets += amount if direction == "in" else -amount
    return flows, assets


def _snapshot(random: Random, nature: Nature, assets: float, debt: float) -> tuple[int, int, int]:
    total, owed = round((assets + debt) * 100), round(debt * 100)
    cash = int(total * min(0.95, nature.cash * (0.5 + random.random())))
    return cash, total - cash, owed


def _fees(random: Random, nature: Nature, month: Month, active: float, assets: float, debt: float) -> list[Fee]:
    """Fees of a whole month, all booked on its last trading day; refunds are negative."""
    if not month.whole:
        return []
    fees = []
    day = month.days[-1]
    if debt:
        fees.append(Fee(day, "margin_interest", round(debt * _MARGIN_INTEREST / 12 * 100)))
    if active:
        if nature.funds and month.first.month % 3 == 0:
            fees.append(Fee(day, "product_fee", round(assets * nature.funds * _TRAILER_FEE / 4 * 100) or 1))
        if nature.funds and random.random() < 0.06:
            fees.append(
                Fee(day, "product_fee", round(assets * (0.05 + 0.2 * random.random()) * _SUBSCRIPTION_FEE * 100) or 1)
            )
        if nature.advice:
            fees.append(Fee(day, "advisory_fee", round(nature.advice * 100)))
        if random.random() < 0.003:
            fees.append(Fee(day, "other", 1000 + int(random.random() * 4000)))
    if random.random() < 0.0012:
        kind = "advisory_fee" if random.random() < 0.5 else "other"
        fees.append(Fee(day, kind, -2000 - int(random.random() * 28000)))
    return fees


def trades(random: Random, nature: Nature, lived: MonthOfClient, market: Market) -> list[Trade]:
    """The trades of one month in the order of their days; about one in 500 is cancelled the same day."""
    share_of_month = len(lived.days) / 21
    count = poisson(random, nature.trades * lived.level * lived.weather.bustle * min(1.0, share_of_month))
    made = []
    for position in sorted(int(random.random() * len(lived.days)) for _ in range(count)):
        trade = _trade(random, nature, lived, market, lived.days[position])
        made.append(trade)
        if random.random() < _CANCELLED:
            made.append(trade._replace(amount=-trade.amount, commission=-trade.commission, fees=-trade.fees))
    return made


def _trade(random: Random, nature: Nature, lived: MonthOfClient, market: Market, day: str) -> Trade:
    kind = (KIND_MIX_WITH_OPTIONS if nature.options else KIND_MIX).draw(random)
    if kind == "hk_stock" and nature.assets < QUALIFIED:
        kind = "stock"
    security = market.pick(random, kind)
    drift = lived.weather.level if kind in ("stock", "etf", "hk_stock") else 1.0
    drift *= 0.96 + 0.08 * random.random() if kind not in ("repo", "other") else 1.0
    price = max(security.tick, round(security.unit_price * drift / security.tick) * security.tick)
    # A part of the assets, the smaller the larger they are; never less than a lot.
    wanted = lived.assets * 1000 * (lived.assets / 100_000) ** -_CAUTION * (0.05 + 0.7 * random.random() ** 1.5)
    if kind == "option":
        wanted *= _PREMIUM_SHARE
    quantity = max(1, int(wanted / (price * security.lot))) * security.lot
    amount = quantity * price // 10
    commission, fees = charges(kind, nature.rate, quantity, amount)
    account = "options" if kind == "option" else "ordinary"
    if nature.margin and kind in ("stock", "etf") and random.random() < 0.4:
        account = "margin"
    return Trade(
        day, account, security, "buy" if random.random() < 0.52 else "sell", quantity, amount, commission, fees
    )


def charges(kind: str, rate: int, quantity: int, amount: int) -> tuple[int, int]:
    """(commission, exchange fees) of a trade in 分; `rate` in millionths of the amount."""
    charge = CHARGES[kind]
    if charge.per_unit is not None:
        return quantity * charge.per_unit[0], quantity * charge.per_unit[1]
    ppm = rate if charge.own_ppm is None else charge.own_ppm
    return max(charge.least, (amount * ppm + 500_000) // 1_000_000), round(amount * charge.fee_ppm / 1_000_000)
