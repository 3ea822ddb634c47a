"""The workbook: a summary, the bureau's table, one sheet per table, and the chain with formulas."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from xlsxwriter import Workbook

from sinks.results import Results
from sinks.summary import sentences, words_of
from sinks.wording import Words
from sinks.workbook.layout import Formats, formats_of, put_text, text_columns, write_sheet
from sinks.workbook.sheets import overview_sheet, table_sheet, tables_in_order
from sinks.workbook.why import write_why

__all__ = ["write_workbook"]

#: Written into the file as its date, so that equal results give equal bytes.
FIXED_DATE = datetime(1980, 1, 1)  # noqa: DTZ001 (the format knows no time zone)
#: A summary's line holds about so many digits.
LINE = 96


def _write_summary(book: Workbook, results: Results, *, words: Words, formats: Formats) -> None:
    """Write the first sheet: title, stamp, findings in sentences, and what follows."""
    page = book.add_worksheet(words.t("workbook.sheet.summary"))
    page.set_column(0, 0, LINE)
    put_text(page, (0, 0), words=results.title, look=formats.title)
    page.set_row(0, 34)
    lines = sentences(results)
    if results.meta["study"].get("synthetic"):
        lines.insert(0, words.t("report.synthetic"))
    basis = str(results.meta.get("area_basis", "map"))
    lines += [words.t(f"report.area_basis.{basis}"), words.t("workbook.guide")]
    for row, words_of_line in enumerate(lines, start=1):
        put_text(page, (row, 0), words=words_of_line, look=formats.note)
        page.set_row(row, 17 * (1 + int(text_columns(words_of_line) // LINE)))
    page.set_portrait()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    page.print_area(0, 0, len(lines), 0)


def write_workbook(results: Results, path: Path) -> None:
    """Write the workbook of a finished run.

    Parameters
    ----------
    results : Results
    path : Path
        The ``.xlsx`` file to write.

    Notes
    -----
    Numbers are numbers with all their digits; text is never read as a formula or an address. The
    only formulas are those of the sheet "why this number", and they carry their values. Equal
    results give equal bytes: the dates in the file are fixed.
    """
    words = words_of(results)
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": False,
    }
    book = Workbook(str(path), options)
    book.set_properties(
        {
            "title": results.title,
            "comments": f"sinks {results.meta.get('sinks', '')}",
            "created": FIXED_DATE,
        }
    )
    formats = formats_of(book, footer=words.t("workbook.footer"))
    _write_summary(book, results, words=words, formats=formats)
    write_sheet(book, overview_sheet(results, words), formats=formats)
    for name in tables_in_order(results):
        write_sheet(book, table_sheet(results, words, name=name), formats=formats)
    write_why(book, results, words=words, formats=formats)
    book.close()
