import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def fresh_counters():
    """Attempts are counted in Redis, which no rollback clears."""
    cache.clear()
