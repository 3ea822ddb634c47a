#!/usr/bin/env python3
"""Set sinks up and run it, with nothing but Python 3.11-3.13 on the machine.

    python3 start.py demo [DIR]   install, then build the example province and its map
    python3 start.py test         install, then run every check and test
    python3 start.py install      install into .venv only
    python3 start.py check        format, lint and types only
    python3 start.py bench        time the main job on this machine
    python3 start.py docs         build the documentation into build/docs

Everything is installed into the folder .venv beside this file, from requirements.lock (each file
is checked against its hash). On Windows write `py` for `python3`.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = str(BIN / "python")
LOCK = ROOT / "requirements.lock"
CHECKS = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
}
COMMANDS = {
    "install": {},
    "demo": {"demo": ["sinks", "demo"]},
    "check": CHECKS,
    "test": {
        **CHECKS,
        "tests": ["pytest", "-n", "auto", "--maxprocesses", "4", "--dist", "loadfile"],
    },
    "bench": {"bench": ["benchmarks"]},
    "docs": {"docs": ["sphinx", "-q", "-W", "-b", "html", "docs", "build/docs"]},
}
VENV_MISSING = """
Python could not make a virtual environment. On Debian and Ubuntu that part is a package of its own:
    sudo apt install python3-venv
Then run the same command again."""


def supported_python():
    """Go on under a Python that sinks supports, or say which ones it supports."""
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return
    for name in ("python3.13", "python3.12", "python3.11"):
        if shutil.which(name):
            sys.exit(subprocess.call([name, *sys.argv]))
    found = ".".join(map(str, sys.version_info[:2]))
    sys.exit(f"sinks needs Python 3.11, 3.12 or 3.13; this is Python {found}.")


def run(title, *arguments):
    """Run one step under the environment's Python and stop at the first that fails."""
    print(f"== {title}", flush=True)
    code = subprocess.call([PYTHON, "-m", *arguments], cwd=ROOT)
    if code:
        sys.exit(code)


def install():
    """Bring .venv in line with requirements.lock; nothing to do when it already is."""
    wanted = hashlib.sha256(LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = VENV / "installed.sha256"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print("== install into .venv (a few minutes the first time)", flush=True)
    if subprocess.call([sys.executable, "-m", "venv", "--clear", str(VENV)]):
        sys.exit(VENV_MISSING)
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    pip = ["pip", "install", "--disable-pip-version-check", *quiet]
    run("packages, each checked by its hash", *pip, "--require-hashes", "-r", str(LOCK))
    run("sinks itself", *pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT))
    stamp.write_text(wanted)


def main():
    """Do what the first argument names; hand the other arguments on to it."""
    name, *rest = sys.argv[1:] or ["help"]
    if name not in COMMANDS:
        sys.exit(__doc__)
    supported_python()
    install()
    steps = COMMANDS[name]
    for title, arguments in steps.items():
        run(title, *arguments, *(rest if title == list(steps)[-1] else []))
    print(f"== done: {', '.join(['install', *steps])}")


if __name__ == "__main__":
    main()
