"""The rule of a segment: checked, turned into a condition of the database, and told in words (S11).

A rule is a tree: {"all": […]}, {"any": […]}, {"none": […]} of conditions {"field", "op", "value"} and further groups, at most
`DEEPEST` deep. Only registered fields and the questions of their kind are taken; values are always bound.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clients import fields
from clients.fields import Field, Kind
from clients.models import Client
from crm.money import to_units
from org.rights import may
from org.scope import scope_of

DEEPEST = 5
MOST_CONDITIONS = 60
GROUPS = ("all", "any", "none")

#: Questions by kind of field: op → words.
OPS: dict[str, dict[str, str | Promise]] = {
    Kind.TEXT: {
        "is": gettext_lazy("is"),
        "contains": gettext_lazy("contains"),
        "empty": gettext_lazy("is empty"),
    },
    Kind.CHOICE: {
        "in": gettext_lazy("is one of"),
        "not_in": gettext_lazy("is none of"),
        "empty": gettext_lazy("is empty"),
    },
    Kind.NUMBER: {
        "at_least": gettext_lazy("is at least"),
        "at_most": gettext_lazy("is at most"),
        "between": gettext_lazy("is between"),
        "empty": gettext_lazy("is empty"),
    },
    Kind.DATE: {
        "from": gettext_lazy("is on or after"),
        "until": gettext_lazy("is on or before"),
        "last_days": gettext_lazy("lies in the last … days"),
        "next_days": gettext_lazy("lies in the next … days"),
        "older_days": gettext_lazy("lies more than … days back"),
        "empty": gettext_lazy("is empty"),
    },
    Kind.YES_NO: {"yes": gettext_lazy("yes"), "no": gettext_lazy("no")},
    Kind.HISTORY: {"was": gettext_lazy("was on a day one of")},
}
OPS[Kind.MONEY] = OPS[Kind.NUMBER]


class Broken(ValidationError):
    """A rule that cannot be understood; `path` names the condition, e.g. '0.2'."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.path = path


def may_ask(field: Field, user: Any) -> bool:
    """Whether a viewer may ask about a field: asking tells what it holds."""
    return (not field.right or may(user, field.right)) and not (field.personal and scope_of(user).masked)


def offered(user: Any) -> list[Field]:
    """The fields a viewer may ask about."""
    return [field for field in fields.all_fields() if not field.gone and may_ask(field, user)]


#: Longest text of a rule, as JSON.
LONGEST = 20_000


def must_be_storable(rule: Any) -> None:
    """Raises Broken for a rule that the database would not take, or that carries more than its conditions."""
    text = json.dumps(rule, ensure_ascii=False)
    if len(text) > LONGEST:
        raise Broken(_("The rule is too long."))
    if "\\u0000" in text or any(0xD800 <= ord(char) <= 0xDFFF for char in text):
        raise Broken(_("The rule holds characters that cannot be kept."))


def compile_rule(rule: Any, *, user: Any, today: date) -> Q:
    """The condition on Client that a rule means. Raises Broken."""
    budget = [MOST_CONDITIONS]
    with fields.held():
        return _group(rule, user, today, "", 1, budget)


def _group(rule: Any, user: Any, today: date, path: str, depth: int, budget: list[int]) -> Q:
    if not isinstance(rule, dict) or len(rule) != 1 or next(iter(rule)) not in GROUPS:
        raise Broken(_("A group says all, any or none of its conditions."), path)
    if depth > DEEPEST:
        raise Broken(_("Groups are at most %(n)s deep.") % {"n": DEEPEST}, path)
    (how, members) = next(iter(rule.items()))
    if not isinstance(members, list) or not members:
        raise Broken(_("A group needs a condition."), path)
    parts = []
    for number, member in enumerate(members):
        here = f"{path}.{number}" if path else str(number)
        if isinstance(member, dict) and "field" in member:
            budget[0] -= 1
            if budget[0] < 0:
                raise Broken(_("A rule holds at most %(n)s conditions.") % {"n": MOST_CONDITIONS}, here)
            # A set of its own: joins shared between "or" and "none" would lose clients who have no value.
            parts.append(Q(pk__in=_asked(member, user, today, here).order_by().values("pk")))
        else:
            parts.append(_group(member, user, today, here, depth + 1, budget))
    joined = parts[0]
    for part in parts[1:]:
        joined = joined & part if how == "all" else joined | part
    return ~joined if how == "none" else joined


def _asked(condition: dict[str, Any], user: Any, today: date, path: str) -> QuerySet[Client]:
    """The clients of whom one condition holds."""
    field = fields.get(str(condition.get("field")))
    if field is None:
        raise Broken(_("The field '%(key)s' does not exist any more.") % {"key": condition.get("field")}, path)
    if field.gone:
        raise Broken(_("'%(field)s' is no longer asked for.") % {"field": field.label}, path)
    if not may_ask(field, user):
        raise Broken(_("You may not ask about '%(field)s'.") % {"field": field.label}, path)
    op, value = str(condition.get("op")), condition.get("value")
    if op not in OPS[field.kind]:
        raise Broken(_("'%(field)s' cannot be asked this way.") % {"field": field.label}, path)
    try:
        if field.value is None:
            return Client.objects.filter(_meaning(field, op, value, today))
        return Client.objects.alias(own=field.value).filter(_meaning(replace(field, path="own"), op, value, today))
    except (ValueError, TypeError, InvalidOperation, KeyError, OverflowError) as error:
        raise Broken(
            _("The value of '%(field)s' is missing or not understood.") % {"field": field.label}, path
        ) from error


