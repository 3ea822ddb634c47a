"""How the hot kernels are compiled: by numba, kept on disk where that is possible.

Compiled code is kept beside the source, else in the user's cache folder, else in `NUMBA_CACHE_DIR`
if that is set. Where none can be written (a container with another user, a full or read-only disk),
or what is kept there is damaged, numba would stop the program; here it is compiled anew. No folder
that others can write is ever used: compiled code that is loaded is run.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numba


class _Kept:
    """Compiled code on disk that may be missing, damaged or impossible to write."""

    def __init__(self, cache: Any) -> None:
        self.cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cache, name)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return kept code, None if there is none that can be used."""
        try:
            return self.cache.load_overload(sig, target_context)
        except Exception:  # noqa: BLE001 - what a damaged file holds can raise anything
            with suppress(OSError):
                self.cache.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep code, if the disk lets us."""
        with suppress(OSError):
            self.cache.save_overload(sig, data)


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function at its first call; it runs without Python's lock.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
        The same, compiled; its Python is at ``py_func``.
    """
    return _keeping(numba.njit(nogil=True, error_model="numpy")(function))


def inlined(function: Callable[..., Any]) -> Any:
    """Compile a function into each that calls it; see `compiled`."""
    return _keeping(numba.njit(nogil=True, inline="always", error_model="numpy")(function))


def _keeping(dispatcher: Any) -> Any:
    if not hasattr(dispatcher, "py_func"):  # NUMBA_DISABLE_JIT: it stays Python
        return dispatcher
    with suppress(RuntimeError, OSError):  # no folder can be written: compiled in every process
        dispatcher.enable_caching()
        dispatcher._cache = _Kept(dispatcher._cache)
    return dispatcher
