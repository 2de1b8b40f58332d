"""Lifetime value (S13): how often a client will trade and what each trading day brings, as pure functions of arrays.

BG/NBD after Fader, Hardie and Lee, "Counting Your Customers the Easy Way" (Marketing Science 24, 2005); gamma-gamma after
Fader and Hardie, "The Gamma-Gamma Model of Monetary Value" (note 025, 2013). scipy does the numbers; no kept library offers
these two models without a compiler at run time (docs/forecasts.md). Time is in weeks throughout.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

Array = NDArray[np.float64]

#: Fewer clients with a repeat day than this, and the four numbers of a model are not to be had from them.
LEAST_REPEATERS = 100


class NoFit(ValueError):
    """The data do not carry the model: too few clients came back, or the search did not settle."""


@dataclass(frozen=True)
class Activity:
    """What the models know of each client, one element a client.

    `repeats`: trading days after the first; `last`: weeks from the first to the last; `age`: weeks from the first to the
    end of the observation; `day_value`: mean contribution of a repeat day (元; anything where repeats = 0).
    """

    repeats: Array
    last: Array
    age: Array
    day_value: Array

    def __len__(self) -> int:
        return len(self.repeats)

    def take(self, which: Any) -> "Activity":
        """The same for some of the clients (an index or a mask)."""
        return Activity(self.repeats[which], self.last[which], self.age[which], self.day_value[which])


@dataclass(frozen=True)
class Purchases:
    """BG/NBD: trading rates are gamma(r, alpha), the chance to leave after a trading day is beta(a, b)."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float = 0.0

    def alive(self, of: Activity) -> Array:
        """Probability that the client has not left for good, 0–1."""
        return 1 / (1 + self._gone(of))

    def expected(self, of: Activity, weeks: float) -> Array:
        """Expected number of trading days in the coming `weeks`."""
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        if abs(a - 1) < 1e-6:  # the closed form divides by a − 1; its limit is smooth
            a = 1 + 1e-6
        horizon = alpha + of.age + weeks
        # The published form times (1 − z)^(c − a − b): its hypergeometric series overflows for busy clients, this does not.
        shrink = ((alpha + of.age) / horizon) ** (a - 1)
        shrink = shrink * _hypergeometric(a + b - 1 - r, a - 1, a + b + of.repeats - 1, weeks / horizon)
        return (a + b + of.repeats - 1) / (a - 1) * (1 - shrink) / (1 + self._gone(of))

    def _gone(self, of: Activity) -> Array:
        """Odds that the client has left; 0 for who never came back, as the model has it."""
        odds = np.log(self.a / np.maximum(self.b + of.repeats - 1, 1e-12))
        odds = odds + (self.r + of.repeats) * np.log((self.alpha + of.age) / (self.alpha + of.last))
        return np.where(of.repeats > 0, np.exp(np.minimum(odds, 500)), 0.0)


@dataclass(frozen=True)
class Spending:
    """Gamma-gamma: a repeat day's value is gamma(p, ν), ν is gamma(q, v) over the clients."""

    p: float
    q: float
    v: float
    log_likelihood: float = 0.0

    def expected(self, of: Activity) -> Array:
        """Expected value of a coming trading day (元): own mean and the mean of all, weighted by what is known.

        A mean of 0 or less is outside the model and stays as it is; whoever never came back gets the mean of all.
        """
        mean = self.p * self.v / (self.q - 1) if self.q > 1 else float("nan")
        known = self.p * (self.v + of.repeats * of.day_value) / (self.p * of.repeats + self.q - 1)
        known = np.where(of.day_value > 0, known, of.day_value)
        return np.where(of.repeats > 0, known, mean)


def fit_purchases(of: Activity) -> Purchases:
    """The BG/NBD of the greatest likelihood. Raises NoFit."""
    if int((of.repeats > 0).sum()) < LEAST_REPEATERS:
        raise NoFit("too few clients came back")
    came_back = of.repeats > 0

    def log_likelihood(r: float, alpha: float, a: float, b: float) -> float:
        known = gammaln(r + of.repeats) - gammaln(r) + r * np.log(alpha)
        stays = betaln(a, b + of.repeats) - betaln(a, b) - (r + of.repeats) * np.log(alpha + of.age)
        left = betaln(a + 1, b + np.maximum(of.repeats, 1) - 1) - betaln(a, b)
        left = np.where(came_back, left - (r + of.repeats) * np.log(alpha + of.last), -np.inf)
        return float((known + np.logaddexp(stays, left)).sum())

    scale = float(of.age.mean())
    found, best = _climb(log_likelihood, ((0.5, scale / 4, 0.8, 2.5), (1.0, scale, 1.5, 5.0)), len(of))
    r, alpha, a, b = found
    return Purchases(r, alpha, a, b, best)


def fit_spending(of: Activity) -> Spending:
    """The gamma-gamma of the greatest likelihood over clients with a repeat day of positive value. Raises NoFit."""
    chosen = of.take((of.repeats > 0) & (of.day_value > 0))
    if len(chosen) < LEAST_REPEATERS:
        raise NoFit("too few clients came back")
    x, value = chosen.repeats, chosen.day_value

    def log_likelihood(p: float, q: float, v: float) -> float:
        shape = p * x
        terms = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(v)
        terms = terms + (shape - 1) * np.log(value) + shape * np.log(x) - (shape + q) * np.log(x * value + v)
        return float(terms.sum())

    scale = float(np.median(value))
    found, best = _climb(log_likelihood, ((5.0, 4.0, scale), (1.0, 2.0, scale)), len(chosen))
    p, q, v = found
    return Spending(p, q, v, best)


def _hypergeometric(a: float, b: float, c: Array, z: Array) -> Array:
    """₂F₁ for c > 0 and 0 ≤ z < 1. scipy's runs over at some whole numbers with a large c; there the series is summed."""
    found = hyp2f1(a, b, c, z)
    lost = ~np.isfinite(found)
    if lost.any():
        c, z = c[lost], z[lost]
        term = total = np.ones_like(z)
        for n in range(5000):
            term = term * (a + n) * (b + n) / ((c + n) * (n + 1)) * z
            total = total + term
            if np.all(np.abs(term) <= 1e-13 * np.abs(total)):
                break
        found[lost] = total
    return found


def _climb(
    log_likelihood: Callable[..., float], starts: tuple[tuple[float, ...], ...], clients: int
) -> tuple[tuple[float, ...], float]:
    """Parameters > 0 of the greatest likelihood from several starts. Raises NoFit."""

    def loss(logs: Array) -> float:
        value = -log_likelihood(*np.exp(logs)) / clients
        return value if np.isfinite(value) else 1e9

    bounds = [(-9.0, 12.0)] * len(starts[0])
    options = {"ftol": 1e-13, "gtol": 1e-8, "maxiter": 400}
    with np.errstate(all="ignore"):
        tries = [minimize(loss, np.log(s), method="L-BFGS-B", bounds=bounds, options=options) for s in starts]
    best = min(tries, key=lambda found: found.fun)
    at_edge = np.any(np.abs(best.x - bounds[0][0]) < 1e-6) or np.any(np.abs(best.x - bounds[0][1]) < 1e-6)
    if best.fun >= 1e9 or at_edge:
        raise NoFit("the search did not settle")
    return tuple(float(value) for value in np.exp(best.x)), -float(best.fun) * clients
