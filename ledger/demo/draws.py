"""Random streams and the few distributions that the demo firm is drawn from."""

from bisect import bisect
from collections.abc import Mapping
from enum import IntEnum
from itertools import accumulate
from math import exp, sqrt
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Stream(IntEnum):
    """What is drawn from one stream does not change when more or less is drawn from another."""

    PERSON = 0
    NATURE = 1
    HISTORY = 2
    TRADES = 3
    STREETS = 4
    BRANCHES = 5
    STAFF = 6
    MARKET = 7


def reseed(random: Random, seed: int, stream: Stream, number: int = 0) -> Random:
    """Set a generator to the start of a stream; `number` tells clients (cities, months) apart."""
    # A whole number as seed: mixed well by the generator itself, and the same in every process.
    random.seed(seed << 48 | number << 4 | stream)
    return random


class Weighted(Generic[T]):
    """Values with weights, drawn in one step."""

    def __init__(self, weights: Mapping[T, float]) -> None:
        self.values = list(weights)
        self._edges = list(accumulate(weights.values()))

    def draw(self, random: Random) -> T:
        return self.values[bisect(self._edges, random.random() * self._edges[-1])]


def poisson(random: Random, mean: float) -> int:
    """A Poisson draw by Knuth's product; above 30 the normal approximation is close enough and quick."""
    if mean <= 0.0:
        return 0
    if mean > 30.0:
        return max(0, round(random.gauss(mean, sqrt(mean))))
    limit, product, count = exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count
