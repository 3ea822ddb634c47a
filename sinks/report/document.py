"""The report as a Word document: the page's own text, tables and drawings, to be edited."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor

from sinks.errors import OutputFailed
from sinks.report.bitmap import bitmap
from sinks.report.html import render_report
from sinks.report.wordtable import Cell, Row, add_table
from sinks.results import Results
from sinks.sheets.fonts import Faces, faces_for

#: Written into the file as its date, so that equal results give equal bytes.
FIXED_DATE: Final = datetime(1980, 1, 1)  # noqa: DTZ001 (the format knows no time zone)
ZIP_DATE: Final = (1980, 1, 1, 0, 0, 0)
#: What Chinese offices have installed; Word falls back where it is missing.
FONTS: Final = {"latin": "Times New Roman", "chinese": "SimSun"}
HEADINGS: Final = {"latin": "Arial", "chinese": "SimHei"}
STYLES: Final = ("Title", "Heading 1", "Heading 2", "Caption")
COLOUR: Final = RGBColor(0x0B, 0x4F, 0x4A)
SVG: Final = "{http://www.w3.org/2000/svg}svg"
#: Extension of a picture by which Word 2016 and later, WPS and LibreOffice show an SVG.
SVG_BLIP: Final = (
    '<a:extLst xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
    '<a:ext uri="{{96DAC541-7B7A-43D3-8B79-37D633B846F1}}"><asvg:svgBlip'
    ' xmlns:asvg="http://schemas.microsoft.com/office/drawing/2016/SVG/main"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    ' r:embed="{0}"/></a:ext></a:extLst>'
)
#: A number that a word processor fills in.
FIELD: Final = (
    f"<w:fldSimple {nsdecls('w')} w:instr='{{0}}'><w:r><w:rPr><w:sz w:val='16'/></w:rPr>"
    "<w:t>1</w:t></w:r></w:fldSimple>"
)
#: An empty picture of one dot.
NOTHING: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsXfKBwAAAABJRU5ErkJggg=="
)
#: Sections with a table of so many columns or more stand on pages across.
COLUMNS: Final = 11
#: Widths of a page's text, upright and across, and the greatest height of a drawing [mm].
WIDTHS: Final = {False: 170.0, True: 257.0}
HIGHEST: Final = 215.0
NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def plain(node: ET.Element) -> str:
    r"""Return a node's text on one line; a unit or a second line behind a line break.

    Examples
    --------
    >>> plain(ET.fromstring("<th>Area<small>ha</small> </th>"))
    'Area\nha'
    """
    lines = (" ".join(line.split()) for line in _read(node).split("\x1e"))
    return "\n".join(line for line in lines if line)


def _read(node: ET.Element) -> str:
    """Return text in the order of reading, without drawings; lines end with a separator."""
    if node.tag == SVG:
        return ""
    start = "\x1e" if node.tag in ("br", "small") else ""
    return start + (node.text or "") + "".join(_read(part) + (part.tail or "") for part in node)


class _Writer:
    """A document in A4 that takes over the page's parts one after the other."""

    def __init__(self, faces: Faces | None) -> None:
        self.document: Any = Document()
        self.faces = faces
        self.across = False
        self.drawings = 0
        section = self.document.sections[0]
        section.page_width, section.page_height = Mm(210), Mm(297)
        section.left_margin = section.right_margin = Mm(20)
        normal = self.document.styles["Normal"]
        normal.font.name, normal.font.size = FONTS["latin"], Pt(10.5)
        normal.element.rPr.rFonts.set(qn("w:eastAsia"), FONTS["chinese"])
        for name in STYLES:
            style = self.document.styles[name]
            fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
            fonts.attrib.clear()  # fonts of a theme go before those named here
            style.font.name, style.font.color.rgb = HEADINGS["latin"], COLOUR
            fonts.set(qn("w:eastAsia"), HEADINGS["chinese"])
        caption = self.document.styles["Caption"]
        caption.font.size, caption.font.bold = Pt(9), False

    def take(self, node: ET.Element) -> None:
        """Write a node of the page, or what is inside it."""
        if node.tag in ("h1", "h2", "h3"):
            self.document.add_heading(plain(node), "123".index(node.tag[1]))
        elif node.tag == "figcaption":
            self.paragraph(plain(node), style="Caption")
        elif node.tag == "p":
            look = str(node.get("class") or "")
            self.paragraph(plain(node), small=look == "small", bold=look == "stamp")
        elif node.tag in ("ul", "ol"):
            self.items(node)
        elif node.tag == "table":
            self.table(node)
        elif node.tag == SVG:
            self.drawing(node)
        elif node.get("class") == "tiles":
            self.tiles(node)
        elif node.tag != "nav":  # a word processor lists the headings itself
            self.inside(node)

    def inside(self, node: ET.Element) -> None:
        """Write what is inside a node, a section on pages that are wide enough for its tables."""
        if node.tag == "section":
            self.turn(across=any(_columns(table) >= COLUMNS for table in node.iter("table")))
        for part in node:
            self.take(part)

    def foot(self, title: str) -> None:
        """Write the title and the page's number at the foot of every page."""
        paragraph = self.document.sections[0].footer.paragraphs[0]
        paragraph.add_run(f"{NOT_XML.sub(chr(0xFFFD), title)[:90]}\t\t").font.size = Pt(8)
        for code in ("PAGE", "NUMPAGES"):
            paragraph._p.append(parse_xml(FIELD.format(code)))
            if code == "PAGE":
                paragraph.add_run(" / ").font.size = Pt(8)

    def items(self, node: ET.Element) -> None:
        """Write a list: points, or sources with the numbers that the tables point to."""
        for number, item in enumerate(node, start=1):
            if node.tag == "ol":
                self.paragraph(f"[{number}] {plain(item)}", small=True)
            else:
                self.paragraph(plain(item), style="List Bullet")

    def paragraph(
        self, words: str, *, style: str | None = None, small: bool = False, bold: bool = False
    ) -> None:
        run = self.document.add_paragraph(style=style).add_run(words)
        run.font.bold = bold or None
        if small:
            run.font.size = Pt(9)

    def tiles(self, node: ET.Element) -> None:
        """Write the headline's figures as a table: what, how much, what must be known of it."""
        parts = [[plain(part) for part in tile] for tile in node]
        rows = [
            Row(tuple(Cell(own[place], bold=place == 1) for own in parts), shaded=place == 1)
            for place in range(3)
        ]
        add_table(self.document, rows, columns=len(parts), room=WIDTHS[self.across])

    def table(self, node: ET.Element) -> None:
        """Write a table; its head repeats on every page, its cells span as they do there."""
        caption = node.find("caption")
        if caption is not None:
            self.paragraph(plain(caption), style="Caption")
            self.document.paragraphs[-1].paragraph_format.keep_with_next = True
        heads = list(node.iterfind("thead/tr"))
        rows = [_row(row, head=row in heads) for row in node.iter("tr")]
        add_table(self.document, rows, columns=_columns(node), room=WIDTHS[self.across])

    def turn(self, *, across: bool) -> None:
        """Begin a page across, or upright again, where the next section needs it."""
        if across == self.across:
            return
        self.across = across
        section = self.document.add_section()
        section.orientation = WD_ORIENT.LANDSCAPE if across else WD_ORIENT.PORTRAIT
        sides = (Mm(297), Mm(210)) if across else (Mm(210), Mm(297))
        section.page_width, section.page_height = sides

    def drawing(self, node: ET.Element) -> None:
        """Write a drawing as it is, and as a picture for programs that show no SVG."""
        _, _, wide, high = (float(word) for word in str(node.get("viewBox")).split())
        width = min(WIDTHS[self.across], HIGHEST * wide / high)
        seen = io.BytesIO(bitmap(node, self.faces) if self.faces else NOTHING)
        shape = self.document.add_picture(seen, Mm(width), Mm(width * high / wide))
        self.document.paragraphs[-1].paragraph_format.keep_with_next = True
        title = node.findtext("{http://www.w3.org/2000/svg}title") or ""
        shape._inline.docPr.set("descr", title)
        node.set("font-family", "Noto Sans, Microsoft YaHei, SimHei, Arial, sans-serif")
        node.set("width", f"{wide:g}")
        node.set("height", f"{high:g}")
        node.tail = None
        self.drawings += 1
        package = self.document.part.package
        name = PackURI(f"/word/media/drawing{self.drawings}.svg")
        part = Part(name, "image/svg+xml", ET.tostring(node, encoding="utf-8"), package)
        place = self.document.part.relate_to(part, RELATIONSHIP_TYPE.IMAGE)
        blip = shape._inline.graphic.graphicData.pic.blipFill.blip
        blip.append(parse_xml(SVG_BLIP.format(place)))


