"""Month plans (V3, U4) and the quality of their route search on public instances.

`plan`: wall-clock seconds for the month of one manager, on one core; `plan_cores`: core-minutes that 20,000 of them take, whom
the night splits over its workers. `routes_…`: how much longer than the best published routes, per cent, on average over a set,
after ROUTE_SECONDS (2) of search on each; left out where the sets are missing. There is no floor for either.
"""

import json
import os
from datetime import timedelta
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from benchmarks.routes import solve_file
from benchmarks.stopwatch import Result, seconds
from crm.partitions import next_month
from org.models import Role, Staff
from visits import duties
from visits.models import Duty
from visits.services import make_plan

if TYPE_CHECKING:
    from benchmarks.seed import Firm

SAMPLE = 20
MANAGERS = 20_000
DATA = Path(os.environ.get("SHARED_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
SETS = {
    "routes_tsplib": ("routing_tsplib", "optimal.json", "optimal_length", "*.tsp"),
    "routes_cvrp": ("routing_cvrp_x", "best_known.json", "best_known_cost", "*.vrp"),
    "routes_solomon": ("routing_solomon_vrptw", "best_known.json", "distance_objective_best", "*.txt"),
}


def measure(size: int, firm: "Firm") -> list[Result]:
    from benchmarks.seed import DAY

    month = next_month(DAY)
    duties.prepare(month, DAY)
    owing = Duty.objects.filter(month=month, state="owed").values("manager_id")
    managers = Staff.objects.filter(role=Role.ACCOUNT_MANAGER, pk__in=owing).select_related("branch").order_by("pk")
    sample = list(managers[:: max(1, managers.count() // SAMPLE)])[:SAMPLE]
    begin = max(month, DAY + timedelta(days=1))
    make_plan(sample[0], month, user=None, begin=begin)  # loads the solver
    taken = [seconds(lambda one=one: make_plan(one, month, user=None, begin=begin)) for one in sample]
    per_manager = mean(taken)
    print(f"   {min(taken):.2f} to {max(taken):.2f} s a manager", flush=True)
    found = [
        Result("plan", size, None, None, per_manager, "s"),
        Result("plan_cores", size, None, None, per_manager * MANAGERS / 60, "min"),
    ]
    return found + [one for name in SETS for one in _routes(name)]


def _routes(name: str) -> list[Result]:
    """The instances of a set; once a run, for they do not depend on the size of a firm."""
    folder, reference, key, pattern = SETS[name]
    path = DATA / folder
    if not path.is_dir() or os.environ.get("ROUTES_DONE") == "1":
        return []
    best = json.loads((path / "reference" / reference).read_text())
    limit = float(os.environ.get("ROUTE_SECONDS", "2"))
    gaps = []
    for file in sorted(path.rglob(pattern)):
        if file.stem in best:
            gaps.append((float(str(solve_file(file, limit)["cost"])) / best[file.stem][key] - 1) * 100)
    print(f"   {name}: {len(gaps)} instances, worst {max(gaps):.2f} %", flush=True)
    return [Result(name, len(gaps), None, None, mean(gaps), "%")]
