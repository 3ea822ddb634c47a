"""The land cover of 2010: every cell gets one stratum, province totals as in the inventories."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from sinks.demo.fields import bare_score, grass_score, orchard_score, paddy_score, shrub_score
from sinks.demo.frame import CELL_HA, frame_of, records
from sinks.demo.noise import Field, Mask, around
from sinks.demo.relief import build_relief
from sinks.demo.rivers import build_rivers
from sinks.demo.towns import add_villages, build_cities
from sinks.demo.waters import add_ponds, build_waters, choose
from sinks.demo.woods import FOREST, Site, forest_kinds, forest_score, poplar_score

#: The strata of the example; a cell holds 1 + its position here, 0 where there is no data.
STRATA: Final = (
    *FOREST,
    "shrubland",
    "grassland",
    "paddy",
    "dry_cropland",
    "orchard",
    "lake",
    "river",
    "reservoir_pond",
    "marsh",
    "floodplain",
    "built_up",
    "barren",
)
NUMBER: Final = {name: 1 + place for place, name in enumerate(STRATA)}
Cover = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Landscape:
    """The land of 2010 and what decides its change.

    Attributes
    ----------
    site : Site
    cover : ndarray of uint8
        Land cover of 2010, numbered as in `STRATA`.
    forest_score : ndarray
        Suitability for forest.
    built : ndarray of bool
        Built-up land of 2015.
    flooded : ndarray of bool
        What reservoirs flood between the years.
    """

    site: Site
    cover: Cover
    forest_score: Field
    built: Mask
    flooded: Mask


def totals() -> dict[str, tuple[float, float]]:
    """Return the calibrated totals of 2010 and 2015, [ha] by name."""
    rows = records("totals")
    return {str(row.item): (float(row.area_2010_ha), float(row.area_2015_ha)) for row in rows}


def build_2010(regions: gpd.GeoDataFrame) -> Landscape:
    """Build the landscape of 2010 for the counties given."""
    frame = frame_of(regions)
    area = {name: values[0] for name, values in totals().items()}
    rivers = build_rivers(frame)
    relief = build_relief(frame, rivers.channel)
    waters, flooded = build_waters(frame, relief, rivers=rivers, area=area)
    wet = np.logical_or.reduce(list(waters.by_stratum().values())) | flooded
    cities = build_cities(frame, relief, free=~wet)
    waters = add_ponds(
        frame, relief, waters=waters, town=cities[1] | flooded, area=area["reservoir_pond"]
    )
    cover = np.zeros(frame.shape, dtype=np.uint8)
    for name, mask in waters.by_stratum().items():
        cover[mask] = NUMBER[name]
    early, late = add_villages(
        frame, relief, cities=cities, free=(cover == 0) & ~flooded, area=totals()["built_up"]
    )
    cover[early] = NUMBER["built_up"]
    site = Site(frame, relief, frame.latitude, around(early, 6), rivers.distance)
    woods = _vegetation(site, cover, area=area)
    cover[~frame.covered] = 0
    return Landscape(site, cover, woods, late, flooded)


def _vegetation(site: Site, cover: Cover, *, area: dict[str, float]) -> Field:
    """Fill what is neither wetland nor built-up, forest first; return the forest's score."""
    frame = site.frame
    woods = forest_score(site)
    flat = (cover == 0) & (site.relief.plain > 0.3)
    groves = choose(frame, poplar_score(site), allowed=flat, quota=round(area["poplar"] / CELL_HA))
    hills = (cover == 0) & ~groves
    rest = round((area["forest"] - area["poplar"]) / CELL_HA)
    forest = groves | choose(frame, woods, allowed=hills, quota=rest)
    cover[forest] = forest_kinds(site, forest, groves=groves, area=area)[forest]
    for name, score in (
        ("barren", bare_score),
        ("grassland", grass_score),
        ("orchard", orchard_score),
        ("shrubland", partial(shrub_score, forest=forest)),
        ("paddy", paddy_score),
    ):
        quota = round(area[name] / CELL_HA)
        cover[choose(frame, score(site), allowed=cover == 0, quota=quota)] = NUMBER[name]
    cover[cover == 0] = NUMBER["dry_cropland"]
    return woods
