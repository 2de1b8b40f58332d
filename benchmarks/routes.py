"""`python benchmarks/routes.py FILE --seconds N`: the product's route solver on a public instance.

Reads TSPLIB (.tsp: EUC_2D, ATT, GEO), CVRPLIB (.vrp) and Solomon (.txt). Prints JSON {"instance", "cost", "seconds"}: TSPLIB
and CVRPLIB costs are whole numbers by their own rounding, Solomon's the distance with two decimals.
"""

import argparse
import json
import math
import sys
import time
from pathlib import Path

import numpy as np
from pyvrp import Client, Depot, Location, ProblemData, VehicleType
from pyvrp.stop import MaxRuntime

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from visits.planning.search import search

#: Solomon's distances are real numbers: the solver counts in thousandths.
SCALE = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seconds", type=float, default=5)
    asked = parser.parse_args()
    print(json.dumps(solve_file(asked.file, asked.seconds)))


def solve_file(path: Path, seconds: float) -> dict[str, object]:
    """Cost that the product's solver finds in so many seconds. Raises ValueError for a format it does not know."""
    text = path.read_text()
    if path.suffix == ".tsp":
        data, unit = _tsplib(text), 1.0
    elif path.suffix == ".vrp":
        data, unit = _cvrplib(text), 1.0
    elif "VEHICLE" in text and "CUSTOMER" in text:
        data, unit = _solomon(text), float(SCALE)
    else:
        raise ValueError(f"{path.name}: neither TSPLIB nor CVRPLIB nor Solomon")
    started = time.monotonic()
    result = search(data, MaxRuntime(seconds))
    cost = result.best.distance() / unit if result.is_feasible() else math.inf
    return {
        "instance": path.stem,
        "cost": round(cost, 2) if unit > 1 else cost,
        "seconds": round(time.monotonic() - started, 2),
    }


def _sections(text: str) -> tuple[dict[str, str], dict[str, list[list[str]]]]:
    """Header fields and data sections of a TSPLIB-like file."""
    header: dict[str, str] = {}
    sections: dict[str, list[list[str]]] = {}
    current = ""
    for line in text.splitlines():
        words = line.split()
        if not words or words[0] == "EOF":
            continue
        if ":" in line:
            key, _, value = line.partition(":")
            header[key.strip()] = value.strip()
        elif words[0].endswith("_SECTION"):
            current = words[0]
        elif current:
            sections.setdefault(current, []).append(words)
    return header, sections


def _tsplib(text: str) -> ProblemData:
    header, sections = _sections(text)
    points = np.array([[float(row[1]), float(row[2])] for row in sections["NODE_COORD_SECTION"]])
    matrix = {"EUC_2D": _euclid, "ATT": _att, "GEO": _geo}[header["EDGE_WEIGHT_TYPE"]](points)
    clients = [Client(n) for n in range(1, len(points))]
    return _problem(points, clients, [VehicleType(1)], matrix, matrix * 0)


def _cvrplib(text: str) -> ProblemData:
    header, sections = _sections(text)
    points = np.array([[float(row[1]), float(row[2])] for row in sections["NODE_COORD_SECTION"]])
    demands = [int(row[1]) for row in sections["DEMAND_SECTION"]]
    clients = [Client(n, delivery=[demands[n]]) for n in range(1, len(points))]
    vehicles = [VehicleType(len(clients), [int(header["CAPACITY"])])]
    matrix = _euclid(points)
    return _problem(points, clients, vehicles, matrix, matrix * 0)


def _solomon(text: str) -> ProblemData:
    numbers = [[float(word) for word in line.split()] for line in text.splitlines() if line.split() and _numeric(line)]
    (vehicles, capacity), rows = numbers[0], np.array(numbers[1:])
    points = rows[:, 1:3]
    exact = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
    matrix = np.floor(exact * SCALE).astype(np.int64)
    clients = [
        Client(
            n,
            delivery=[int(row[3])],
            service_duration=int(row[6] * SCALE),
            tw_early=int(row[4] * SCALE),
            tw_late=int(row[5] * SCALE),
        )
        for n, row in enumerate(rows)
        if n
    ]
    kinds = [VehicleType(int(vehicles), [int(capacity)], tw_late=int(rows[0][5] * SCALE))]
    return _problem(points, clients, kinds, matrix, matrix)


def _numeric(line: str) -> bool:
    return line.replace(".", "").replace("-", "").split()[0].isdigit()


def _problem(points, clients, vehicles, distances, durations) -> ProblemData:
    locations = [Location(float(x), float(y)) for x, y in points]
    return ProblemData(locations, clients, [Depot(0)], vehicles, [distances], [durations])


def _euclid(points: np.ndarray) -> np.ndarray:
    exact = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
    return np.floor(exact + 0.5).astype(np.int64)


def _att(points: np.ndarray) -> np.ndarray:
    exact = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1) / 10)
    nearest = np.floor(exact + 0.5)
    return np.where(nearest < exact, nearest + 1, nearest).astype(np.int64)


def _geo(points: np.ndarray) -> np.ndarray:
    degrees = np.trunc(points)
    lat, lon = (3.141592 * (degrees + 5.0 * (points - degrees) / 3.0) / 180.0).T
    q1 = np.cos(lon[:, None] - lon[None])
    q2 = np.cos(lat[:, None] - lat[None])
    q3 = np.cos(lat[:, None] + lat[None])
    inner = np.clip(0.5 * ((1 + q1) * q2 - (1 - q1) * q3), -1, 1)
    matrix = np.trunc(6378.388 * np.arccos(inner) + 1.0).astype(np.int64)
    np.fill_diagonal(matrix, 0)
    return matrix


if __name__ == "__main__":
    main()
