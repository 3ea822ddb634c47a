"""Maps and sites of very many regions: small, complete by levels, tiles instead of shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from sinks.layers import budget_beside
from sinks.maps import coarse, render_map
from sinks.maps.coarse import MOST, shown_results
from sinks.maps.data import map_data
from sinks.maps.geometry import DETAIL, region_shapes, simplified
from sinks.publish import publish, site
from sinks.publish.pages import region_page, slices
from tests.many_regions import many
from tests.map_sample import CODES, areas, sample, stock

MEGABYTE = 1e6


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three regions be the most that a map shows."""
    monkeypatch.setattr(coarse, "MOST", 3)
    monkeypatch.setattr(site, "MOST", 3)


@pytest.mark.usefixtures("few")
def test_too_many_regions_are_shown_by_the_next_level(tmp_path: Path) -> None:
    results = sample(tmp_path, pictures=False)
    shown = shown_results(results)
    assert shown.regions["region_code"].tolist() == ["乙市", "甲市"]
    assert shapely.area(shown.regions.geometry.to_numpy()) == pytest.approx([0.02, 0.02])
    data = map_data(shown)
    assert data["study"]["merged"] == 4
    assert data["whole"]["years"] == map_data(results)["whole"]["years"]
    own = data["regions"]["甲市"]
    assert own["years"]["2020"]["stock"] == pytest.approx(stock(0, 2020) + stock(1, 2020))
    forest = [areas(i, 2020)["pine"] for i in (0, 1)]
    assert own["strata"]["2020"]["pine"] == pytest.approx([sum(forest), 25 * sum(forest)])
    assert own["shared"] == 19_000.0
    assert own["moves"]["2010-2020"][0][:3] == ["paddy", "pine", 640.0]
    assert own["shifts"]["2010-2020"]["new_forest"] == 640.0
    assert own["targets"]["forest-carbon"]["achieved"] == pytest.approx(25 * 640.0)
    assert own["parents"] == []


@pytest.mark.usefixtures("few")
def test_without_a_coarser_level_the_whole_is_shown(tmp_path: Path) -> None:
    results = sample(tmp_path, pictures=False, parents=[])
    data = map_data(shown_results(results))
    assert data["codes"] == ["ALL"]
    assert data["regions"]["ALL"]["years"] == data["whole"]["years"]
    assert data["regions"]["ALL"]["shared"] == 38_000.0


def test_a_thousand_regions_are_told_in_brief_and_stay_small(tmp_path: Path) -> None:
    """What a region takes of the file, and what is left to the pictures, keep 15 MB."""
    count = 1200
    results = many(tmp_path, count)
    page = len(render_map(results).encode("utf-8"))
    data = map_data(results)
    assert data["brief"]
    assert not data["regions"]["000000"]["causes"]
    assert data["regions"]["000000"]["years"]["2020"]["stock"] == stock(0, 2020)
    assert data["whole"]["strata"]["2020"]
    fixed = len(render_map(sample(tmp_path / "small", pictures=False)).encode("utf-8"))
    each = (page - fixed) / count
    assert each < 2_200
    pictures = budget_beside(MOST) * 16 / 9  # as text, with their coarser levels
    assert fixed + MOST * each + pictures < 15 * MEGABYTE
    assert budget_beside(103) > budget_beside(2800) > budget_beside(MOST)


def test_borders_that_nearly_meet_are_simplified_all_the_same(tmp_path: Path) -> None:
    """GEOS gives up on slivers of a coverage that is none; a map must not."""
    square = shapely.box(0, 0, 1, 1)
    sliver = shapely.Polygon([(0, 0), (1e-13, 1e-13), (1, 1e-13), (0, 0)])
    for shapes in ([square, sliver], [square, shapely.box(0.3, 0.3, 2, 0.9)], [square, square]):
        made = simplified(np.array(shapes, dtype=object), DETAIL)
        assert len(made) == 2
    results = sample(tmp_path, pictures=False)
    frame = results.regions.copy()
    frame.loc[1, "geometry"] = shapely.box(112.05, 30.05, 112.2, 30.2)  # lies on its neighbours
    assert len(region_shapes(frame, ["city"])["shapes"]) == len(CODES)


@pytest.mark.usefixtures("few")
def test_a_site_of_too_many_regions_has_them_as_tiles(tmp_path: Path) -> None:
    results = sample(tmp_path / "run", pictures=False)
    (tmp_path / "run" / "tables").mkdir(parents=True)
    (tmp_path / "run" / "manifest.json").write_text("{}", encoding="utf-8")
    publish(results, tmp_path / "site")
    assert not (tmp_path / "site" / "regions").exists()
    tiles = tmp_path / "site" / "tiles"
    assert (tiles / "regions-2020.pmtiles").is_file()
    assert list((tiles / "regions-2020").rglob("*.pbf"))
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "connect-src 'self'" in page


def test_a_slice_holds_one_region_and_says_the_same(tmp_path: Path) -> None:
    results = sample(tmp_path, pictures=False)
    for code, own in slices(results, CODES):
        assert set(own.tables["stock"]["region_code"]) == {code}
        whole, part = region_page(results, code), region_page(own, code)
        assert {key: part[key] for key in part if key != "t"} == {
            key: whole[key] for key in whole if key != "t"
        }
