"""What lies in the map frame of a sheet: the region, its neighbours, the picture below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from matplotlib.path import Path as Outline
from shapely.geometry.base import BaseGeometry

from sinks.results import Results
from sinks.sheets.facts import ALL
from sinks.sheets.frame import Frame, frame_of
from sinks.sheets.picture import painted

#: Outlines are drawn to this precision on paper [m].
FINE: Final = 0.06e-3
#: The small map that shows where a region lies is drawn to this part of its longer side.
SMALL: Final = 1 / 800


@dataclass(frozen=True)
class Scene:
    """A map frame with what it shows.

    Attributes
    ----------
    frame : Frame
    picture : ndarray, dims (row, column, channel)
    region : geometry
        What the sheet is of, in the frame's metres as all shapes.
    around : sequence of (name, geometry)
        Regions in the frame but `region`; on the sheet of the whole, all of them.
    inner : sequence of geometry
        Coarser units within `region`.
    study : sequence of geometry
        All regions, for the small map; empty where there is none.
    """

    frame: Frame
    picture: Any
    region: BaseGeometry
    around: Sequence[tuple[str, BaseGeometry]]
    inner: Sequence[BaseGeometry] = ()
    study: Sequence[BaseGeometry] = ()


class Atlas:
    """The regions of a run, ready to be looked at one after the other."""

    def __init__(self, results: Results) -> None:
        self.root = results.root
        frame = results.regions.to_crs("EPSG:4326")
        self.codes = [str(code) for code in frame["region_code"]]
        self.names = [str(name) for name in frame["region_name"]]
        self.shapes = gpd.GeoSeries(shapely.make_valid(frame.geometry.to_numpy()), crs=frame.crs)
        parents = [str(name) for name in results.meta["study"].get("parents") or ()]
        self.parent = frame[parents[0]].astype(str).tolist() if parents else []

    @cached_property
    def small(self) -> gpd.GeoSeries:
        """All regions, their borders simplified together, for the map that shows where one lies."""
        west, south, east, north = self.shapes.total_bounds
        step = max(east - west, north - south) * SMALL
        shapes = shapely.coverage_simplify(self.shapes.to_numpy(), step)
        return gpd.GeoSeries(shapes, crs=self.shapes.crs)

    def scene(self, code: str, layer: Mapping[str, Any], *, size: tuple[float, float]) -> Scene:
        """Return what lies in the frame of a region, or of the whole.

        Parameters
        ----------
        code : str
            Of a region, or `ALL`.
        layer : mapping
            Record of the picture to be shown.
        size : (width, height)
            Of the frame on paper [m].
        """
        own = range(len(self.codes)) if code == ALL else [self.codes.index(code)]
        frame = frame_of(self.shapes.iloc[list(own)], size)
        near = self._near(frame)
        drawn = dict(zip(near, self._drawn(near, frame), strict=True))
        picture = painted(self.root, layer, frame=frame, paper=size[0])
        if code == ALL:
            whole = shapely.union_all(list(drawn.values()))
            around = [(self.names[place], shape) for place, shape in drawn.items()]
            return Scene(frame, picture, whole, around, inner=self._coarser(drawn))
        region = drawn.pop(own[0])
        around = [(self.names[place], shape) for place, shape in drawn.items()]
        study = self.small.to_crs(frame.crs)
        return Scene(frame, picture, region, around, study=list(study))

    def _near(self, frame: Frame) -> list[int]:
        """Return the places of the regions that may lie in a frame."""
        left, bottom, right, top = frame.extent
        ring = shapely.segmentize(shapely.box(left, bottom, right, top), (right - left) / 20)
        xs, ys = frame.degrees(*shapely.get_coordinates(ring).T)
        box = shapely.box(xs.min(), ys.min(), xs.max(), ys.max())
        return sorted(int(place) for place in self.shapes.sindex.query(box))

    def _drawn(self, places: list[int], frame: Frame) -> list[BaseGeometry]:
        """Return regions in the frame's metres, as precise as paper shows; borders stay shared."""
        local = self.shapes.iloc[places].to_crs(frame.crs).to_numpy()
        simple = shapely.coverage_simplify(local, FINE * frame.ratio)
        return list(shapely.make_valid(simple))

    def _coarser(self, drawn: Mapping[int, BaseGeometry]) -> list[BaseGeometry]:
        """Return the next coarser units, put together from the regions drawn."""
        groups: dict[str, list[BaseGeometry]] = {}
        for place, shape in drawn.items():
            if self.parent and self.parent[place] not in ("", "None", "nan"):
                groups.setdefault(self.parent[place], []).append(shape)
        return [shapely.union_all(groups[name]) for name in sorted(groups)]


def outline_of(shape: BaseGeometry) -> Outline:
    """Return a shape's rings as one path, holes included; an empty shape is an empty path."""
    rings = []
    for part in shapely.get_parts(shape):
        if part.geom_type == "Polygon":
            rings += [part.exterior, *part.interiors]
        elif part.geom_type == "GeometryCollection":
            return outline_of(shapely.union_all([p for p in part.geoms if p.area]))
    paths = [Outline(np.asarray(ring.coords), closed=True) for ring in rings]
    return Outline.make_compound_path(*paths) if paths else Outline(np.empty((0, 2)))
