"""Command line of the embedded servers: ``python -m crm.embedded start|stop|status|run [--data-dir DIR]``."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from crm import embedded


def main() -> int:
    """Parse the command line, act, return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m crm.embedded", description="The embedded PostgreSQL and Valkey.")
    parser.add_argument("--data-dir", type=Path, default=Path(os.environ.get("DATA_DIR") or "var"))
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("start", help="start what is not running and print the addresses")
    actions.add_parser("stop", help="stop both servers")
    actions.add_parser("status", help="say what is running; exit status 1 unless both answer")
    run = actions.add_parser("run", help="run a command with the servers up; stop them afterwards if they were not")
    run.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    data_dir = options.data_dir.absolute()
    try:
        match options.action:
            case "start":
                found = embedded.ensure_running(data_dir)
                print(f"DATABASE_URL={found.database_url}\nREDIS_URL={found.redis_url}")
            case "stop":
                print("embedded servers stopped" if embedded.stop(data_dir) else "no embedded server was running")
            case "status":
                return _status(data_dir)
            case "run":
                command = options.command
                return _run(data_dir, command[1:] if command[:1] == ["--"] else command)
    except embedded.EmbeddedError as error:
        print(f"crm: {error}", file=sys.stderr)
        return 1
    return 0


def _status(data_dir: Path) -> int:
    found = embedded.status(data_dir)
    for name, answers in (("PostgreSQL", found.postgres), ("Valkey", found.redis)):
        print(f"{name}: {'running' if answers else 'not running'}")
    print(f"data: {found.home or 'none yet'}")
    return 0 if found.postgres and found.redis else 1


def _run(data_dir: Path, command: list[str]) -> int:
    if not command:
        print("crm: run needs a command", file=sys.stderr)
        return 2
    before = embedded.status(data_dir)
    embedded.ensure_running(data_dir)
    # Ctrl-C reaches the command as well; it ends first, and the servers after it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.run(
            command,
            env={**os.environ, "DATA_DIR": str(data_dir)},
            check=False,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ).returncode
    finally:
        if not (before.postgres or before.redis):
            embedded.stop(data_dir)


if __name__ == "__main__":
    sys.exit(main())
