"""The site: addresses that stay, tiles that lie where the raster lies, nothing overwritten."""

from __future__ import annotations

import errno
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from pmtiles.reader import MmapSource, Reader, all_tiles
from rasterio.warp import transform

from sinks.errors import FolderLocked, OutputFailed
from sinks.layers.paint import rgb
from sinks.lock import locked
from sinks.publish import publish
from sinks.publish import site as site_module
from sinks.publish.pages import page_name
from sinks.results import Results, write_table
from tests.map_sample import CODES, HOSTILE, LEGEND, NAMES, YEARS, sample, stock

EDGE = 20037508.342789244


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("run")
    results = sample(folder, language="zh")
    (folder / "tables").mkdir()
    for name, table in results.tables.items():
        write_table(table, folder / "tables" / f"{name}.csv")
    (folder / "manifest.json").write_text("{}", encoding="utf-8")
    return results


@pytest.fixture(scope="module")
def site(run: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    assert publish(run, folder) == folder / "index.html"
    return folder


def test_site_has_its_parts(site: Path) -> None:
    names = {path.name for path in site.iterdir()}
    assert names == {"index.html", "regions", "tiles", "data", "site.json"}
    pages = {path.name for path in (site / "regions").iterdir()}
    assert pages == {page_name(code) for code in CODES} == {
        "0301.html", "0302.html", "420684.html", "__proto__.html",
    }  # fmt: skip
    assert (site / "data" / "tables" / "stock.csv").is_file()


@pytest.mark.parametrize(("code", "name"), [("A", "x-41.html"), ("..", "x-2e2e.html")])
def test_codes_never_become_paths(code: str, name: str) -> None:
    assert page_name(code) == name


def test_tiles_show_the_class_of_the_raster(run: Results, site: Path) -> None:
    """At random places, by the web's own tile arithmetic, from folder and from archive."""
    data = json.loads(re.search(r'id="sinks-data">(.*?)</script>', (site / "index.html").read_text(
        encoding="utf-8"))[1])  # type: ignore[index]  # fmt: skip
    layer = next(item for item in data["layers"] if item["name"] == "landcover-2020")
    zoom = layer["zoom"]
    reader = Reader(MmapSource((site / "tiles" / "landcover-2020.pmtiles").open("rb")))
    colours = {row.code: rgb(row.colour) for row in LEGEND.classes}
    generator = np.random.default_rng(5)
    with rasterio.open(run.root / "rasters" / f"{YEARS[-1]}.tif") as raster:
        values = raster.read(1)
        # Inside the blocks of four: a web tile's pixels do not lie on the picture's.
        cells = generator.integers(5, 65, size=(40, 2)) * 4 + generator.integers(1, 3, (40, 2))
        for row, column in cells:
            xs, ys = transform(raster.crs, "EPSG:3857", *[[v] for v in raster.xy(row, column)])
            size = 2 * EDGE / 2**zoom
            x, y = (xs[0] + EDGE) / size, (EDGE - ys[0]) / size
            address = f"{int(x)}-{int(y)}"
            assert address in layer["levels"][0]
            path = site / "tiles" / "landcover-2020" / str(zoom) / f"{int(x)}" / f"{int(y)}.webp"
            assert reader.get(zoom, int(x), int(y)) == path.read_bytes()
            with Image.open(path) as image:
                pixel = image.convert("RGBA").getpixel((int(x % 1 * 256), int(y % 1 * 256)))
            assert pixel == (*colours[int(values[row, column])], 255)


def test_archive_and_folder_hold_the_same_tiles(site: Path) -> None:
    for archive in (site / "tiles").glob("*.pmtiles"):
        with archive.open("rb") as stream:
            held = dict(all_tiles(MmapSource(stream)))
            header = Reader(MmapSource(stream)).header()
        folder = archive.with_suffix("")
        found = {
            tuple(int(part) for part in path.relative_to(folder).with_suffix("").parts)
            for path in folder.rglob("*.webp")
        }
        assert set(held) == found
        assert header["max_zoom"] == max(zoom for zoom, _, _ in found)
        for tile in list(held.values())[:3]:
            with Image.open(io.BytesIO(tile)) as image:
                assert image.size == (256, 256)


def test_region_page_holds_the_tables_numbers_as_text(site: Path) -> None:
    page = (site / "regions" / "0302.html").read_text(encoding="utf-8")
    assert HOSTILE not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<script" not in page
    page = (site / "regions" / "0301.html").read_text(encoding="utf-8")
    assert NAMES[0] in page
    assert f"{stock(0, 2020) / 1e4:.1f}" in page.replace(",", "")
    assert "内部使用" in page
    assert "synthetic" in page


def test_same_run_same_site(run: Results, site: Path, tmp_path: Path) -> None:
    publish(run, tmp_path / "again")
    files = sorted(path.relative_to(site) for path in site.rglob("*") if path.is_file())
    assert files == sorted(
        path.relative_to(tmp_path / "again")
        for path in (tmp_path / "again").rglob("*")
        if path.is_file()
    )
    for name in files:
        assert (site / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_a_site_is_replaced_and_anything_else_is_left(run: Results, tmp_path: Path) -> None:
    site = tmp_path / "site"
    publish(run, site)
    (site / "old.html").write_text("x", encoding="utf-8")
    publish(run, site)
    assert not (site / "old.html").exists()
    other = tmp_path / "other"
    other.mkdir()
    (other / "precious.txt").write_text("x", encoding="utf-8")
    with pytest.raises(OutputFailed, match="other"):
        publish(run, other)
    assert [path.name for path in other.iterdir()] == ["precious.txt"]


def test_a_mark_of_somebody_elses_is_none(run: Results, tmp_path: Path) -> None:
    (tmp_path / "site.json").write_text('{"name": "my own site"}', encoding="utf-8")
    with pytest.raises(OutputFailed):
        publish(run, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["site.json"]


def test_a_site_that_cannot_be_written_leaves_all_as_it_was(
    run: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old site stays; of a new one nothing does; and one process writes at a time."""

    def full(_results: Results, folder: Path) -> None:
        (folder / "index.html").write_text("half", encoding="utf-8")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(site_module, "_write", full)
    old = tmp_path / "old"
    old.mkdir()
    mark = '{"sinks": "1", "manifest_sha256": "2"}'
    (old / "site.json").write_text(mark, encoding="utf-8")
    for site in (old, tmp_path / "new"):
        with pytest.raises(OutputFailed, match="No space"):
            publish(run, site)
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == [
        "old", "old/site.json",
    ]  # fmt: skip
    with locked(old, "en"), pytest.raises(FolderLocked):
        publish(run, old)


def test_a_site_cut_off_half_way_is_still_ours(tmp_path: Path) -> None:
    """The mark is put in place first, over the old one, and nothing of the old is left."""
    site, staging = tmp_path, tmp_path / ".sinks-staging"
    staging.mkdir()
    for folder, name in ((site, "old.html"), (staging, "index.html")):
        (folder / name).write_text("x", encoding="utf-8")
    with pytest.raises(FileNotFoundError):
        site_module._swap(staging, site)
    assert (site / "old.html").exists(), "without a mark nothing is moved"
    (staging / "site.json").write_text("new", encoding="utf-8")
    site_module._swap(staging, site)
    assert {path.name for path in site.iterdir()} == {
        ".sinks-staging", "site.json", "index.html",
    }  # fmt: skip
