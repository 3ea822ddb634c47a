"""The rows of a file that a study asks for: those whose columns hold certain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sinks.boundaries.codes import plain_text
from sinks.boundaries.vectors import VectorLayer
from sinks.checks import Problems, first_few, nearest


def chosen(
    layer: VectorLayer, where: Mapping[str, Sequence[str]], *, file: str, problems: Problems
) -> VectorLayer | None:
    """Return the rows whose columns all hold one of the values asked for.

    Parameters
    ----------
    layer : VectorLayer
        Holds the columns of `where`.
    where : mapping of str to sequence of str
        Column, and the values of it that count, compared as text without space around it.
    file : str
        For the messages.
    problems : Problems
        Is told of a value that no row has: left as it is, land would be missed silently.

    Returns
    -------
    VectorLayer or None
        None if a value, or all of them together, are on no row.
    """
    keep = [True] * len(layer.geometry)
    passed = True
    for column, values in where.items():
        wanted = dict.fromkeys(plain_text(value) for value in values)
        texts = [plain_text(value) for value in layer.columns[column]]
        absent = [value for value in wanted if value not in texts]
        if absent:
            known = dict.fromkeys(text for text in texts if text)
            problems.error(
                "overlays.no_such_value", file=file, place=column,
                values=first_few(absent, problems.language), near=nearest(absent[0], known) or "-",
            )  # fmt: skip
            passed = False
        keep = [own and text in wanted for own, text in zip(keep, texts, strict=True)]
    if passed and not any(keep):
        problems.error("overlays.no_row_left", file=file, columns=", ".join(where))
        passed = False
    if not passed:
        return None
    rows = [row for row, own in enumerate(keep) if own]
    columns = {name: [own[row] for row in rows] for name, own in layer.columns.items()}
    unread = tuple(place for place, row in enumerate(rows) if row in set(layer.unreadable))
    return replace(layer, geometry=layer.geometry[rows], columns=columns, unreadable=unread)
