"""What must be recorded per step (X1), and words that no proposal may hold (Securities Law 135)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise as Lazy
from django.utils.translation import gettext_lazy as _

from complaints.choices import Responsibility

#: Longest text of a record.
MAX_TEXT = 40_000
PROPOSALS = 3


@dataclass(frozen=True)
class Field:
    """A field of a step's record. `kind`: text, line, tick (must be true), choice, proposal, pick (one of step 4's)."""

    key: str
    label: str | Lazy
    kind: str = "text"
    required: bool = True
    choices: tuple[tuple[str, Any], ...] = ()


FIELDS: dict[int, tuple[Field, ...]] = {
    1: (
        Field("told", _("What was told, in the client's own words")),
        Field("feeling", _("What the client feels, and how it was acknowledged"), "line"),
        Field("restated", _("Restated, and the client said: yes, that is it"), "tick"),
    ),
    2: (
        Field("apology", _("How we apologised, and for what")),
        Field("contained", _("What was done so that the matter does not grow")),
    ),
    3: (
        Field("findings", _("What was found")),
        Field("sources", _("What was looked at: records, calls, people asked")),
    ),
    4: (
        Field("responsibility", _("Who is responsible"), "choice", choices=tuple(Responsibility.choices)),
        Field("grounds", _("On what grounds")),
        Field("proposals", _("Proposals to the client"), "proposals"),
    ),
    5: (
        Field("choice", _("What the client chose"), "pick"),
        Field("client_words", _("What the client said to it")),
        Field("evidence", _("Evidence: letter, recording, signed paper")),
    ),
    6: (Field("carried_out", _("How the promises were carried out")),),
}

#: Phrases of a promise that the law forbids: gains, making good losses.
FORBIDDEN = (
    "保本", "稳赚", "包赚", "零风险", "保证收益", "承诺收益", "兜底", "亏了算我的", "必涨", "补偿交易损失", "弥补亏损",
    "guaranteed return", "guarantee your", "no risk", "make good the loss", "make good your loss",
)  # fmt: skip


def forbidden_words(*texts: str) -> list[str]:
    """The forbidden phrases in some texts, without regard to case."""
    whole = "\n".join(texts).casefold()
    return [phrase for phrase in FORBIDDEN if phrase.casefold() in whole]


def clean_record(step: int, record: Mapping[str, Any]) -> dict[str, Any]:
    """Only the fields of a step, texts stripped and without NUL. Raises ValueError for one that is too long."""
    found: dict[str, Any] = {}
    for field in FIELDS[step]:
        value = record.get(field.key)
        if field.kind == "tick":
            found[field.key] = bool(value)
        elif field.kind == "proposals":
            found[field.key] = [
                {"text": clean_text(one.get("text")), "amount": one.get("amount")}
                for one in (value or [])[:PROPOSALS]
                if clean_text(one.get("text"))
            ]
        else:
            found[field.key] = clean_text(value)
    return found


def clean_text(value: Any) -> str:
    """Text without NUL and outer blanks. Raises ValueError when it is longer than `MAX_TEXT`."""
    text = str(value if value is not None else "").replace("\x00", "").strip()
    if len(text) > MAX_TEXT:
        raise ValueError(f"longer than {MAX_TEXT} characters")
    return text


def missing(step: int, record: Mapping[str, Any], before: Mapping[int, Mapping[str, Any]]) -> list[Field]:
    """The fields a step still lacks. `before`: the records of the other steps (step 5 chooses among step 4's)."""
    lacking = []
    for field in FIELDS[step]:
        value = record.get(field.key)
        if field.kind == "choice":
            there = value in dict(field.choices)
        elif field.kind == "pick":
            offers = len(before.get(4, {}).get("proposals", []))
            there = str(value) in {"none", *(str(number + 1) for number in range(offers))}
        else:
            there = bool(value)
        if not there:
            lacking.append(field)
    return lacking


def highest_amount(records: Mapping[int, Mapping[str, Any]]) -> int:
    """The largest amount among step 4's proposals, in 1/10,000 元; 0 without one."""
    amounts = [one.get("amount") or 0 for one in records.get(4, {}).get("proposals", [])]
    return max(amounts, default=0)