def _columns(table: ET.Element) -> int:
    """Return how many columns a table has: those of its head."""
    head = table.find("thead/tr")
    return 0 if head is None else sum(int(cell.get("colspan") or 1) for cell in head)


def _row(row: ET.Element, *, head: bool) -> Row:
    """Return a row of the page as one of the document."""
    stands_out = str(row.get("class") or "") in ("total", "section")
    cells = []
    for cell in row:
        looks = str(cell.get("class") or "").split()
        right = "n" in looks
        cells.append(
            Cell(
                plain(cell), int(cell.get("colspan") or 1), bold=head or stands_out, right=right,
                whole=right or "keep" in looks,
            )
        )  # fmt: skip
    return Row(tuple(cells), head=head, shaded=stands_out)


def _body(page: str) -> Iterator[ET.Element]:
    """Yield the parts of a page's body; it is well-formed but for line breaks and the head."""
    inside = page[page.index("<body>") : page.index("</body>")] + "</body>"
    text = NOT_XML.sub("\ufffd", inside.replace("<br>", "<br/>"))
    yield from ET.fromstring(text)  # noqa: S314 (our own page, every name in it escaped)


def write_document(results: Results, path: Path) -> None:
    """Write the report of a finished run as a Word document.

    Parameters
    ----------
    results : Results
    path : Path
        The ``.docx`` file to write.

    Notes
    -----
    It holds what the page holds, part by part: text, tables, and drawings, as SVG for Word 2016
    and later and as pictures for the others. Equal results give equal bytes where the same fonts
    are installed: the dates in the file are fixed.
    """
    ET.register_namespace("", "http://www.w3.org/2000/svg")
    page = render_report(results)
    try:
        faces = faces_for([page], results.language)
    except OutputFailed:  # without a Chinese font the drawings stand as SVG alone
        faces = None
    writer = _Writer(faces)
    writer.foot(results.title)
    for part in _body(page):
        writer.take(part)
    properties = writer.document.core_properties
    properties.created = properties.modified = FIXED_DATE
    properties.author, properties.title = "sinks", results.title[:255]
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
