"""Import of a list of complaints (X3), a regulator's for instance, by a declared mapping (`complaints/mappings/*.toml`)."""

import csv
import gzip
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from django.core.exceptions import ValidationError
from django.utils import timezone

from complaints.services.intake import Told, register, tells_otherwise
from org.models import User

FOLDER = Path(__file__).resolve().parent.parent / "mappings"
#: The texts a case takes, in characters.
_MOST = {"summary": 120, "product": 120}


@dataclass
class Imported:
    """What came of a list. `rejected`: line of the file → why; `unmapped`: values that went to 'other'.

    `differs`: line → number of the case that has the row's reference with another narrative. The case stays as it is: somebody
    compares, and adds what is new as a note or a second intake.
    """

    new: int = 0
    known: int = 0
    differs: dict[int, str] = field(default_factory=dict)
    rejected: dict[int, str] = field(default_factory=dict)
    unmapped: Counter[str] = field(default_factory=Counter)


def mapping_of(name: str) -> dict[str, Any]:
    """A mapping by its name. Raises FileNotFoundError, tomllib.TOMLDecodeError."""
    return tomllib.loads((FOLDER / f"{Path(name).name}.toml").read_text(encoding="utf-8"))


def import_list(
    path: Path, mapping: dict[str, Any], *, user: User, at: datetime, told_only: bool = False, limit: int | None = None
) -> Imported:
    """Register every row of a CSV file (also gzipped); repeating it changes nothing. Each row is a transaction of its own.

    `told_only`: only rows with a narrative of their own. Rows that make no complaint are rejected with the reason.
    """
    found = Imported()
    with _opened(path) as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            if limit is not None and found.new + found.known >= limit:
                break
            if told_only and not row.get(mapping["columns"]["narrative"], "").strip():
                continue
            try:
                told = told_of(row, mapping, found.unmapped)
                complaint, fresh = register(told, user=user, at=at)
            except ValidationError as error:
                texts = getattr(error, "message_dict", {"": error.messages})
                found.rejected[line] = "; ".join(f"{name}: {' '.join(said)}" for name, said in texts.items())
            except (KeyError, ValueError) as error:
                found.rejected[line] = str(error)
            else:
                found.new, found.known = found.new + fresh, found.known + (not fresh)
                if not fresh and tells_otherwise(complaint, told):
                    found.differs[line] = complaint.number
    return found


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def told_of(row: dict[str, str], mapping: dict[str, Any], unmapped: Counter[str]) -> Told:
    """One row as a complaint. Raises KeyError for a column that is missing, ValueError for a date that is none."""
    texts = {name: " ".join(row[column].split("\x00")).strip() for name, column in mapping["columns"].items()}
    narrative = texts["narrative"] or " · ".join(_filled(row, mapping["fallback"]["narrative"]))
    # The format is the file's: without a zone, the day is meant as the firm's.
    day = datetime.strptime(texts["received"], mapping["date_format"])  # noqa: DTZ007
    return Told(
        channel=_choice(row, mapping["channel"], unmapped),
        category=_choice(row, mapping["category"], unmapped),
        wish=_choice(row, mapping["wish"], unmapped),
        narrative=narrative,
        summary=texts["summary"][: _MOST["summary"]],
        product=texts["product"][: _MOST["product"]],
        received_at=timezone.make_aware(day),
        party=mapping["party"],
        source=mapping["source"],
        external_ref=texts["external_ref"],
    )


def _filled(row: dict[str, str], columns: list[str]) -> Iterator[str]:
    return (row[column].strip() for column in columns if row[column].strip())


def _choice(row: dict[str, str], rule: dict[str, Any], unmapped: Counter[str]) -> str:
    value = row[rule["column"]].strip()
    if value not in rule["values"]:
        unmapped[f"{rule['column']}: {value}"] += 1
    return str(rule["values"].get(value, rule["other"]))
