"""Client of the CRM's API, made from its description (`make client`): change nothing here by hand.

crm = Crm("https://crm.example.com", token)
for row in crm.pages(crm.clients_list(tier="A", page_size=200)):
    ...
"""

import http.client
import json
import ssl
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

_FORM = "multipart/form-data"


class Refused(Exception):
    """An answer that is an error (RFC 9457): `status`, `type` (its address in the catalogue), `title`, `detail`, `errors`."""

    def __init__(self, status: int, body: Mapping[str, Any], request_id: str) -> None:
        self.status, self.body, self.request_id = status, body, request_id
        self.type = str(body.get("type", "about:blank"))
        self.title = str(body.get("title", ""))
        self.detail = str(body.get("detail", ""))
        self.errors: list[dict[str, str]] = list(body.get("errors", ()))
        super().__init__(f"{status} {self.title} {self.detail} {self.errors or ''} ({request_id})")


@dataclass(frozen=True)
class Answer:
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


def _quoted(value: object) -> str:
    return quote(str(value), safe="")


class Caller:
    """Sends requests. One connection for each: safe to use from several threads. `last` has the headers of the newest answer."""

    def __init__(self, base: str, token: str, *, language: str = "en", timeout: float = 30) -> None:
        where = urlsplit(base)
        if where.scheme not in ("http", "https") or not where.hostname:
            raise ValueError(f"no address of a server: {base}")
        self._host, self._port, self._secure = where.hostname, where.port, where.scheme == "https"
        self._prefix = where.path.rstrip("/") + "/api/v1"
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Language": language, "Accept": "*/*"}
        self._timeout = timeout
        self.last: Mapping[str, str] = {}

    def pages(self, page: Mapping[str, Any]) -> Iterator[Any]:
        """Every row of a list, from its first page on: follows `next` to the end."""
        while True:
            yield from page["results"]
            address = page.get("next")
            if not address:
                return
            where = urlsplit(address)
            page = self._send("GET", f"{where.path}?{where.query}", {}, None).json()

    def fetch(self, address: str) -> bytes:
        """What stands at an address of this server that an answer named (the file of an export)."""
        where = urlsplit(address)
        return self._send("GET", f"{where.path}?{where.query}" if where.query else where.path, {}, None).content

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        body: Any = None,
        form: tuple[dict[str, str], list[tuple[str, str, bytes]]] | None = None,
    ) -> Answer:
        sent = {name: str(value) for name, value in (headers or {}).items() if value is not None}
        asked = urlencode(
            {name: _text(value) for name, value in (query or {}).items() if value is not None}, doseq=True
        )
        data: bytes | None = None
        if form is not None:
            sent["Content-Type"], data = _encoded(*form)
        elif body is not None:
            sent["Content-Type"], data = "application/json", json.dumps(body).encode()
        return self._send(method, f"{self._prefix}{path}{'?' if asked else ''}{asked}", sent, data)

    def _send(self, method: str, path: str, headers: Mapping[str, str], data: bytes | None) -> Answer:
        connection: http.client.HTTPConnection
        if self._secure:
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        try:
            connection.request(method, path, data, {**self._headers, **headers})
            got = connection.getresponse()
            answer = Answer(got.status, dict(got.getheaders()), got.read())
        finally:
            connection.close()
        self.last = answer.headers
        if answer.status >= 400:
            try:
                told = answer.json()
            except ValueError:
                told = {}
            raise Refused(answer.status, told, answer.headers.get("X-Request-ID", ""))
        return answer


def _text(value: Any) -> Any:
    return (
        [_text(one) for one in value]
        if isinstance(value, list)
        else str(value).lower()
        if isinstance(value, bool)
        else value
    )


def _encoded(fields: dict[str, str], files: list[tuple[str, str, bytes]]) -> tuple[str, bytes]:
    """A form with files (name of the field, name of the file, what is in it): its type and body."""
    edge = uuid.uuid4().hex
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for field, name, content in files:
        head = f'--{edge}\r\nContent-Disposition: form-data; name="{field}"; filename="{quote(name)}"\r\n\r\n'
        parts += [head.encode(), content, b"\r\n"]
    return f"{_FORM}; boundary={edge}", b"".join([*parts, f"--{edge}--\r\n".encode()])
