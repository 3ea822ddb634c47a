"""Sub-compartments in a study: densities of counties and strata, their draws, their tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import box

from sinks.biomass.models import apply_model
from sinks.biomass.stands import Draws
from sinks.checks import Problems
from sinks.errors import InputProblems
from sinks.run import check_study, run_study
from tests.tiny import (
    CELL,
    CRS,
    NORTH,
    WEST,
    Options,
    counties,
    cover,
    rows_of,
    run_tables,
    write_raster,
    write_tiny,
)

MODEL = "continuous_bcef_zhejiang2016"
#: Strata of the table beside forest: they need the pools that polygons bring, too.
OTHERS = ("crop", "lake", "town")
#: Lower left corner, by column, of a square of 400 m in each county.
COUNTIES = {"0101": 0, "0102": 4, "0203": 8}


def polygons(path: Path, volumes: dict[str, Sequence[float]], **columns: Any) -> None:
    """Write one polygon of 0.4 ha per volume in each county, of Masson pine."""
    shapes, volume, county = [], [], []
    for code, own in volumes.items():
        for i, value in enumerate(own):
            x, y = WEST + COUNTIES[code] * CELL + 10 * i, NORTH - 4 * CELL
            shapes.append(box(x, y, x + 10, y + 4 * CELL))
            volume.append(value)
            county.append(code)
    data = {"XIAN": county, "YOU_SHI_SZ": "220", "HUO_LMGQXJ": volume, **columns}
    gpd.GeoDataFrame(data, geometry=shapes, crs=CRS).to_file(path, driver="GPKG")


def write_study(folder: Path, more: str = "", **study: Any) -> Path:
    path = write_tiny(folder, **study)
    with (folder / "density.csv").open("a", encoding="utf-8") as stream:
        stream.writelines(f"{name},bgb,,1,0.2,t C/ha,a guess,secondary\n" for name in OTHERS)
    rounds = 'rounds = { 2010 = "xb2010.gpkg", 2015 = "xb2015.gpkg" }'
    keys = more if "path" in more else f"{rounds}\n{more}"
    content = path.read_text(encoding="utf-8")
    path.write_text(f"{content}\n[density.subcompartments]\n{keys}\n", encoding="utf-8")
    return path


def carbon(*volumes: float, kind: str = "masson_pine") -> float:
    """Return the mean carbon of equal stands [t C/ha]."""
    stands = apply_model(
        MODEL, volume=volumes, forest_type=[kind] * len(volumes), draws=Draws(),
        problems=Problems(),
    )  # fmt: skip
    return float(stands.central.sum(axis=0).mean())


@pytest.fixture
def surveyed(tmp_path: Path) -> Path:
    """The tiny province: 甲县 with 60 and 0 m³/ha, 乙县 with 90; five years later 10 more each."""
    (tmp_path / "in").mkdir()
    first = {"0101": [60.0] * 13 + [0.0] * 13, "0102": [90.0] * 26}
    later = {"0101": [70.0] * 13 + [0.0] * 13, "0102": [100.0] * 26}
    polygons(tmp_path / "in" / "xb2010.gpkg", first)
    polygons(tmp_path / "in" / "xb2015.gpkg", later)
    return tmp_path / "in"


def density(stock: pd.DataFrame, year: int) -> float:
    """Return the trees' carbon of the forest of 0101, the one county that has some [t C/ha]."""
    rows = rows_of(stock, region_code="0101", year=year, stratum="forest")
    trees = rows[rows["pool"].isin(["agb", "bgb"])]
    return float((trees["stock_t_c"] / trees["area_ha"]).sum())


def test_a_county_has_the_density_of_its_own_polygons(surveyed: Path) -> None:
    tables = run_tables(write_study(surveyed))
    assert density(tables["stock"], 2010) == pytest.approx(carbon(60.0, 0.0))
    assert density(tables["stock"], 2015) == pytest.approx(carbon(70.0, 0.0))
    sources = tables["parameters"].set_index("name")["source"]
    assert "xb2010.gpkg" in sources["density/forest/agb/2010/0101"]
    slope = "continuous_bcef/zhejiang2016/masson_pine/slope"
    assert "2016" in sources[slope]


def test_a_county_without_enough_polygons_has_the_mean_of_all(surveyed: Path) -> None:
    for year, volumes in ((2010, [90.0, 50.0]), (2015, [100.0, 60.0])):
        polygons(surveyed / f"xb{year}.gpkg", {"0102": volumes * 13, "0101": [500.0]})
    stock = run_tables(write_study(surveyed))["stock"]
    assert density(stock, 2010) == pytest.approx(carbon(*[90.0, 50.0] * 13, 500.0))


