"""Sheets of trees beside the plots: a plot worked by hand, every way of reading, every doubt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point

from sinks.biomass.plots import Plots, load_plots
from sinks.biomass.plotsample import plot_densities
from sinks.biomass.readers.sheets import Sheet
from sinks.biomass.stands import Draws
from sinks.biomass.trees import TREE_MODEL
from sinks.checks import Problems, Severity
from sinks.errors import InputProblems
from sinks.inventory import inventory_of
from sinks.results import read_table
from sinks.sections import PlotsConfig
from tests.test_plot_density import MORE
from tests.tiny import DENSITY, rows_of, run_tables, write_tiny

HEAD = "plot_id,species,dbh_cm,height_m,count"
PLOTS = (
    "plot_id,stratum,plot_area_ha,volume_m3_ha\n1,forest,0.06,\n2,forest,0.06,\n3,forest,0.06,0\n"
)
TREES = ("1,马尾松,20,15,3", "1,杉木,16,11,1", "2,杉木,16,11,10")
#: Masson pine of 20 cm and 15 m: Ji et al. 2016, doi:10.17521/cjpe.2015.0147, table 1 [kg].
PINE_AGB, PINE_BGB = 136.82 + 36.24 + 23.05, 20.91
#: The same stem by the default table, DB52/T 703-2011: 6.2341803e-5 D^1.8551497 H^0.95682492.
PINE_STEM = 6.2341803e-5 * 20**1.8551497 * 15**0.95682492


def files(folder: Path, *rows: str, head: str = HEAD, plots: str = PLOTS) -> Path:
    (folder / "plots.csv").write_text(plots, encoding="utf-8")
    path = folder / "trees.csv"
    path.write_text("\n".join([head, *(rows or TREES)]) + "\n", encoding="utf-8")
    return path


def loaded(folder: Path, name: str = "trees.csv", **keys: Any) -> tuple[Plots | None, Problems]:
    problems = Problems("en")
    config = PlotsConfig(path="plots.csv", trees=name, **keys)
    sheets, trees = (
        [Sheet(folder / own, own, year) for year, own in named.items()]
        for named in (config.files, config.tree_files)
    )
    plots = load_plots(sheets, config, problems=problems, trees=trees)
    return (None if problems.of(Severity.ERROR) else plots), problems


def wrong(problems: Problems) -> list[str]:
    return [problem.code for problem in problems.of(Severity.ERROR)]


def said(problems: Problems, code: str) -> str:
    return next(problem.text() for problem in problems if problem.code == code)


def test_one_plot_by_hand(tmp_path: Path) -> None:
    """Three Masson pines of 20 cm and 15 m on a plot of 0.06 ha, printed biomass, 0.47 carbon."""
    files(tmp_path, "1,马尾松,20,15,3", "2,马尾松,20,15,6")
    plots, problems = loaded(tmp_path)
    assert plots is not None, list(problems)
    assert plots.frame["volume"].tolist() == pytest.approx(
        [3 * PINE_STEM / 0.06, 6 * PINE_STEM / 0.06, 0.0]
    )
    assert pytest.approx(0.2156, abs=1e-4) == PINE_STEM
    assert plots.frame["species"].tolist() == ["马尾松", "马尾松", ""]
    config = PlotsConfig(path="plots.csv", models=(TREE_MODEL, "continuous_bcef_zhejiang2016"))
    found = plot_densities(
        plots, config, strata=["forest"], years=[2020], draws=Draws(), problems=problems
    )
    assert found is not None
    agb = [3 * PINE_AGB / 60 * 0.47, 6 * PINE_AGB / 60 * 0.47, 0.0]
    assert found.value[0, 0, 0] == pytest.approx(np.mean(agb), rel=1e-4)
    assert found.value[0, 1, 0] == pytest.approx(9 * PINE_BGB / 60 * 0.47 / 3, rel=1e-3)
    assert found.se[0, 0, 0] == pytest.approx(np.std(agb, ddof=1) / 3**0.5, rel=1e-4)
    volumes = [v for v in plots.frame["volume"] if v]
    whole = sum((0.5034 * v + 20.547) * 0.47 for v in volumes) / 3  # Li et al. 2016, table 1
    assert found.central_of("continuous_bcef_zhejiang2016").sum() == pytest.approx(whole)


def test_expansion_factors_stated_volumes_and_the_species_of_the_plot(tmp_path: Path) -> None:
    sheet = "plot_id,species,stratum,volume_m3_ha\n1,杉木,forest,\n2,,forest,77\n3,,forest,0\n"
    rows = ("1,,16,,0.1,50", "2,马尾松,20,15,,30", "2,杉木,30,20,,20")
    files(tmp_path, *rows, head="plot_id,species,dbh,height,volume_m3,trees_per_ha", plots=sheet)
    plots, problems = loaded(tmp_path)
    assert plots is not None, list(problems)
    # The stem's own volume, and the volume that the sheet of plots states, stay.
    assert plots.frame["volume"].tolist() == pytest.approx([5.0, 77.0, 0.0])
    assert plots.frame["species"].tolist() == ["杉木", "杉木", ""]
    assert plots.trees is not None
    assert plots.trees["species"].tolist() == ["杉木", "马尾松", "杉木"]


def test_csv_excel_and_geopackage_read_alike(tmp_path: Path) -> None:
    path = files(tmp_path)
    frame = pd.read_csv(path)
    frame.to_excel(tmp_path / "trees.xlsx", index=False)
    points = [Point(114, 30)] * len(frame)
    gpd.GeoDataFrame(frame, geometry=points, crs=4326).to_file(tmp_path / "trees.gpkg")
    volumes = []
    for name in ("trees.csv", "trees.xlsx", "trees.gpkg"):
        plots, problems = loaded(tmp_path, name)
        assert plots is not None, list(problems)
        volumes.append(plots.frame["volume"].tolist())
    assert volumes[0] == volumes[1] == volumes[2]
    assert volumes[0][0] > 3 * PINE_STEM / 0.06


def test_everything_wrong_is_listed_at_once_with_rows(tmp_path: Path) -> None:
    files(
        tmp_path, "1,马尾松,-20,15,3", "9,杉木,16,11,1", "2,马尾杉,16,11,10", "2,杉木,16,,1",
        "2,,16,11,1", "2,杉木,1234,11,1", "2,杉木,16,11,x", ",杉木,16,11,1", "2,杉木,,11,1",
    )  # fmt: skip
    plots, problems = loaded(tmp_path)
    assert plots is None
    assert set(wrong(problems)) == {
        "plots.tree_range", "plots.tree_plot", "plots.tree_species", "plots.tree_height",
        "plots.tree_no_species", "plots.not_a_number", "plots.no_id",
    }  # fmt: skip
    sizes = said(problems, "plots.tree_range")
    assert "line 2: dbh = -20" in sizes
    assert "line 7: dbh = 1234" in sizes
    assert "line 10: dbh = nan" in sizes
    assert "line 3: 9 (" in said(problems, "plots.tree_plot")
    assert "line 4: 马尾杉 (马尾松" in said(problems, "plots.tree_species")
    assert "line 5: 2, 杉木, 16 cm" in said(problems, "plots.tree_height")
    assert "1 trees" in said(problems, "plots.tree_height")


def test_diameters_in_millimetres_are_asked_about(tmp_path: Path) -> None:
    rows = [f"{1 + k % 2},杉木,{60 + 9 * k},11,1" for k in range(20)]
    files(tmp_path, *rows)
    _, problems = loaded(tmp_path)
    assert wrong(problems) == ["plots.tree_tenths"]
    assert "20 cells" in said(problems, "plots.tree_tenths")
    asserted, _ = loaded(tmp_path, dbh_unit="mm")
    files(tmp_path, *rows, head=HEAD.replace("dbh_cm", "dbh_mm"))
    titled, _ = loaded(tmp_path)
    both, _ = loaded(tmp_path, dbh_unit="mm")
    volumes = []
    for own in (asserted, titled, both):
        assert own is not None
        volumes.append(own.frame["volume"].tolist())
    assert volumes[1] == pytest.approx(volumes[0])
    assert volumes[2] == volumes[1]
    files(tmp_path, *(f"1,杉木,{20 + k},{90 + k},1" for k in range(9)))
    assert "height = 90" in said(loaded(tmp_path)[1], "plots.tree_tenths")


@pytest.mark.parametrize(
    ("rows", "head", "plots", "code"),
    [
        (("1,20",), "plot_id,height_m", PLOTS, "plots.tree_columns"),
        (TREES, HEAD, "plot_id,stratum\n1,forest\n2,forest\n", "plots.tree_area"),
        (TREES, HEAD, PLOTS.replace("id,", "id,round,").replace(",forest", ",2010,forest")
         + "1,2015,forest,0.06,\n", "plots.tree_round"),
        (TREES[:2], HEAD, PLOTS, "plots.no_amount"),
        (("7,杉木,16,11,1", "8,杉木,16,11,1"), HEAD, PLOTS, "plots.tree_plot"),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_is_refused(
    tmp_path: Path, rows: tuple[str, ...], head: str, plots: str, code: str
) -> None:
    files(tmp_path, *rows, head=head, plots=plots)
    found, problems = loaded(tmp_path)
    assert found is None
    assert wrong(problems) == [code]


def toml(folder: Path, keys: str) -> Path:
    path = folder / "inventory.toml"
    path.write_text(f'language = "en"\n[plots]\npath = "plots.csv"\n{keys}\n', encoding="utf-8")
    return path


def test_diameters_alone_by_equations_alone(tmp_path: Path) -> None:
    files(tmp_path, "1,杉木,16,,3", "2,马尾松,20,,3")
    table, _ = inventory_of(toml(tmp_path, 'trees = "trees.csv"\nmodels = ["tree_equations"]'))
    agb = table[table["attribute"] == "carbon_agb"].iloc[0]
    assert agb["evaluation"] == TREE_MODEL
    assert 1 < agb["value"] < 6
    with pytest.raises(InputProblems) as refused:
        inventory_of(toml(tmp_path, 'trees = "trees.csv"'))
    assert "plots.tree_height" in [problem.code for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("keys", "plots", "code"),
    [
        ('trees = { later = "trees.csv" }', PLOTS, "study.bad_year"),
        ("", "plot_id,volume_m3_ha,species\n1,5,杉木\n2,6,杉木\n", "plots.tree_needed"),
        ('trees = "trees.csv"\nplot_area = 0.06',
         "plot_id,species,volume_m3_ha\n1,,\n2,,\n3,杉木,50\n", "plots.tree_missing"),
        ('trees = "trees.csv"\nspecies = { "杉木" = "bamboo" }', PLOTS, "plots.tree_no_equation"),
    ],
)  # fmt: skip
def test_the_equations_need_every_tree(tmp_path: Path, keys: str, plots: str, code: str) -> None:
    files(tmp_path, plots=plots)
    with pytest.raises(InputProblems) as refused:
        inventory_of(toml(tmp_path, f'{keys}\nmodels = ["tree_equations"]'))
    assert code in [problem.code for problem in refused.value.problems]


def test_two_rounds_of_trees_give_growth(tmp_path: Path) -> None:
    """A table per year, or one with a column of rounds: the same change, by the same trees."""
    (tmp_path / "plots.csv").write_text(PLOTS, encoding="utf-8")
    sizes = {2010: (14, 16), 2015: (16, 20)}
    lines = {
        year: [f"1,杉木,{a},11,9", f"2,杉木,{b},11,9"] for year, (a, b) in sizes.items()
    }  # fmt: skip
    for year, rows in lines.items():
        path = tmp_path / f"t{year}.csv"
        path.write_text("\n".join([HEAD, *rows]) + "\n", encoding="utf-8")
    both = [f"{row},{year}" for year, rows in lines.items() for row in rows]
    (tmp_path / "t.csv").write_text("\n".join([f"{HEAD},round", *both]) + "\n", encoding="utf-8")
    rounds = 'rounds = { 2010 = "plots.csv", 2015 = "plots.csv" }\nmodels = ["tree_equations"]\n'
    found = []
    for trees in ('{ 2010 = "t2010.csv", 2015 = "t2015.csv" }', '"t.csv"'):
        path = tmp_path / "i.toml"
        path.write_text(f"[plots]\n{rounds}trees = {trees}\n", encoding="utf-8")
        table, _ = inventory_of(path)
        found.append(table)
    pd.testing.assert_frame_equal(found[0], found[1])
    rows = found[0].set_index(["attribute", "year"])["value"]
    change = rows["carbon_agb", 2015] - rows["carbon_agb", 2010]
    assert rows["carbon_agb_change", 2015] == pytest.approx(change)
    assert change > 0


def test_a_study_of_trees(tmp_path: Path) -> None:
    """A whole run: densities from trees, their equations' errors among the parameters."""
    keys = 'path = "plots.csv"\ntrees = "trees.csv"\nmodels = ["tree_equations", "ipcc_bef"]'
    density = f'table = "density.csv"\n[density.plots]\n{keys}'
    study = write_tiny(tmp_path, density=density, uncertainty="draws = 200")
    files(tmp_path)
    (tmp_path / "density.csv").write_text(DENSITY + MORE, encoding="utf-8")
    tables = run_tables(study)
    assert set(read_table(tmp_path / "out/tables/models.csv")["model"]) == {TREE_MODEL, "ipcc_bef"}
    own = tables["parameters"]
    assert own["name"].str.startswith("tree_biomass/").any()
    source = rows_of(own, name="density/forest/agb/2010").iloc[0]["source"]
    assert "biomass equations of single trees" in source
    manifest = json.loads((tmp_path / "out/manifest.json").read_text(encoding="utf-8"))
    roles = {item["path"]: item["role"] for item in manifest["inputs"]}
    assert roles["trees.csv"] == "trees"
