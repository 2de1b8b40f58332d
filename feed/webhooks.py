"""Telling programs: each webhook has its place in the feed and gets one batch after the other, signed, until it takes it.

A batch is claimed with its end before it goes out, so that after a crash the very same batch goes out again under the same
`webhook-id`: at least once, in order, and a receiver that knows an id already can drop it.
"""

import http.client
import json
import logging
from datetime import datetime, timedelta

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Q

from feed import net
from feed.models import DeadLetter, Subscription
from feed.queries import Piece, as_dict, changes_of
from feed.rules import PAUSE_AFTER, signatures, wait_after
from feed.services import collect, secrets_of
from org import notify

logger = logging.getLogger(__name__)

#: Changes of one message.
SIZE = 100
#: A batch claimed by a worker that died is taken up again after it; longer than any call lasts.
LEASE = timedelta(minutes=2)


def deliver(now: datetime, limit: int = 200) -> int:
    """Send what is due; how many messages went out, taken or not."""
    head, sent = collect(), 0
    while sent < limit:
        claimed = _claim(now, head)
        if claimed is None:
            break
        one, piece = claimed
        if piece.changes:
            _settle(one, piece, now)
            sent += 1
        else:
            _taken(one, piece.upto, now, told=False)
    return sent


def _claim(now: datetime, head: int) -> tuple[Subscription, Piece] | None:
    """The next webhook that has something due, with the batch it gets; nobody else takes it for the time of the lease."""
    with transaction.atomic():
        due = Subscription.objects.filter(next_at__lte=now, paused_at__isnull=True, ended_at__isnull=True)
        due = due.filter(Q(after__lt=head) | Q(upto__isnull=False)).order_by("next_at", "pk")
        one = due.select_for_update(skip_locked=True, of=("self",)).select_related("branch").first()
        if one is None:
            return None
        piece = changes_of(one.kinds, one.branch, one.after, one.upto or head, SIZE)
        one.upto, one.next_at = piece.upto, now + LEASE
        one.save(update_fields=["upto", "next_at"])
    return one, piece


def message_id(one: Subscription, upto: int) -> str:
    """Identity of a batch: the same whenever it is sent."""
    return f"{one.uid.hex}.{one.after}.{upto}"


def _settle(one: Subscription, piece: Piece, now: datetime) -> None:
    identity = message_id(one, piece.upto)
    body = json.dumps(
        {"changes": [as_dict(change) for change in piece.changes]}, cls=DjangoJSONEncoder, ensure_ascii=False
    )
    error = post(one, identity, body.encode(), now)
    if not error:
        _taken(one, piece.upto, now, told=True)
        return
    attempts = one.attempts + 1
    wait = wait_after(attempts)
    mine = Subscription.objects.filter(pk=one.pk, after=one.after)
    if wait is not None and error != "HTTP 410":
        mine.update(attempts=attempts, next_at=now + wait, error=error)
        return
    with transaction.atomic():
        DeadLetter.objects.create(
            subscription=one, message_id=identity, body=body, changes=len(piece.changes), at=now, error=error
        )
        mine.update(after=piece.upto, upto=None, attempts=0, next_at=now, error=error)
        latest = one.dead.order_by("-at", "-pk").values_list("at", flat=True)[:PAUSE_AFTER]
        none_taken = len(latest) == PAUSE_AFTER and (one.taken_at is None or one.taken_at < min(latest))
        if error == "HTTP 410" or none_taken:
            Subscription.objects.filter(pk=one.pk).update(paused_at=now)
            notify.tell(one.made_by_id, f"feed.paused:{one.pk}:{now:%Y%m%d%H%M}", "feed.paused", {"name": one.name})


def _taken(one: Subscription, upto: int, now: datetime, *, told: bool) -> None:
    """On to what comes after; a worker that comes late, with a batch that another has settled, changes nothing."""
    done = {"after": upto, "upto": None, "attempts": 0, "next_at": now, "error": ""}
    Subscription.objects.filter(pk=one.pk, after=one.after).update(**done, **({"taken_at": now} if told else {}))


def post(one: Subscription, identity: str, body: bytes, now: datetime) -> str:
    """Send one message; what went wrong, without anything the receiver said, or ''."""
    stamp = int(now.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "core-client-crm",
        "webhook-id": identity,
        "webhook-timestamp": str(stamp),
        "webhook-signature": signatures(secrets_of(one, now), identity, stamp, body),
    }
    try:
        status = net.post(one.url, body, headers)
    except net.Refused as refused:
        return f"refused: {refused}"
    except (OSError, http.client.HTTPException) as problem:
        return type(problem).__name__
    return "" if 200 <= status < 300 else f"HTTP {status}"
