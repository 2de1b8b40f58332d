"""The hash chain of the audit trail (U8): events are sealed a moment after they are in, in one order, without a gap.

A chain made by each writer would have all readers of the firm wait for each other's commits. So the row's digest is made
with the row, and what is committed gets its place by one sealer at a time. In between, some seconds, a digest protects what
a row says, and nothing protects that it is there.
"""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from org.models import AuditLink, AuditSeal

logger = logging.getLogger(__name__)

#: The hash before the first place.
BEGINNING = bytes(32)
#: Events sealed in one transaction.
BATCH = 10_000
#: A writer may take so long from its number to its commit; whoever takes longer is found by the thorough run.
SETTLED_AFTER = timedelta(minutes=30)
#: A thorough run a day looks through what came in so many days.
THOROUGH_EVERY, THOROUGH_DAYS = timedelta(days=1), 40
#: A thorough run has found every event that was so old by then: one outside the chain was put in, or kept out, by hand.
PASSED_OVER_AFTER = timedelta(hours=3)
#: No event comes into the chain so long after one that is newer: its time was made up.
BACKDATED_BY = timedelta(days=2)
#: Key of the lock that lets one sealer work (any number of the product's own).
_LOCK = 7_403_115

_UNSEALED = """
SELECT e.id, org_audit_digest(e) FROM org_auditevent e
WHERE {bound} AND NOT EXISTS (SELECT 1 FROM org_auditlink l WHERE l.event_id = e.id)
ORDER BY e.id LIMIT %s
"""


def link_hash(before: bytes, digest: bytes) -> bytes:
    """Hash of a place: what stood before, and what the event says."""
    return hashlib.sha256(before + digest).digest()


def seal(at: datetime) -> int:
    """Give each committed event its place; how many were sealed. 0 while another sealer works."""
    total = 0
    thorough = not AuditSeal.objects.filter(thorough=True, at__gt=at - THOROUGH_EVERY).exists()
    while True:
        sealed = _seal_batch(at, thorough)
        total += sealed
        if sealed < BATCH:
            return total


@transaction.atomic
def _seal_batch(at: datetime, thorough: bool) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        # Read before the rows: what is newer may have been committed in between.
        cursor.execute("SELECT coalesce(max(id), 0) FROM org_auditevent")
        newest = cursor.fetchone()[0]
        bound, value = _bound(at, thorough)
        cursor.execute(_UNSEALED.format(bound=bound), [value, BATCH])
        rows = cursor.fetchall()
    last = AuditLink.objects.order_by("-place").first()
    place, hash_ = (last.place, bytes(last.hash)) if last else (0, BEGINNING)
    links = []
    for event_id, digest in rows:
        place, hash_ = place + 1, link_hash(hash_, bytes(digest))
        links.append(AuditLink(place=place, event_id=event_id, hash=hash_))
    if not links:
        return 0
    AuditLink.objects.bulk_create(links, batch_size=2000)
    whole = thorough and len(links) < BATCH
    AuditSeal.objects.create(at=at, place=place, hash=hash_, newest_id=newest, thorough=whole)
    # Into the log of the firm, where whoever owns the database cannot change it: `verify_audit --heads` compares.
    transaction.on_commit(lambda: logger.info("audit head %d %s", place, hash_.hex()))
    return len(links)


def _bound(at: datetime, thorough: bool) -> tuple[str, datetime | int]:
    if thorough and AuditSeal.objects.exists():
        return "e.at > %s", at - timedelta(days=THOROUGH_DAYS)
    settled = AuditSeal.objects.filter(at__lt=at - SETTLED_AFTER).order_by("-at").first()
    return "e.id > %s", settled.newest_id if settled else 0


# --- Verification --------------------------------------------------------------------------------------------------------

_CHAIN = """
SELECT l.place, l.event_id, l.hash, org_audit_digest(e), e.id, e.at
FROM org_auditlink l LEFT JOIN org_auditevent e ON e.id = l.event_id ORDER BY l.place
"""
_LOOSE = """
SELECT e.id, e.at, e.digest IS DISTINCT FROM NULL AND e.digest <> org_audit_digest(e) FROM org_auditevent e
WHERE NOT EXISTS (SELECT 1 FROM org_auditlink l WHERE l.event_id = e.id) ORDER BY e.id
"""


@dataclass
class Found:
    """What a verification found: `fault` names the first broken row, '' when all is whole; events in and not yet in the chain."""

    fault: str = ""
    sealed: int = 0
    loose: int = 0
    head: str = ""


def verify(heads: dict[int, str] | None = None) -> Found:
    """Go through the whole chain. `heads`: hash (hex) by place, as the log kept them."""
    found = Found()
    seals = {seal.place: bytes(seal.hash) for seal in AuditSeal.objects.iterator()}
    told = heads or {}
    thorough = AuditSeal.objects.filter(thorough=True).order_by("-at").first()
    hash_, newest = BEGINNING, None
    with transaction.atomic():
        for place, event_id, kept, digest, here, moment in _stream(_CHAIN):
            where = f"event {event_id} (place {place} of the chain)"
            if place != found.sealed + 1:
                found.fault = f"place {found.sealed + 1} of the chain is missing; {where} comes next"
            elif here is None:
                found.fault = f"{where} was removed"
            else:
                hash_ = link_hash(hash_, bytes(digest))
                found.fault = _against(where, place, hash_, bytes(kept), seals, told)
                if not found.fault and newest and moment < newest - BACKDATED_BY:
                    found.fault = f"{where} names a time long before the event ahead of it: it was put in later"
                newest = max(moment, newest or moment)
            if found.fault:
                return found
            found.sealed = place
        found.head = hash_.hex()
        found.fault = _tail(found.sealed, seals, told)
        for event_id, moment, changed in _stream(_LOOSE):
            found.loose += 1
            if changed and not found.fault:
                found.fault = f"event {event_id} (not sealed yet) was changed"
            elif thorough and moment < thorough.at - PASSED_OVER_AFTER and not found.fault:
                found.fault = f"event {event_id} of {moment:%Y-%m-%d %H:%M} is outside the chain"
    return found


def _against(where: str, place: int, hash_: bytes, kept: bytes, seals: dict[int, bytes], told: dict[int, str]) -> str:
    if hash_ != kept:
        return f"{where} was changed, or does not follow the one before it"
    if seals.get(place, kept) != kept:
        return f"{where}: the chain was written anew, the seal of this place says otherwise"
    if told.get(place, kept.hex()) != kept.hex():
        return f"{where}: the chain was written anew, the log's head of this place says otherwise"
    return ""


def _tail(sealed: int, seals: dict[int, bytes], told: dict[int, str]) -> str:
    last = max([*seals, *told], default=0)
    return f"the end of the chain is cut off: {sealed} places, but {last} were sealed" if last > sealed else ""


def _stream(statement: str) -> Iterator[tuple]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement)
        while rows := cursor.fetchmany(5000):
            yield from rows
