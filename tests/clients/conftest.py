"""Helpers of the client tests."""

import pytest

from segmentation.models import Standing


@pytest.fixture
def rank():
    """Give a client a standing: contribution in 元, tier, service tier."""

    def give(client, contribution, tier="C", service_tier=None):
        return Standing.objects.create(
            client=client,
            scope_id=client.branch_id,
            contribution=contribution * 10_000,
            tier=tier,
            tier_since="2026-01-01",
            service_tier=service_tier or tier,
            service_since="2026-01-01",
        )

    return give


@pytest.fixture
def as_(client):
    """A browser signed in as a member of staff, in English."""

    def sign_in(staff):
        client.force_login(staff.user)
        client.cookies["language"] = "en"
        return client

    return sign_in
