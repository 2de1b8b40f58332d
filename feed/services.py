"""Verbs of the feed: give changes their place, forget old ones; webhooks are made, renewed, ended."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from feed.models import DeadLetter, Head, Subscription
from feed.net import check_address
from feed.rules import OVERLAP, RIGHT_OF, secret_of, secret_text
from org import audit
from org.models import Branch, User
from org.rights import require

#: Changes given their place in one transaction.
BATCH = 20_000

_COLLECT = """
WITH taken AS (
    DELETE FROM feed_outgoing WHERE id IN (SELECT id FROM feed_outgoing ORDER BY id LIMIT %s) RETURNING *
)
INSERT INTO feed_change (sequence, at, kind, object_no, client_no, branch_id, data)
SELECT %s + row_number() OVER (ORDER BY id), at, kind, object_no, client_no, branch_id, data FROM taken
"""


def collect() -> int:
    """Give every committed change its place in the feed; returns the head.

    Numbers follow the order in which changes are seen here, not in which they were written: one whose writer commits late
    comes late, and no reader has passed it. The lock on the head lets one collector work at a time, so that what a reader
    sees is always everything up to some place.
    """
    while True:
        with transaction.atomic():
            head = Head.objects.select_for_update().get(pk=1)
            with connection.cursor() as cursor:
                cursor.execute(_COLLECT, [BATCH, head.sequence])
                moved = cursor.rowcount
            if moved:
                Head.objects.filter(pk=1).update(sequence=head.sequence + moved)
        if moved < BATCH:
            return head.sequence + moved


def forget(now: datetime) -> int:
    """Drop changes that are older than FEED_DAYS; returns how many. A webhook that has not got so far keeps them."""
    with transaction.atomic():
        head = Head.objects.select_for_update().get(pk=1)
        waiting = Subscription.objects.filter(ended_at__isnull=True, paused_at__isnull=True).order_by("after").first()
        most = min(head.sequence, waiting.after) if waiting else head.sequence
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT max(sequence) FROM feed_change WHERE at < %s AND sequence <= %s",
                [now - timedelta(days=settings.FEED_DAYS), most],
            )
            upto = cursor.fetchone()[0]
            if upto is None:
                return 0
            cursor.execute("DELETE FROM feed_change WHERE sequence <= %s", [upto])
            gone = cursor.rowcount
        Head.objects.filter(pk=1).update(forgotten=upto)
    return gone


# --- Webhooks ----------------------------------------------------------------------------------------------------------


def secrets_of(one: Subscription, now: datetime) -> list[bytes]:
    """Secrets in force, the newest first."""
    generations = [one.generation]
    if one.former_until is not None and one.former_until > now:
        generations.append(one.generation - 1)
    return [secret_of(settings.WEBHOOK_KEY, one.uid.hex, generation) for generation in generations]


@transaction.atomic
def subscribe(
    *, name: str, url: str, kinds: list[str], branch: Branch | None, by: User, now: datetime
) -> tuple[Subscription, str]:
    """Make a webhook that begins with the next change; returns it and its secret, which can be shown again to nobody.

    Raises ValidationError for an address that must not be called, ValueError for a kind that nobody declared.
    """
    require(by, "webhooks.edit")
    if not kinds or not set(kinds) <= RIGHT_OF.keys():
        raise ValueError(f"no such kinds: {kinds}")
    check_address(url)
    one = Subscription.objects.create(
        name=name, url=url, kinds=sorted(kinds), branch=branch, made_by=by, after=collect(), next_at=now
    )
    audit.record(
        "webhook.made",
        user=by,
        object_kind="webhook",
        object_no=one.uid.hex,
        detail={"kinds": one.kinds, "branch": branch.branch_no if branch else ""},
    )
    return one, secret_text(secrets_of(one, now)[0])


@transaction.atomic
def rotate(one: Subscription, *, by: User, now: datetime) -> str:
    """A new secret; the former one signs beside it for two days."""
    require(by, "webhooks.edit")
    one.generation += 1
    one.former_until = now + OVERLAP
    one.save(update_fields=["generation", "former_until"])
    audit.record("webhook.rotated", user=by, object_kind="webhook", object_no=one.uid.hex)
    return secret_text(secrets_of(one, now)[0])


@transaction.atomic
def end(one: Subscription, *, by: User, now: datetime) -> None:
    """The receiver is told nothing more; ending it again changes nothing."""
    require(by, "webhooks.edit")
    if Subscription.objects.filter(pk=one.pk, ended_at__isnull=True).update(ended_at=now):
        audit.record("webhook.ended", user=by, object_kind="webhook", object_no=one.uid.hex)


@transaction.atomic
def pause(one: Subscription, *, by: User, now: datetime) -> None:
    """Tell the receiver nothing until it is resumed; pausing it again changes nothing."""
    require(by, "webhooks.edit")
    if Subscription.objects.filter(pk=one.pk, paused_at__isnull=True, ended_at__isnull=True).update(paused_at=now):
        audit.record("webhook.paused", user=by, object_kind="webhook", object_no=one.uid.hex)


@transaction.atomic
def resume(one: Subscription, *, by: User, now: datetime) -> None:
    """Go on after a pause, from where the receiver is."""
    require(by, "webhooks.edit")
    paused = Subscription.objects.filter(pk=one.pk, paused_at__isnull=False, ended_at__isnull=True)
    if paused.update(paused_at=None, attempts=0, next_at=now, error=""):
        audit.record("webhook.resumed", user=by, object_kind="webhook", object_no=one.uid.hex)


def replay(letter: DeadLetter, *, by: User, now: datetime) -> str:
    """Send a dead letter once more, now; returns what went wrong, or ''. It keeps its id, so that a receiver can tell."""
    from feed.webhooks import post  # it needs the services

    require(by, "webhooks.edit")
    error = post(letter.subscription, letter.message_id, letter.body.encode(), now)
    if not error:
        DeadLetter.objects.filter(pk=letter.pk).update(taken_at=now)
    audit.record(
        "webhook.replayed",
        user=by,
        object_kind="webhook",
        object_no=letter.subscription.uid.hex,
        detail={"message": letter.message_id, "error": error},
    )
    return error
