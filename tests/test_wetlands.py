"""Wetlands on the tiny province, worked by hand: pools, fluxes, definitions, soils in change."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import norm

from sinks.biomass.wetland import load_fluxes, normal_depth
from sinks.checks import Problems
from sinks.parameters import load_table
from sinks.run import check_study
from tests.tiny import DENSITY, cell, rows_of, run_tables, write_tiny

#: Of the one wetland stratum, `lake`: 0.3 ± 0.03 t C buried and 0.2 t CH4 emitted, per ha and year.
FLUXES = """stratum,flux,value,se,unit,source,confidence
lake,burial,0.3,0.03,t C/ha/yr,cores,verified
lake,ch4,0.2,,t CH4/ha/yr,chambers,verified
"""


def study_with(folder: Path, fluxes: str = FLUXES, extra: str = "") -> Path:
    study = write_tiny(folder)
    (folder / "fluxes.csv").write_text(fluxes, encoding="utf-8")
    section = f'[wetland]\nfluxes = "fluxes.csv"\n{extra}'
    study.write_text(study.read_text("utf-8") + section, encoding="utf-8")
    return study


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return run_tables(study_with(tmp_path_factory.mktemp("wetland")))


@pytest.mark.parametrize(
    ("code", "year", "hectares"),
    [("0102", 2010, 7), ("0102", 2015, 7), ("0203", 2010, 8), ("0203", 2015, 9), ("ALL", 2015, 16)],
)
def test_pools_and_fluxes_by_hand(
    tables: dict[str, pd.DataFrame], code: str, year: int, hectares: float
) -> None:
    """A lake holds nothing in plants and 120 t C/ha in soil; its fluxes follow its area."""
    row = rows_of(tables["wetland"], region_code=code, year=year).iloc[0]
    assert row["area_ha"] == pytest.approx(hectares)
    assert row["vegetation_t_c"] == 0
    assert row["soil_t_c"] == pytest.approx(120 * hectares)
    assert row["burial_t_c_per_yr"] == pytest.approx(0.3 * hectares)
    half = float(norm.ppf(0.975)) * 0.03 * hectares
    assert row["burial_high_t_c_per_yr"] == pytest.approx(0.3 * hectares + half, rel=0.01)
    assert row["ch4_t_per_yr"] == pytest.approx(0.2 * hectares)
    assert row["ch4_t_co2e_per_yr"] == pytest.approx(28 * 0.2 * hectares)
    assert row["gwp"] == "AR5"
    assert math.isnan(row["ch4_low_t_per_yr"]), "no error is stated: no interval"


def test_fluxes_are_in_no_stock(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    plain = run_tables(write_tiny(tmp_path))
    for name in ("stock", "regions", "change", "targets"):
        pd.testing.assert_frame_equal(plain[name], tables[name])
    assert plain["wetland"]["burial_t_c_per_yr"].isna().all(), "no section, no fluxes"


def test_parameters_name_the_fluxes(tables: dict[str, pd.DataFrame]) -> None:
    row = rows_of(tables["parameters"], name="flux/lake/burial").iloc[0]
    assert (row["value"], row["se"], row["unit"]) == (0.3, 0.03, "t C/ha/yr")


def test_definitions_stand_side_by_side(tables: dict[str, pd.DataFrame]) -> None:
    table = rows_of(tables["wetland_definitions"], region_code="ALL", year=2015)
    areas = dict(zip(table["definition"], table["area_ha"], strict=True))
    assert areas == pytest.approx({"narrow": 0, "survey": 16, "broad": 16})


def test_definitions_nest() -> None:
    strata = load_table("wetland_definitions").groupby("definition")["stratum"].agg(set)
    assert strata["narrow"] < strata["survey"] < strata["broad"]
    assert strata["broad"] - strata["survey"] == {"paddy"}


def test_soil_of_restored_land_takes_twenty_years(tables: dict[str, pd.DataFrame]) -> None:
    """1 ha of town (50 t C/ha of soil) became lake (120): after five years an eighth of it."""
    row = rows_of(tables["wetland_soil"], region_code="0203", direction="restored").iloc[0]
    assert row["area_ha"] == pytest.approx(1)
    assert row["committed_t_c"] == pytest.approx(70)
    assert row["realised_t_c"] == pytest.approx(70 * 5 / 40)
    lost = rows_of(tables["wetland_soil"], region_code="ALL", direction="reclaimed")
    assert lost["area_ha"].sum() == 0


def test_a_quick_soil_is_settled_but_for_the_last_years(tmp_path: Path) -> None:
    """Of five years' conversion the first three are settled, the last two half: 4 of 5."""
    done = run_tables(study_with(tmp_path, extra='settle_years = 2\ngwp = "AR4"\n'))
    row = rows_of(done["wetland_soil"], region_code="0203", direction="restored").iloc[0]
    assert row["realised_t_c"] == pytest.approx(row["committed_t_c"] * 4 / 5)
    assert row["rate_t_c_per_yr"] == pytest.approx(row["committed_t_c"] / 2 * 2 / 5)
    assert cell(done["wetland"], "ch4_t_co2e_per_yr", region_code="ALL", year=2015) == (
        pytest.approx(25 * 0.2 * 16)
    )


