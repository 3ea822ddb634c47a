"""How far a run is, on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sinks.texts import text


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """Show how far a run is, on a terminal; be quiet elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _stage, _part: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def show(stage: str, part: float) -> None:
            label = f"{text(f'run.stage.{stage}', 'zh')} · {text(f'run.stage.{stage}', 'en')}"
            bar.update(task, description=label, completed=part)

        yield show
