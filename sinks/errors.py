"""The errors that a command answers with an exit code of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sinks.checks import Problem


class SinksError(Exception):
    """Base of every error that is an answer to the user, not a bug of ours.

    Attributes
    ----------
    exit_code : int
        What the command line returns (DESIGN: 2 inputs, 3 input/output, 4 locked, 5 changed).
    """

    exit_code = 1


class InputProblems(SinksError):
    """The inputs have problems; all of them are in `problems`."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problem.text() for problem in self.problems))


class UnusableOption(SinksError):
    """An option cannot be used: no such amount of memory, an extra that is not installed."""

    exit_code = 2


class OutputFailed(SinksError):
    """Reading or writing failed: disk full, no permission, a file vanished."""

    exit_code = 3


class ClusterFailed(SinksError):
    """A cluster cannot do the work: no scheduler, no worker, a worker that sees other files."""

    exit_code = 3


class FolderLocked(SinksError):
    """Another run holds the output folder."""

    exit_code = 4


class InputChanged(SinksError):
    """An input changed while the run was reading it."""

    exit_code = 5
