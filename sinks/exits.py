"""How a command ends: every error, signal and want of memory with its message and exit code."""

from __future__ import annotations

import codecs
import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, TextIO

from sinks.checks import plain
from sinks.errors import FolderLocked, InputChanged, SinksError, UnusableOption
from sinks.memory import came_near_limit
from sinks.texts import LANGUAGES, text

#: What a shell adds to the number of the signal that ended a program.
SIGNALLED: Final = 128
#: A command that is told to end so cleans up first. Windows knows only the first two.
SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP")
#: How libraries say that they got no memory, where their error has no type of its own.
NO_MEMORY: Final = (
    "bad_alloc", "out of memory", "cannot allocate", "unable to allocate",
    "can't start new thread", "failed to map segment",
)  # fmt: skip
OUTPUT_FAILED: Final = 3
#: Errors that no want of memory can look like.
CERTAIN: Final = (UnusableOption, FolderLocked, InputChanged)
#: Beside want of memory, what a library said is of little interest [characters].
LONGEST_WORDS: Final = 300


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

    known = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    # What whoever started us told the system to ignore (`nohup`, a job in the background) stays so.
    numbers = [number for number in known if signal.getsignal(number) != signal.SIG_IGN]
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
    heed_no_reader()
    try:
        with signals():
            code = command()
    except Stopped as stopped:
        _say_in_all("run.stopped")
        return stopped.exit_code
    except KeyboardInterrupt:
        _say_in_all("run.stopped")
        return SIGNALLED + signal.SIGINT
    except Exception as error:
        answer = _answered(error)
        if answer is None:
            raise
        return answer
    return code if isinstance(code, int) else 0


def _answered(error: Exception) -> int | None:
    """Put an error in plain words and return its exit code; None for a bug of ours."""
    if no_memory(error) or (came_near_limit() and not isinstance(error, CERTAIN)):
        words = str(error) if isinstance(error, SinksError) else f"{type(error).__name__}: {error}"
        _say(words[:LONGEST_WORDS])
        _say_in_all("run.no_memory")
        return OUTPUT_FAILED
    if isinstance(error, SinksError):
        _say(str(error))
        return error.exit_code
    if isinstance(error, OSError):
        reason, file = error.strerror or str(error), error.filename
        _say_in_all("run.io_failed", reason=reason, file=f": {file}" if file else "")
        return OUTPUT_FAILED
    if isinstance(error.__cause__, KeyboardInterrupt):  # as some versions of click pass it on
        _say_in_all("run.stopped")
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


class _Heedless:
    """A stream whose reader may go away (``sinks … | head``): the rest goes nowhere."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, words: str) -> int:
        """Write words, as long as somebody reads."""
        try:
            return self.stream.write(words)
        except BrokenPipeError:
            self._leave()
            return len(words)

    def flush(self) -> None:
        """Pass on what was written, as long as somebody reads."""
        try:
            self.stream.flush()
        except BrokenPipeError:
            self._leave()

    def _leave(self) -> None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.stream.fileno())
        os.close(null)


def heed_no_reader() -> None:
    """Let no reader of ours stop the work: none that goes away, none that lacks a character."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            # As click does; it would look past our stream for one that it may wrap itself.
            ascii_only = codecs.lookup(stream.encoding).name == "ascii"
            encoding = "utf-8" if ascii_only else stream.encoding
            stream.reconfigure(encoding=encoding, errors="replace")
            setattr(sys, name, _Heedless(stream))


def _say_in_all(key: str, **values: object) -> None:
    """Say it in every language: the study's may not be known."""
    _say("\n".join(text(key, language, **values) for language in LANGUAGES))


def _say(words: str) -> None:
    """Say it; what an option or a file's name smuggles in does not steer the terminal."""
    lines = (plain(line) for line in words.split("\n"))
    sys.stderr.write("\n".join(lines) + "\n")
    sys.stderr.flush()
