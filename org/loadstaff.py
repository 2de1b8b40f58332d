"""Staff and their log-ins from a file: the columns of core-v1 `staff`, with `username` and `password` if wanted."""

import csv
import io
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from org import logins
from org.models import Branch, Role, Staff, User
from org.scope import in_service

REQUIRED = ("staff_no", "name", "branch_no", "role")
COLUMNS = (*REQUIRED, "mobile", "email", "joined_on", "left_on", "username", "password")
#: Columns written to a member of staff as they stand.
_PLAIN = ("name", "role", "mobile", "email")


class BadFile(Exception):
    """The file cannot be taken in; `problems` has one line for each reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass
class Loaded:
    """What a file did: how many staff were new or changed, and the log-ins it made."""

    staff_new: int = 0
    staff_changed: int = 0
    logins: list[User] = field(default_factory=list)


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, UTF-8 (with or without BOM) or GB18030. Raises BadFile for anything else."""
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = raw.decode("gb18030")
        except UnicodeDecodeError:
            raise BadFile(["the file is neither UTF-8 nor GB18030"]) from None
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip() for name in rows.fieldnames or []]
        rows.fieldnames = names
        missing = [name for name in REQUIRED if name not in names]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if missing or doubled:
            problems = [f"column {name} is missing" for name in missing]
            raise BadFile(problems + [f"column {name} stands there twice" for name in doubled])
        return [{name: (value or "").strip() for name, value in row.items() if name in COLUMNS} for row in rows]
    except csv.Error as error:
        raise BadFile([f"line {rows.line_num}: {error}"]) from error


@transaction.atomic
def load(rows: list[dict[str, str]], *, on: date) -> Loaded:
    """Bring staff up to date and make the log-ins that are missing; all rows or, if one is bad, none (BadFile).

    Log-ins that exist stay as they are. Whoever is not in service on `on` gets none.
    """
    branches = {branch.branch_no: branch for branch in Branch.objects.all()}
    there = {one.staff_no: one for one in Staff.objects.select_related("user")}
    taken = {name.casefold() for name in User.objects.values_list("username", flat=True)}
    problems: list[str] = []
    loaded = Loaded()
    seen: set[str] = set()
    for line, row in enumerate(rows, start=2):
        try:
            _check(row, branches, seen)
            staff = _write(row, branches, there, loaded)
            if staff.user is None and in_service(staff, on):
                loaded.logins.append(_log_in(staff, row, taken))
        except ValidationError as error:
            problems += [f"line {line}, {row.get('staff_no') or '?'}: {text}" for text in error.messages]
    if problems:
        raise BadFile(problems)
    return loaded


def _check(row: dict[str, str], branches: dict[str, Branch], seen: set[str]) -> None:
    problems = [f"{name} is empty" for name in REQUIRED if not row[name]]
    if row["staff_no"] in seen:
        problems.append("the staff number stands there twice")
    seen.add(row["staff_no"])
    if row["branch_no"] and row["branch_no"] not in branches:
        problems.append(f"unknown branch {row['branch_no']}")
    if row["role"] and row["role"] not in Role:
        problems.append(f"unknown role {row['role']}")
    if row.get("email"):
        try:
            validate_email(row["email"])
        except ValidationError:
            problems.append(f"{row['email']} is no e-mail address")
    if problems:
        raise ValidationError(problems)


def _write(row: dict[str, str], branches: dict[str, Branch], there: dict[str, Staff], loaded: Loaded) -> Staff:
    wanted: dict[str, Any] = {name: row[name] for name in _PLAIN if name in row}
    wanted["branch"] = branches[row["branch_no"]]
    wanted |= {name: _day(name, row[name]) for name in ("joined_on", "left_on") if name in row}
    staff = there.get(row["staff_no"])
    if staff is None:
        staff = Staff(staff_no=row["staff_no"], **wanted)
        _check_days(staff)
        staff.save()
        loaded.staff_new += 1
        return staff
    if any(getattr(staff, name) != value for name, value in wanted.items()):
        for name, value in wanted.items():
            setattr(staff, name, value)
        _check_days(staff)
        staff.save(update_fields=list(wanted))
        loaded.staff_changed += 1
    return staff


def _day(name: str, text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValidationError(f"{name}: {text} is no date such as 2026-01-31") from None


def _check_days(staff: Staff) -> None:
    if staff.joined_on and staff.left_on and staff.left_on < staff.joined_on:
        raise ValidationError("left_on is before joined_on")


def _log_in(staff: Staff, row: dict[str, str], taken: set[str]) -> User:
    username = row.get("username") or staff.staff_no
    if username.casefold() in taken:
        raise ValidationError(f"the user name {username} is taken")
    User._meta.get_field("username").run_validators(username)
    taken.add(username.casefold())
    return logins.make_login(staff, username=username, password=row.get("password", ""))
