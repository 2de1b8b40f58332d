#!/bin/sh
# Prints a Python >= 3.11 that can make virtual environments; PYTHON names one to be taken.
usable='import sys; sys.exit(sys.version_info < (3, 11))'
complete='import ensurepip, venv'
second=''
for name in ${PYTHON:-python3 python3.11 python3.12 python3.13 python3.14 python}; do
    "$name" -c "$usable" >/dev/null 2>&1 || continue
    if "$name" -c "$complete" >/dev/null 2>&1; then
        command -v "$name"
        exit 0
    fi
    second="${second:-$name}"
done
# Without ensurepip (Debian keeps it in a package of its own) uv or an installed pip can still fill the environment.
if [ -n "$second" ] && { command -v uv >/dev/null 2>&1 || "$second" -m pip --version >/dev/null 2>&1; }; then
    command -v "$second"
elif [ -n "$second" ]; then
    echo "crm: $second lacks the modules venv and pip; install them (Debian: apt install python3-venv)" >&2
    exit 1
else
    echo "crm: no Python 3.11 or newer found; install one, or name it: make PYTHON=/path/to/python3.11" >&2
    exit 1
fi
