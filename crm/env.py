"""Reads the environment; a bad or missing value ends the start with one clear line."""

import sys
from typing import Any, NoReturn

from environs import Env, EnvError

env = Env(eager=True)


def stop(message: str) -> NoReturn:
    """End the process with one line on standard error and exit status 1."""
    sys.exit(f"crm: {message}")


def read(kind: str, name: str, default: Any = ..., **options: Any) -> Any:
    """Read one variable with environs' reader of that kind (``str``, ``bool``, ``list``, ``int`` …)."""
    try:
        reader = getattr(env, kind)
        return reader(name, **options) if default is ... else reader(name, default, **options)
    except (EnvError, ValueError) as error:
        stop(f"environment variable {name}: {' '.join(str(error).split())}")
