"""Pages and API of the hand-overs (U10)."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clients.models import Client
from handovers.models import Handover
from handovers.services import Wish
from tests.handovers.test_services import make

pytestmark = pytest.mark.django_db


def asked(manager, heirs, **more) -> dict[str, object]:
    return {"former": manager.staff_no, "to": [one.staff_no for one in heirs], "reason": "离职"} | more


def test_preview_act_briefing_and_undo(client, manager, head, heirs, book, stranger):
    client.force_login(head.user)
    seen = client.get(reverse("handovers:new"), asked(manager, heirs))
    assert seen.context["preview"].counts["client"] == 6
    assert not Handover.objects.exists()
    sent = asked(manager, heirs, digest=seen.context["preview"].digest)
    done = client.post(reverse("handovers:new"), sent, follow=True)
    made = Handover.objects.get()
    assert done.context["one"] == made
    assert done.context["moved"][0][1] == 6
    # The list behind it has the same count.
    assert client.get(done.context["clients"]).context["listing"].total.count == 6

    # An heir sees his part, somebody else nothing.
    client.force_login(heirs[0].user)
    mine = client.get(reverse("handovers:handover", args=[made.pk]))
    assert {item["row"].to_id for item in mine.context["waiting"]} == {heirs[0].pk}
    assert mine.context["waiting_count"] == Client.objects.filter(manager=heirs[0]).count()
    assert not mine.context["may_undo"]
    assert client.post(reverse("handovers:undo", args=[made.pk])).status_code == 403
    client.force_login(stranger.user)
    assert client.get(reverse("handovers:handover", args=[made.pk])).status_code == 404

    client.force_login(head.user)
    client.post(reverse("handovers:undo", args=[made.pk]))
    assert Client.objects.filter(manager=manager).count() == 6
    assert client.get(reverse("handovers:handover", args=[made.pk])).context["waiting"] == []


def test_a_book_that_changed_is_shown_again(client, manager, head, heirs, book):
    client.force_login(head.user)
    answer = client.post(reverse("handovers:new"), asked(manager, heirs, digest="old"))
    assert answer.status_code == 409
    assert answer.context["preview"].counts["client"] == 6
    assert not Handover.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"reason": ""}, "reason"),
        ({"to": []}, "to"),
        ({"former": "S-none"}, "former"),
        ({"overlap_until": "2027-01-01"}, "__all__"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(client, manager, head, heirs, book, wrong, field):
    client.force_login(head.user)
    answer = client.get(reverse("handovers:new"), asked(manager, heirs) | wrong)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors


def test_the_api_does_the_same(client, manager, head, heirs, book):
    client.force_login(head.user)
    url = "/api/v1/handovers/"
    sent = asked(manager, heirs)
    seen = client.post(url + "preview/", sent, content_type="application/json")
    assert seen.json()["counts"]["client"] == 6
    wrong = client.post(url, sent | {"digest": "old"}, content_type="application/json")
    assert wrong.status_code == 409
    made = client.post(url, sent | {"digest": seen.json()["digest"]}, content_type="application/json")
    assert (made.status_code, made.json()["moved"]["client"]) == (201, 6)
    undone = client.post(f"{url}{made.json()['id']}/undo/")
    assert (undone.status_code, undone.json()["stayed"]["client"]) == (200, 0)
    assert client.post(f"{url}{made.json()['id']}/undo/").status_code == 409
    unknown = client.post(url + "preview/", sent | {"to": ["S-none"]}, content_type="application/json")
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (400, "#/to")


def test_the_statements_of_the_page_do_not_grow(client, manager, head, heirs, book):
    made, _seen = make(Wish(manager, heirs[:1], "x"), head)
    client.force_login(head.user)

    def cost() -> int:
        with CaptureQueriesContext(connection) as found:
            assert client.get(reverse("handovers:handover", args=[made.pk])).status_code == 200
        return len(found)

    cost()
    many = cost()
    made.moves.filter(what="client", client__in=book[1:]).delete()
    assert cost() == many
