"""Names that are weapons come out of a whole run as names: in tables, workbooks and archives."""

from __future__ import annotations

import csv
import json
import sqlite3
import xml.etree.ElementTree as ET
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from sinks.escape import FORMULA, text_of_cell
from sinks.folder import files_in
from tests.hostile import names

#: The workbook's own formulas stand here.
CHAIN = {"Why this number"}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return names.run(tmp_path_factory.mktemp("names"))


def test_no_name_is_a_path(out: Path) -> None:
    top = {path.name for path in out.parent.iterdir()}
    assert top == {"study", "out"}
    assert not [name for name in files_in(out) if ".." in name or "SUM" in name]


def test_no_cell_of_a_table_is_a_formula(out: Path) -> None:
    found = set()
    for path in (out / "tables").glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for row in csv.reader(stream):
                for cell in row:
                    try:
                        float(cell)
                    except ValueError:
                        assert not FORMULA.match(cell) or cell.startswith("'"), (path.name, cell)
                        found.add(text_of_cell(cell))
    assert {*names.NAMES, *names.CODES, *names.PARENTS} <= found


def test_workbook_shows_names_as_text(out: Path) -> None:
    """As another program reads it: text is text, and only the chain computes."""
    book = openpyxl.load_workbook(out / "workbook.xlsx")
    seen: set[str] = set()
    for sheet in book.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    assert sheet.title in CHAIN, (sheet.title, cell.coordinate, cell.value)
                    assert "http" not in str(cell.value)
                assert cell.hyperlink is None or "127.0.0.1" not in str(cell.hyperlink.target)
                seen.add(str(cell.value))
    assert {*names.NAMES, *names.CODES} <= seen
    frames: dict[str, Any] = pd.read_excel(out / "workbook.xlsx", sheet_name=None, header=None)
    shown = {str(value) for frame in frames.values() for value in frame.to_numpy().ravel()}
    assert {*names.NAMES, *names.CODES} <= shown


def test_archives_hold_sound_xml_without_links_outside(out: Path) -> None:
    for path in [*out.glob("*.xlsx"), *out.glob("*.docx")]:
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            for name in archive.namelist():
                if name.endswith((".xml", ".rels")):
                    root = ET.fromstring(archive.read(name))
                    targets = [node.get("Target", "") for node in root.iter()]
                    assert not [target for target in targets if "127.0.0.1" in target], name


def test_geopackage_and_manifest_hold_them_unchanged(out: Path) -> None:
    with sqlite3.connect(out / "regions.gpkg") as base:
        rows = base.execute("SELECT region_code, region_name FROM regions").fetchall()
    assert set(rows) == set(zip(names.CODES, names.NAMES, strict=True))
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["study"]["title"] == names.TITLE


class Elements(HTMLParser):
    """Gathers what could run."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name.startswith("on") or "javascript:" in (value or "").lower():
                self.bad.append(f"<{tag} {name}={value}>")
        if tag in ("iframe", "object", "embed", "base"):
            self.bad.append(tag)


def test_pages_have_no_element_that_a_name_made(out: Path) -> None:
    for path in sorted(out.rglob("*.html")):
        read = Elements()
        read.feed(path.read_text(encoding="utf-8"))
        assert read.bad == [], path.name