def test_without_a_methane_factor_there_is_no_methane(tmp_path: Path) -> None:
    study = write_tiny(tmp_path)
    study.write_text(study.read_text("utf-8") + "[wetland]\n", encoding="utf-8")
    table = run_tables(study)["wetland"]
    assert table["ch4_t_per_yr"].isna().all()
    assert (table["gwp"] == "").all()
    burial = cell(table, "burial_t_c_per_yr", region_code="ALL", year=2015)
    assert burial == pytest.approx(0.3 * 16)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("lake,burial,0.3,,t CO2/ha/yr,,", "wetland.bad_row"),
        ("lake,n2o,0.3,,t C/ha/yr,,", "wetland.bad_row"),
        ("lake,ch4,inf,,t CH4/ha/yr,,", "wetland.bad_row"),
        ("lake,ch4,,,t CH4/ha/yr,,", "wetland.bad_row"),
        ("lake,ch4,1,-1,t CH4/ha/yr,,", "wetland.bad_row"),
        ("lake,burial,0.3,,t C/ha/yr,,\nlake,burial,0.4,,t C/ha/yr,,", "wetland.repeated"),
    ],
)
def test_wrong_fluxes_are_refused(tmp_path: Path, row: str, code: str) -> None:
    (tmp_path / "f.csv").write_text(FLUXES.splitlines()[0] + f"\n{row}\n", encoding="utf-8")
    problems = Problems("en")
    assert load_fluxes("f.csv", base=tmp_path, problems=problems) is None
    assert [problem.code for problem in problems] == [code]


def test_the_packaged_burial_is_its_source() -> None:
    lake, *_ = load_fluxes("wetland_fluxes", base=Path(), problems=Problems()) or []
    assert (lake.stratum, lake.flux, lake.value) == ("lake", "burial", 0.3)
    # 10–70 g C/m2/yr is the 95 % interval of a lognormal.
    sigma = math.log(7) / (2 * float(norm.ppf(0.975)))
    assert lake.se == pytest.approx(0.3 * math.sqrt(math.expm1(sigma**2)))


def test_the_packaged_methane_is_of_the_ipcc() -> None:
    """80.3 kg CH4/ha/yr of old reservoirs, 235 of temperate wetland on mineral soil; cited."""
    found = load_fluxes("wetland_fluxes", base=Path(), problems=Problems()) or []
    methane = {flux.stratum: flux for flux in found if flux.flux == "ch4"}
    values = {name: flux.value * 1000 for name, flux in methane.items()}
    assert values == pytest.approx({"reservoir_pond": 80.3, "marsh": 235, "swamp": 235})
    assert {flux.confidence for flux in methane.values()} == {"secondary"}
    assert all("IPCC" in flux.source for flux in methane.values())


@pytest.mark.parametrize(
    ("depths", "refused"),
    [
        (("0-100 cm", "0–100 cm", "0-1 m"), False),
        (("0-100 cm", "0-30 cm", "0-100 cm"), True),
        (("", "0-30 cm", ""), False),
    ],
)
def test_depths_are_never_mixed(
    tmp_path: Path, depths: tuple[str, str, str], refused: bool
) -> None:
    study = write_tiny(tmp_path)
    lines = DENSITY.splitlines()
    given = iter([*depths, depths[0]])
    rows = [f"{line},{next(given) if ',soil,' in line else ''}" for line in lines[1:]]
    (tmp_path / "density.csv").write_text("\n".join([f"{lines[0]},depth", *rows]), encoding="utf-8")
    codes = {problem.code for problem in check_study(study)}
    assert ("density.depths" in codes) == refused


def test_a_depth_that_is_no_depth_stays_as_it_is() -> None:
    assert normal_depth("profile") == "profile"
