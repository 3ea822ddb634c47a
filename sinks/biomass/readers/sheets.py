"""A user's sheet of plots as rows of text, whatever program wrote it: CSV, Excel or GeoPackage."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Final

import shapely

from sinks.boundaries.geopackage import columns_of, is_geopackage, read_geopackage
from sinks.boundaries.vectors import RefusedError, Request
from sinks.checks import Problems
from sinks.limits import Limits, ordinary
from sinks.parameters import load_table
from sinks.rows import MOST_COLUMNS, Row, read_rows
from sinks.workbookfile import BROKEN, MOST_ROWS, TooLargeError, parts_of

#: A packed workbook may not unfold to more than this many times the largest table.
UNFOLDED: Final = 20


@dataclass(frozen=True)
class Sheet:
    """One file of plots: where it is, how messages name it, its round."""

    path: Path
    shown: str
    year: int = 0
    limits: Limits = field(default_factory=Limits)


def titles(kind: str, present: Iterable[str]) -> dict[str, tuple[str, float]]:
    """Return, for what a sheet's columns hold, the column and the factor to its unit.

    Parameters
    ----------
    kind : str
        ``plain``, ``china_cfi`` or ``trees``.
    present : iterable of str
        Columns of the file.
    """
    table = load_table("inventory/plot_columns")
    known = {title.strip().lower(): title for title in present}
    found: dict[str, tuple[str, float]] = {}
    for row in table[table["format"] == kind].to_dict("records"):
        title = known.get(str(row["column"]).lower())
        if title is not None:
            found.setdefault(str(row["name"]), (title, float(row["factor"])))
    return found


def texts(rows: Sequence[Row], found: tuple[str, float] | None) -> list[str]:
    """Return a column as text, empty where the sheet has none."""
    if found is None:
        return [""] * len(rows)
    # Spreadsheets turn codes into numbers with a decimal point.
    return [row[found[0]].removesuffix(".0") for row in rows]


def read_sheet(
    path: Path, *, shown: str, problems: Problems, limits: Limits | None = None
) -> list[Row] | None:
    """Read the rows of a sheet; cells are text, dates as ISO 8601, row numbers as the program's.

    Parameters
    ----------
    path : Path
        ``.csv``, ``.xlsx`` (its first sheet) or ``.gpkg`` (its only layer; points give ``x``, ``y``
        and ``crs`` where the layer has no such columns).
    shown : str
        The file as messages name it.
    problems : Problems
    limits : Limits, optional

    Returns
    -------
    list of Row, or None if the file cannot be used
    """
    limits = limits or Limits()
    suffix = path.suffix.lower()
    if suffix == ".gpkg":
        return _geopackage(path, shown=shown, problems=problems, limits=limits)
    if suffix == ".xlsx":
        return _workbook(path, shown=shown, problems=problems, limits=limits)
    if suffix != ".csv":
        problems.error("plots.format", file=shown, suffix=suffix or "-")
        return None
    return read_rows(path, required=(), shown=shown, problems=problems, limits=limits)


def _workbook(path: Path, *, shown: str, problems: Problems, limits: Limits) -> list[Row] | None:
    from openpyxl import load_workbook  # noqa: PLC0415 - slow to load, for workbooks only

    try:
        if ordinary(path).stat().st_size > limits.table_mb << 20:
            raise TooLargeError
        raw = path.read_bytes()
        for _ in parts_of(raw, most=UNFOLDED * limits.table_mb << 20):
            pass  # each is looked through before any is understood
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that are not read here
            book = load_workbook(BytesIO(raw), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a sheet says of its size need not be so
        numbered = _numbered(sheet.iter_rows(values_only=True), limits)
    except TooLargeError:
        problems.error("table.too_large", file=shown, limit=limits.table_mb)
        return None
    except _TooMany as found:
        problems.error(found.code, file=shown, **found.values)
        return None
    except BROKEN as error:
        reason = str(error)[:200] or type(error).__name__
        problems.error("table.unreadable", file=shown, reason=reason)
        return None
    return _rows(numbered, shown=shown, problems=problems)


class _TooMany(Exception):
    """A sheet has too many rows or columns, or too long a cell."""

    def __init__(self, code: str, **values: object) -> None:
        self.code, self.values = code, values
        super().__init__(code)


def _numbered(rows: Iterable[Sequence[object]], limits: Limits) -> list[tuple[int, list[str]]]:
    """Return the rows that hold anything, with their numbers; stop where a sheet has no end."""
    numbered: list[tuple[int, list[str]]] = []
    for line, row in enumerate(rows, start=1):
        if line > MOST_ROWS:
            raise _TooMany("table.too_many_rows", limit=limits.table_rows)
        if not row:
            continue
        size = max((i + 1 for i, cell in enumerate(row) if cell is not None), default=0)
        if size > MOST_COLUMNS:
            raise _TooMany("table.too_wide", count=size, limit=MOST_COLUMNS)
        cells = [_text(cell) for cell in row[:size]]
        if any(cells):
            numbered.append((line, cells))
        if len(numbered) > limits.table_rows + 1:
            raise _TooMany("table.too_many_rows", limit=limits.table_rows)
        if max(map(len, cells), default=0) > limits.field_chars:
            raise _TooMany("table.long_cell", limit=limits.field_chars)
    return numbered


def _rows(
    numbered: list[tuple[int, list[str]]], *, shown: str, problems: Problems
) -> list[Row] | None:
    if len(numbered) < 2:
        problems.error("table.empty", file=shown, count=len(numbered))
        return None
    header = numbered[0][1]
    repeated = sorted({title for title in header if title and header.count(title) > 1})
    if repeated:
        problems.error("table.repeated_column", file=shown, names=", ".join(repeated[:5]))
        return None
    titled = [(place, title) for place, title in enumerate(header) if title]
    return [
        Row(line, {title: row[place] if place < len(row) else "" for place, title in titled})
        for line, row in numbered[1:]
    ]


def _text(cell: object) -> str:
    """Return a cell as text; whole numbers without a decimal point, dates as ISO 8601."""
    if cell is None:
        return ""
    if isinstance(cell, dt.datetime | dt.date):
        return cell.isoformat()[:10]
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell).strip()


def _geopackage(path: Path, *, shown: str, problems: Problems, limits: Limits) -> list[Row] | None:
    try:
        with ordinary(path).open("rb") as stream:
            head = stream.read(256)
        if not is_geopackage(head):
            raise RefusedError("regions.content", found=repr(head[:24])[1:])
        names = columns_of(path)
        layer = read_geopackage(path, Request(shown, names, limits=limits), problems=problems)
    except RefusedError as refusal:
        problems.error(refusal.code, file=shown, **refusal.values)
        return None
    except OSError as error:
        problems.error("table.unreadable", file=shown, reason=error.strerror or str(error))
        return None
    columns = {name: [_text(value) for value in layer.columns[name]] for name in names}
    crs = layer.crs.to_string() if layer.crs is not None else ""
    rows = []
    for place, shape in enumerate(layer.geometry):
        cells = {name: values[place] for name, values in columns.items()}
        if shape is not None and shape.geom_type == "Point" and not shape.is_empty:
            x, y = (repr(float(value)) for value in shapely.get_coordinates(shape)[0])
            cells = {"x": x, "y": y, "crs": crs} | cells
        rows.append(Row(place + 1, cells))
    if not rows:
        problems.error("table.empty", file=shown, count=0)
        return None
    return rows
