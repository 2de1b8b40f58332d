"""A firm of any size, straight into the totals that ranking reads."""

from collections.abc import Callable, Iterable
from datetime import date

import pytest
from django.db import connection

from clients.models import Client
from ledger.models import ClientTotals
from org.models import Branch
from tests.factories import BranchFactory

DAY = date(2026, 11, 20)
WINDOW = (date(2025, 11, 1), date(2026, 10, 31))


def totals_of(branch: Branch, rows: Iterable[tuple[int, int]], *, start: int = 1) -> list[Client]:
    """Clients of a branch with (contribution, assets) in money units; numbers run from `start`."""
    rows = list(rows)
    clients = Client.objects.bulk_create(
        Client(
            client_no=str(number),
            no_key=str(number).rjust(20, "0"),
            name=f"客户{number}",
            name_key=str(number),
            branch=branch,
            status="active",
            opened_on=date(2020, 1, 2),
            core_as_of=DAY,
        )
        for number in range(start, start + len(rows))
    )
    ClientTotals.objects.bulk_create(
        ClientTotals(
            client=client,
            branch_id=branch.pk,
            no_key=client.no_key,
            contribution=contribution,
            assets=assets,
            window_from=WINDOW[0],
            window_to=WINDOW[1],
        )
        for client, (contribution, assets) in zip(clients, rows, strict=True)
    )
    return clients


@pytest.fixture
def branch(db) -> Branch:
    return BranchFactory()


@pytest.fixture
def set_contribution(db) -> Callable[[Client, int], None]:
    def change(client: Client, contribution: int) -> None:
        ClientTotals.objects.filter(client=client).update(contribution=contribution)

    return change


def empty_ranking() -> None:
    """Take away clients and everything ranked, within a test's transaction (for many examples in one test)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM segmentation_runtotal; DELETE FROM segmentation_rankingrun; DELETE FROM segmentation_rankmark;"
            "DELETE FROM segmentation_tierchange; DELETE FROM segmentation_standing; DELETE FROM clients_timelineevent;"
            "DELETE FROM ledger_clienttotals; DELETE FROM clients_client"
        )
