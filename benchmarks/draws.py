"""Many draws: from areas and densities to the tables of a run, without a raster."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.child import clock
from benchmarks.studies import GROWTH, POOLS, RELATIVE_SE

YEARS = (2010, 2015)
SEED = 20101231


def tables(found: dict[str, Any], *, draws: int, regions: int, strata: int) -> None:
    """Make every table with draws: stock, regions, change, targets."""
    from sinks import tabulate  # noqa: PLC0415 (measured apart)
    from sinks.achieved import Accounts  # noqa: PLC0415
    from sinks.levels import group_indices  # noqa: PLC0415
    from sinks.stock import Stock  # noqa: PLC0415
    from sinks.target import targets_table  # noqa: PLC0415

    areas, density, places, legend, target = _inputs(draws, regions=regions, strata=strata)
    with clock(found):
        stock, groups = Stock(areas, density, level=0.95), group_indices(places)
        rows = [
            tabulate.stock_table(stock, groups[0]),
            tabulate.regions_table(stock, areas, groups=groups, legend=legend),
            tabulate.change_table(stock, areas, groups=groups),
            targets_table([target], Accounts(stock, areas, places, legend, {}, {}, {}, 1)),
        ]
    found["rows"] = sum(len(table) for table in rows)


def _inputs(draws: int, *, regions: int, strata: int) -> tuple[Any, ...]:
    """Return areas, densities, regions, legend and a target: invented, of the size asked for."""
    import geopandas as gpd  # noqa: PLC0415
    import shapely  # noqa: PLC0415

    from sinks.legend import LandClass, Legend  # noqa: PLC0415
    from sinks.regions import Regions  # noqa: PLC0415
    from sinks.sections import TargetConfig  # noqa: PLC0415

    random = np.random.default_rng(SEED)
    codes = [f"{i:06d}" for i in range(regions)]
    corner = np.arange(regions, dtype=float)
    frame = gpd.GeoDataFrame(
        {"region_code": codes, "region_name": codes, "prefecture": [c[:4] for c in codes]},
        geometry=shapely.box(corner, 0, corner + 1, 1), crs="EPSG:3857",
    )  # fmt: skip
    names = [f"forest_{i}" for i in range(strata)]
    classes = tuple(
        LandClass(i, name, name, name, "forest_land", "forest", "#000000", "", "verified")
        for i, name in enumerate(names)
    )
    areas = _areas(random.gamma(2.0, 5000.0, (regions, strata, strata)), codes, names=names)
    target = TargetConfig(
        name="more", quantity="carbon", groups=("forest",), kind="increase", value=6e7, unit="t C",
        start=YEARS[0], end=YEARS[1], share_by="area",
    )  # fmt: skip
    legend = Legend("invented", classes, frozenset())
    return areas, _density(names, draws), Regions(frame, ("prefecture",)), legend, target


def _areas(hectares: Any, codes: list[str], *, names: list[str]) -> Any:
    """Return `Activity` of two years from areas by region, stratum before and stratum after."""
    import xarray as xr  # noqa: PLC0415

    from sinks.landcover.activity import Activity  # noqa: PLC0415

    moved = xr.DataArray(
        hectares, dims=("region", "from_stratum", "to_stratum"),
        coords={"region": codes, "from_stratum": names, "to_stratum": names},
    )  # fmt: skip
    both = np.stack([hectares.sum(axis=2), hectares.sum(axis=1)], axis=-1)
    whole = hectares.sum(axis=(1, 2))
    twice = np.stack([whole, whole], axis=-1)
    coverage = xr.Dataset(
        {
            "inside": ("region", whole), "outside": ("region", whole * 0),
            "common_valid": ("region", whole), "valid": (("region", "year"), twice),
            "nodata": (("region", "year"), twice * 0),
        },
        coords={"region": codes, "year": list(YEARS)},
    )  # fmt: skip
    coords = {"region": codes, "stratum": names, "year": list(YEARS)}
    area = xr.DataArray(both, dims=tuple(coords), coords=coords)
    return Activity(area, {YEARS: moved}, coverage)


def _density(names: list[str], draws: int) -> Any:
    """Return `Density` of all strata, five pools and two years."""
    import xarray as xr  # noqa: PLC0415

    from sinks.biomass.density import Density  # noqa: PLC0415

    coords = {"stratum": names, "pool": list(POOLS), "year": list(YEARS)}
    s, p, y = np.meshgrid(*(np.arange(len(axis)) for axis in coords.values()), indexing="ij")
    value = (5.0 + 7 * s + 3 * p) * np.where(y == 1, GROWTH, 1.0)
    never = np.zeros(value.shape, dtype=bool)
    arrays = [
        xr.DataArray(array, dims=tuple(coords), coords=coords)
        for array in (value, value * RELATIVE_SE, never, never)
    ]
    return Density(*arrays, (), SEED, draws)
