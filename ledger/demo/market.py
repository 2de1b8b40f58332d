"""The securities that the demo firm's clients trade, their prices, and how the market moved month by month."""

from math import exp, log
from random import Random
from typing import NamedTuple

from ledger.demo.dates import Month
from ledger.demo.draws import Stream, Weighted, reseed


class Security(NamedTuple):
    """`unit_price` in 1/1000 元 for one unit, traded in lots of `lot` units."""

    code: str
    kind: str
    lot: int
    unit_price: int
    tick: int


class Charge(NamedTuple):
    """What a trade costs besides the client's rate. ppm: millionths of the amount; others in 分.

    `own_ppm`: commission by this rate and not by the client's. `per_unit`: commission and fee per unit (option contracts).
    """

    least: int
    fee_ppm: float
    own_ppm: int | None = None
    per_unit: tuple[int, int] | None = None


class _Kind(NamedTuple):
    """How codes and prices (元, median and spread) of one kind of security look."""

    prefixes: str
    digits: int
    codes: int
    lot: int
    price: float
    spread: float
    tick: int


_KINDS = {
    "stock": _Kind("600 601 603 605 688 000 001 002 300 301", 6, 600, 100, 14.0, 0.8, 10),
    "etf": _Kind("510 512 515 588 159", 6, 80, 100, 1.4, 0.6, 1),
    "fund": _Kind("161 163 501", 6, 40, 100, 1.2, 0.3, 1),
    "bond": _Kind("019 110 113 123 127", 6, 60, 10, 112.0, 0.08, 1),
    "option": _Kind("1000", 8, 60, 1, 620.0, 0.9, 1000),
    "hk_stock": _Kind("00 01 02 06 09", 5, 80, 500, 22.0, 0.9, 10),
    "repo": _Kind("204 131", 6, 12, 10, 100.0, 0.0, 1),
    "other": _Kind("205", 6, 8, 1000, 1.0, 0.0, 1),
}
_MIX = {"stock": 70, "etf": 13, "fund": 4, "bond": 5, "hk_stock": 2.5, "repo": 2.2, "other": 0.3}
#: What clients like best, and those of them who may trade options.
KIND_MIX, KIND_MIX_WITH_OPTIONS = Weighted(_MIX), Weighted(_MIX | {"option": 30})
CHARGES = {
    "stock": Charge(500, 54.1),
    "etf": Charge(500, 40.0),
    "fund": Charge(500, 40.0),
    "bond": Charge(100, 2.0, own_ppm=40),
    "option": Charge(0, 0.0, per_unit=(420, 160)),
    "hk_stock": Charge(500, 84.0),
    "repo": Charge(10, 0.5, own_ppm=10),
    "other": Charge(100, 0.0, own_ppm=60),
}


class Weather(NamedTuple):
    """One month of the market: its return, how much is traded (1 is usual), prices against those of the end."""

    gain: float
    bustle: float
    level: float


class Market:
    """Securities by kind, the popular ones first, and the weather of each month of the history."""

    def __init__(self, seed: int, months: list[Month]) -> None:
        random = reseed(Random(), seed, Stream.MARKET)
        self.securities = {kind: _securities(random, kind, shape) for kind, shape in _KINDS.items()}
        self.weather: list[Weather] = []
        level = 1.0
        for month in reversed(months):
            # Its own stream for each calendar month: a longer history does not change the newer months.
            reseed(random, seed, Stream.MARKET, month.first.year * 12 + month.first.month)
            gain = max(-0.12, min(0.14, random.gauss(0.004, 0.04)))
            self.weather.append(Weather(gain, exp(random.gauss(0.0, 0.18)), level))
            level /= 1 + gain
        self.weather.reverse()

    def pick(self, random: Random, kind: str) -> Security:
        """A security of a kind; half of the trades go to the most popular fifth."""
        choice = self.securities[kind]
        return choice[int(len(choice) * random.random() ** 2.3)]


def _securities(random: Random, kind: str, shape: _Kind) -> list[Security]:
    codes: dict[str, None] = {}
    prefixes = shape.prefixes.split()
    while len(codes) < shape.codes:
        prefix = random.choice(prefixes)
        left = shape.digits - len(prefix)
        codes[prefix + f"{random.randrange(10**left):0{left}d}"] = None
    securities = []
    for code in codes:
        price = exp(log(shape.price) + random.gauss(0.0, shape.spread)) * 1000
        lot = 200 if code.startswith("688") else shape.lot
        securities.append(
            Security(code, kind, lot, max(shape.tick, round(price / shape.tick) * shape.tick), shape.tick)
        )
    return securities
