"""Limits that the system sets on this process, looked at before the libraries are loaded.

Some libraries end the whole process when they get no memory, without a word that helps. A limit on
the address space (`ulimit -v`) is known beforehand, so it is told beforehand.
"""

from __future__ import annotations

import os
from typing import Final, Literal

from sinks.errors import OutputFailed
from sinks.texts import LANGUAGES, text

Work = Literal["run", "read"]

#: Address space that a process takes at its height [MB]: libraries, compiler and stacks, most of
#: it never touched. Measured on Linux with the example province.
NEEDED_MB: Final[dict[Work, int]] = {"run": 2_200, "read": 1_650}
#: What each processor adds for the threads of the libraries [MB].
PER_PROCESSOR_MB: Final = 24


def address_limit_mb() -> float:
    """Return how much address space this process may take [MB]; infinite if nothing says so."""
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return float("inf")
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return float("inf") if limit == resource.RLIM_INFINITY else limit / 1e6


def require_memory(work: Work) -> None:
    """Refuse to begin what the limits of this process will not let end.

    Raises
    ------
    OutputFailed
    """
    needed = NEEDED_MB[work] + PER_PROCESSOR_MB * (os.cpu_count() or 1)
    limit = address_limit_mb()
    if limit < needed:
        shown = {"limit": f"{limit:,.0f}", "needed": f"{needed:,}"}
        raise OutputFailed(
            "\n".join(text("run.little_memory", language, **shown) for language in LANGUAGES)
        )
