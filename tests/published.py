"""The published example in maps/, made from the sample in data/: ``python -m tests.published``."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

from sinks.faces import FACES
from sinks.report.paper import browser
from sinks.run import Options, run_study
from sinks.sheets import SheetOptions, write_sheets
from tests.conftest import ROOT

FOLDER: Final = ROOT / "maps" / "sample"
STUDY: Final = ROOT / "data" / "study.toml"
#: Pictures of the interactive map: width and height of the window, layer, language, county.
PICTURES: Final = {
    "map_zh.png": (1440, 900, "layer=landcover&lang=zh&region=S5"),
    "map_en.png": (1440, 900, "layer=change&lang=en&region=S4"),
    "map_phone.png": (390, 844, "layer=stock&lang=zh&region=S5"),
}


def photograph(page: Path, folder: Path) -> None:
    """Take pictures of the map as a browser without a network shows it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched: Any = playwright.chromium.launch(executable_path=browser(), args=["--no-sandbox"])
        for name, (width, height, part) in PICTURES.items():
            context = launched.new_context(
                viewport={"width": width, "height": height}, offline=True, reduced_motion="reduce"
            )
            shown = context.new_page()
            shown.goto(f"{page.as_uri()}#{part}")
            shown.wait_for_selector("html.ready")
            shown.wait_for_timeout(1000)
            shown.screenshot(path=folder / name)
        launched.close()


def write(folder: Path = FOLDER) -> None:
    """Run the sample and keep its report, a map sheet and pictures of its map."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "out"
        results = run_study(STUDY, out, options=Options(parts=("map", "report")))
        shutil.copy(out / FACES["report"], folder)
        photograph(out / FACES["map"], folder)
        options = SheetOptions(formats=("png",), regions=("ALL", "S5"))
        for sheet in write_sheets(results, Path(temporary), options=options):
            shutil.copy(sheet, folder)


if __name__ == "__main__":
    write()
