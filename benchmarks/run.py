"""`make bench`: runs every benchmark for each size in a database of its own, prints a table, writes results.json.

Environment: SIZES (clients, default 10000,100000,1000000), BENCH_DIR (default DATA_DIR/bench), ONLY (names, comma-separated).
Ratios are formed within one run on one machine; the floor of each figure is measured beside it.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg2

from crm import embedded

HERE = Path(__file__).resolve().parent
#: Upper bound of the ratio per name; see docs/benchmarks.md for what each means.
TARGETS = {
    "list": 5,
    "search": 5,
    "record": 10,
    "api_list": 3,
    "deep": 1.2,
    "rank": 2,
    "rank_first": 4,
    "night": 6,
    "intake": 4,
    "dashboard_firm": 6,
    "dashboard_branch": 6,
    "dashboard_charts": 6,
    "memory": 2,
    "growth_list": 1.15,
    "growth_search": 1.15,
    "growth_record": 1.15,
    "growth_api_list": 1.15,
}
GROWING = ("list", "search", "record", "api_list")


def main() -> int:
    sizes = [int(text) for text in os.environ.get("SIZES", "10000,100000,1000000").split(",")]
    data_dir = Path(os.environ.get("BENCH_DIR") or Path(os.environ.get("DATA_DIR", "var")) / "bench").absolute()
    endpoints = embedded.ensure_running(data_dir)
    results: list[dict] = []
    try:
        for size in sizes:
            results += _one_size(size, endpoints)
            _write(results)
            # Routes of public instances do not depend on the size of a firm.
            os.environ["ROUTES_DONE"] = "1"
    finally:
        embedded.stop(data_dir)
    results += _growth(results)
    _write(results)
    _print(results)
    return 0


def _one_size(size: int, endpoints: embedded.Endpoints) -> list[dict]:
    name = f"bench_{size}"
    admin = psycopg2.connect(endpoints.database_url)
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
        cursor.execute(f'CREATE DATABASE "{name}"')
    admin.close()
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        environment = {
            **os.environ,
            "DATABASE_URL": endpoints.database_url.rsplit("/", 1)[0] + f"/{name}",
            "REDIS_URL": endpoints.redis_url,
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "PYTHONUNBUFFERED": "1",
        }
        command = [sys.executable, "-m", "benchmarks.one_size", str(size), out.name]
        subprocess.run(command, check=True, env=environment, cwd=HERE.parent)
        return json.loads(Path(out.name).read_text())


def _growth(results: list[dict]) -> list[dict]:
    """Ratio to the floor at the largest size against the one before: a page must not get slower with the firm."""
    sizes = sorted({row["size"] for row in results})
    if len(sizes) < 2:
        return []
    small, large = sizes[-2:]
    ratios = {(row["name"], row["size"]): row["ratio"] for row in results}
    rows = []
    for name in GROWING:
        before, after = ratios.get((name, small)), ratios.get((name, large))
        if before and after:
            growth = round(after / before, 4)
            rows.append(
                {"name": f"growth_{name}", "size": large, "ratio": growth, "floor": before, "value": after, "unit": "×"}
            )
    return rows


def _write(results: list[dict]) -> None:
    (HERE / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


def _print(results: list[dict]) -> None:
    print(f"\n{'name':<18}{'size':>10}{'value':>12}{'floor':>12} {'unit':<6}{'ratio':>8}{'target':>8}")
    for row in results:
        target = TARGETS.get(row["name"])
        missed = target is not None and row["ratio"] is not None and row["ratio"] > target
        floor = "" if row["floor"] is None else f"{row['floor']:.4g}"
        figure = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        print(
            f"{row['name']:<18}{row['size']:>10}{row['value']:>12.4g}{floor:>12} {row['unit']:<6}{figure:>8}"
            f"{target if target is not None else '':>8}{'  over' if missed else ''}"
        )


if __name__ == "__main__":
    sys.exit(main())
