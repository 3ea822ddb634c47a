"""Fills a bureau's own workbook: rows repeated per region, numbers as numbers, formulas moved."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.worksheet.worksheet import Worksheet

from sinks.checks import Problems, nearest
from sinks.errors import InputProblems
from sinks.escape import FORMULA
from sinks.results import Results
from sinks.template.layout import relaid
from sinks.template.reading import open_template
from sinks.template.shift import Rows, formula
from sinks.template.terms import Fault, Known, Term, marks, term_of
from sinks.template.values import Value, Values
from sinks.wording import significant
from sinks.workbook.layout import LONGEST_TEXT, number_format
from sinks.workbookfile import MOST_ROWS

if TYPE_CHECKING:
    from sinks.inputs import Inputs

FILLED: Final = "workbook-filled.xlsx"
#: Marks the level of a row that is repeated; a region's own level may be called by its plural.
LEVEL: Final = re.compile(r"#\s*(.+)")
REGIONS: Final = ("region", "regions")
#: Kinds of problem by kind of fault.
CODES: Final = {
    "name": "template.unknown_name", "region": "template.unknown_region",
    "key": "template.unknown_key", "year": "template.unknown_year",
}  # fmt: skip
#: Digits of a number that stands within a sentence.
DIGITS: Final = 4
#: The times that a workbook and its parts are said to be written at.
CORE: Final = "docProps/core.xml"
TIME: Final = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*(<)")
FIXED: Final = (1980, 1, 1, 0, 0, 0)


@dataclass
class Plan:
    """What a template asks for: every placeholder, and the level of each repeated row by sheet."""

    terms: dict[str, Term] = field(default_factory=dict)
    levels: dict[str, dict[int, str]] = field(default_factory=dict)


def check_template(inputs: Inputs, problems: Problems, *, pools: list[str]) -> None:
    """Open the study's template and understand its placeholders; nothing is filled."""
    study = inputs.study
    file = study.output.template
    if file is None:
        return
    book = open_template(study.path_of(file), problems, file=file)
    if book is not None:
        plan_of(book, Known.of_inputs(inputs, pools), file=file, problems=problems)


def plan_of(book: Workbook, known: Known, *, file: str, problems: Problems) -> Plan:
    """Understand every placeholder of a workbook; what cannot be is a problem by sheet and cell."""
    plan, faults = Plan(), False
    for page in book.worksheets:
        levels = plan.levels.setdefault(page.title, {})
        for cell in _cells(page):
            place = f"{page.title}!{cell.coordinate}"
            found = marks(cell.value)
            if found and cell.data_type == "f":
                faults = True
                problems.error("template.in_formula", file=file, place=place, found=found[0][0])
                continue
            for written, content in found:
                told = _read(content, known, plan=plan, levels=levels, row=cell.row)
                if told is not None:
                    faults = True
                    problems.error(
                        CODES[told.kind], file=file, place=place, found=written,
                        known=nearest(told.found, told.known), bad=told.found,
                    )  # fmt: skip
    if not plan.terms and not faults:
        problems.error("template.empty", file=file)
    return plan


def _cells(page: Worksheet) -> list[Cell]:
    """Return the cells that there are, and make none; a sheet may have one in its last corner."""
    return [cell for _, cell in sorted(page._cells.items()) if isinstance(cell, Cell)]


def _read(
    content: str, known: Known, *, plan: Plan, levels: dict[int, str], row: int
) -> Fault | None:
    """Add a placeholder to a plan; return what is wrong with it."""
    marker = LEVEL.fullmatch(content)
    if marker:
        level = REGIONS[0] if marker[1] in REGIONS else marker[1]
        if level not in known.levels:
            return Fault("name", content, [f"#{name}" for name in known.levels])
        levels[row] = level
        return None
    term = term_of(content, known)
    if isinstance(term, Fault):
        return term
    plan.terms[content] = term
    if not term.where:
        levels.setdefault(row, REGIONS[0])
    return None


