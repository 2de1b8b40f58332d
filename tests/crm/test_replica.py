"""A standby for dashboards: who reads there, who does not, and that nothing is written. The test's standby is the same server."""

import pytest
from django.db import DEFAULT_DB_ALIAS, InternalError, connections
from django.db.utils import load_backend
from django.test.utils import CaptureQueriesContext

from clients.models import Client
from crm import replica
from org.models import Branch, Role
from tests.factories import BranchFactory, StaffFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def standby():
    """A second, read-only connection to the test database under the name of the standby."""
    main = connections[DEFAULT_DB_ALIAS].settings_dict
    options = {**main["OPTIONS"], "options": "-c default_transaction_read_only=on"}
    connections.databases[replica.ALIAS] = {**main, "OPTIONS": options}
    made = load_backend(main["ENGINE"]).DatabaseWrapper(connections.databases[replica.ALIAS], replica.ALIAS)
    connections[replica.ALIAS] = made
    # Open from the start: Django's tests guard the opening of connections that a test did not name.
    made.connect()
    yield made
    made.close()
    del connections[replica.ALIAS]
    del connections.databases[replica.ALIAS]


@pytest.mark.parametrize(
    "path",
    [
        "/pareto/",
        "/pareto/data/",
        "/segmentation/cells/",
        "/segmentation/rfm/",
        "/segmentation/kinds/",
        "/segmentation/score/",
        "/value/",
        "/funds/",
        "/analyses/",
        "/profit/",
    ],
)
def test_dashboards_read_from_the_standby(standby, client, path):
    head = StaffFactory(role=Role.BRANCH_HEAD)
    client.force_login(head.user)
    with CaptureQueriesContext(standby) as asked:
        answer = client.get(path)
    if answer.status_code == 404:
        pytest.fail(f"no such page: {path}")
    assert answer.status_code == 200
    assert len(asked) > 0


def test_everything_else_stays_on_the_main_server(standby, client):
    head = StaffFactory(role=Role.BRANCH_HEAD)
    client.force_login(head.user)
    with CaptureQueriesContext(standby) as asked:
        for path in ("/", "/clients/", "/staff/", "/settings/"):
            assert client.get(path).status_code == 200
    assert len(asked) == 0


def test_writes_are_refused_by_the_router_and_by_the_connection(standby):
    branch = BranchFactory()
    with replica.reading():
        assert Branch.objects.get(pk=branch.pk) == branch
        with pytest.raises(replica.WriteRefused):
            BranchFactory()
        with pytest.raises(replica.WriteRefused):
            Client.objects.all().delete()
        with pytest.raises(InternalError, match="read-only"), replica.connection().cursor() as cursor:
            cursor.execute("UPDATE org_branch SET name = 'x'")
    # Outside of it the main server answers and takes writes.
    assert replica.connection().alias == DEFAULT_DB_ALIAS
    BranchFactory()


def test_without_a_standby_nothing_changes(client):
    head = StaffFactory(role=Role.BRANCH_HEAD)
    client.force_login(head.user)
    assert client.get("/pareto/").status_code == 200
    with replica.reading():
        assert replica.connection().alias == DEFAULT_DB_ALIAS
        BranchFactory()
