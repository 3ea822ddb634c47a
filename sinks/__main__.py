"""``python -m sinks``: run the command line and turn answers into exit codes."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line."""
    # Of `python -m`, the folder that we stand in comes first: a folder of data is none of programs.
    if sys.path and sys.path[0] == os.getcwd() and not os.path.isdir("sinks"):
        del sys.path[0]
    from sinks.environment import lock

    lock()
    from sinks.cli import run_command

    sys.exit(run_command())


if __name__ == "__main__":
    main()
