"""A finished run as a site: written aside, then put in place whole."""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from sinks.errors import OutputFailed
from sinks.escape import templates
from sinks.folder import WRITE_ERRORS, made
from sinks.lock import LOCK, locked
from sinks.maps import Site, render_map
from sinks.maps.coarse import MOST
from sinks.publish.pages import Locator, page_name, region_page, slices
from sinks.publish.stands import stand_words, write_stands
from sinks.publish.tiles import write_tiles
from sinks.publish.units import write_units
from sinks.report.html import foot_of
from sinks.results import Results
from sinks.tabulate import json_text
from sinks.texts import Language, text
from sinks.verify import SITE_MARK, is_site

#: Being written, beside what stood there before.
STAGING: Final = ".sinks-staging"
#: Files of a run that a site offers, where the run has them.
DOWNLOADS: Final = ("report.html", "report.docx", "workbook.xlsx", "regions.gpkg",
             "subcompartments.gpkg", "manifest.json")  # fmt: skip
STYLE: Final = """
.back { font-size: 9pt; } .locator { max-width: 100mm; } .tiles { grid-template-columns: repeat(3, 1fr); }
@media screen and (max-width: 600px) { .tiles { grid-template-columns: 1fr; } table { display: block; overflow-x: auto; } }
@media print { .back { display: none; } }
"""  # noqa: E501


def publish(results: Results, site: Path) -> Path:
    """Write the site of a finished run.

    Parameters
    ----------
    results : Results
    site : Path
        A folder that is missing, empty, or holds a site of ours, which is replaced.

    Returns
    -------
    Path
        ``index.html`` of the site.

    Raises
    ------
    OutputFailed
        If the folder holds something else, or cannot be written; what stood there stays.
    FolderLocked
        If another process is writing a site there.

    Notes
    -----
    Addresses do not change between runs: ``regions/CODE.html``, ``data/…``,
    ``tiles/NAME/Z/X/Y.webp``, ``tiles/NAME.pmtiles``.
    """
    _refuse_strangers(site, results.language)
    with _held(site, results.language) as staging:
        _write(results, staging)
        _swap(staging, site)
    return site / "index.html"


def _refuse_strangers(site: Path, language: Language) -> None:
    """Refuse a folder that holds anything but a site of ours, or what a killed command left."""
    held = {path.name for path in site.iterdir()} if site.is_dir() else set()
    strange = site.exists() and not site.is_dir()
    if strange or (held - {STAGING, LOCK} and not is_site(site)):
        raise OutputFailed(text("publish.strangers", language, folder=site))


@contextmanager
def _held(site: Path, language: Language) -> Iterator[Path]:
    """Hold the folder of a site; yield where a new one is written, taken away in the end."""
    staging = site / STAGING
    try:
        with made(site), locked(site, language):
            try:
                shutil.rmtree(staging, ignore_errors=True)
                staging.mkdir()
                yield staging
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    except WRITE_ERRORS as error:
        reason = getattr(error, "strerror", None) or str(error)[:300]
        raise OutputFailed(text("output.failed", language, folder=site, reason=reason)) from error


def _swap(staging: Path, site: Path) -> None:
    """Put a site in place, its mark first: cut off half-way it is still ours to replace."""
    (staging / SITE_MARK).replace(site / SITE_MARK)
    for path in sorted(site.iterdir()):
        if path.name not in (STAGING, LOCK, SITE_MARK):
            _remove(path)
    for path in sorted(staging.iterdir()):
        path.replace(site / path.name)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _write(results: Results, folder: Path) -> None:
    layers = list(results.meta.get("layers") or ())
    tiles = write_tiles(results.root, layers, folder=folder / "tiles")
    codes = [str(code) for code in results.regions["region_code"]]
    alone = len(codes) <= MOST
    pages = {code: f"regions/{page_name(code)}" for code in codes if alone}
    downloads = _copy_data(results, folder / "data")
    if alone:
        _write_pages(results, folder, pages=pages)
    stands = write_stands(results, folder=folder / "tiles")
    if not alone:
        stands += write_units(results, folder=folder / "tiles")
    words = stand_words() if stands else {}
    document = render_map(results, Site(tiles, pages, downloads, stands, words))
    (folder / "index.html").write_bytes(document.encode("utf-8"))
    run = hashlib.sha256((results.root / "manifest.json").read_bytes()).hexdigest()
    mark = {"sinks": results.meta["sinks"], "title": results.title, "manifest_sha256": run}
    (folder / SITE_MARK).write_text(json_text(mark), encoding="utf-8", newline="\n")


def _copy_data(results: Results, folder: Path) -> list[str]:
    """Copy what is offered for download; returns the addresses."""
    names = [name for name in DOWNLOADS if (results.root / name).is_file()]
    names += [
        path.relative_to(results.root).as_posix()
        for path in sorted((results.root / "tables").glob("*.csv"))
    ]
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(results.root / name, target)
    return [f"data/{name}" for name in names]


def _write_pages(results: Results, folder: Path, *, pages: dict[str, str]) -> None:
    (folder / "regions").mkdir()
    environment = templates("sinks", "templates")
    style = environment.get_template("report.css").render(foot=foot_of(results.title)) + STYLE
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    template = environment.get_template("region.html.j2")
    locator = Locator(results)
    sheet = Markup(style)  # noqa: S704 - our own style sheet
    for code, own in slices(results, list(pages)):
        content: dict[str, Any] = region_page(own, code)
        drawn = locator.of(code, title=content["name"])
        page = template.render(policy=policy, style=sheet, map=drawn, **content)
        (folder / pages[code]).write_text(page, encoding="utf-8", newline="\n")
