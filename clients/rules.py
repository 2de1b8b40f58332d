"""Decisions of the client records as plain functions of plain values (C1, C10)."""

import hashlib
import re
import unicodedata
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice, product

from clients.names import MAX_PIECE, pieces, plain, readings

# --- Confirmation of fields (C1) ---------------------------------------------------------------------------------

#: Months after which a field wants to be confirmed with the client. The risk level has its own date of expiry.
CONFIRM_MONTHS: dict[str, int] = {"mobile": 12, "address": 12, "email": 12, "occupation": 24}
#: Fields that a person can confirm: the above, and those without a term.
CONFIRMABLE = (*CONFIRM_MONTHS, "risk_level", "education", "investor_type")
#: Clients taken over are not all asked on one day: their first reviews spread over this many days.
FIRST_REVIEW_SPREAD_DAYS = 365


def add_months(day: date, months: int) -> date:
    """The same day some months later, at most the last day of that month (as PostgreSQL adds intervals)."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def confirmed_on(confirmed: Mapping[str, Mapping[str, str]], field: str) -> date | None:
    """Day on which somebody last confirmed a field, if anybody did."""
    entry = confirmed.get(field)
    return date.fromisoformat(entry["on"]) if entry else None


def field_due_on(
    field: str, confirmed: Mapping[str, Mapping[str, str]], *, opened_on: date, risk_valid_until: date | None
) -> date | None:
    """Day from which a field is stale (C1): its term after it was confirmed, or after the opening of the account.

    The risk level is stale from the day after its expiry. None: the field has no term.
    """
    if field == "risk_level":
        return risk_valid_until + timedelta(days=1) if risk_valid_until else None
    months = CONFIRM_MONTHS.get(field)
    if months is None:
        return None
    return add_months(confirmed_on(confirmed, field) or opened_on, months)


def review_due_on(
    confirmed: Mapping[str, Mapping[str, str]],
    *,
    client_no: str,
    opened_on: date,
    since: date | None,
    risk_valid_until: date | None,
) -> date:
    """Day on which the record comes up for refreshing (C1): the earliest of its fields.

    A field nobody confirmed yet comes up no earlier than its client's share of the first year after `since`, the day
    the client was taken over (not known: the opening). `clients.queries.REVIEW_DUE_SQL` is the same for sets;
    a test holds them together.
    """
    earliest = (since or opened_on) + timedelta(days=spread_days(client_no))
    days = []
    for field in (*CONFIRM_MONTHS, "risk_level"):
        due = field_due_on(field, confirmed, opened_on=opened_on, risk_valid_until=risk_valid_until)
        if due is None:
            continue
        days.append(due if field in confirmed else max(due, earliest))
    return min(days)


def spread_days(client_no: str) -> int:
    """A client's share of the first year, 0 … FIRST_REVIEW_SPREAD_DAYS − 1; the same each time."""
    return int(hashlib.md5(client_no.encode(), usedforsecurity=False).hexdigest()[:6], 16) % FIRST_REVIEW_SPREAD_DAYS


# --- The text of a search (C10) ----------------------------------------------------------------------------------

#: A text longer than this is cut: nobody types it, somebody pastes it.
MAX_QUERY = 60
#: Most readings tried of a name typed partly in Chinese.
MAX_WAYS = 4
#: Shortest run of digits looked for at the end of phone numbers.
MIN_TAIL = 4


@dataclass(frozen=True)
class Term:
    """One token of the search table; `prefix`: any token that begins so."""

    text: str
    prefix: bool = False


#: All of these …
All = tuple[Term, ...]


@dataclass(frozen=True)
class Part:
    """One condition of a search: any of `ways` (each: all of its terms), or a number that begins with `number`."""

    ways: tuple[All, ...] = ()
    number: str = ""


@dataclass(frozen=True)
class Query:
    """A parsed search: every part must hold. No parts: nothing to look for."""

    text: str
    parts: tuple[Part, ...]


