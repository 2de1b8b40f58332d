"""The verbs of segments: each a transaction with rights, scope and audit."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import EmptyResultSet, ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.utils import OperationalError
from django.utils.translation import gettext as _
from psycopg2.errors import QueryCanceled

from clients.errors import Conflict
from clients.models import Client
from crm.clock import now, today
from org import audit
from org.models import User
from org.rights import require
from segments import rules
from segments.models import Segment, SegmentMember

#: A count that takes longer is not waited for (milliseconds).
COUNT_PATIENCE = 3000
#: So long may keeping the clients of a segment take (milliseconds).
FREEZE_PATIENCE = 20_000


def clients_of(segment: Segment, user: User) -> QuerySet[Client]:
    """The clients of a segment that a viewer may see. Raises rules.Broken."""
    visible = Client.objects.visible_to(user)
    if segment.kind == Segment.Kind.STATIC:
        return visible.filter(pk__in=SegmentMember.objects.filter(segment=segment).values("client_id"))
    return visible.filter(rules.compile_rule(segment.rule, user=user, today=today()))


class TooSlow(Exception):
    """The database was not done in the time that somebody who waits can be asked for; nothing was written."""


@contextmanager
def _patience(milliseconds: int) -> Iterator[None]:
    """Within, a statement may take so long. Raises TooSlow."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            before = cursor.fetchone()[0]
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])
            yield
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooSlow from error
        raise


def count_of(rule: dict[str, Any], user: User) -> int | None:
    """How many clients a rule finds for a viewer; None when counting takes too long. Raises rules.Broken."""
    return _counted(Client.objects.visible_to(user).filter(rules.compile_rule(rule, user=user, today=today())))


def size_of(segment: Segment, user: User) -> int | None:
    """How many clients of a segment a viewer sees; None when counting takes too long. Raises rules.Broken."""
    return _counted(clients_of(segment, user))


def _counted(wanted: QuerySet[Client]) -> int | None:
    try:
        with _patience(COUNT_PATIENCE):
            return wanted.count()
    except TooSlow:
        return None


@transaction.atomic
def save(
    values: dict[str, Any], rule: dict[str, Any], *, user: User, segment_id: int | None = None, version: int = 0
) -> Segment:
    """Write a segment of one's own. Raises rules.Broken, ValidationError, Conflict, DoesNotExist.

    `values`: name, note, shared. Sharing with role, branch or firm needs the right `segments.share`.
    """
    require(user, "segments.edit")
    rules.compile_rule(rule, user=user, today=today())
    rules.must_be_storable(rule)
    if segment_id is None:
        segment = Segment(owner=user, version=0)
    else:
        segment = Segment.objects.select_for_update().get(pk=segment_id, owner=user)
        if segment.version != version:
            raise Conflict
        if segment.kind == Segment.Kind.STATIC and segment.rule != rule:
            raise ValidationError({"name": _("A frozen segment keeps its rule; make a copy.")})
    name = values["name"].strip()
    if not name:
        raise ValidationError({"name": _("Give the segment a name.")})
    if Segment.objects.filter(owner=user, name=name).exclude(pk=segment.pk).exists():
        raise ValidationError({"name": _("You have a segment of this name already.")})
    segment.name, segment.note, segment.rule = name, values.get("note", ""), rule
    segment.shared = values.get("shared") or Segment.Shared.OWN
    if segment.shared != Segment.Shared.OWN:
        require(user, "segments.share")
    staff = getattr(user, "staff", None)
    segment.role, segment.branch = (staff.role, staff.branch) if staff else ("", None)
    segment.version += 1
    segment.changed_at = now()
    segment.save()
    audit.record("segment.save", user=user, object_kind="segment", object_no=str(segment.pk))
    return segment


@transaction.atomic
def freeze(segment_id: int, *, user: User, version: int) -> Segment:
    """Keep the clients whom the owner sees in it today; the segment no longer follows its rule.

    Raises Conflict when somebody saved since `version`, rules.Broken, TooSlow, DoesNotExist.
    """
    segment = _seen(segment_id, user, version)
    if segment.kind == Segment.Kind.STATIC:
        return segment
    ids = clients_of(segment, user).order_by().values("pk")
    count = 0
    try:
        sql, values = ids.query.sql_with_params()
    except EmptyResultSet:  # a scope without a branch and a client
        sql = ""
    if sql:
        with _patience(FREEZE_PATIENCE), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO segments_segmentmember (segment_id, client_id)"
                f" SELECT %s, found.client_id FROM ({sql}) AS found(client_id)",
                [segment.pk, *values],
            )
            count = cursor.rowcount
    segment.kind, segment.frozen_at, segment.version = Segment.Kind.STATIC, now(), segment.version + 1
    segment.save()
    audit.record(
        "segment.freeze", user=user, object_kind="segment", object_no=str(segment.pk), detail={"clients": count}
    )
    return segment


@transaction.atomic
def delete(segment_id: int, *, user: User, version: int) -> None:
    """Delete a segment of one's own. Raises Conflict when somebody saved since `version`, DoesNotExist."""
    segment = _seen(segment_id, user, version)
    audit.record("segment.delete", user=user, object_kind="segment", object_no=str(segment.pk))
    segment.delete()


def _seen(segment_id: int, user: User, version: int) -> Segment:
    """One's own segment, locked, as it was seen."""
    require(user, "segments.edit")
    segment = Segment.objects.select_for_update().get(pk=segment_id, owner=user)
    if segment.version != version:
        raise Conflict
    return segment