def _meaning(field: Field, op: str, value: Any, today: date) -> Q:
    path = field.path
    if op == "empty":
        empty = Q(**{f"{path}__isnull": True})
        return empty | Q(**{path: ""}) if field.kind in (Kind.TEXT, Kind.CHOICE) else empty
    if field.kind == Kind.TEXT:
        return Q(**{f"{path}__{'iexact' if op == 'is' else 'icontains'}": _text(value)})
    if field.kind == Kind.CHOICE:
        inside = Q(**{f"{path}__in": _keys(field, value)})
        return ~inside if op == "not_in" else inside
    if field.kind == Kind.YES_NO:
        yes = Q(**{path: True})
        # Who was never asked an own field did not say no; a mark that was never set is not set.
        return yes if op == "yes" else Q(**{path: False}) if field.value is not None else ~yes
    if field.kind == Kind.HISTORY:
        assert field.then is not None
        return field.then(date.fromisoformat(value["on"]), _keys(field, value["keys"]))
    if field.kind == Kind.DATE:
        return _dated(path, op, value, today)
    if op == "between":
        low, high = (_number(field, end) for end in value)
        return Q(**{f"{path}__gte": min(low, high), f"{path}__lte": max(low, high)})
    return Q(**{f"{path}__{'gte' if op == 'at_least' else 'lte'}": _number(field, value)})


def _dated(path: str, op: str, value: Any, today: date) -> Q:
    if op == "from":
        return Q(**{f"{path}__gte": date.fromisoformat(value)})
    if op == "until":
        return Q(**{f"{path}__lte": date.fromisoformat(value)})
    days = int(value)
    if not 0 <= days <= 40_000:
        raise ValueError(days)
    if op == "last_days":
        return Q(**{f"{path}__gte": today - timedelta(days=days), f"{path}__lte": today})
    if op == "next_days":
        return Q(**{f"{path}__gte": today, f"{path}__lte": today + timedelta(days=days)})
    return Q(**{f"{path}__lt": today - timedelta(days=days)})


def _text(value: Any) -> str:
    text = str(value or "").replace("\x00", "").strip()
    if not text or len(text) > 80:
        raise ValueError(value)
    return text


def _keys(field: Field, value: Any) -> list[str]:
    known = {str(key) for key, _label in field.choices}
    found = [str(key) for key in (value if isinstance(value, list) else [value])]
    if not found or not set(found) <= known:
        raise ValueError(value)
    return found


def _number(field: Field, value: Any) -> Any:
    number = Decimal(str(value))
    if not number.is_finite() or abs(number) > Decimal("1e12"):
        raise ValueError(value)
    return to_units(number) if field.kind == Kind.MONEY else number


# --- In words ----------------------------------------------------------------------------------------------------------


def words(rule: dict[str, Any]) -> str:
    """The rule as one sentence in the reader's language."""
    with fields.held():
        return _words(rule)


def _words(rule: dict[str, Any]) -> str:
    how, members = next(iter(rule.items()))
    joint = {"all": _(" and "), "any": _(" or "), "none": _(" or ")}[how]
    text = joint.join(
        _condition_words(member) if "field" in member else f"({_words(member)})" for member in members if member
    )
    return _("none of: %(rest)s") % {"rest": text} if how == "none" else text


def _condition_words(condition: dict[str, Any]) -> str:
    field = fields.get(str(condition.get("field")))
    if field is None:
        return _("'%(key)s' (does not exist any more)") % {"key": condition.get("field")}
    if field.gone:
        return _("'%(field)s' (no longer asked for)") % {"field": field.label}
    op = str(OPS[field.kind].get(str(condition.get("op")), condition.get("op")))
    value = condition.get("value")
    if condition.get("op") in ("empty", "yes", "no"):
        return f"{field.label} {op}"
    if isinstance(value, dict):
        return f"{field.label} {op} {_listed(field, value.get('keys'))} ({value.get('on')})"
    if field.kind == Kind.CHOICE:
        return f"{field.label} {op} {_listed(field, value)}"
    if "…" in op:
        return f"{field.label} {op.replace('…', str(value))}"
    return f"{field.label} {op} {'–'.join(map(str, value)) if isinstance(value, list) else value}"


def _listed(field: Field, keys: Any) -> str:
    known = {str(key): str(label) for key, label in field.choices}
    return ", ".join(known.get(str(key), str(key)) for key in (keys if isinstance(keys, list) else [keys]))


def conditions(rule: Any) -> Iterator[dict[str, Any]]:
    """All conditions of a rule, whatever their depth."""
    if isinstance(rule, dict) and "field" in rule:
        yield rule
    elif isinstance(rule, dict):
        for members in rule.values():
            for member in members if isinstance(members, list) else []:
                yield from conditions(member)