def parse_search(text: str) -> Query:
    """Understand what was typed: Chinese, pinyin, initials, mixed '张wm', numbers, phone tails; words are AND-ed.

    Full width is made half, case does not matter, nothing typed can be more than a token. Numbers and names typed in
    several words ('138 0013 8000', 'zhang wei') count as one.
    """
    text = " ".join(text.replace("\x00", "")[:MAX_QUERY].split())
    name, digits, numbers = "", "", []
    for word in unicodedata.normalize("NFKC", text).split(" "):
        cleaned = plain(word)
        if cleaned.isascii() and cleaned.isdigit():
            digits += cleaned
        elif any(c.isdigit() for c in cleaned):
            numbers.append(_number_part(word, cleaned))
        else:
            name += cleaned
    parts = [Part(ways=_name_ways(name))] if name else []
    if digits:
        parts.append(_number_part(digits, digits))
    return Query(text, (*parts, *numbers))


def _number_part(word: str, cleaned: str) -> Part:
    """A word with digits: a client or account number, a phone tail, or a name and a tail in one ('zw5678')."""
    ways: list[All] = []
    if cleaned.isascii() and cleaned.isdigit():
        if len(cleaned) >= MIN_TAIL:
            ways.append((tail_term(cleaned),))
    elif split := re.fullmatch(r"(\D+)(\d{4,})", cleaned):
        tail = tail_term(split[2])
        ways.extend((*way, tail) for way in _name_ways(split[1]))
    else:
        ways.append(_pieces(cleaned))
    return Part(ways=tuple(ways), number=word if word.isascii() else "")


def tail_term(digits: str) -> Term:
    """Phone numbers stand backwards in the search table, so that a tail is a beginning."""
    return Term("t:" + digits[::-1], prefix=True)


def _pieces(text: str) -> All:
    """The fewest pieces that make sure a name holds the text: itself when short, else every run of three."""
    if len(text) <= MAX_PIECE:
        return (Term(text),)
    return tuple(Term(piece) for piece in pieces(text) if len(piece) == MAX_PIECE)


def _name_ways(text: str) -> tuple[All, ...]:
    """A name as typed: by its characters, and, where letters are in it, by pinyin and initials."""
    if not any("a" <= c <= "z" for c in text):
        return (_pieces(text),)
    chinese = tuple(term for run in re.findall(r"[^\x00-\x7f]+", text) for term in _pieces(run))
    ways: dict[All, None] = {} if chinese else {_pieces(text): None}
    for letters, initials in _spellings(text):
        ways[(*chinese, Term("p:" + letters, prefix=True))] = None
        ways[(*chinese, Term("i:" + initials, prefix=True))] = None
    return tuple(ways)


def _spellings(text: str) -> list[tuple[str, str]]:
    """A name as it would be typed in pinyin and in initials; letters stay as they are ('张wm' → zhangwm, zwm)."""
    choices: list[list[tuple[str, str]]] = []
    for run in re.findall(r"[\x00-\x7f]+|[^\x00-\x7f]+", text):
        if run.isascii():
            choices.append([(run, run)])
        else:
            choices.append([("".join(read), "".join(part[0] for part in read)) for read in readings(run)[:MAX_WAYS]])
    spelled = islice(product(*choices), MAX_WAYS)
    return [("".join(p for p, _ in parts), "".join(i for _, i in parts)) for parts in spelled]


def tsquery(query: Query, scope_tokens: tuple[str, ...] = ()) -> str:
    """A query as text of PostgreSQL's type tsquery, every token quoted; '' when no part has tokens."""
    parts = [_any(part.ways) for part in query.parts if part.ways]
    if parts and scope_tokens:
        parts.append("(" + " | ".join(quoted(Term(token)) for token in scope_tokens) + ")")
    return " & ".join(parts)


def _any(ways: tuple[All, ...]) -> str:
    return "(" + " | ".join("(" + " & ".join(quoted(term) for term in way) + ")" for way in ways) + ")"


def quoted(term: Term) -> str:
    """A term as a tsquery has it."""
    text = term.text.replace("\\", "\\\\").replace("'", "''")
    return f"'{text}'" + (":*" if term.prefix else "")
