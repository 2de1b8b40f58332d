"""`manage.py complaint_diagram [--check|--write]`: the drawings of docs/complaints.md, made from the code."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from complaints import diagram

PAGE = Path(settings.BASE_DIR) / "docs" / "complaints.md"
PARTS = {
    "states": lambda: f"```mermaid\n{diagram.states()}\n```",
    "steps": lambda: f"```mermaid\n{diagram.steps()}\n```",
    "commands": diagram.commands,
}


def renewed(text: str) -> str:
    """The page with each part between its marks made anew."""
    for name, make in PARTS.items():
        head, start, rest = text.partition(f"<!-- {name} -->\n")
        _old, end, tail = rest.partition(f"<!-- /{name} -->")
        text = f"{head}{start}{make()}\n{end}{tail}"
    return text


class Command(BaseCommand):
    help = "Print the drawings of the complaint workflow, write them into docs/complaints.md, or check them there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true")
        parser.add_argument("--write", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if not (options["check"] or options["write"]):
            for make in PARTS.values():
                self.stdout.write(f"{make()}\n")
            return
        text = PAGE.read_text(encoding="utf-8")
        if options["write"]:
            PAGE.write_text(renewed(text), encoding="utf-8")
        elif renewed(text) != text:
            raise CommandError("docs/complaints.md is not what the code says; run: manage.py complaint_diagram --write")
