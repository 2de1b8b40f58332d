"""The declared transforms of a mapping, as SQL over the trimmed columns t0, t1 … of the raw staging table."""

import re
from datetime import date

from ledger.intake.layout import Layout
from ledger.intake.mapping import Condition, Source
from ledger.intake.values import literal

_TOKENS = {"Y": "([0-9]{4})", "y": "([0-9]{2})", "m": "([0-9]{1,2})", "d": "([0-9]{1,2})"}
_CLOCK = {"H": "[0-9]{1,2}", "M": "[0-9]{2}", "S": "[0-9]{2}"}
_LENGTHS = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_ADJACENT = re.compile(r"%[Yymd]%[Yymd]")
_PLACEHOLDER = re.compile(r"(\{[^{}]+\})")
_NUMBER = r"^[-+]?[0-9]+(?:\.[0-9]+)?$"


class Transforms:
    """Turns sources of a mapping into SQL, for one file."""

    def __init__(self, layout: Layout, *, file: str, business_date: date) -> None:
        self._layout, self._file, self._business_date = layout, file, business_date

    def raw(self, name: str) -> str:
        """A source column, trimmed; NULL if empty."""
        position = self._layout.position(name)
        assert position is not None  # read_layout refuses files without the columns that are needed
        return f"t{position}"

    def value(self, source: Source) -> str:
        """The value that a source declares: its origin, then its changes."""
        sql = self._origin(source)
        if source.date:
            sql = _date(sql, source.date)
        if source.strip_prefix:
            sql = _if(
                f"starts_with({sql}, {literal(source.strip_prefix)})",
                f"substr({sql}, {len(source.strip_prefix) + 1})",
                sql,
            )
        if source.strip_suffix:
            length = len(source.strip_suffix)
            sql = _if(f"right({sql}, {length}) = {literal(source.strip_suffix)}", f"left({sql}, -{length})", sql)
        if source.values:
            cases = " ".join(f"WHEN {literal(key)} THEN {literal(text)}" for key, text in source.values.items())
            other = sql if source.otherwise is None else literal(source.otherwise)
            sql = f"CASE {sql} {cases} ELSE {other} END"
        if source.negate:
            sql = _if(f"{sql} ~ {literal(_NUMBER)}", f"(-({sql})::numeric)::text", sql)
        if source.pad:
            sql = _if(f"length({sql}) < {source.pad}", f"lpad({sql}, {source.pad}, '0')", sql)
        if source.prefix or source.suffix:
            sql = f"({literal(source.prefix)} || {sql} || {literal(source.suffix)})"
        if source.default is not None:
            sql = f"coalesce({sql}, {literal(source.default)})"
        return sql

    def meets(self, condition: Condition) -> str:
        """Whether a line holds one of the values of a condition."""
        values = ", ".join(literal(value.strip()) for value in condition.values)
        return f"coalesce({self.raw(condition.column)}, '') IN ({values})"

    def _origin(self, source: Source) -> str:
        if source.column:
            return self.raw(source.column)
        if source.value is not None:
            return self._composed(source.value) if "{" in source.value else literal(source.value)
        if source.compose:
            return self._composed(source.compose)
        operands = [self.raw(name) for name in (source.product or source.sum)]
        operator = " * " if source.product else " + "
        numbers = " AND ".join(f"{operand} ~ {literal(_NUMBER)}" for operand in operands)
        result = operator.join(f"({operand})::numeric" for operand in operands)
        # Text that is no number stays in sight, so that the row is rejected for it.
        shown = " || ' ? ' || ".join(operands)
        return f"CASE WHEN {numbers} THEN ({result})::text ELSE {shown} END"

    def _composed(self, template: str) -> str:
        parts = [self._part(part) for part in _PLACEHOLDER.split(template) if part]
        return "(" + " || ".join(parts) + ")"

    def _part(self, part: str) -> str:
        if not part.startswith("{"):
            return literal(part)
        name = part[1:-1]
        if name == "line":
            return "line::text"
        if name == "row":
            return f"(line - {self._layout.line})::text"
        if name == "file":
            return literal(self._file)
        if name == "business_date":
            return literal(self._business_date.isoformat())
        return self.raw(name)


def _if(condition: str, then: str, otherwise: str) -> str:
    return f"CASE WHEN {condition} THEN {then} ELSE {otherwise} END"


def _date(sql: str, form: str) -> str:
    """SQL: a date in a declared form (%Y %y %m %d, %H %M %S are read over) as YYYY-MM-DD.

    Two-digit years from 50 on are of the 20th century. What does not fit the form is left as it is. Without separators
    each part has two digits; with them days and months may have one.
    """
    tokens = re.findall(r"%.|[^%]", form)
    # Parts at fixed places are cut out; capturing by a pattern costs ten times as much.
    fixed, place, cut = "^", 1, {}
    loose = "^"
    captured: dict = {}
    for token in tokens:
        letter = token[1:]
        length = _LENGTHS.get(letter, 1)
        fixed += f"[0-9]{{{length}}}" if letter in _LENGTHS else re.escape(token)
        if letter in _TOKENS:
            cut[letter] = f"substr({sql}, {place}, {length})"
            loose += _TOKENS[letter]
            captured[letter] = f"p[{len(captured) + 1}]"
        else:
            loose += _CLOCK.get(letter) or re.escape(token)
        place += length
    day = f"CASE WHEN {sql} ~ {literal(fixed + '$')} THEN {_iso(cut)}"
    if _ADJACENT.search(form) is None:
        day += f" WHEN {sql} IS NOT NULL THEN coalesce((SELECT {_iso(captured)}"
        day += f" FROM regexp_match({sql}, {literal(loose + '$')}) AS p), {sql})"
    return f"{day} ELSE {sql} END"


def _iso(parts: dict[str, str]) -> str:
    year = parts.get("Y") or f"CASE WHEN {parts['y']} >= '50' THEN '19' ELSE '20' END || {parts['y']}"
    return f"{year} || '-' || lpad({parts['m']}, 2, '0') || '-' || lpad({parts['d']}, 2, '0')"
