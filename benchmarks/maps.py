"""Maps and sites: how large they are, how long they take to be written, and to be seen."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.child import clock
from benchmarks.commands import YEARS, Options
from benchmarks.measure import Task, markdown, spread, warm
from benchmarks.province import Frame, make_rasters
from benchmarks.studies import write_study
from benchmarks.zones import COUNTIES, zones
from sinks.report.paper import browser as installed

#: Regions of the largest map that shows every one, and sub-compartments of the site.
REGIONS, STANDS = 2_800, 40_000
FLAGS = ("--no-sandbox", "--disable-gpu")
#: Says that what the address asks for is drawn.
SEEN = {
    "": "document.documentElement.classList.contains('ready')",
    "stands": "document.querySelectorAll('canvas.leaflet-tile-loaded').length > 0"
    " && !document.querySelector('canvas.leaflet-tile:not(.leaflet-tile-loaded)')",
}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
        """Say nothing."""


@contextmanager
def _address(page: Path, *, web: bool) -> Iterator[str]:
    """Yield the address of a page: on the disk, or of a server that knows nothing but files."""
    if not web:
        yield page.as_uri()
        return
    handler = partial(_Quiet, directory=str(page.parent))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{page.name}"
    finally:
        server.shutdown()


def opened(found: dict[str, Any], *, page: str, layer: str = "", web: bool = False) -> None:
    """Open a page in a browser that has never seen it; times in seconds from the request on."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (only who measures needs it)

    with sync_playwright() as play, _address(Path(page), web=web) as address:
        browser = play.chromium.launch(executable_path=installed(), args=list(FLAGS))
        tab = browser.new_page(viewport={"width": 1440, "height": 900})
        with clock(found):
            tab.goto(address + (f"#layer={layer}" if layer else ""))
            tab.wait_for_function(SEEN[layer], timeout=60_000)
        paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        found["paint"] = float(tab.evaluate(paint)) / 1000
        browser.close()
    found["megabytes"] = Path(page).stat().st_size / 1e6


def _made(options: Options, name: str, *steps: list[str]) -> float:
    """Run commands of sinks one after the other; return the seconds of the last one."""
    seconds = 0.0
    for arguments in steps:
        task = Task(name, "benchmarks.studies:command", {"arguments": arguments})
        seconds = options.spawn(task).seconds
    return seconds


def _province(options: Options, count: int) -> Path:
    """Write the study of the province with so many regions; return its folder."""
    frame = Frame(factor=options.factor)
    paths = make_rasters(options.folder, frame)
    folder = options.folder / f"map-{options.factor}-{count}"
    write_study(
        folder, rasters=dict(zip(YEARS, paths, strict=True)),
        zones=zones(options.folder, count, frame),
    )  # fmt: skip
    warm([*paths])
    return folder


def _stands(options: Options) -> Path:
    """Write a study of the province whose densities rest on sub-compartments."""
    import geopandas as gpd  # noqa: PLC0415 (only the maker of inputs needs it)
    import numpy as np  # noqa: PLC0415

    folder = _province(options, COUNTIES)
    own = folder.with_name(f"{folder.name}-stands")
    shutil.copytree(folder, own, dirs_exist_ok=True, ignore=shutil.ignore_patterns("out", "site"))
    frame = gpd.read_file(zones(options.folder, STANDS, Frame(factor=options.factor)))
    rng = np.random.default_rng(1)
    columns = {
        "XIAO_BAN": frame["code"], "YOU_SHI_SZ": rng.choice(["220", "200", "410"], len(frame)),
        "HUO_LMGQXJ": rng.uniform(5, 200, len(frame)).round(1),
    }  # fmt: skip
    frame[["geometry"]].assign(**columns).to_file(own / "xb.gpkg", driver="GPKG")
    study = own / "study.toml"
    with study.open("a", encoding="utf-8") as stream:
        stream.write('\n[density.subcompartments]\npath = "xb.gpkg"\n')
    return own


def maps(options: Options) -> str:
    """Size of map and site, and the time until they are seen in a browser."""
    tasks, wrote = [], {}
    example = options.folder / "example"
    counts = (COUNTIES,) if options.small else (COUNTIES, REGIONS)
    if not options.small:
        wrote["the example"] = _made(
            options, "example", ["demo", str(example)], ["map", str(example / "out")]
        )
        page = {"page": str(example / "out" / "map.html")}
        tasks.append(Task("the example", "benchmarks.maps:opened", page))
    for count in counts:
        folder, name = _province(options, count), f"a province, {count:,} regions"
        run = ["run", str(folder / "study.toml"), "--out", str(folder / "out"), "--only"]
        wrote[name] = _made(options, name, [*run, "tables,map"], ["map", str(folder / "out")])
        page = {"page": str(folder / "out" / "map.html")}
        tasks.append(Task(name, "benchmarks.maps:opened", page))
    if not options.small:
        folder, name = _stands(options), f"a site, {STANDS:,} sub-compartments"
        run = ["run", str(folder / "study.toml"), "--out", str(folder / "out"), "--only"]
        publish = ["publish", str(folder / "out"), str(folder / "site")]
        wrote[name] = _made(options, name, [*run, "tables,map"], publish)
        site = {"page": str(folder / "site" / "index.html"), "layer": "stands", "web": True}
        tasks.append(Task(name, "benchmarks.maps:opened", site))
    records = options.measured(tasks)
    table = [
        {
            "": name,
            "file [MB]": f"{own[0].found['megabytes']:.1f}",
            "first paint [s]": spread([record.found["paint"] for record in own]),
            "all drawn [s]": spread([record.seconds for record in own]),
            "written in [s]": f"{wrote[name]:.0f}",
        }
        for name, own in records.items()
    ]
    told = f"Median of {options.runs} (least–largest); each in a fresh browser of 1440 × 900."
    return "\n".join(["### Maps", "", told, machine.described(), "\n" + markdown(table), ""])
