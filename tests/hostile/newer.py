"""A study of the inputs that came last: plots with trees, density maps, stands and scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import openpyxl
from shapely.geometry import box

from tests import tiny
from tests.hostile.base import AT, CRS, NORTH, WEST, cells, raster, replace, write_good

KINDS: Final = ("林", "林", "crop", "crop", "lake", "town")
YEARS: Final = (2010, 2012, 2015)
PLOTS: Final = "plot_id,x,y,date,species,stratum,plot_area_ha,volume_m3_ha\n" + "".join(
    f"p{year}{i},{WEST + 55 + 180 * i},{NORTH - 60 - 30 * i},{year}-07-01,"
    f"{'杉木' if kind == '林' else ''},{kind},0.0667,{'' if kind == '林' else 0}\n"
    for year in YEARS
    for i, kind in enumerate(KINDS)
)
TREES: Final = "plot_id,round,species,dbh_cm,height_m,count\n" + "".join(
    f"p{year}{i},{year},{tree},{12 + j + i},{9 + j},{7 + year - 2010}\n"
    for year in YEARS
    for i in (0, 1)
    for j, tree in enumerate(("杉木", "马尾松"))
)
VOLUMES: Final = (
    "stratum,year,value,se,unit,source\n"
    "forest,2010,62.1,2.4,m3/ha,inventory\nforest,2015,68.0,2.6,m3/ha,inventory\n"
    "crop,,0,0,m3/ha,none\nlake,,0,0,m3/ha,none\ntown,,0,0,m3/ha,none\n"
)
OFFICIAL: Final = (
    "region_code,level,year,quantity,groups,strata,pools,value,se,unit,area_ha,density_t_c_ha,"
    "part,remark,source\n"
    "ALL,,2015,area,forest,,,300,15,亩,,,,,bureau\n"
    "ALL,,2015,carbon,forest,,agb,800,40,t C,18,,,,bureau\n"
    "ALL,,2015,carbon,forest,,agb,20,,t C,,,definition,trees beside roads,roads office\n"
    "420102,region,2015,carbon,,,,9000,,t CO2,,,,,bureau\n"
)
PLAN: Final = (
    "stratum,species,on,per_year,unit,survival,survival_low,survival_high,region_code,start,end,"
    "relative_se,source\n"
    "forest,杉木,crop,1,亩,80,60,90,,2016,2018,0.2,a plan\n"
    "forest,马尾松,crop,0.1,ha,80,,,420101,2016,2017,,a plan\n"
)
#: Strata without roots in the table.
BARE: Final = ("crop", "lake", "town")
#: The tables of the study, by file.
TABLES: Final = {
    "plots.csv": PLOTS, "trees.csv": TREES, "volumes.csv": VOLUMES, "official.csv": OFFICIAL,
    "plan.csv": PLAN,
}  # fmt: skip
#: What stands in the bureau's workbook, cell by cell.
CELLS: Final = (
    "{{study.title}}", "{{row}}", "{{region_name}}", "{{stock_t_c@2015}}", "=D1/2",
    "{{ALL.change_t_c@2010-2015}} t", "{{achieved[carbon]}}", "{{stock_t_c[forest/agb]@last}}",
)  # fmt: skip
SECTIONS: Final = """\
[density.plots]
path = "plots.csv"
trees = "trees.csv"
crs = "EPSG:4547"
models = ["continuous_bcef_zhejiang2016", "ipcc_bcef_subtropical"]
model_choice = true
estimator = "simple"
strata = { "林" = "forest" }
species = { "某树" = "chinese_fir" }
[density.raster.soil]
rasters = { 2010 = "soil.tif", 2015 = { path = "soil.tif", band = 1 } }
unit = "t C/ha"
se = 0.1
strata = ["crop", "lake"]
source = "a map of soils"
[density.subcompartments]
rounds = { 2010 = "stands2010.gpkg", 2015 = "stands2015.gpkg" }
by = "place"
fields = { volume = "GQXJ" }
growth = true
[volume]
table = "volumes.csv"
relative_se = 0.1
[wetland]
fluxes = "wetland_fluxes"
seasonal = ["lake"]
seasonal_years = 6
[output]
template = "form.xlsx"
[change]
sieve = 1
[[overlays]]
name = "shore"
path = "shore.gpkg"
replaces = ["lake"]
seasonal = true
[[overlays]]
name = "records"
path = "records.gpkg"
kind = "planting"
record = "id"
year = "planted"
species = "tree"
area = "mu"
area_unit = "亩"
[[reconcile]]
name = "bureau"
title = "The bureau"
table = "official.csv"
rake = true
[[reconcile]]
name = "plots"
plots = true
population_ha = 96
groups = ["forest"]
[[targets]]
name = "volume"
quantity = "volume"
kind = "level"
value = 1000
unit = "m3"
end = 2015
baseline = 900
baseline_volume = "growing_stock"
reported = { value = 1200, se = 60, source = "the bureau" }
[[targets]]
name = "ahead"
quantity = "carbon"
groups = ["forest"]
pools = ["agb", "bgb"]
kind = "increase"
value = 500
unit = "t CO2"
start = 2010
end = 2020
share_by = "forest_area"
[[scenarios]]
name = "plan"
title = "The plan"
until = 2020
planting = "plan.csv"
[[scenarios.loss]]
stratum = "forest"
to = "town"
percent_per_year = 0.5
se = 0.1
source = "a survey"
[[scenarios.growth]]
stratum = "forest"
t_c_ha_per_year = 1.5
se = 0.2
saturation = 120
source = "plots"
[[scenarios]]
name = "observed"
from = 2012
until = 2021
loss = "observed"
growth = "observed"
[[scenarios.planting]]
stratum = "forest"
species = "马尾松"
on = "crop"
per_year = 0.5
unit = "mu"
survival = 85
source = "a plan"
"""


def part(left: float, top: float, right: float, bottom: float) -> object:
    """Return a rectangle of so many columns and rows."""
    return box(WEST + 100 * left, NORTH - 100 * bottom, WEST + 100 * right, NORTH - 100 * top)


def write_newer(folder: Path) -> Path:
    """Write the study; return its file."""
    write_good(folder)
    for name, text in TABLES.items():
        (folder / name).write_text(text, encoding="utf-8")
    flooded = cells(2010)
    flooded[3, 4] = 3
    raster(folder, 2012, values=flooded)
    soil = np.full((8, 12), 90, np.float32)
    soil[:, 6:] = 110
    tiny.write_raster(folder / "soil.tif", soil, crs=CRS, transform=AT, nodata=-1)
    shapes = [part(i % 2 + 0.05, i // 2, i % 2 + 0.95, i // 2 + 1) for i in range(16)]
    for year in (2010, 2015):
        stands: dict[str, object] = {
            "DI_LEI": ["0111"] * 16, "YOU_SHI_SZ": ["杉木", "马尾松"] * 8,
            "GQXJ": [year - 1960.0 + i for i in range(16)], "PINGJUN_NL": [20] * 16,
            "LING_ZU": ["2"] * 16,
        }  # fmt: skip
        frame = gpd.GeoDataFrame(stands, geometry=shapes, crs=CRS)
        frame.to_file(folder / f"stands{year}.gpkg")
    records = {"id": ["a", "b"], "planted": ["2011", "2012-03-12"], "tree": ["杉木", "马尾松"],
               "mu": ["30", "60"]}  # fmt: skip
    land = [part(2, 0, 4, 2), part(2, 3, 4, 5)]
    gpd.GeoDataFrame(records, geometry=land, crs=CRS).to_file(folder / "records.gpkg")
    shore = gpd.GeoDataFrame({"name": ["湖"]}, geometry=[part(4, 5, 10, 8)], crs=CRS)
    shore.to_file(folder / "shore.gpkg")
    book = openpyxl.Workbook()
    for column, value in enumerate(CELLS, start=1):
        book.active.cell(1, column, value)
    book.save(folder / "form.xlsx")
    replace(folder, '2015 = "lc2015.tif" }', '2012 = "lc2012.tif", 2015 = "lc2015.tif" }')
    with (folder / "density.csv").open("a", encoding="utf-8") as stream:
        stream.writelines(f"{name},bgb,,0,0,t C/ha,none,verified\n" for name in BARE)
    with (folder / "study.toml").open("a", encoding="utf-8") as stream:
        stream.write(SECTIONS)
    return folder / "study.toml"