def test_pools_of_the_table_stay(surveyed: Path) -> None:
    tables = run_tables(write_study(surveyed))
    rows = rows_of(tables["stock"], region_code="0101", year=2010, stratum="forest", pool="soil")
    assert (rows["stock_t_c"] / rows["area_ha"]).tolist() == [100.0]


def test_growth_between_two_surveys_is_seen_and_sure(surveyed: Path) -> None:
    """Shared parameters: the change is far surer than two independent stocks would make it."""
    tables = run_tables(write_study(surveyed, uncertainty="draws = 400"))
    stock = rows_of(tables["stock"], region_code="0101", stratum="forest", pool="agb")
    first, last = (float(s) for s in stock.sort_values("year")["se_t_c"])
    # The two years differ by 10 m³/ha in half the stands: little beside the error of each.
    row = rows_of(tables["change"], region_code="0101", start=2010, end=2015)
    assert float(row["density_effect_t_c"].iloc[0]) > 0
    assert first > 0
    assert last > first


def test_draws_of_two_surveys_are_paired(surveyed: Path) -> None:
    """One expansion factor serves both years: the ratio of the years varies little."""
    from sinks.biomass.standdensity import stand_density
    from sinks.inputs import load

    problems = Problems("en")
    inputs = load(write_study(surveyed), problems)
    assert inputs is not None
    config = inputs.study.density.subcompartments
    assert config is not None
    found = stand_density(
        inputs.surveys, config, strata=["forest"], years=[2010, 2015],
        regions=inputs.regions.codes, draws=Draws(1, 500), problems=problems,
    )  # fmt: skip
    assert found is not None
    drawn = found.drawn(0).sum(axis=1)[0]
    assert drawn.shape == (2, 500)
    change = drawn[1] - drawn[0]
    apart = (drawn[0].var() + drawn[1].var()) ** 0.5
    assert change.std() < 0.3 * apart
    assert drawn.mean(axis=1) == pytest.approx(found.central[0, 0].sum(axis=0), rel=0.01)
    fixed = found.drawn(0, only=())
    assert fixed.std(axis=-1).max() == pytest.approx(0, abs=1e-12)
    whole = found.drawn(len(found.regions))
    assert whole.shape == found.drawn(2).shape
    assert (whole == found.drawn(2)).all(), "a county without polygons has the whole's draws"


def test_what_the_polygons_hold_stands_in_tables_of_its_own(surveyed: Path) -> None:
    more = f'models = ["{MODEL}", "ipcc_bcef_subtropical"]'
    tables = run_tables(write_study(surveyed, more))
    own = tables["subcompartments"]
    assert set(own["model"]) == {MODEL, "ipcc_bcef_subtropical"}
    first = rows_of(own, model=MODEL, year=2010, region_code="0101")
    assert set(first["stratum"]) == {"forest_enf"}
    assert first["polygons"].astype(int).tolist() == [26, 26]
    assert first["stock_t_c"].sum() == pytest.approx(carbon(60.0, 0.0) * first["area_ha"].iloc[0])
    whole = rows_of(tables["subcompartment_regions"], model=MODEL, year=2015, region_code="ALL")
    parts = rows_of(own, model=MODEL, year=2015)
    assert whole["stock_t_c"].sum() == pytest.approx(parts["stock_t_c"].sum())


def test_the_error_budget_names_the_parameters_of_the_model(surveyed: Path) -> None:
    budget = run_tables(write_study(surveyed))["error_budget"]
    own = rows_of(budget, region_code="0101", quantity="stock").set_index("source")
    assert {"expansion", "root_to_shoot", "carbon_fraction", "density_table"} <= set(own.index)
    # Roots are split off the whole tree: their ratio moves the pools, never the total.
    assert float(own.loc["root_to_shoot", "se_t_c"]) == 0
    assert float(own.loc["expansion", "se_t_c"]) > 0


def test_one_survey_serves_all_years_and_says_so(surveyed: Path) -> None:
    problems = check_study(write_study(surveyed, 'path = "xb2010.gpkg"'))
    codes = [problem.code for problem in problems]
    assert "subcompartments.one_survey" in codes


