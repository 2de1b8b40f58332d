"""A small firm whose figures make moves predictable, and the policy that a flush may have taken away."""

from datetime import date

import pytest

from segmentation.models import RankingPolicy
from tests.nights.firm import MORNING, Firm


@pytest.fixture
def policy(db):
    """Version 1, published; a transactional test before this one may have emptied the table."""
    found, _ = RankingPolicy.objects.get_or_create(
        version=1, defaults={"state": "published", "valid_from": date(2000, 1, 1)}
    )
    return found


@pytest.fixture
def firm(db, policy):
    return Firm()


@pytest.fixture
def drop_dir(settings, tmp_path):
    settings.DROP_DIR = tmp_path / "drop"
    return settings.DROP_DIR


@pytest.fixture
def morning(monkeypatch):
    """The clock of the pages stands."""
    for module in ("nights.views", "nights.home"):
        monkeypatch.setattr(f"{module}.now", lambda: MORNING)
    for module in ("nights.forms", "nights.home"):
        monkeypatch.setattr(f"{module}.today", lambda: MORNING.date())
    return MORNING
