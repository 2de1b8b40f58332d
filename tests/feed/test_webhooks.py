"""Webhooks (N3): signed, in order, at least once under one identity, never into the firm's own network."""

import base64
import hashlib
import hmac
import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from feed import net, services
from feed.models import Change, DeadLetter, Subscription
from feed.rules import PAUSE_AFTER, RIGHT_OF, WAITS, is_outside
from feed.webhooks import SIZE, deliver
from nights.models import Notice
from org.models import AuditEvent, Role
from tests.factories import PASSWORD, BranchFactory, ClientFactory, StaffFactory

pytestmark = pytest.mark.django_db


class Receiver:
    """A program that is told: what it got, and what it answers."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(outer.status)
                if outer.status == 302:
                    self.send_header("Location", "http://169.254.169.254/")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?from=crm"

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _body in self.got]

    def objects(self) -> list[str]:
        return [one["object_no"] for _headers, body in self.got for one in json.loads(body)["changes"]]


@pytest.fixture
def receiver(settings):
    settings.WEBHOOK_HOSTS = ["127.0.0.1"]
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def admin(db):
    return StaffFactory(role=Role.ADMIN)


@pytest.fixture
def hook(receiver, admin):
    one, secret = services.subscribe(
        name="archive", url=receiver.url, kinds=["client."], branch=None, by=admin.user, now=timezone.now()
    )
    one.secret = secret
    return one


def test_a_message_is_signed_as_the_standard_says(hook, receiver):
    client = ClientFactory(name="甄某", mobile="13800000001")
    assert deliver(timezone.now()) == 1
    ((headers, body),) = receiver.got
    key = base64.b64decode(hook.secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    (change,) = json.loads(body)["changes"]
    assert (change["kind"], change["client_no"]) == ("client.created", client.client_no)
    assert "甄某" not in body.decode()
    assert "13800000001" not in body.decode()
    assert deliver(timezone.now()) == 0
    assert AuditEvent.objects.filter(action="webhook.made", object_no=hook.uid.hex).exists()


def test_only_its_kinds_and_its_branch_with_those_below(receiver, admin):
    here = BranchFactory()
    below = BranchFactory(parent=here)
    services.subscribe(
        name="branch", url=receiver.url, kinds=["client."], branch=here, by=admin.user, now=timezone.now()
    )
    mine = [ClientFactory(branch=here), ClientFactory(branch=below)]
    ClientFactory()
    deliver(timezone.now())
    assert receiver.objects() == [one.client_no for one in mine]


def test_many_changes_come_in_order_batch_by_batch(hook, receiver):
    clients = ClientFactory.create_batch(SIZE + 7, branch=BranchFactory())
    assert deliver(timezone.now()) == 2
    assert receiver.objects() == [one.client_no for one in clients]
    assert len(set(receiver.ids)) == 2


def test_it_is_tried_again_with_the_same_message_and_then_goes_on(hook, receiver):
    first = ClientFactory()
    receiver.status, at = 500, timezone.now()
    assert deliver(at) == 1
    second = ClientFactory()
    assert deliver(at + timedelta(seconds=1)) == 0, "its time has not come"
    receiver.status = 200
    assert deliver(at + WAITS[0]) == 2
    assert receiver.objects() == [first.client_no, first.client_no, second.client_no]
    assert receiver.ids[0] == receiver.ids[1] != receiver.ids[2]
    assert receiver.got[0][1] == receiver.got[1][1]


def test_a_worker_that_died_on_the_way_leaves_the_same_message_to_the_next(hook, receiver, monkeypatch):
    first = ClientFactory()
    at = timezone.now()

    def die(*args: object, **more: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("feed.webhooks._taken", die)
        with pytest.raises(SystemExit):
            deliver(at)
    second = ClientFactory()
    assert deliver(at + timedelta(seconds=30)) == 0, "somebody may be at it"
    assert deliver(at + timedelta(minutes=3)) == 2
    assert receiver.objects() == [first.client_no, first.client_no, second.client_no]
    assert receiver.ids[0] == receiver.ids[1] != receiver.ids[2]


def test_what_is_never_taken_becomes_a_dead_letter_that_can_be_sent_again(hook, receiver, admin):
    client = ClientFactory()
    receiver.status, at = 503, timezone.now()
    for wait in (*WAITS, timedelta()):
        assert deliver(at) == 1
        at += wait
    letter = DeadLetter.objects.get()
    assert (letter.error, letter.changes, letter.message_id) == ("HTTP 503", 1, receiver.ids[0])
    assert len(set(receiver.ids)) == 1
    assert services.replay(letter, by=admin.user, now=at) == "HTTP 503"
    receiver.status = 200
    assert services.replay(letter, by=admin.user, now=at) == ""
    assert receiver.objects()[-1] == client.client_no
    after = ClientFactory()
    assert deliver(at) == 1
    assert receiver.objects()[-1] == after.client_no


def test_where_nobody_is_it_is_paused_and_its_maker_told(hook, receiver, admin):
    receiver.status, at = 500, timezone.now()
    for _ in range(PAUSE_AFTER):
        ClientFactory()
        for wait in (*WAITS, timedelta()):
            deliver(at)
            at += wait
    hook.refresh_from_db()
    assert hook.paused_at is not None
    assert Notice.objects.filter(user=admin.user, kind="feed.paused").count() == 1
    ClientFactory()
    assert deliver(at) == 0
    receiver.status = 200
    services.resume(hook, by=admin.user, now=at)
    assert deliver(at) == 1


def test_whoever_says_gone_is_paused_at_once(hook, receiver):
    receiver.status = 410
    ClientFactory()
    deliver(timezone.now())
    hook.refresh_from_db()
    assert hook.paused_at is not None


def test_a_redirect_is_not_followed(hook, receiver):
    receiver.status = 302
    ClientFactory()
    deliver(timezone.now())
    hook.refresh_from_db()
    assert (hook.error, len(receiver.got)) == ("HTTP 302", 1)


def test_after_a_new_secret_both_sign_for_two_days(hook, receiver, admin):
    at = timezone.now()
    new = services.rotate(hook, by=admin.user, now=at)
    assert new != hook.secret
    ClientFactory()
    deliver(at)
    ClientFactory()
    deliver(at + timedelta(days=3))
    assert [len(headers["webhook-signature"].split()) for headers, _body in receiver.got] == [2, 1]


def test_an_ended_one_is_told_nothing(hook, receiver, admin):
    services.end(hook, by=admin.user, now=timezone.now())
    ClientFactory()
    assert deliver(timezone.now()) == 0


def test_it_begins_with_the_next_change(receiver, admin):
    ClientFactory()
    services.subscribe(name="x", url=receiver.url, kinds=["client."], branch=None, by=admin.user, now=timezone.now())
    assert deliver(timezone.now()) == 0
    assert Change.objects.count() == 1


def test_what_a_webhook_waits_for_is_not_forgotten(hook, settings):
    ClientFactory()
    services.collect()
    assert services.forget(timezone.now() + timedelta(days=settings.FEED_DAYS + 1)) == 0
    services.end(hook, by=hook.made_by, now=timezone.now())
    assert services.forget(timezone.now() + timedelta(days=settings.FEED_DAYS + 1)) == 1


def test_only_the_administrator(receiver, auditor):
    with pytest.raises(PermissionDenied):
        services.subscribe(
            name="x", url=receiver.url, kinds=["client."], branch=None, by=auditor.user, now=timezone.now()
        )


# --- Addresses -----------------------------------------------------------------------------------------------------------

INSIDE = (
    "127.0.0.1 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255 198.18.0.1 "
    "::1 :: fe80::1 fc00::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 2002:7f00:1:: fe80::1%eth0 "
    "2001:0:0:0:0:0:80ff:fffe"
)


@pytest.mark.parametrize("address", INSIDE.split())
def test_addresses_inside(address):
    assert not is_outside(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_addresses_outside(address):
    assert is_outside(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://user:pass@example.com/",
        "ftp://example.com/",
        "https://",
        "https://example.com:99999/",
        "file:///etc/passwd",
        "https://exa mple.com/",
        "https://example.com\r\nX: y/",
        "//example.com/",
        "nonsense",
    ],
)
def test_an_address_that_must_not_be_called_is_refused_at_the_field(url, admin):
    with pytest.raises(ValidationError) as refused:
        services.subscribe(name="x", url=url, kinds=["client."], branch=None, by=admin.user, now=timezone.now())
    assert list(refused.value.message_dict) == ["url"]
    assert not Subscription.objects.exists()


def test_a_name_that_changes_its_mind_is_refused_when_it_is_called(hook, receiver, settings, monkeypatch):
    """Allowed when it was entered, inside when it is called: the address that was looked at is the one that is called."""
    settings.WEBHOOK_HOSTS = []
    Subscription.objects.update(url="https://rebound.example/")
    both = [(2, 1, 6, "", (address, 443)) for address in ("1.1.1.1", "10.0.0.7")]
    monkeypatch.setattr(net.socket, "getaddrinfo", lambda *args, **more: both)
    ClientFactory()
    deliver(timezone.now())
    hook.refresh_from_db()
    assert (hook.error, receiver.got) == ("refused: inside", [])


# --- Pages ---------------------------------------------------------------------------------------------------------------


def test_the_pages(client, admin, receiver):
    client.force_login(admin.user)
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    client.cookies["language"] = "en"
    sent = {"name": "archive", "url": "https://10.0.0.1/", "kinds": list(RIGHT_OF)}
    wrong = client.post("/webhooks/", sent)
    assert "inside a private network" in wrong.content.decode()
    made = client.post("/webhooks/", sent | {"url": receiver.url})
    assert "whsec_" in made.content.decode()
    one = Subscription.objects.get()
    assert "whsec_" not in client.get("/webhooks/").content.decode()
    letter = DeadLetter.objects.create(subscription=one, message_id="m", body="{}", changes=1, error="HTTP 500")
    assert "Send again" in client.get(f"/webhooks/{one.uid}/").content.decode()
    assert client.post(f"/webhooks/{one.uid}/dead/{letter.pk}/").status_code == 302
    assert len(receiver.got) == 1
    assert "whsec_" in client.post(f"/webhooks/{one.uid}/", {"act": "rotate"}).content.decode()
    client.post(f"/webhooks/{one.uid}/", {"act": "end"})
    one.refresh_from_db()
    assert one.ended_at is not None
