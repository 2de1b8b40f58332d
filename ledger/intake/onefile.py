"""One file of a batch: read, staged, checked, written, counted. All of it is one transaction of the caller."""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from django.db import connection
from django.db.models import Max

from clients.services import settle
from ledger.intake.differences import sample
from ledger.intake.errors import FileRefused
from ledger.intake.facts import write_facts
from ledger.intake.kinds import KINDS, Kind
from ledger.intake.layout import read_layout, unknown_columns
from ledger.intake.mapping import FileRule, Mapping, Product
from ledger.intake.masters import Outcome, write_masters
from ledger.intake.rejects import keep_rejects
from ledger.intake.repair import repair
from ledger.intake.sources import Text, open_text, plain_name
from ledger.intake.stage import Stage
from ledger.intake.story import tell_of_moves
from ledger.models import FileState, IntakeBatch, IntakeFile

#: The whole pattern of clean rows is left out when this is false: every row takes the careful way (tests compare both).
FAST = True

#: From so many new rows on the planner is told.
_MANY = 500
#: The session itself writes what a query gives, row by row; one helper that reads and joins meanwhile keeps it busy.
_SETTINGS = (
    "SET LOCAL work_mem = '128MB'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL maintenance_work_mem = '256MB';"
    " SET LOCAL parallel_tuple_cost = 0; SET LOCAL max_parallel_workers_per_gather = 1"
)


def take_file(file: IntakeFile, mapping: Mapping, tell: Callable[..., None]) -> None:
    """Take one file in and write its counts on it, unsaved. Raises FileRefused; the caller rolls back then."""
    started = time.monotonic()
    rule, product = find_product(mapping, file)
    with connection.cursor() as cursor:
        cursor.execute(_SETTINGS)
        tell("opening", 0, file.size)
        with open_text(Path(file.path), file.member, rule.encoding) as text:
            layout = read_layout(text, rule, product)
            file.sha256, file.size, file.encoding = text.sha256, text.size, text.encoding
            file.layout = layout.as_json(mapping=mapping.digest)
            file.unknown_columns = unknown_columns(layout, product)
            before = _same_before(file, mapping)
            if before is not None:
                file.state = FileState.SAME
                file.rows_read = file.rows_same = before.rows_read
            else:
                stage = Stage(cursor, file.pk, layout, product, fast=FAST)
                outcome = _take(file, stage, text, tell)
                _count(file, stage, outcome, text)
                stage.drop()
                file.state = FileState.DONE
    file.seconds = round(time.monotonic() - started, 3)


def find_product(mapping: Mapping, file: IntakeFile) -> tuple[FileRule, Product]:
    """The rule of the mapping that a file falls under, and what it yields for the file's kind."""
    rule = mapping.rule_for(plain_name(file.name))
    if rule is None:
        raise FileRefused("unknown_kind")
    return rule, next(product for product in rule.products if product.kind.name == file.kind)


def _take(file: IntakeFile, stage: Stage, text: Text, tell: Callable[..., None]) -> Outcome:
    batch: IntakeBatch = file.batch
    tell("reading", 0, text.size)
    stage.load(text.stream, lambda done: tell("reading", done, text.size))
    tell("checking", text.size, text.size)
    repair(stage, file=file.name, business_date=batch.business_date)
    tell("writing", text.size, text.size)
    if stage.kind.fact:
        return write_facts(stage, file_id=file.pk, business_date=batch.business_date)
    newest = newest_business_date(stage.kind)
    outcome = write_masters(stage, file_id=file.pk, business_date=batch.business_date, newest=newest)
    if outcome.new >= _MANY:
        _tell_the_planner(stage, outcome.new)
    if stage.kind.name == "clients" and outcome.new + outcome.changed:
        settle(file_id=file.pk, on=batch.business_date)
        tell_of_moves(file.pk)
    return outcome


def _tell_the_planner(stage: Stage, new: int) -> None:
    """Measure a table that has grown by a lot. The checks of foreign keys keep their plan per session: one made while
    the table was small would read all of it for each of the new rows.
    """
    known = stage.one(f"SELECT reltuples::bigint FROM pg_class WHERE oid = '{stage.kind.table}'::regclass")
    if new * 5 > known:
        stage.sql(f"ANALYZE {stage.kind.table}")


def _count(file: IntakeFile, stage: Stage, outcome: Outcome, text: Text) -> None:
    file.rows_rejected = keep_rejects(stage, file, text)
    file.rows_read, file.rows_same = stage.read, stage.same
    file.rows_new, file.rows_changed = outcome.new, outcome.changed
    file.months = [month.isoformat() for month in outcome.months]
    if file.batch.dry_run:
        file.sample = sample(stage.cursor, KINDS[file.kind], file.pk)
    counted = file.rows_new + file.rows_changed + file.rows_same + file.rows_rejected
    if counted != file.rows_read:
        raise AssertionError(f"file {file.pk}: {file.rows_read} rows read, {counted} accounted for")


def newest_business_date(kind: Kind) -> date | None:
    """The latest business date of which a file of this kind has been taken in."""
    done = IntakeFile.objects.filter(kind=kind.name, state__in=[FileState.DONE, FileState.SAME])
    return done.filter(batch__dry_run=False).aggregate(newest=Max("batch__business_date"))["newest"]


def _same_before(file: IntakeFile, mapping: Mapping) -> IntakeFile | None:
    """An earlier file with the same content after which nothing else of this kind came: nothing can differ.

    Not if rows of it were rejected: what they lacked may be there by now.
    """
    done = IntakeFile.objects.filter(kind=file.kind, batch__dry_run=False, state=FileState.DONE).exclude(pk=file.pk)
    last = done.order_by("-batch__finished_at", "-batch_id", "-position").first()
    if last is None or last.rows_rejected or last.sha256 != file.sha256:
        return None
    return last if last.layout.get("mapping") == mapping.digest else None
