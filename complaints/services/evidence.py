"""The evidence pack of a case for a court or a regulator (H4, Securities Law article 89): one ZIP that proves itself.

Whoever gets it needs no access to this system: the list of its files carries their SHA-256, and the events carry the chain with
the exact text that each hash was made of.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from analyses.models import Offer
from clients.models import TimelineEvent
from complaints import rules
from complaints.models import Complaint, ComplaintEvent
from complaints.rules import Happening
from complaints.scope import complaint_scope
from complaints.services.core import calendar_around, locked, terms_of
from complaints.verify import fault_of
from crm.money import to_yuan
from org import audit
from org.models import User
from org.rights import require

VERSION = 1

_README = """Evidence pack of complaint {number}, made {made}.

manifest.json       every file of this pack with its size in bytes and SHA-256, and what was found when it was made
case.json           the case as it stands; money in yuan, times with their offset
events.jsonl        everything that happened, one event a line, in order
deadlines.json      each limit with its basis, start, end and when it was met, reckoned anew from the events
client.json         the client's record, offers and timeline up to the moment of receipt
papers/             the papers and letters of the file, by the name in manifest.json

How to verify
1. Reckon the SHA-256 of each file and compare it with manifest.json.
2. For each line of events.jsonl: the SHA-256 of "said" (UTF-8) is "hash"; "said" is a JSON list of the "hash" of the line
   before (empty for the first), number, sequence, kind, time in UTC, log-in id and data. The last "hash" is "head" of
   manifest.json.
3. A paper was added by an event of kind "attached", which names its SHA-256.

