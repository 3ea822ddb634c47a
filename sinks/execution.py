"""How the command line asks a run to be carried out: threads, a cluster, a limit of memory."""

from __future__ import annotations

import os
import re
from typing import Final

from sinks.cluster import cluster
from sinks.errors import UnusableOption
from sinks.joint import STRIP_BYTES
from sinks.run import Options
from sinks.texts import Language, text

UNITS: Final = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
#: What the libraries and the regions of a province need before the first cell is read [bytes].
BASE_BYTES: Final = 480 * 10**6
#: Smallest limit that can be kept [bytes].
LEAST_BYTES: Final = 500 * 10**6
#: Smallest and largest memory for the cells that one worker holds [bytes].
LEAST_STRIP: Final = 1 << 20
LARGEST_STRIP: Final = 256 << 20
#: Memory that a worker uses for one byte of cells it may hold: reading doubles it.
WORKING: Final = 2


def options_of(
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    max_memory: str | None = None,
    language: Language = "zh",
) -> Options:
    """Return the options of a run.

    Parameters
    ----------
    workers : int, optional
        Threads of this machine; all processors by default.
    scheduler : str, optional
        Address of a dask.distributed scheduler; its workers then do the pass.
    max_memory : str, optional
        Limit for this process, ``500MB`` or ``2GB``.
    language : {"zh", "en"}
        Language of the errors.

    Raises
    ------
    UnusableOption
        If the limit is no amount of memory or too small, or the extra for clusters is missing.
    """
    strip = STRIP_BYTES
    if max_memory is not None:
        limit = memory_of(max_memory, language)
        threads = workers or os.cpu_count() or 1
        strip = (limit - BASE_BYTES) // (threads * WORKING)
    engine = cluster(scheduler, language) if scheduler else None
    return Options(
        workers=workers, engine=engine, strip_bytes=min(max(strip, LEAST_STRIP), LARGEST_STRIP)
    )


def memory_of(written: str, language: Language) -> int:
    """Return an amount of memory in bytes.

    Examples
    --------
    >>> memory_of("1.5GB", "en")
    1500000000
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([kmgt]b)", written.strip().lower())
    amount = int(float(found[1]) * UNITS[found[2]]) if found else 0
    if amount < LEAST_BYTES:
        shown = f"{LEAST_BYTES // 10**6}MB"
        raise UnusableOption(text("run.bad_memory", language, found=written, least=shown))
    return amount
