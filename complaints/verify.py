"""Whether every file is whole (N4, U5): numbers without gaps, the hash chain, and rows that say what the events say."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

from complaints import rules
from complaints.models import Complaint, ComplaintEvent
from complaints.rules import Happening


def broken() -> Iterator[str]:
    """One line for each broken file, naming its first broken row; nothing when all is well."""
    events = ComplaintEvent.objects.select_related("complaint").order_by("complaint__number", "sequence")
    for _number, rows in groupby(events.iterator(chunk_size=2000), attrgetter("complaint.number")):
        fault = fault_of(list(rows))
        if fault:
            yield fault
    empty = Complaint.objects.filter(events__isnull=True).order_by("number").values_list("number", flat=True)
    yield from (f"{number}: no event at all" for number in empty)


def fault_of(rows: list[ComplaintEvent]) -> str:
    """What is wrong with one file, naming its first broken row; empty when all is well. `rows`: its events, in order."""
    complaint, before, events = rows[0].complaint, "", []
    for expected, row in enumerate(rows, start=1):
        event = Happening(row.kind, row.at, row.by_id, row.data)
        where = f"{complaint.number}: event {row.sequence} (id {row.pk})"
        if row.sequence != expected:
            return f"{where} stands where event {expected} should"
        if row.before != before:
            return f"{where} does not follow the event before it"
        if row.hash != rules.digest(before, complaint.number, row.sequence, event):
            return f"{where} was changed"
        before = row.hash
        events.append(event)
    case = rules.fold(events)
    mirrored = {
        "version": (complaint.version, case.version), "head": (complaint.head, before),
        "state": (complaint.state, case.state), "step": (complaint.step, case.step),
        "round": (complaint.round, case.round), "handler": (complaint.handler_id, case.handler),
        "about_person": (complaint.about_person_id, case.about), "result": (complaint.result, case.result),
        "cause": (complaint.cause, case.cause), "severity": (complaint.severity, case.severity),
        "category": (complaint.category, case.category), "amount": (complaint.amount, case.amount),
        "paused": (complaint.paused, case.paused), "kind": (complaint.kind, case.kind),
        "relabel_asked": (complaint.relabel_asked, case.asked is not None),
    }  # fmt: skip
    for name, (row_says, file_says) in mirrored.items():
        if row_says != file_says:
            return f"{complaint.number}: {name} of the row (id {complaint.pk}) is not what its events say"
    return ""
