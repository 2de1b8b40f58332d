"""`manage.py loadstaff FILE`: staff and their log-ins from a CSV file."""

import csv
import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from crm.clock import today
from org import loadstaff
from org.logins import link_path
from org.models import User


class Command(BaseCommand):
    help = (
        "Takes in staff (columns of core-v1 `staff`, and if wanted `username`, `password`) and makes the log-ins that "
        "are missing. A password from the file must be changed at the first log-in; without one, a one-time link, "
        "valid for three days, opens the log-in: --links FILE keeps them, for the owner's eyes only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--links", type=Path, help="CSV for the one-time links: staff_no,username,link; mode 0600")
        parser.add_argument(
            "--base-url", default="", help="address that the links begin with, e.g. https://crm.firm.cn"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            loaded = loadstaff.load(loadstaff.read(options["file"]), on=today())
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from error
        except loadstaff.BadFile as error:
            for problem in error.problems:
                self.stderr.write(problem)
            raise CommandError("nothing was taken in") from error
        self.stdout.write(
            f"staff: {loaded.staff_new} new, {loaded.staff_changed} changed; log-ins: {len(loaded.logins)} new"
        )
        waiting = [user for user in loaded.logins if not user.has_usable_password()]
        if waiting:
            self._hand_out(waiting, options)

    def _hand_out(self, users: list[User], options: dict[str, Any]) -> None:
        base = options["base_url"].rstrip("/") or _default_base()
        rows = [(user.staff.staff_no, user.username, base + link_path(user)) for user in users]
        if options["links"] is None:
            for row in rows:
                self.stdout.write("  ".join(row))
            return
        # Whoever reads a link can take the log-in: for the caller alone.
        with os.fdopen(os.open(options["links"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            csv.writer(file).writerows([("staff_no", "username", "link"), *rows])
        self.stdout.write(f"one-time links: {options['links']}")


def _default_base() -> str:
    host = next((host for host in settings.ALLOWED_HOSTS if host != "*"), "")
    return f"https://{host.lstrip('.')}" if host else "http://localhost:8000"
