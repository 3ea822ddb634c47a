"""The report as a Word document: its text and tables, to be edited; drawings stay with the HTML."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from sinks.report.page import page
from sinks.results import Results

#: Written into the file as its date, so that equal results give equal bytes.
FIXED_DATE: Final = datetime(1980, 1, 1)  # noqa: DTZ001 (the format knows no time zone)
ZIP_DATE: Final = (1980, 1, 1, 0, 0, 0)
#: What Chinese offices have installed; Word falls back where it is missing.
FONTS: Final = {"latin": "Times New Roman", "chinese": "SimSun"}

Cells = Sequence[str]


class _Writer:
    """A document in A4 whose tables have a head that repeats on every page."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content, self.t = content, content["t"]
        self.document: Any = Document()
        section = self.document.sections[0]
        section.page_width, section.page_height = Mm(210), Mm(297)
        section.left_margin = section.right_margin = Mm(20)
        normal = self.document.styles["Normal"]
        normal.font.name, normal.font.size = FONTS["latin"], Pt(10.5)
        normal.element.rPr.rFonts.set(qn("w:eastAsia"), FONTS["chinese"])

    def heading(self, words: str, level: int = 1) -> None:
        self.document.add_heading(words, level)

    def lines(self, sentences: Sequence[str], style: str | None = None) -> None:
        for sentence in sentences:
            self.document.add_paragraph(str(sentence), style=style)

    def table(self, head: Cells, rows: Sequence[Cells], *, text: int = 1) -> None:
        """Add a table; columns from the `text`-th on hold numbers and stand to the right."""
        made = self.document.add_table(rows=1, cols=len(head), style="Light Grid Accent 1")
        mark = made.rows[0]._tr.get_or_add_trPr()
        mark.append(mark.makeelement(qn("w:tblHeader"), {qn("w:val"): "true"}))
        for cells in (head, *rows):
            shown = made.rows[0] if cells is head else made.add_row()
            for place, words in enumerate(cells):
                paragraph = shown.cells[place].paragraphs[0]
                run = paragraph.add_run(str(words))
                run.font.size, run.font.bold = Pt(8), cells is head
                if place >= text:
                    paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        self.document.add_paragraph()

    def landscape(self) -> None:
        section = self.document.add_section()
        section.orientation = WD_ORIENT.LANDSCAPE
        section.page_width, section.page_height = Mm(297), Mm(210)


def _opening(writer: _Writer) -> None:
    content, t = writer.content, writer.t
    header = content["header"]
    writer.document.add_heading(header["title"], 0)
    writer.lines([header["subtitle"], header["approval"]])
    if header["synthetic"]:
        writer.lines([t("report.synthetic")])
    writer.table(
        [t("report.c.kind"), t("report.c.value"), ""],
        [[tile["title"], tile["value"], tile["note"]] for tile in header["tiles"]],
    )
    writer.heading(t("report.h.summary"))
    writer.lines(content["summary"], "List Bullet")
    writer.lines([header["note"], content["area_basis"]])


def _targets(writer: _Writer) -> None:
    content, t = writer.content, writer.t
    if not content["targets"]:
        return
    writer.heading(t("report.h.targets"))
    names = ("unit", "required", "achieved", "interval", "share", "probability", "verdict")
    keys = ("unit", "required", "achieved", "interval", "share_achieved", "probability", "verdict")
    head = [t(f"report.c.{key}", level=content["level"]) for key in keys]
    for target in content["targets"]:
        writer.heading(target["name"], 2)
        writer.lines([target["goal"]])
        if target["source"]:
            writer.lines([t("report.source", source=target["source"])])
        writer.table(head, [[row[name] for name in names] for row in target["rows"]])


def _reconciled(writer: _Writer) -> None:
    content, t = writer.content, writer.t
    if not content["reconciled"]:
        return
    writer.heading(t("report.h.reconcile"))
    keys = (
        "name", "year", "what", "map", "other", "difference", "area_part", "density_part",
        "definition_part", "rest",
    )  # fmt: skip
    titles = ("place", *keys[1:])
    head = [t(f"report.reconcile.c.{key}") for key in titles]
    for entry in content["reconciled"]:
        writer.heading(entry["title"], 2)
        writer.lines([entry["sentence"]])
        writer.table(head, [[row[key] for key in keys] for row in entry["rows"]], text=3)
        sources = t("report.reconcile.sources", sources=entry["sources"])
        writer.lines([sources, entry["raked"]] if entry["raked"] else [sources])


