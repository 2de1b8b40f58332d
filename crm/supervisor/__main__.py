"""Command line of `make run` and `make stop`: ``python -m crm.supervisor [--stop]``."""

import argparse
import os
import signal
import sys
from pathlib import Path

from crm import embedded
from crm.embedded import process
from crm.supervisor import config
from crm.supervisor.console import show
from crm.supervisor.run import Supervisor

_ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run until told to stop, or stop what runs; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m crm.supervisor", description="Start, watch and stop everything.")
    parser.add_argument("--stop", action="store_true", help="stop what runs on DATA_DIR")
    options = parser.parse_args()
    try:
        chosen = config.read(os.environ, _ROOT)
        if options.stop:
            return _stop(chosen)
        with config.only_one(chosen):
            config.check_port(chosen)
            return Supervisor(chosen).run()
    except (config.UserError, embedded.EmbeddedError) as error:
        print(f"crm: {error}", file=sys.stderr)
        return 1


def _stop(chosen: config.Config) -> int:
    stopped = []
    if pid := config.running_pid(chosen):
        process.end([pid], ((signal.SIGTERM, 30.0),))
        stopped.append(f"`make run` (process {pid})")
    for folder in (chosen.data_dir, chosen.data_dir / "test", chosen.data_dir / "bench"):
        if folder.exists() and embedded.stop(folder):
            stopped.append(f"embedded servers of {folder}")
    show(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
    return 0


if __name__ == "__main__":
    sys.exit(main())
