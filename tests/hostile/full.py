"""A study that names every kind of input there is, so that each of them can be spoilt."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.hostile.base import (
    CELL,
    NORTH,
    WEST,
    cells,
    counties,
    key,
    raster,
    replace,
    write_good,
)

SHARES: Final = "region_code,share\n420101,50\n420102,30\n420203,20\n"
FLUXES: Final = "stratum,flux,value,se,unit,source\nlake,burial,0.3,0.1,t C/ha/yr,cores\n"
CROSSWALK: Final = "from_code,to_code\n10,1\n20,2\n30,3\n40,4\n"
RULES: Final = (
    "rule,before,middle,after,within_years,name_en,name_zh,source\n"
    "back,town,,forest,5,town to forest,城镇变森林,ours\n"
)
PLOTS: Final = "plot_id,x,y,date,stratum,agb_t_c_ha\n" + "".join(
    f"p{year}{i},{WEST + 50 + 20 * i},{NORTH - 60 - 30 * i},{year}-07-01,forest,{38 + i}\n"
    for year in (2010, 2015)
    for i in range(6)
)
#: The tables of the study, by file.
TABLES: Final = {
    "shares.csv": SHARES, "fluxes.csv": FLUXES, "crosswalk.csv": CROSSWALK, "rules.csv": RULES,
    "plots.csv": PLOTS,
}  # fmt: skip


def sample() -> str:
    """Return a reference sample: six units in every class of 2015, all but one right."""
    codes, rows = cells(2015), ["id,x,y,reference"]
    for code in (1, 2, 3, 4):
        places = [(r, c) for r in range(8) for c in range(12) if codes[r, c] == code][:6]
        for number, (row, column) in enumerate(places):
            truth = code % 4 + 1 if number == 0 else code
            x, y = WEST + CELL * (column + 0.5), NORTH - CELL * (row + 0.5)
            rows.append(f"u{code}{number},{x:g},{y:g},{truth}")
    return "\n".join(rows) + "\n"


def write_full(folder: Path) -> Path:
    """Write the study; return its file."""
    write_good(folder)
    for name, text in {**TABLES, "sample.csv": sample()}.items():
        (folder / name).write_text(text, encoding="utf-8")
    raster(folder, 2010, values=cells(2010) * 10)
    counties().iloc[:1].to_file(folder / "reserve.gpkg", layer="reserve")
    key('crosswalks = { 2010 = "crosswalk.csv" }', under="landcover")(folder)
    replace(folder, "[[targets]]", '[accuracy]\nsample = "sample.csv"\n[[targets]]')
    replace(
        folder, "end = 2015", 'end = 2015\nshare_by = "table"\nshare_table = "shares.csv"\n'
        '[density.plots]\npath = "plots.csv"\ncrs = "EPSG:4547"\n'
        '[wetland]\nfluxes = "fluxes.csv"\n[change]\nrules = "rules.csv"\n'
        '[[overlays]]\nname = "reserve"\npath = "reserve.gpkg"\npart = "name"\n',
    )  # fmt: skip
    return folder / "study.toml"