def _scenarios(writer: _Writer) -> None:
    content, t = writer.content, writer.t
    if not content["scenarios"]:
        return
    writer.heading(t("report.h.scenarios"))
    writer.lines([t("report.scenario.note")])
    names = ("required", "projected", "interval", "probability", "verdict", "planned", "needed")
    keys = ("required", "interval", "probability")
    titles = {key: t(f"report.c.{key}", level=content["level"]) for key in keys}
    titles |= {key: t(f"report.scenario.c.{key}") for key in names if key not in keys}
    head = [t("report.plan.c.target"), *(titles[name] for name in names)]
    for entry in content["scenarios"]:
        writer.heading(entry["title"], 2)
        writer.lines([*entry["assumed"], entry["parts"]], "List Bullet")
        if entry["rows"]:
            rows = [[row["title"], *(row[name] for name in names)] for row in entry["rows"]]
            writer.table(head, rows)


def _regions(writer: _Writer) -> None:
    content, t = writer.content, writer.t
    ledger = content["tables"]["regions"]
    writer.landscape()
    writer.heading(t("report.h.regions"))
    years = {"start": content["first"], "end": content["last"]}
    head = [
        t("report.c.code"), t("report.c.name"), f"{t('report.c.area')} {ledger.area}",
        f"{t('report.c.stock', year=content['last'])} {ledger.carbon}", "±",
        f"{t('report.c.change', **years)} {ledger.carbon}",
        t("report.c.interval", level=content["level"]), t("report.c.finding"),
    ]  # fmt: skip
    rows = []
    for row in [*content["tables"]["whole"].rows, *ledger.rows]:
        interval = f"{row['change']['low']} – {row['change']['high']}"
        finding = t(f"report.finding.{row['finding']}")
        stock, change = row["stock"], row["change"]
        rows.append(
            [row["code"], row["name"], row["area"], stock["value"], stock["half"],
             change["signed"], interval, finding]
        )  # fmt: skip
    writer.table(head, rows, text=2)


def _method(writer: _Writer) -> None:
    content, t = writer.content, writer.t
    method = content["method"]
    writer.heading(t("report.h.method"))
    writer.lines([method["opening"], method["equation"], *method["rest"]])
    writer.heading(t("report.h.parameters"))
    writer.lines([content["parameters_note"]])
    writer.heading(t("report.h.checks"))
    keys = ("name", "cases", "worst")
    writer.table(
        [t("report.c.check"), t("report.c.cases"), t("report.c.worst")],
        [[row[key] for key in keys] for row in content["checks"]],
    )
    writer.heading(t("report.h.limits"))
    writer.lines(content["limits"], "List Bullet")
    inputs = content["origin"]["inputs"]
    writer.heading(t("report.h.origin"))
    writer.table(
        [t("report.c.role"), t("report.c.file"), "SHA-256"],
        [[item["role"], item["path"], item["sha"]] for item in inputs],
        text=3,
    )


def write_document(results: Results, path: Path) -> None:
    """Write the report of a finished run as a Word document.

    Parameters
    ----------
    results : Results
    path : Path
        The ``.docx`` file to write.

    Notes
    -----
    Equal results give equal bytes: the dates in the file are fixed.
    """
    content = page(results)
    writer = _Writer(content)
    for write in (_opening, _targets, _scenarios, _reconciled, _regions, _method):
        write(writer)
    properties = writer.document.core_properties
    properties.created = properties.modified = FIXED_DATE
    properties.author, properties.title = "sinks", content["header"]["title"][:255]
    properties.last_modified_by, properties.revision = "sinks", 1
    stream = io.BytesIO()
    writer.document.save(stream)
    _rezip(stream, path)


def _rezip(stream: io.BytesIO, path: Path) -> None:
    """Write a zip again with fixed times of its members."""
    with zipfile.ZipFile(stream) as made, zipfile.ZipFile(path, "w") as out:
        for name in made.namelist():
            info = zipfile.ZipInfo(name, ZIP_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(info, made.read(name))
