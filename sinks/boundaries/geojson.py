"""GeoJSON, read as text of its own: no GDAL, so that no other JSON dialect can slip in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import numpy as np
from pyproj import CRS
from pyproj.exceptions import CRSError
from shapely.errors import ShapelyError
from shapely.geometry import shape

from sinks.boundaries.vectors import (
    RefusedError,
    Request,
    VectorLayer,
    choose_layer,
    limit_rows,
    limit_size,
)
from sinks.checks import Problems

#: The names a GeoJSON may give a CRS; a `link` would be a file or an address and is refused.
CRS_NAME: Final = re.compile(
    r"urn:ogc:def:crs:(?P<urn_authority>\w+):[\w.]*:(?P<urn_code>\w+)"
    r"|(?P<authority>\w+):(?P<code>\w+)",
    re.ASCII,
)
#: GeoJSON without a `crs` member: longitude and latitude, WGS 84 (RFC 7946 §4).
WGS84: Final = "EPSG:4326"


def read_geojson(path: Path, request: Request, *, problems: Problems) -> VectorLayer:
    """Read a GeoJSON feature collection or feature.

    Raises
    ------
    RefusedError
        If it is too large, no JSON, no GeoJSON, or lacks a wanted column.
    """
    # As text, its numbers take some ten times more memory than they would in a GeoPackage.
    limit_size(path.stat().st_size, request.limits.geojson_mb, key="geojson_mb")
    document = _parse(path.read_bytes(), request, problems=problems)
    choose_layer([str(document.get("name", path.stem))], request.layer)
    features = _features(document)
    limit_rows(len(features), request.limits)
    if not features:
        raise RefusedError("regions.no_rows")
    rows = [_properties(feature) for feature in features]
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in request.wanted(names)}
    geometry = np.full(len(features), None, dtype=object)
    unreadable, open_rings = [], 0
    for row, feature in enumerate(features):
        try:
            member = feature.get("geometry")
            open_rings += _open_rings(member)
            with np.errstate(invalid="ignore"):  # NaN is told of later, with its region's name
                geometry[row] = None if member is None else shape(member)
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError, ShapelyError):
            unreadable.append(row)
    if open_rings:
        problems.repair("regions.ring_open", file=request.shown, count=open_rings)
    return VectorLayer(columns, geometry, tuple(unreadable), _crs(document))


def _open_rings(member: object) -> int:
    """Count rings whose last point is not their first; shapely closes them.

    Raises
    ------
    TypeError
        If a coordinate is text, which shapely would take for a number.
    """
    if not isinstance(member, dict):
        return 0
    found = sum(map(_open_rings, member.get("geometries") or ()))
    parts = member.get("coordinates") or ()
    if member.get("type") not in ("Polygon", "MultiPolygon"):
        return found
    for ring in parts if member["type"] == "Polygon" else (r for part in parts for r in part):
        if any(isinstance(number, str) for number in ring[0]):
            raise TypeError("text for a number")
        found += ring[0] != ring[-1]
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of JSON whose keys stand once; of two values neither is surely meant."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:40]!r} stands twice")
    return made


def _parse(data: bytes, request: Request, *, problems: Problems) -> dict[str, Any]:
    """Decode and parse the text, which the standard wants in UTF-8."""
    encodings = [request.encoding] if request.encoding else ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            content = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "gb18030":
            problems.repair("regions.encoding_detected", file=request.shown, encoding="GB18030")
        try:
            document = json.loads(content, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise RefusedError("regions.corrupt", reason=f"JSON: {str(error)[:150]}") from error
        if isinstance(document, dict):
            return document
        raise RefusedError("regions.not_geojson", found=type(document).__name__)
    raise RefusedError("regions.encoding_wrong", encoding=", ".join(encodings))


def _features(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the features; refuse other kinds of JSON by the name they give themselves."""
    kind = document.get("type")
    features = document.get("features") if kind == "FeatureCollection" else [document]
    if kind not in ("FeatureCollection", "Feature") or not isinstance(features, list):
        raise RefusedError("regions.not_geojson", found=f"type = {str(kind)[:60]!r}")
    if not all(isinstance(item, dict) and item.get("type") == "Feature" for item in features):
        raise RefusedError("regions.not_geojson", found='features[…].type ≠ "Feature"')
    return features


def _properties(feature: dict[str, Any]) -> dict[str, object]:
    """Return a feature's properties; its own `id` stands in for a property of that name."""
    properties = feature.get("properties")
    row = dict(properties) if isinstance(properties, dict) else {}
    if "id" in feature and "id" not in row:
        row["id"] = feature["id"]
    return row


def _crs(document: dict[str, Any]) -> CRS | None:
    """Return the CRS of the pre-2016 `crs` member, or WGS 84 where there is none."""
    if "crs" not in document:
        return CRS.from_user_input(WGS84)
    member = document["crs"]
    if member is None:
        return None
    properties = member.get("properties") if isinstance(member, dict) else None
    own = properties.get("name") if isinstance(properties, dict) else None
    name = str(own or member)[:120]
    match = CRS_NAME.fullmatch(name)
    if match is None:
        raise RefusedError("regions.crs_unknown", found=name)
    authority = match["urn_authority"] or match["authority"]
    code = match["urn_code"] or match["code"]
    if (authority.upper(), code.upper()) == ("OGC", "CRS84"):
        return CRS.from_user_input(WGS84)
    try:
        return CRS.from_authority(authority, code)
    except CRSError as error:
        raise RefusedError("regions.crs_unknown", found=name) from error
