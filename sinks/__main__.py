"""``python -m sinks``: run the command line and turn answers into exit codes."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line."""
    from sinks.cli import run_command

    sys.exit(run_command())


if __name__ == "__main__":
    main()
