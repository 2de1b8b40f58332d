"""Reading the feed: what of it an asker may know, in places that everybody counts alike."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from complaints.models import Complaint
from feed.models import Change
from feed.rules import RIGHT_OF
from org.models import Branch
from org.rights import may
from org.scope import scope_of, with_branches_below

#: Places looked at for one answer: what it costs does not depend on how much of them the asker may know.
WINDOW = 5_000


@dataclass(frozen=True)
class Piece:
    """Changes of a stretch of the feed; whoever has them goes on after `upto`. `more`: the feed goes on there."""

    changes: list[Change]
    upto: int
    more: bool


def changes_for(user: Any, after: int, head: int, *, kinds: Iterable[str] = (), branch: str = "", size: int) -> Piece:
    """What a user may know of the changes after a place, at most `size`. `kinds`: beginnings; `branch`: its number."""
    scope = scope_of(user)
    allowed = [beginning for beginning, right in RIGHT_OF.items() if may(user, right)]
    wanted = Q()
    for beginning in allowed:
        wanted |= Q(kind__startswith=beginning)
    if not allowed:
        return Piece([], head, more=False)
    rows = Change.objects.filter(wanted)
    if not scope.firm:
        # Changes of the firm as a whole want rights that no branch has; rows without a branch go with them.
        rows = rows.filter(Q(branch__isnull=True) | scope.branch_condition("branch"))
    piece = _piece(rows, after, head, kinds, branch, size)
    cases = {one.object_no for one in piece.changes if one.kind.startswith("complaint.")}
    if cases:
        seen = set(Complaint.objects.visible_to(user).filter(number__in=cases).values_list("number", flat=True))
        kept = [one for one in piece.changes if one.object_no in seen or not one.kind.startswith("complaint.")]
        return Piece(kept, piece.upto, piece.more)
    return piece


def changes_of(kinds: list[str], branch: Branch | None, after: int, upto: int, size: int) -> Piece:
    """What a webhook is told of the changes after a place: its kinds, its branch with those below it."""
    rows = Change.objects.all()
    if branch is not None:
        rows = rows.filter(branch__in=with_branches_below([branch.pk]))
    return _piece(rows, after, upto, kinds, "", size)


def _piece(rows: Any, after: int, head: int, kinds: Iterable[str], branch: str, size: int) -> Piece:
    upto = min(after + WINDOW, head)
    rows = rows.filter(sequence__gt=after, sequence__lte=upto)
    wanted = Q()
    for beginning in kinds:
        wanted |= Q(kind__startswith=beginning)
    rows = rows.filter(wanted)
    if branch:
        rows = rows.filter(branch__branch_no=branch)
    found = list(rows.select_related("branch").order_by("sequence")[: size + 1])
    if len(found) > size:
        return Piece(found[:size], found[size - 1].sequence, more=True)
    return Piece(found, max(after, upto), more=upto < head)


def as_dict(change: Change) -> dict[str, Any]:
    """A change as API and webhooks tell it."""
    return {
        "sequence": change.sequence,
        "at": change.at,
        "kind": change.kind,
        "object_no": change.object_no,
        "client_no": change.client_no or None,
        "branch_no": change.branch.branch_no if change.branch else None,
        "data": change.data,
    }
