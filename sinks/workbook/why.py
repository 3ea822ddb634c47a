"""The sheet "why this number": area × density → stock with live formulas.

For the largest strata of the whole in the last year. The formula column multiplies the two numbers
before it; the column beside it holds what the run published, so that the reader sees them agree.
"""

from __future__ import annotations

import math
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.utility import xl_rowcol_to_cell as cell_name
from xlsxwriter.worksheet import Worksheet

from sinks import chain
from sinks.results import Results
from sinks.summary import span_of
from sinks.wording import Words
from sinks.workbook.layout import Column, Formats, Sheet, head, print_setup, put_text, put_value
from sinks.workbook.sheets import unit_line

STRATA_SHOWN = 8
COLUMNS = (
    ("stratum", 20.0),
    ("pool", 14.0),
    ("area", 16.0),
    ("density", 13.0),
    ("product", 18.0),
    ("published", 18.0),
    ("difference", 12.0),
    ("source", 44.0),
    ("confidence", 14.0),
)
AREA, DENSITY, PRODUCT, PUBLISHED, DIFFERENCE = 2, 3, 4, 5, 6


def largest(results: Results) -> tuple[list[chain.Link], float]:
    """Return the chain of the largest strata of the whole, and the stock of all the others."""
    last = span_of(results)[1]
    links = chain.links(results, list(chain.units(results)["region_code"]), year=last)
    sizes: dict[str, float] = {}
    for link in links:
        sizes[link.stratum] = sizes.get(link.stratum, 0.0) + link.stock_t_c
    shown = sorted(sizes, key=lambda name: (-sizes[name], name))[:STRATA_SHOWN]
    rest = sum(size for name, size in sizes.items() if name not in shown)
    picked = [link for link in links if link.stratum in shown and link.area_ha > 0]
    return sorted(picked, key=lambda link: shown.index(link.stratum)), rest


def write_why(book: Workbook, results: Results, *, words: Words, formats: Formats) -> None:
    """Write the sheet.

    Notes
    -----
    Where one density does not stand behind a row (a value per region, or dry matter), the density
    shown is the published stock over the area and the source says so.
    """
    last = span_of(results)[1]
    columns = [Column(name, words.t(f"workbook.why.{name}")) for name, _ in COLUMNS]
    title = f"{results.title} {words.t('workbook.sheet.why')}"
    unit = unit_line(results, words, name="why")
    sheet = Sheet(
        words.t("workbook.sheet.why"),
        title,
        unit,
        columns,
        (),
        note=words.t("workbook.why.note", year=last),
    )
    page = book.add_worksheet(sheet.name)
    head(page, sheet, formats=formats)
    for place, (_, width) in enumerate(COLUMNS):
        put_text(page, (2, place), words=columns[place].heading, look=formats.heading)
        page.set_column(place, place, width)
    links, rest = largest(results)
    names = chain.stratum_names(results, words.language)
    for index, link in enumerate(links):
        _write_link(page, 3 + index, link=link, names=names, words=words, formats=formats)
    _write_totals(page, 3 + len(links), links=links, rest=rest, words=words, formats=formats)
    page.set_row(2, 32)
    page.freeze_panes(3, 2)
    print_setup(page, (5 + len(links), len(COLUMNS) - 1), footer=formats.footer)


def _formula(
    page: Worksheet, at: tuple[int, int], *, formula: str, value: float, look: Any
) -> None:
    """Write a formula with its value, for readers that do not calculate."""
    page.write_formula(*at, formula, look, value if math.isfinite(value) else 0)


def _write_link(
    page: Worksheet,
    row: int,
    *,
    link: chain.Link,
    names: dict[str, str],
    words: Words,
    formats: Formats,
) -> None:
    plain, tonnes, density = (formats.cell(number) for number in (None, "#,##0", "#,##0.00##"))
    known = link.density is not None and math.isfinite(link.density.t_c_ha)
    value = link.density.t_c_ha if link.density is not None and known else link.implied
    put_text(page, (row, 0), words=names.get(link.stratum, link.stratum), look=plain)
    put_text(page, (row, 1), words=words.term("pool", link.pool), look=plain)
    put_value(page, (row, AREA), value=link.area_ha, look=formats.cell("#,##0.00"))
    put_value(page, (row, DENSITY), value=value, look=density)
    area, factor, product, published = (
        cell_name(row, column) for column in (AREA, DENSITY, PRODUCT, PUBLISHED)
    )
    result = link.area_ha * value
    _formula(page, (row, PRODUCT), formula=f"={area}*{factor}", value=result, look=tonnes)
    put_value(page, (row, PUBLISHED), value=link.stock_t_c, look=tonnes)
    formula = f"=IF({published}=0,0,{product}/{published}-1)"
    off = result / link.stock_t_c - 1 if link.stock_t_c else 0.0
    _formula(page, (row, DIFFERENCE), formula=formula, value=off, look=formats.cell("0.00%"))
    density_row = link.density
    source = (
        density_row.source if density_row is not None and known else words.t("workbook.why.implied")
    )
    put_text(page, (row, 7), words=source, look=plain)
    trust = words.term("confidence", density_row.confidence) if density_row and known else ""
    put_value(page, (row, 8), value=trust, look=plain)


def _write_totals(
    page: Worksheet,
    row: int,
    *,
    links: list[chain.Link],
    rest: float,
    words: Words,
    formats: Formats,
) -> None:
    """Write what the rows add up to, what the other strata hold, and the whole."""
    look = formats.cell("#,##0", total=True)
    text = formats.cell(None, total=True)
    products = [link.product if math.isfinite(link.product) else link.stock_t_c for link in links]
    published = sum(link.stock_t_c for link in links)
    sums = {PRODUCT: (sum(products), rest), PUBLISHED: (published, rest)}
    for offset, key in enumerate(("shown", "rest", "whole")):
        for column in range(len(COLUMNS)):
            put_value(page, (row + offset, column), value="", look=text)
        put_text(page, (row + offset, 0), words=words.t(f"workbook.why.{key}"), look=text)
    for column, (shown, others) in sums.items():
        top, bottom = cell_name(3, column), cell_name(max(row - 1, 3), column)
        here, next_to = cell_name(row, column), cell_name(row + 1, column)
        formula = f"=SUM({top}:{bottom})" if links else "=0"
        _formula(page, (row, column), formula=formula, value=shown, look=look)
        put_value(page, (row + 1, column), value=others, look=look)
        _formula(
            page, (row + 2, column), formula=f"={here}+{next_to}", value=shown + others, look=look
        )
