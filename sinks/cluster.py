"""Many machines: the same sums on a dask.distributed cluster (extra ``distributed``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sinks.errors import SinksError
from sinks.joint import Engine, Job, Partial, Window, sum_windows
from sinks.texts import Language, text

#: How often a group is tried again when a worker is lost.
RETRIES: Final = 3
#: How long to wait for the scheduler [s].
TIMEOUT_S: Final = 20


def cluster(address: str, language: Language) -> Engine:
    """Return the engine of a cluster.

    Parameters
    ----------
    address : str
        Of its scheduler, ``tcp://host:port``. Its workers must see the inputs under the same
        paths and have the same version of sinks.
    language : {"zh", "en"}
        Language of the errors.

    Raises
    ------
    SinksError
        If the extra is not installed or the scheduler does not answer.

    Notes
    -----
    Each group of windows is one task. What comes back are integers, added in no order that
    matters, so the bytes equal those of one machine.
    """
    try:
        from distributed import Client, as_completed  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise SinksError(text("cluster.not_installed", language)) from error

    def run(job: Job, groups: Mapping[int, Sequence[Window]]) -> Iterator[tuple[int, Partial]]:
        try:
            client = Client(address, timeout=TIMEOUT_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            reason = str(error)[:200]
            message = text("cluster.unreachable", language, address=address, reason=reason)
            raise SinksError(message) from error
        with client:
            everywhere = client.scatter(job, broadcast=True, hash=False)
            futures = {
                client.submit(sum_windows, everywhere, windows, retries=RETRIES, pure=False): i
                for i, windows in groups.items()
            }
            for future in as_completed(list(futures)):
                yield futures[future], future.result()

    return run
