"""Who gets a case (X2, U6)."""

from collections.abc import Sequence
from dataclasses import dataclass

from complaints.choices import Severity


@dataclass(frozen=True)
class Candidate:
    """Somebody who could handle a case. `distance`: levels between the case's branch and the candidate's; `load`: open cases."""

    staff: int
    staff_no: str
    role: str
    distance: int
    load: int


def choose_handler(candidates: Sequence[Candidate], named: frozenset[int], roles: Sequence[str]) -> Candidate | None:
    """Who gets a case: the first role of the rule that has somebody, nearest branch first, then least load (X2, U6)."""
    for role in roles:
        fit = [one for one in candidates if one.role == role and one.staff not in named]
        if fit:
            return min(fit, key=lambda one: (one.distance, one.load, one.staff_no))
    return None


def weighed(severity: str, amount: int | None, limit: int | None) -> str:
    """The severity whose rule assigns a case: that of a major one, if as much as `limit` is claimed (X2). Both in units."""
    large = amount is not None and limit is not None and amount >= limit
    return Severity.MAJOR if large and severity in (Severity.NORMAL, Severity.IMPORTANT) else severity
