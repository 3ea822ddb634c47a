"""Which sheets there are, what they are called, and how they come to be."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from sinks.errors import OutputFailed, UnusableOption
from sinks.escape import file_stem
from sinks.results import Results
from sinks.sheets.draw import MAP, Imprint, draw_sheet
from sinks.sheets.facts import ALL, facts_of
from sinks.sheets.fonts import faces_for
from sinks.sheets.paper import Book, Page, Paper
from sinks.sheets.scene import Atlas
from sinks.summary import words_of
from sinks.texts import text

Format = Literal["pdf", "png", "atlas"]
Layer = Literal["landcover", "density", "change"]
#: Folder of the sheets in that of the run.
FOLDER: Final = "sheets"
OVERVIEW: Final = "overview"
ATLAS: Final = "atlas"
FORMATS: Final[dict[str, tuple[Format, ...]]] = {
    "pdf": ("pdf",), "png": ("png",), "both": ("pdf", "png"), "atlas": ("atlas",)
}  # fmt: skip


@dataclass(frozen=True)
class SheetOptions:
    """What to print: on which paper, as which files, of which regions (none: all and the whole)."""

    paper: Paper = "a4"
    formats: tuple[Format, ...] = ("pdf",)
    regions: tuple[str, ...] = ()
    layer: Layer = "landcover"


def sheet_name(code: str, form: str, *, layer: Layer = "landcover") -> str:
    """Return the file name of a region's sheet; a code that is no plain name is encoded.

    Examples
    --------
    >>> sheet_name("420102", "pdf"), sheet_name("../x", "png", layer="density")
    ('420102.pdf', 'x-2e2e2f78-density.png')
    """
    taken = code.endswith(("-density", "-change")) or code in (OVERVIEW, ATLAS)
    stem = OVERVIEW if code == ALL else f"x-{code.encode().hex()}" if taken else file_stem(code)
    return f"{stem}{'' if layer == 'landcover' else f'-{layer}'}.{form}"


def atlas_name(*, layer: Layer = "landcover") -> str:
    """Return the name of the file that holds all sheets."""
    return f"{ATLAS}{'' if layer == 'landcover' else f'-{layer}'}.pdf"


def sheet_codes(results: Results, options: SheetOptions) -> list[str]:
    """Return whose sheets are asked for: the whole (`ALL`) first, then regions by code.

    Raises
    ------
    UnusableOption
        If there is no region of a code or name asked for.
    """
    if results.regions.empty:
        raise OutputFailed(text("map.no_regions", results.language, folder=results.root))
    codes = [str(code) for code in results.regions["region_code"]]
    if not options.regions:
        return [ALL, *sorted(codes)]
    names = dict(zip(map(str, results.regions["region_name"]), codes, strict=True))
    unknown = [asked for asked in options.regions if asked not in {ALL, *codes, *names}]
    if unknown:
        near = difflib.get_close_matches(unknown[0], [*codes, *names], n=3, cutoff=0.4)
        raise UnusableOption(
            text(
                "sheets.unknown_region",
                results.language,
                region=unknown[0],
                near=", ".join(near or codes[:3]),
            )
        )
    picked = {asked if asked in {ALL, *codes} else names[asked] for asked in options.regions}
    return [*([ALL] if ALL in picked else []), *sorted(picked - {ALL})]


def sheet_names(results: Results, options: SheetOptions) -> list[str]:
    """Return the files that are written, relative to the folder of the run."""
    names = [
        sheet_name(code, form, layer=options.layer)
        for code in sheet_codes(results, options)
        for form in options.formats
        if form != ATLAS
    ]
    names += [atlas_name(layer=options.layer)] if ATLAS in options.formats else []
    return [f"{FOLDER}/{name}" for name in names]


def write_sheets(
    results: Results,
    folder: Path,
    *,
    options: SheetOptions | None = None,
    progress: Callable[[str, float], None] = lambda _stage, _part: None,
) -> list[Path]:
    """Print the sheets of a finished run.

    Parameters
    ----------
    results : Results
    folder : Path
        Where they go; made if it is missing.
    options : SheetOptions, optional
    progress : callable, optional

    Returns
    -------
    list of Path
        The files, in order.

    Raises
    ------
    OutputFailed
        If the run holds no regions or no such picture, or no font has the characters needed.
    UnusableOption
        If there is no such region.

    Notes
    -----
    Equal results give equal bytes where the same fonts are installed.
    """
    options = options or SheetOptions()
    codes = sheet_codes(results, options)
    layer = layer_of(results, options.layer)
    words = words_of(results)
    atlas = Atlas(results)
    study = results.meta["study"]
    approval = study.get("map_approval")
    imprint = Imprint(
        title=results.title,
        approval=words.t("report.approval", number=approval)
        if approval
        else words.t("report.internal"),
        synthetic=words.t("report.synthetic.short") if study.get("synthetic") else "",
        made=words.t("publish.made", version=results.meta.get("sinks", "")),
        words=words,
    )
    faces = faces_for([words.t("sheets.legend"), results.title, *atlas.names], results.language)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    book = Book(results.title) if ATLAS in options.formats else None
    for done, code in enumerate(codes):
        progress("sheets", done / len(codes))
        facts = facts_of(results, words, code=code, layer=layer)
        page = Page(options.paper, faces)
        size = (MAP[2] * page.enlarged / 1000, MAP[3] * page.enlarged / 1000)
        draw_sheet(page, atlas.scene(code, layer, size=size), facts=facts, imprint=imprint)
        if book:
            book.add(page)
        for form in options.formats:
            if form == ATLAS:
                continue
            path = folder / sheet_name(code, form, layer=options.layer)
            path.write_bytes(page.saved(form, title=f"{facts.name} · {facts.legend.title}"))
            written.append(path)
    if book:
        written.append(folder / atlas_name(layer=options.layer))
        written[-1].write_bytes(book.saved())
    return written


def layer_of(results: Results, kind: Layer) -> dict[str, Any]:
    """Return the record of the picture to show: of the last year, or from first to last.

    Raises
    ------
    OutputFailed
        If the run drew none.
    """
    layers = [dict(item) for item in results.meta.get("layers") or () if item["kind"] == kind]
    layers = [item for item in layers if item["year"] == results.last]
    if not layers:
        raise OutputFailed(text("sheets.no_layer", results.language, folder=results.root))
    return min(layers, key=lambda item: item.get("start", 0))
