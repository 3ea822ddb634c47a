"""``python -m sinks``: run the command line and turn answers into exit codes."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line."""
    # `python -m` looks for modules where we stand, first. A folder of data is none of programs,
    # and even pathlib could be a file in it.
    here = os.getcwd()  # noqa: PTH109
    if sys.path and sys.path[0] == here and not os.path.isdir("sinks"):  # noqa: PTH112
        del sys.path[0]
    from sinks.environment import lock

    lock()
    try:
        from sinks.cli import run_command
    except KeyboardInterrupt:  # before anything has begun
        sys.exit(130)
    sys.exit(run_command())


if __name__ == "__main__":
    main()