def write_filled(results: Results, template: Path, *, path: Path) -> None:
    """Fill a template from a finished run.

    Parameters
    ----------
    results : Results
    template : Path
        The bureau's workbook.
    path : Path
        The ``.xlsx`` file to write.

    Raises
    ------
    InputProblems
        If the template is refused or asks for what the run has not.

    Notes
    -----
    Names from data are written as text whatever they begin with. Formulas are the template's own
    and are calculated when the workbook is opened. Equal inputs give equal bytes.
    """
    problems = Problems(results.language)
    book = open_template(template, problems, file=template.name)
    problems.raise_errors()
    if book is None:
        raise InputProblems(list(problems))
    plan = plan_of(book, Known.of_results(results), file=template.name, problems=problems)
    values = Values(results)
    places = {
        name: {row: [(level, code) for code in values.codes(level)] for row, level in rows.items()}
        for name, rows in plan.levels.items()
    }
    sheets = {
        name: Rows({row: len(found) for row, found in rows.items()})
        for name, rows in places.items()
    }
    for page in book.worksheets:
        if sheets[page.title].last(page.max_row) > MOST_ROWS:
            problems.error(
                "template.too_long", file=template.name, place=page.title, most=MOST_ROWS
            )
    problems.raise_errors()
    for page in book.worksheets:
        writer = _Writer(plan, values, places=places[page.title], sheets=sheets, name=page.title)
        relaid(page, sheets, write=writer)
    _names(book, sheets)
    book.calculation.fullCalcOnLoad = True
    _save(book, path)


class _Writer:
    """Writes the cells of one sheet."""

    def __init__(
        self, plan: Plan, values: Values, *, places: Mapping[int, list[tuple[str, str]]],
        sheets: Mapping[str, Rows], name: str,
    ) -> None:  # fmt: skip
        self.plan, self.values, self.places = plan, values, places
        self.sheets, self.name = sheets, name

    def __call__(self, cell: Cell, value: Any, row: int, number: int) -> None:
        """Write what stands in one cell."""
        own = row if row in self.places else 0
        if isinstance(value, str) and value.startswith("=") and not marks(value):
            cell.value = formula(value, self.sheets, sheet=self.name, own=own, copy=number)
            return
        found = marks(value)
        if not found:
            cell.value = value
            return
        place = self.places[row][number] if own else ("", "")
        shown = [
            (written, self._value(content, place, row=number + 1)) for written, content in found
        ]
        if len(shown) == 1 and value.strip() == shown[0][0]:
            _put(cell, shown[0][1], name=self._name(found[0][1]))
            return
        for written, words in shown:
            value = value.replace(written, _within(words))
        _put(cell, value, name="")

    def _value(self, content: str, place: tuple[str, str], *, row: int) -> Value:
        if LEVEL.fullmatch(content):
            return ""
        return self.values.value(self.plan.terms[content], place, row=row)

    def _name(self, content: str) -> str:
        return self.plan.terms[content].name if content in self.plan.terms else ""


def _within(value: Value) -> str:
    """Return a value as it stands within a sentence."""
    if isinstance(value, float):
        return significant(value, DIGITS)
    return "" if value is None else str(value)


def _put(cell: Cell, value: Value, *, name: str) -> None:
    """Write a number as a number, nothing as nothing, words as text and never as a formula."""
    if value is None or value == "":
        cell.value = None
    elif isinstance(value, str):
        cell.value = ILLEGAL_CHARACTERS_RE.sub("", value)[:LONGEST_TEXT]
        cell.data_type = "s"
        cell.quotePrefix = bool(FORMULA.match(value))
    else:
        cell.value = value
        if cell.number_format == "General" and isinstance(value, float):
            kinds = {"share_achieved": "share", "probability": "probability"}
            cell.number_format = number_format([value], kinds.get(name, "number")) or "General"


def _names(book: Workbook, sheets: Mapping[str, Rows]) -> None:
    """Move the cells that names stand for."""
    for named in (book.defined_names, *(page.defined_names for page in book.worksheets)):
        for name in named.values():
            name.attr_text = formula(f"={name.attr_text}", sheets, sheet="")[1:]


def _save(book: Workbook, path: Path) -> None:
    """Write a workbook whose bytes hang on its content alone."""
    stream = BytesIO()
    book.save(stream)
    with zipfile.ZipFile(stream) as parts, zipfile.ZipFile(path, "w") as out:
        for part in parts.infolist():
            content = parts.read(part)
            if part.filename == CORE:
                content = TIME.sub(rb"\g<1>1980-01-01T00:00:00Z\g<2>", content)
            head = zipfile.ZipInfo(part.filename, FIXED)
            head.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(head, content)
