"""Distances between many places at once."""

from collections.abc import Sequence

import numpy as np

from visits.planning.book import Place
from visits.rules import EARTH_M


def metres_between(a: Sequence[Place], b: Sequence[Place]) -> np.ndarray:
    """Great-circle distances in metres, a matrix of len(a) × len(b)."""
    lat_a, lon_a = np.radians(np.array(a)).T
    lat_b, lon_b = np.radians(np.array(b)).T
    half = np.sin((lat_b[None] - lat_a[:, None]) / 2) ** 2
    half = half + np.cos(lat_a)[:, None] * np.cos(lat_b)[None] * np.sin((lon_b[None] - lon_a[:, None]) / 2) ** 2
    return np.rint(2 * EARTH_M * np.arcsin(np.sqrt(np.minimum(1.0, half))))
