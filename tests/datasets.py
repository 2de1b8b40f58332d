"""The public data sets that tests may use; they lie beside the project and are not part of it."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def folder() -> Path:
    """Where the data sets are: SHARED_DATA, else ../shared/data."""
    return Path(os.environ.get("SHARED_DATA") or ROOT.parent / "shared" / "data")


def path(name: str) -> Path:
    """Folder of one data set, whether it is there or not."""
    return folder() / name


def needs(name: str) -> pytest.MarkDecorator:
    """Marker of tests that use a data set: skipped with a reason where it is missing, except in CI."""
    missing = not path(name).is_dir() and os.environ.get("CI", "").lower() not in ("1", "true", "yes")
    return pytest.mark.skipif(missing, reason=f"the data set {name} is not in {folder()} (set SHARED_DATA)")
