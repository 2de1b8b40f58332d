"""Rules of the feed: what there is, who may know of it, how a message is signed and tried again. Pure functions."""

import base64
import hashlib
import hmac
import ipaddress
from datetime import timedelta

#: Beginning of a kind → the right that its changes want.
RIGHT_OF = {
    "client.": "clients.view",
    "clients.": "clients.view",
    "visit.": "visits.view",
    "complaint.": "complaints.view",
    "night.": "nights.view",
    "intake.": "intake.view",
}
#: After each failed try so long until the next; the batch is a dead letter after the last: about a day and a half.
WAITS = tuple(timedelta(seconds=n) for n in (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 57600))
#: So many dead letters in a row, and nobody is there: the webhook is paused.
PAUSE_AFTER = 3
#: How long the former secret signs beside the new one.
OVERLAP = timedelta(days=2)


def wait_after(attempts: int) -> timedelta | None:
    """How long after so many failed tries the next comes; None: it was the last."""
    return WAITS[attempts - 1] if attempts <= len(WAITS) else None


def secret_of(key: str, uid: str, generation: int) -> bytes:
    """The secret of a webhook: derived, so that none is kept."""
    return hmac.new(key.encode(), f"webhook:{uid}:{generation}".encode(), hashlib.sha256).digest()


def secret_text(secret: bytes) -> str:
    """A secret as Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(secret).decode()


def signatures(secrets: list[bytes], message_id: str, stamp: int, body: bytes) -> str:
    """Header `webhook-signature` (Standard Webhooks): one signature for each secret in force."""
    signed = f"{message_id}.{stamp}.".encode() + body
    made = (base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode() for secret in secrets)
    return " ".join(f"v1,{one}" for one in made)


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_outside(address: str) -> bool:
    """Whether an IP address is one of the open Internet: no private, local, metadata, multicast or reserved one, however
    it is wrapped (IPv6-mapped, 6to4, Teredo, NAT64)."""
    found = ipaddress.ip_address(address.split("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_outside(str(inner))
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)
