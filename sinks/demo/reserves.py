"""Invented reserves of the example province: round lakes and over mountains, as overlays."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import shapely

from sinks.boundaries.geopackage import write_geopackage
from sinks.demo.frame import ALBERS, records
from sinks.regions import Regions
from sinks.texts import Language, text

#: The largest lakes each have a reserve: as many as the plan wants of provincial rank.
WETLANDS: Final = 20
#: A wetland reserve is so many times its lake, a shore of its own included.
SHORE: Final = 1.6
#: Mountains from this height have a reserve, of this radius [m].
MOUNTAIN_M: Final = 1400
RADIUS_M: Final = 14_000.0
#: Corners of an outline.
CORNERS: Final = 72


def outline(x: float, y: float, *, radius: float, turn: float) -> shapely.Polygon:
    """Return a bay-and-headland ring about a place [m]; `turn` makes each one its own."""
    angle = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    wave = 1 + 0.18 * np.sin(3 * angle + turn) + 0.08 * np.sin(7 * angle + 2.3 * turn)
    return shapely.Polygon(
        np.column_stack([x + radius * wave * np.cos(angle), y + radius * wave * np.sin(angle)])
    )


def write_reserves(folder: Path, regions: Regions, *, language: Language) -> None:
    """Write `reserves.gpkg` and, of them, `wetland_reserves.gpkg`, clipped to the province."""
    lakes = sorted(records("lakes"), key=lambda lake: -lake.area_km2)[:WETLANDS]
    heights = [place for place in records("relief") if place.elevation_m >= MOUNTAIN_M]
    places = gpd.GeoSeries(
        gpd.points_from_xy(
            [place.lon for place in (*lakes, *heights)], [place.lat for place in (*lakes, *heights)]
        ),
        crs=4326,
    ).to_crs(ALBERS)
    radii = [np.sqrt(SHORE * lake.area_km2 * 1e6 / np.pi) for lake in lakes]
    radii += [RADIUS_M] * len(heights)
    rings = [
        outline(point.x, point.y, radius=radius, turn=1.7 * i)
        for i, (point, radius) in enumerate(zip(places, radii, strict=True))
    ]
    frame = gpd.GeoDataFrame(
        {
            "name": [
                text(f"demo.reserve.{kind}", language, number=f"{i + 1:02d}")
                for kind, count in (("wetland", len(lakes)), ("forest", len(heights)))
                for i in range(count)
            ]
        },
        geometry=rings,
        crs=ALBERS,
    ).to_crs(regions.frame.crs)
    inside = _inside(frame, regions)
    write_geopackage(inside, folder / "reserves.gpkg", layer="reserves")
    wetland = inside[inside["name"].isin(frame["name"][: len(lakes)])].reset_index(drop=True)
    write_geopackage(wetland, folder / "wetland_reserves.gpkg", layer="wetland_reserves")


def _inside(frame: gpd.GeoDataFrame, regions: Regions) -> gpd.GeoDataFrame:
    """Cut what lies beyond the province."""
    counties = np.asarray(regions.frame.geometry.values)
    tree = shapely.STRtree(counties)
    cut = [
        shapely.union_all(shapely.intersection(counties[np.sort(tree.query(ring))], ring))
        for ring in frame.geometry
    ]
    inside = frame.set_geometry(cut, crs=frame.crs)
    return inside[~inside.geometry.is_empty].reset_index(drop=True)
