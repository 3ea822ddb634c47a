"""A study whose every name is a weapon: markup, script, formula, path, template, terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sinks.run import Options, run_study
from tests.hostile.base import counties, regions, replace, write_good

#: Each would do something where its place does not escape it; all must come out as they are.
SCRIPT: Final = "<script>alert(1)</script>"
IMAGE: Final = '"><img src=x onerror=alert(2)>'
FORMULA: Final = '=HYPERLINK("http://127.0.0.1:9/","x")'
FULL_WIDTH: Final = "＝1+1"
TEMPLATE: Final = "{{7*7}} {0} %s ${1+1} `x` \\"
CLOSING: Final = "</script></style></title><svg onload=alert(3)>"
NAMES: Final = (SCRIPT, FORMULA, TEMPLATE)
CODES: Final = ("../../x", "@SUM(A1)", "'];alert(4);//")
PARENTS: Final = (IMAGE, IMAGE, FULL_WIDTH)
TITLE: Final = f"碳汇 {CLOSING}"
SOURCE: Final = f"+cmd|'/c calc'!A1 {SCRIPT}"
CLASS: Final = "<b onclick=alert(5)>林</b>"


def write_study(folder: Path) -> Path:
    """Write the study; return its file."""
    write_good(folder)
    frame = counties(code=list(CODES), name=list(NAMES), prefecture=list(PARENTS))
    regions(folder, frame, "places.gpkg")
    replace(folder, '"A small province"', f"'{TITLE}'")
    replace(folder, "value = 100", f'value = 100\nsource = """{SOURCE}"""')
    replace(folder, "Forest,森林", f'"{CLASS}","{CLASS}"', file="legend.csv")
    replace(folder, "plots of 2010", f'"{SOURCE}"', file="density.csv")
    return folder / "study.toml"


def run(folder: Path) -> Path:
    """Run the study with all that a run can write; return the output folder."""
    out = folder / "out"
    parts = ("regions", "workbook", "report", "map", "rasters")
    run_study(write_study(folder / "study"), out, options=Options(workers=1, parts=parts))
    return out
