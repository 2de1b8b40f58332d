"""Sharing out costs and judging what remains (S7), as plain functions."""

from collections.abc import Sequence
from dataclasses import dataclass

FEN = 100  # stored units in a 分

#: A client is judged only on this many months with costs; fewer say too little.
LEAST_MONTHS = 6
#: After a decision the same client is not proposed again for so many months.
REST_MONTHS = 6


def share_out(amount: int, weights: Sequence[int]) -> list[int]:
    """Share an amount (whole 分) out in proportion to weights ≥ 0; the shares add up to it exactly.

    Each client bears the difference of two rounded running sums, so no rest remains; nothing is shared if nobody weighs.
    """
    total = sum(weights)
    if total == 0:
        return [0] * len(weights)
    shares, running, borne = [], 0, 0
    for weight in weights:
        running += weight
        upto = amount * running // total
        shares.append(upto - borne)
        borne = upto
    return shares


@dataclass(frozen=True)
class Profit:
    """Money in units."""

    revenue: int
    direct: int
    service: int
    overhead: int

    @property
    def marginal(self) -> int:
        """Revenue less what single trades cost."""
        return self.revenue - self.direct

    @property
    def gross(self) -> int:
        """… less what serving the client costs."""
        return self.marginal - self.service

    @property
    def net(self) -> int:
        """… less the share of what all cost together."""
        return self.gross - self.overhead


def better_remote(profit: Profit, growth: int | None, months: int) -> bool:
    """Whether a client is proposed for remote service: gross contribution below 0, not growing, judged long enough.

    Gross and not net: overheads remain whoever leaves the counter. Unknown growth is no ground against a client.
    """
    return months >= LEAST_MONTHS and profit.gross < 0 and profit.service > 0 and growth is not None and growth <= 0
