"""Limits that the system sets on this process, looked at before the libraries are loaded.

Some libraries end the whole process when they get no memory, without a word that helps. A limit on
the address space (`ulimit -v`) is known beforehand, so it is told beforehand.
"""

from __future__ import annotations

import math
import mmap
import os
from pathlib import Path
from typing import Final, Literal

from sinks.errors import OutputFailed
from sinks.texts import LANGUAGES, text

Work = Literal["run", "read"]

#: Address space that a process takes at its height [MB]: libraries, compiler and stacks, most of
#: it never touched. Measured on Linux with the example province.
NEEDED_MB: Final[dict[Work, int]] = {"run": 2_200, "read": 1_650}
#: What each processor adds for the threads of the libraries [MB].
PER_PROCESSOR_MB: Final = 24
#: A process that came so near to its limit and then failed, failed for want of memory [MB].
NEAR_MB: Final = 64
#: Where Linux says how much address space this process ever took.
STATUS: Final = Path("/proc/self/status")


def address_limit_mb() -> float:
    """Return how much address space this process may take [MB]; infinite if nothing says so."""
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ImportError:
        return float("inf")
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return float("inf") if limit == resource.RLIM_INFINITY else limit / 1e6


def came_near_limit() -> bool:
    """Tell whether this process has used up the address space that it may take.

    Libraries answer with errors of every kind when they get no memory, and some with wrong words.
    """
    limit = address_limit_mb()
    if math.isinf(limit):
        return False
    try:
        lines = STATUS.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return False
    peaks = [int(line.split()[1]) for line in lines if line.startswith("VmPeak:")]
    return any(limit - peak * 1024 / 1e6 < NEAR_MB for peak in peaks)


def take_room(size: int) -> None:
    """Take address space and give it back, untouched: better an error now than a crash later.

    Parameters
    ----------
    size : int
        What is needed soon, by threads or by libraries that end the process without it [bytes].

    Raises
    ------
    MemoryError
    """
    try:
        mmap.mmap(-1, size).close()
    except OSError as error:
        raise MemoryError(str(error)) from error


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
