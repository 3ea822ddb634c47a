"""How a command ends: every error, signal and want of memory with its message and exit code."""

from __future__ import annotations

import errno
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from sinks.errors import SinksError
from sinks.texts import LANGUAGES, text

#: What a shell adds to the number of the signal that ended a program.
SIGNALLED: Final = 128
#: A command that is told to end so cleans up first. Windows knows only the first.
SIGNALS: Final = ("SIGTERM", "SIGHUP")
#: How libraries say that they got no memory, where their error has no type of its own.
NO_MEMORY: Final = (
    "bad_alloc", "out of memory", "cannot allocate memory", "unable to allocate",
    "can't start new thread", "failed to map segment",
)  # fmt: skip
OUTPUT_FAILED: Final = 3


class Stopped(BaseException):
    """A signal asked this process to end; nothing but cleaning up may come in between."""

    def __init__(self, number: int) -> None:
        self.exit_code = SIGNALLED + number
        super().__init__(number)


@contextmanager
def signals() -> Iterator[None]:
    """Turn the signals that end a program into `Stopped`, so that ``finally`` is honoured."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets no other thread handle signals
        return

    def stop(number: int, _frame: FrameType | None) -> None:
        raise Stopped(number)

    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ended(command: Callable[[], object]) -> int:
    """Run a command; say what went wrong on standard error.

    Parameters
    ----------
    command : callable
        What it returns is the exit code, if it is a number.

    Returns
    -------
    int
        The exit code. A bug of ours is raised on.
    """
    try:
        with signals():
            code = command()
    except Stopped as stopped:
        return stopped.exit_code
    except KeyboardInterrupt:
        return SIGNALLED + signal.SIGINT
    except Exception as error:
        answer = _answered(error)
        if answer is None:
            raise
        return answer
    return code if isinstance(code, int) else 0


def _answered(error: Exception) -> int | None:
    """Put an error in plain words and return its exit code; None for a bug of ours."""
    if no_memory(error):
        _say("\n".join(text("run.no_memory", language) for language in LANGUAGES))
        return OUTPUT_FAILED
    if isinstance(error, SinksError):
        _say(str(error))
        return error.exit_code
    if isinstance(error, OSError):
        _say(str(error))
        return OUTPUT_FAILED
    if isinstance(error.__cause__, KeyboardInterrupt):  # as some versions of click pass it on
        return SIGNALLED + signal.SIGINT
    show = getattr(error, "show", None)  # a wrong option: the command line's own errors
    if show is None:
        return None
    show()
    return int(getattr(error, "exit_code", 2))


def no_memory(error: BaseException) -> bool:
    """Tell whether an error, or one that it came from, is want of memory."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError) or getattr(cause, "errno", None) == errno.ENOMEM:
            return True
        words = str(cause).lower()
        if not isinstance(cause, SinksError) and any(sign in words for sign in NO_MEMORY):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()
