"""The product's route solver: PyVRP with penalties of our own. The benchmark of routes runs it on public instances."""

import warnings

from pyvrp import PenaltyParams, ProblemData, Result, Solution, SolveParams, solve
from pyvrp.exceptions import PenaltyBoundWarning
from pyvrp.stop import StoppingCriterion

SEED = 20
#: Books that ask for more than the month holds are the usual case: penalties begin high, against the prizes, and learn fast.
_OVERFULL = PenaltyParams(
    solutions_between_updates=20, target_feasible=0.9, penalty_increase=2.0, min_penalty=1_000, max_penalty=1_000_000
)


def search(data: ProblemData, stop: StoppingCriterion, start: Solution | None = None) -> Result:
    """Best solution found until `stop`. With prizes: the penalties of overfull books; otherwise the library's own."""
    prizes = any(client.prize for client in data.clients())
    params = SolveParams(penalty=_OVERFULL) if prizes else SolveParams()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PenaltyBoundWarning)
        return solve(data, stop, seed=SEED, collect_stats=False, display=False, params=params, initial_solution=start)
