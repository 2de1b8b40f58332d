"""Calls to addresses that a person entered: nothing inside the firm can be reached by them (SSRF).

The name is resolved once, every address it has is looked at, and the connection goes to that very address; a name that
changes its mind in between changes nothing. Redirects are not followed.
"""

import http.client
import socket
import ssl
import threading
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from feed.rules import is_outside

TIMEOUT = 10
#: No more of an answer is read.
MOST = 4096


class Refused(Exception):
    """The address must not be called."""


def _known(host: str) -> bool:
    return host.lower() in {name.lower() for name in settings.WEBHOOK_HOSTS}


def _split(url: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused("address") from error
    host = parts.hostname or ""
    if not host or parts.username or parts.password or any(ord(sign) <= 32 for sign in url):
        raise Refused("address")
    if parts.scheme != "https" and not (parts.scheme == "http" and _known(host)):
        raise Refused("https")
    return parts, port or (443 if parts.scheme == "https" else 80)


def _resolve(host: str, port: int) -> str:
    """The address to connect to; Refused if any address of the name lies inside."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refused("name") from error
    addresses = [str(one[4][0]) for one in found]
    if not _known(host) and not all(is_outside(address) for address in addresses):
        raise Refused("inside")
    return addresses[0]


def check_address(url: str) -> None:
    """Raises ValidationError at `url` for an address that must not be called."""
    words = {
        "address": _("This is no address that can be called: https://host/path."),
        "https": _("Use https; http is for hosts that the operator allows (WEBHOOK_HOSTS)."),
        "name": _("This host is not known."),
        "inside": _("This host lies inside a private network; the operator can allow it (WEBHOOK_HOSTS)."),
    }
    try:
        parts, port = _split(url)
        _resolve(parts.hostname or "", port)
    except Refused as refused:
        raise ValidationError({"url": words[str(refused)]}) from refused


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Status of the answer. Raises Refused, OSError or http.client.HTTPException."""
    parts, port = _split(url)
    host = parts.hostname or ""
    address = _resolve(host, port)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    sock = socket.create_connection((address, port), timeout=TIMEOUT)
    # Whoever sends a byte now and then would hold a worker for ever.
    watch = threading.Timer(3 * TIMEOUT, _hang_up, [sock])
    watch.start()
    try:
        if parts.scheme == "https":
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
        connection.sock = sock
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body=body, headers={**headers, "Host": parts.netloc, "Connection": "close"})
        answer = connection.getresponse()
        answer.read(MOST)
        return answer.status
    finally:
        watch.cancel()
        sock.close()


def _hang_up(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
