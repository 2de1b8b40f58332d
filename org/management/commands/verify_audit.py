from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm.clock import now
from org.seal import seal, verify


class Command(BaseCommand):
    """Checks the hash chain of the audit trail (U8); names the first broken row, exit status 1 if there is one."""

    help = "Check the hash chain of the audit trail; exit status 1 if a row was changed, removed or put in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--heads",
            type=Path,
            metavar="FILE",
            help="log of the firm with lines 'audit head PLACE HASH': what the chain was when they were written",
        )

    def handle(self, *args: object, heads: Path | None, **options: object) -> None:
        found = verify(_heads(heads) if heads else None)
        if found.fault:
            raise CommandError(found.fault)
        # What is new is sealed afterwards: a row that was tampered with must not get a seal first.
        added = seal(now())
        self.stdout.write(
            f"{found.sealed} events are whole, head {found.head}; {found.loose} were not sealed yet, {added} of them are now"
        )


def _heads(path: Path) -> dict[int, str]:
    found = {}
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    for line in lines:
        _before, mark, rest = line.partition("audit head ")
        words = rest.split()
        if mark and len(words) >= 2 and words[0].isdigit():
            found[int(words[0])] = words[1].strip('",')
    return found
