"""Sub-compartments: field names and codes of the standards, carbon by hand, areas, speed."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.geometry import box

from sinks.biomass.readers.subcompartments import equal_area_hectares
from sinks.biomass.stands import Draws
from sinks.biomass.subcompartments import regions_by_place, stands_of
from sinks.boundaries.polygons import hectares
from sinks.checks import Problems
from sinks.errors import InputProblems
from sinks.parameters import load_table
from sinks.regions import Regions
from sinks.subcompartments import Answer, Question, subcompartments_of, write_subcompartments

CRS = "EPSG:4547"
#: One hectare in that CRS, near its central meridian.
SIDE = 100.0


def squares(count: int) -> list[shapely.Polygon]:
    corners = [(500_000 + 200 * i, 3_400_000) for i in range(count)]
    return [box(x, y, x + SIDE, y + SIDE) for x, y in corners]


def written(tmp_path: Path, columns: dict[str, Any], name: str = "xb.gpkg") -> Path:
    count = len(next(iter(columns.values())))
    frame = gpd.GeoDataFrame(columns, geometry=squares(count), crs=CRS)
    path = tmp_path / name
    frame.to_file(path, driver="GPKG" if name.endswith("gpkg") else None)
    return path


def asked(**values: Any) -> Question:
    return Question(**{"draws": Draws(1, 1), **values})


def codes(answer: Answer) -> list[str]:
    return [problem.code for problem in answer.problems]


#: A forest map of four polygons: two of Masson pine, one of bamboo, one of barren land.
MAP = {
    "XIAN": ["420102", "420102", "420103", "420103"],
    "XIAO_BAN": ["1", "2", "3", "4"],
    "DI_LEI": ["0111", "0111", "0113", "0171"],
    "QI_YUAN": ["11", "21", "11", ""],
    "LING_ZU": ["2", "4", "", ""],
    "YOU_SHI_SZ": ["220", "220", "660", ""],
    "HUO_LMGQXJ": [60.0, 0.0, 0.0, 0.0],
    "MIAN_JI": [10.0, 4.0, 5.0, 7.0],
}
DRAWN = {key: value for key, value in MAP.items() if key != "MIAN_JI"}


def test_forest_map_by_hand(tmp_path: Path) -> None:
    """Masson pine: (0.5034 × 60 + 20.547) × 0.47; bamboo: the packaged density; no trees, none."""
    answer = subcompartments_of(written(tmp_path, DRAWN), asked())
    each = answer.polygons.set_index("polygon_id")
    assert list(each.index) == ["1", "2", "3"], "barren land is no stand"
    pine = (0.5034 * 60 + 20.547) * 0.47
    area = each["area_ha"]
    assert area.tolist() == pytest.approx([1.0, 1.0, 1.0], rel=1e-3)
    assert each.loc["1", "stock_t_c"] == pytest.approx(pine * area["1"])
    assert each.loc["2", "stock_t_c"] == 0.0
    density = load_table("density/hubei_2010").set_index(["stratum", "pool"])["value"]
    assert each.loc["3", "agb_t_c_ha"] == density["bamboo", "agb"]
    assert each["stratum"].tolist() == ["forest_enf", "forest_enf", "bamboo"]
    assert each["origin"].tolist() == ["natural", "planted", "natural"]
    assert each["age_group"].tolist() == ["middle_aged", "mature", ""]
    regions = answer.regions.set_index("region_code")
    assert regions.loc["420102", "stock_t_c"] == pytest.approx(pine * area["1"])
    assert regions.loc["ALL", "stock_t_c"] == pytest.approx(each["stock_t_c"].sum())
    assert regions.loc["ALL", "polygons"] == 3
    strata = answer.strata.set_index(["region_code", "stratum", "pool"])
    assert strata.loc[("420102", "forest_enf", "agb"), "volume_m3"] == pytest.approx(60 * area["1"])
    assert strata["stock_t_c"].sum() == pytest.approx(regions.loc["ALL", "stock_t_c"])
    assert codes(answer) == []


@pytest.mark.parametrize(
    "columns",
    [
        {"优势树种": ["马尾松"], "公顷蓄积": [60.0], "县代码": ["420102"]},
        {"优势树种": ["马尾松林"], "亩蓄积": [4.0], "县": ["420102"]},
        {"species": ["Pinus massoniana"], "volume_m3_ha": ["60"], "county": ["420102"]},
        {"YSSZ": ["220000"], "gqxj": [60.0], "XIAN": ["420102"]},
        {"优势树种": ["马尾松"], "小班蓄积": [60.0], "面积": [1.0], "县": ["420102"]},
    ],
)
def test_field_names_of_the_families(tmp_path: Path, columns: dict[str, Any]) -> None:
    """Per hectare, per mu or of the whole polygon: the same stand."""
    answer = subcompartments_of(written(tmp_path, columns), asked())
    (row,) = answer.polygons.itertuples()
    assert row.volume_m3_ha == pytest.approx(60.0)
    assert row.agb_t_c_ha + row.bgb_t_c_ha == pytest.approx((0.5034 * 60 + 20.547) * 0.47)
    assert answer.regions["region_code"].tolist() == ["420102", "ALL"]


def test_names_of_the_study_win(tmp_path: Path) -> None:
    columns = {"TREE": ["杉木"], "WOOD": [50.0], "HUO_LMGQXJ": [999.0]}
    fields = {"species": "TREE", "volume": "WOOD"}
    answer = subcompartments_of(written(tmp_path, columns), asked(fields=fields))
    assert answer.polygons["volume_m3_ha"].tolist() == [50.0]
    assert answer.polygons["forest_type"].tolist() == ["chinese_fir"]
    with pytest.raises(InputProblems, match=r"volume"):
        subcompartments_of(written(tmp_path, columns), asked(fields={"volumes": "WOOD"}))


def test_shapefile_with_chinese_names(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {"优势树种": ["马尾松", "杉木"], "公顷蓄积": [60.0, 80.0]}, geometry=squares(2), crs=CRS
    )
    path = tmp_path / "xb.shp"
    frame.to_file(path, encoding="gb18030")
    answer = subcompartments_of(path, asked())
    assert answer.polygons["forest_type"].tolist() == ["masson_pine", "chinese_fir"]
    assert answer.regions["region_code"].tolist() == ["-", "ALL"]


def test_what_is_missing_is_named_with_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(InputProblems) as caught:
        subcompartments_of(written(tmp_path, {"XJ": [1.0], "YOU_SHI_SZ": ["220"]}), asked())
    (problem,) = caught.value.problems
    assert problem.code == "subcompartments.fields"
    message = problem.text("en")
    assert "HUO_LMGQXJ" in message
    assert "YOU_SHI_SZ" in message


def test_numbers_that_are_none_are_told_by_row(tmp_path: Path) -> None:
    columns = {"YOU_SHI_SZ": ["220"] * 3, "HUO_LMGQXJ": ["60", "many", "-3"]}
    with pytest.raises(InputProblems) as caught:
        subcompartments_of(written(tmp_path, columns), asked())
    (problem,) = caught.value.problems
    assert problem.code == "subcompartments.number"
    assert "2: many, 3: -3" in problem.text("en")


@pytest.mark.parametrize(("unit", "factor"), [("mu", 15.0), ("m2", 10_000.0)])
def test_areas_in_another_unit_are_mended_in_the_open(
    tmp_path: Path, unit: str, factor: float
) -> None:
    columns = {**DRAWN, "MIAN_JI": [factor] * 4}
    answer = subcompartments_of(written(tmp_path, columns), asked())
    assert codes(answer) == ["subcompartments.area_unit"]
    assert answer.polygons["area_ha"].tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_areas_that_fit_no_unit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputProblems) as caught:
        subcompartments_of(written(tmp_path, {**DRAWN, "MIAN_JI": [3.0] * 4}), asked())
    assert [problem.code for problem in caught.value.problems] == ["subcompartments.area"]


def test_a_polygon_drawn_twice_is_refused(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {"YOU_SHI_SZ": ["220"] * 2, "HUO_LMGQXJ": [60.0] * 2}, geometry=squares(1) * 2, crs=CRS
    )
    frame.to_file(tmp_path / "xb.gpkg", driver="GPKG")
    with pytest.raises(InputProblems) as caught:
        subcompartments_of(tmp_path / "xb.gpkg", asked())
    assert [problem.code for problem in caught.value.problems] == ["subcompartments.twice"]


def test_volumes_per_mu_are_doubted(tmp_path: Path) -> None:
    columns = {"YOU_SHI_SZ": ["220"] * 40, "HUO_LMGQXJ": np.linspace(2, 6, 40)}
    answer = subcompartments_of(written(tmp_path, columns), asked())
    assert "subcompartments.per_mu" in codes(answer)


def test_everything_wrong_is_listed_at_once_with_rows(tmp_path: Path) -> None:
    columns = {
        "YOU_SHI_SZ": ["220"] * 40, "HUO_LMGQXJ": np.linspace(60, 90, 40), "MIAN_JI": [1.0] * 40,
    }  # fmt: skip
    columns["YOU_SHI_SZ"][4] = "马尾杉"
    columns["HUO_LMGQXJ"][[0, 1]] = -5.0, 9_999.0
    columns["HUO_LMGQXJ"][10:16] /= 15
    columns["MIAN_JI"][7] = 15.0
    with pytest.raises(InputProblems) as caught:
        subcompartments_of(written(tmp_path, columns), asked())
    told = {problem.code.split(".")[1]: problem.text("en") for problem in caught.value.problems}
    assert set(told) == {"number", "volume", "area_rows", "per_mu_rows", "species"}
    for code, words in {
        "number": "1: -5", "volume": "2: 9999", "area_rows": "8: 15 / 1", "per_mu_rows": "11: 4.5",
        "species": "马尾杉 (马尾松",
    }.items():  # fmt: skip
        assert words in told[code]


def test_what_cannot_be_computed_is_never_zero(tmp_path: Path) -> None:
    columns = {
        "XIAN": ["420102", "420102", "420103"],
        "YOU_SHI_SZ": ["220", "马尾杉", "310"],
        "HUO_LMGQXJ": [60.0, 60.0, None],
    }
    answer = subcompartments_of(written(tmp_path, columns), asked())
    assert codes(answer) == ["subcompartments.species", "subcompartments.no_volume"]
    species = next(p for p in answer.problems if p.code == "subcompartments.species")
    assert "马尾松" in species.text("en")
    assert np.isnan(answer.polygons["stock_t_c"]).tolist() == [False, True, True]
    strata = answer.strata.set_index(["region_code", "stratum", "pool"])
    fir = strata.loc[("420103", "forest_enf", "agb")]
    assert math.isnan(fir["stock_t_c"])
    assert fir["uncomputed_ha"] == fir["area_ha"]
    regions = answer.regions.set_index("region_code")
    assert regions.loc["420102", "uncomputed_ha"] == pytest.approx(1.0, rel=1e-3)


def test_young_stands_of_known_age(tmp_path: Path) -> None:
    columns = {
        "YOU_SHI_SZ": ["310", "310", "310"],
        "DI_LEI": ["030402", "0111", "0111"],
        "HUO_LMGQXJ": [0.0, None, 80.0],
        "PINGJUN_NL": [10, 20, 30],
    }
    path = written(tmp_path, columns)
    plain = subcompartments_of(path, asked()).polygons["stock_t_c"]
    assert plain.iloc[0] == 0
    assert math.isnan(plain.iloc[1])
    grown = subcompartments_of(path, asked(growth=True)).polygons
    biomass = (grown["agb_t_c_ha"] + grown["bgb_t_c_ha"]) / 0.47
    assert biomass.tolist()[:2] == pytest.approx([22.2, 53.2], abs=0.1)
    assert grown["stock_t_c"].iloc[2] == plain.iloc[2]


@pytest.mark.parametrize(
    ("land", "species", "volume", "stratum"),
    [
        ("0132", "800", 0.0, "shrubland"),
        ("国家特别规定灌木林地", "油茶", 0.0, "orchard"),
        ("030401", "220", 8.0, "open_forest"),
        ("乔木林", "水杉", 80.0, "forest_dnf"),
        ("0210", "530", 12.0, "forest_dbf"),
    ],
)
def test_land_types_of_every_family(
    tmp_path: Path, land: str, species: str, volume: float, stratum: str
) -> None:
    columns = {"DI_LEI": [land], "YOU_SHI_SZ": [species], "HUO_LMGQXJ": [volume]}
    answer = subcompartments_of(written(tmp_path, columns), asked())
    assert answer.polygons["stratum"].tolist() == [stratum]
    assert "subcompartments.land" not in codes(answer)


def test_unknown_land_types_are_told(tmp_path: Path) -> None:
    columns = {"DI_LEI": ["XYZ"], "YOU_SHI_SZ": ["220"], "HUO_LMGQXJ": [60.0]}
    assert "subcompartments.land" in codes(subcompartments_of(written(tmp_path, columns), asked()))


def test_models_side_by_side_and_their_spread(tmp_path: Path) -> None:
    models = ("continuous_bcef_zhejiang2016", "ipcc_bcef_subtropical", "ipcc_bef")
    answer = subcompartments_of(
        written(tmp_path, DRAWN), Question(models=models, draws=Draws(1, 500), year=2015)
    )
    whole = answer.regions[answer.regions["level"] == "study"].set_index("model")
    assert list(whole.index) == list(models)
    assert whole["year"].tolist() == [2015] * 3
    assert whole["stock_t_c"].nunique() == 3
    assert (whole["low_t_c"] < whole["stock_t_c"]).all()
    assert (whole["stock_t_c"] < whole["high_t_c"]).all()
    # Parameters are shared: the whole is less sure than counties added in quadrature would be.
    own = answer.regions[answer.regions["level"] == "region"].groupby("model")["se_t_c"]
    assert (whole["se_t_c"] <= own.sum() * (1 + 1e-9)).all()
    assert set(answer.parameters["model"]) == set(models)


def test_regions_by_place(tmp_path: Path) -> None:
    from sinks.biomass.readers.subcompartments import Asked, read_records

    problems = Problems("en")
    records = read_records(written(tmp_path, DRAWN), Asked("xb.gpkg", {}), problems=problems)
    assert records is not None
    there = gpd.GeoSeries([box(499_000, 3_399_000, 500_150, 3_401_000)], crs=CRS)
    frame = gpd.GeoDataFrame(
        {"region_code": ["1"], "region_name": ["甲"]}, geometry=there.to_crs("EPSG:4490")
    )
    rows = stands_of(records, problems=problems).frame["row"].to_numpy()
    assert regions_by_place(records, rows, regions=Regions(frame)).tolist() == [0, -1, -1]


@pytest.mark.parametrize(("size", "room"), [(0.02, 6e-5), (0.001, 2e-6)])
def test_areas_agree_with_the_geodesic_ones(size: float, room: float) -> None:
    """The equal-area grid against geodesics, on polygons of four kilometres and of 200 metres."""
    rng = np.random.default_rng(4)
    shapes = []
    for _ in range(40):
        angle = np.sort(rng.uniform(0, 2 * np.pi, 30))
        radius = size * rng.uniform(0.2, 1, 30)
        x, y = rng.uniform(108, 116), rng.uniform(29, 33)
        ring = np.column_stack([x + radius * np.cos(angle), y + radius * np.sin(angle)])
        shapes.append(shapely.Polygon(ring))
    polygons = np.array(shapes, dtype=object)
    crs = gpd.GeoSeries([], crs="EPSG:4490").crs
    ours, theirs = equal_area_hectares(polygons, crs), hectares(polygons, crs)
    assert np.allclose(ours, theirs, rtol=room)
    assert ours.sum() == pytest.approx(theirs.sum(), rel=room / 4)


def test_tables_are_written_whole(tmp_path: Path) -> None:
    answer = subcompartments_of(written(tmp_path, DRAWN), asked(year=2015))
    paths = write_subcompartments(answer, tmp_path / "out", language="en")
    again = write_subcompartments(answer, tmp_path / "again", language="en")
    assert [p.read_bytes() for p in paths] == [p.read_bytes() for p in again]
    table = pd.read_csv(paths[0], dtype={"region_code": str})
    assert table.columns[:3].tolist() == ["model", "year", "region_code"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(p.name for p in paths)


def test_every_field_and_code_names_its_standard_and_year() -> None:
    for name in ("subcompartment_fields", "subcompartment_land"):
        table = load_table(f"inventory/{name}")
        assert (table["standard"] != "").all()
        assert table["year"].between(1977, 2025).all()
    fields = load_table("inventory/subcompartment_fields")
    assert not fields.duplicated(["name", "column"]).any()
    land = load_table("inventory/subcompartment_land")
    assert not land["code"].duplicated().any()


def test_three_hundred_thousand_polygons(tmp_path: Path) -> None:
    count, rng = 300_000, np.random.default_rng(0)
    width = math.isqrt(count) + 1
    x = 500_000 + np.arange(count) % width * 120.0
    y = 3_400_000 + np.arange(count) // width * 120.0
    species = np.array(["220", "310", "410", "530", "620", "660"])[rng.integers(0, 6, count)]
    frame = gpd.GeoDataFrame(
        {
            "XIAN": np.array([f"4201{i:02d}" for i in range(2, 18)])[rng.integers(0, 16, count)],
            "DI_LEI": np.where(species == "660", "0113", "0111"),
            "YOU_SHI_SZ": species,
            "HUO_LMGQXJ": rng.gamma(2, 35, count),
        },
        geometry=shapely.box(x, y, x + SIDE, y + SIDE),
        crs=CRS,
    )
    frame.to_file(tmp_path / "xb.gpkg", driver="GPKG")
    begun = time.process_time()
    answer = subcompartments_of(tmp_path / "xb.gpkg", Question(draws=Draws(1, 1000)))
    write_subcompartments(answer, tmp_path / "out", language="en")
    assert time.process_time() - begun < 30
    assert len(answer.polygons) == count
    assert answer.regions["polygons"].iloc[-1] == count
