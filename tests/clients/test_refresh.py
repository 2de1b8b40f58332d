"""Keeping the search table (C10)."""

import pytest

from clients import search
from clients.models import Client, ClientSearch, NameReading
from tests.factories import ClientFactory, CoManagerFactory

pytestmark = pytest.mark.django_db


def test_refresh_writes_reading_sort_key_and_tokens_once():
    client = ClientFactory(name="单田芳", mobile="13800135678", file_id=7)
    helper = CoManagerFactory(client=client).staff
    ClientFactory(name="王伟", file_id=8)

    assert search.refresh(7) == 1
    assert search.refresh(7) == 0

    row = ClientSearch.objects.get()
    assert (row.client_id, row.branch_id, row.manager_id) == (client.pk, client.branch_id, client.manager_id)
    assert NameReading.objects.get().name == "单田芳"
    assert Client.objects.get(pk=client.pk).name_key == "shan'tian'fang 单田芳"
    tokens = row.tsv
    for token in ("田芳", "i:stf", "p:shantianfang", "t:87653100831", f"m:{helper.pk}", f"b:{client.branch_id}"):
        assert f"'{token}'" in tokens


def test_refresh_follows_a_change_of_name_branch_and_manager():
    client = ClientFactory(name="王伟")
    search.refresh(everything=True)
    other = ClientFactory(name="李静")
    Client.objects.filter(pk=client.pk).update(name="李静", manager=other.manager, branch=other.branch)

    assert search.refresh(client_ids=[client.pk]) == 1

    row = ClientSearch.objects.get(client=client)
    assert row.manager_id == other.manager_id
    assert "王" not in row.tsv
    assert "'i:lj'" in row.tsv


def test_refresh_wants_exactly_one_choice():
    with pytest.raises(ValueError, match="give a file"):
        search.refresh()
    with pytest.raises(ValueError, match="give a file"):
        search.refresh(7, everything=True)


@pytest.mark.parametrize("name", ['O\'Brien "Bob" \\ {x}', "𬱖强", "　", "a,b;c", "张\t三"])
def test_refresh_takes_any_name(name):
    client = ClientFactory(name=name)
    assert search.refresh(client_ids=[client.pk]) == 1
    assert search.refresh(client_ids=[client.pk]) == 0


def test_weights_are_steps_of_assets():
    client = ClientFactory()
    search.refresh(everything=True)

    def weigh(yuan):
        return search.set_weights("SELECT %s::bigint, %s::bigint", [client.pk, yuan * 10_000])

    assert weigh(1_000_000) == 1
    assert weigh(1_010_000) == 0
    assert weigh(2_000_000) == 1
    assert ClientSearch.objects.get().weight == 145
