"""Which clients an answer tells of, read off the answer itself: no page, present or to come, can forget to say it (U8).

Every page that shows a client links to the record, every answer of the API and every chart names `client_no`. What tells of a
client in another way says so with `org.audit.note_clients`; a test asks every address for what it leaves behind.
"""

import re
from functools import cache
from urllib.parse import unquote

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, get_resolver

#: What was asked for may stand in these, but nothing is told.
_TELLS_NOTHING = frozenset({401, 403, 404, 405})
_LINK = re.compile(rb"/clients/([^/?#\"'\s<>&\\]{1,90})/")
_KEY = re.compile(rb'"(?:client|client_no)": ?"([^"\\]{1,32})"')


def clients_in(response: HttpResponseBase) -> set[str]:
    """Numbers of the clients named in a page or an answer of the API; none for files and for what is sent in pieces."""
    if response.streaming or not isinstance(response, HttpResponse) or response.status_code in _TELLS_NOTHING:
        return set()
    kind = response.headers.get("Content-Type", "")
    if "json" in kind:
        found = set(_KEY.findall(response.content)) | set(_LINK.findall(response.content))
    elif kind.startswith("text/html"):
        found = set(_LINK.findall(response.content))
    else:
        return set()
    numbers = {unquote(number.decode(errors="replace"))[:32] for number in found}
    return {number for number in numbers if "\x00" not in number} - _other_pages()


@cache
def _other_pages() -> frozenset[str]:
    """What stands in the place of a client number in addresses of other pages: 'search', 'export' …"""
    return frozenset(word for word in _words(get_resolver(), "") if word)


def _words(resolver: URLResolver, before: str):
    for pattern in resolver.url_patterns:
        path = before + str(pattern.pattern).replace("^", "").replace("\\Z", "").replace("$", "")
        if isinstance(pattern, URLPattern):
            _front, mark, rest = path.partition("clients/")
            word = rest.partition("/")[0]
            yield word if mark and re.fullmatch(r"[\w-]+", word) else ""
        else:
            yield from _words(pattern, path)
