"""All benchmarks for one number of clients, in the database that DATABASE_URL names; writes a JSON list.

python -m benchmarks.one_size 100000 out.json
"""

import json
import os
import sys
from pathlib import Path

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from benchmarks import boards, intake, night, plans, ranking, seed, web  # noqa: E402
from benchmarks.stopwatch import Result  # noqa: E402


def main() -> int:
    size, out = int(sys.argv[1]), Path(sys.argv[2])
    only = {name for name in os.environ.get("ONLY", "").split(",") if name}
    print(f"-- {size:,} clients: seeding", flush=True)
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    firm = seed.seed(size)
    results: list[Result] = []
    if only and "ranking" not in only:
        ranking.rank_all(seed.DAY)
    # The intake last: a million trades more move so many clients that a night after it is held.
    for part in (ranking, web, night, boards, plans, intake):
        name = part.__name__.rsplit(".", 1)[1]
        if only and name not in only:
            continue
        print(f"-- {size:,} clients: {name}", flush=True)
        results += part.measure(size, firm)
    out.write_text(json.dumps([result.as_dict() for result in results]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