What client.json is and is not: investor type and risk level are those that the core system last reported, on the day named
"reported_on"; where that day lies after the receipt, they may have been others then. Offers and timeline are dated themselves.
"""


@dataclass(frozen=True)
class Pack:
    """The ZIP, its own SHA-256, and what is wrong with the file; `faults` is empty when all is well."""

    content: bytes
    sha256: str
    faults: list[str]


@transaction.atomic
def pack(number: str, *, user: User, at: datetime) -> Pack:
    """The evidence pack of a case; a broken chain or paper is said in it, never hidden.

    Raises PermissionDenied (no right to export, or the reader sees personal data masked), DoesNotExist out of scope.
    """
    require(user, "complaints.export")
    if complaint_scope(user).masked:
        raise PermissionDenied
    # Locked: no event comes in between.
    complaint = locked(number, user)
    rows = list(ComplaintEvent.objects.filter(complaint=complaint).select_related("by__staff").order_by("sequence"))
    fault = fault_of(rows)
    faults = [fault] if fault else []
    events = [Happening(row.kind, row.at, row.by_id, row.data) for row in rows]
    files = {
        "README.txt": _README.format(number=number, made=_moment(at)).encode(),
        "case.json": _json(_case(complaint)),
        "events.jsonl": _lines(_event(number, row, event) for row, event in zip(rows, events, strict=True)),
        "deadlines.json": _json(_deadlines(complaint, events, at)),
        "client.json": _json(_client(complaint)),
    }
    files |= _papers(complaint, faults)
    manifest = {
        "format": VERSION,
        "complaint": number,
        "made_at": _moment(at),
        "made_by": user.staff.staff_no if hasattr(user, "staff") else user.get_username(),
        "events": len(rows),
        "head": complaint.head,
        "faults": faults,
        "files": [
            {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()
        ],
    }
    made = _zip({"manifest.json": _json(manifest), **files}, at)
    digest = hashlib.sha256(made).hexdigest()
    audit.record(
        "complaint.evidence",
        user=user,
        object_kind="complaint",
        object_no=number,
        detail={"sha256": digest, "files": len(files) + 1, "events": len(rows), "head": complaint.head},
        reached=[complaint.client.client_no] if complaint.client else [],
    )
    return Pack(made, digest, faults)


def _case(complaint: Complaint) -> dict[str, Any]:
    amount = complaint.amount
    names = ("number", "state", "step", "round", "version", "head", "channel", "category", "kind", "severity", "wish",
             "persons", "summary", "narrative", "product", "party", "complainant", "contact", "result", "cause")  # fmt: skip
    times = ("received_at", "registered_at", "accepted_at", "answered_at", "closed_at", "archived_at")
    staff = {name: getattr(complaint, name) for name in ("receiver", "handler", "about_person", "about_superior")}
    return {
        **{name: getattr(complaint, name) for name in names},
        **{name: _moment(getattr(complaint, name)) for name in times},
        **{name: f"{one.staff_no} {one.name}" if one else None for name, one in staff.items()},
        "amount_yuan": None if amount is None else str(to_yuan(amount)),
        "client": complaint.client.client_no if complaint.client else None,
        "branch": f"{complaint.branch.branch_no} {complaint.branch.name}",
        "merged_into": complaint.merged_into.number if complaint.merged_into else None,
        "policy": complaint.policy.version,
        "keep_until": complaint.keep_until.isoformat() if complaint.keep_until else None,
        "intakes": [
            {"channel": one.channel, "source": one.source, "external_ref": one.external_ref,
             "received_at": _moment(one.received_at)}
            for one in complaint.intakes.order_by("received_at", "pk")
        ],
    }  # fmt: skip


def _event(number: str, row: ComplaintEvent, event: Happening) -> dict[str, Any]:
    staff = getattr(row.by, "staff", None) if row.by else None
    return {
        "sequence": row.sequence, "kind": row.kind, "at": _moment(row.at), "by": staff.staff_no if staff else None,
        "data": row.data, "hash": row.hash, "said": rules.said(row.before, number, row.sequence, event),
    }  # fmt: skip


def _deadlines(complaint: Complaint, events: list[Happening], at: datetime) -> list[dict[str, Any]]:
    calendar = calendar_around(timezone.localdate(complaint.received_at), timezone.localdate(at))
    return [
        {"limit": one.limit.key, "amount": one.limit.amount, "unit": one.limit.unit, "basis": one.limit.basis,
         "started": _moment(one.started), "due": _moment(one.due), "met": _moment(one.met), "kept": one.kept}
        for one in rules.deadlines(events, terms_of(complaint.policy), calendar)
    ]  # fmt: skip


def _client(complaint: Complaint) -> dict[str, Any] | None:
    client, until = complaint.client, complaint.received_at
    if client is None:
        return None
    day = timezone.localdate(until)
    offers = Offer.objects.filter(client=client, made_on__lte=day).order_by("made_on", "pk")
    story = TimelineEvent.objects.filter(client=client, at__lte=until).order_by("at", "pk")
    return {
        "client_no": client.client_no,
        "name": client.name,
        "as_of": day.isoformat(),
        "investor_type": client.investor_type,
        "risk_level": client.risk_level,
        "risk_valid_until": client.risk_valid_until.isoformat() if client.risk_valid_until else None,
        "reported_on": client.core_as_of.isoformat(),
        "offers": [{"product": one.product, "kind": one.kind, "made_on": one.made_on.isoformat()} for one in offers],
        "timeline": [{"at": _moment(one.at), "kind": one.kind, "data": one.data} for one in story],
    }


def _papers(complaint: Complaint, faults: list[str]) -> dict[str, bytes]:
    """The papers by name; one that is gone or was changed is named among the faults."""
    found = {}
    for row in complaint.attachments.order_by("pk"):
        try:
            content = (Path(settings.MEDIA_ROOT) / row.path).read_bytes()
        except FileNotFoundError:
            faults.append(f"paper {row.pk} is not there")
            continue
        if hashlib.sha256(content).hexdigest() != row.sha256:
            faults.append(f"paper {row.pk} is not what was put into the file")
        found[f"papers/{row.pk}-{row.name}"] = content
    return found


def _moment(value: datetime | None) -> str | None:
    return timezone.localtime(value).isoformat() if value else None


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def _lines(values: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in values).encode()


def _zip(files: Mapping[str, bytes], at: datetime) -> bytes:
    """The same moment gives the same bytes."""
    made, day = BytesIO(), timezone.localtime(at)
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, day.timetuple()[:6]), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()