def test_polygons_outside_every_region_are_told(surveyed: Path) -> None:
    """By its field a polygon belongs where it says, by place where it lies."""
    frame = gpd.read_file(surveyed / "xb2010.gpkg")
    frame["XIAN"] = "9999"
    frame.to_file(surveyed / "xb2010.gpkg", driver="GPKG")
    placed = [p.code for p in check_study(write_study(surveyed))]
    assert "subcompartments.no_region" not in placed
    named = [p.code for p in check_study(write_study(surveyed, 'by = "field"'))]
    assert "subcompartments.no_region" in named


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ('models = ["fang"]', "model.unknown"),
        ('fields = { wood = "HUO_LMGQXJ" }', "subcompartments.field_name"),
        ('fields = { volume = "XJ" }', "regions.no_column"),
        ('path = "nothing.gpkg"', "study.no_such_file"),
        ('model = "ipcc_bef"', "study.unknown_key"),
        ('models = ["ipcc_bef_ccer"]\nunchecked = false', "model.memory_refused"),
    ],
)
def test_mistakes_are_refused(surveyed: Path, more: str, code: str) -> None:
    problems = check_study(write_study(surveyed, more))
    assert code in [problem.code for problem in problems], [p.text("en") for p in problems]


def test_a_study_needs_no_table_where_polygons_hold_all(surveyed: Path) -> None:
    """Without a table every stratum must be served: here only forest is, and this is said."""
    path = write_study(surveyed)
    text = path.read_text(encoding="utf-8").replace('table = "density.csv"\n', "")
    path.write_text(text, encoding="utf-8")
    codes = [problem.code for problem in check_study(path)]
    assert "study.missing_key" not in codes
    assert "density.missing" in codes


def test_a_county_as_an_overlay_has_its_own_stock_and_interval(surveyed: Path) -> None:
    """乙县's stands are far richer than 甲县's: none of their draws may serve the other."""
    study = write_study(surveyed)
    for year in (2010, 2015):
        cells = np.where(cover(year) == 3, 1, cover(year)).astype(np.uint8)
        write_raster(surveyed / f"lc{year}.tif", cells)
    counties().iloc[[1]].to_file(surveyed / "one.gpkg")
    overlay = '\n[[overlays]]\nname = "one"\npath = "one.gpkg"\n'
    study.write_text(study.read_text(encoding="utf-8") + overlay, encoding="utf-8")
    tables = run_tables(study)
    for name in ("regions", "change", "stock", "transitions"):
        own = rows_of(tables[name], region_code="0102").reset_index(drop=True)
        inside = rows_of(tables[f"overlay_{name}"], region_code="0102").reset_index(drop=True)
        inside = inside.drop(columns=["overlay", "part"]).set_axis(own.columns, axis=1)
        pd.testing.assert_frame_equal(inside, own)


def test_same_bytes_again(surveyed: Path, tmp_path: Path) -> None:
    study = write_study(surveyed)
    for name in ("one", "two"):
        run_study(study, tmp_path / name, options=Options(parts=()))
    for table in ("stock", "subcompartments", "subcompartment_regions", "parameters"):
        one, two = (
            (tmp_path / name / "tables" / f"{table}.csv").read_bytes() for name in ("one", "two")
        )
        assert one == two


def test_refused_runs_write_nothing(surveyed: Path, tmp_path: Path) -> None:
    with pytest.raises(InputProblems):
        run_study(write_study(surveyed, 'models = ["fang"]'), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_models_stand_side_by_side(surveyed: Path) -> None:
    """The first gives the study's densities; another, what the same stands hold by it."""
    other = "ipcc_bcef_subtropical"
    tables = run_tables(write_study(surveyed, f'models = ["{MODEL}", "{other}"]'))
    models, stock = tables["models"], tables["stock"]
    assert models["model"].unique().tolist() == [MODEL, other]
    assert models.groupby("model")["central"].unique().str[0].to_dict() == {
        MODEL: "true", other: "false"
    }  # fmt: skip
    for year in (2010, 2015):
        for pool in ("agb", "bgb"):
            row = rows_of(models, model=MODEL, year=year, stratum="forest", pool=pool).iloc[0]
            held = rows_of(stock, year=year, stratum="forest", pool=pool)
            assert row["stock_t_c"] == pytest.approx(held["stock_t_c"].sum())
            assert row["area_ha"] == pytest.approx(held["area_ha"].sum())
    stands = apply_model(
        other, volume=[60.0, 0.0], forest_type=["masson_pine"] * 2, draws=Draws(),
        problems=Problems(),
    )  # fmt: skip
    rows = rows_of(models, model=other, year=2010, stratum="forest")
    assert (rows["outside_area_pct"] == 0).all()
    assert rows["density_t_c_ha"].sum() == pytest.approx(stands.central.sum(axis=0).mean())
    assert set(rows["plots"]) == {52}
