"""Tiles of any kind as one PMTiles archive (version 3): one file, read by parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

Place = tuple[int, int, int]
Held = tuple[Place, bytes]


def write_archive(
    path: Path,
    tiles: Sequence[Held],
    *,
    kind: tuple[TileType, Compression],
    bounds: tuple[float, float, float, float],
    metadata: Mapping[str, Any],
) -> None:
    """Write tiles into one archive, in the order of their ids; none without a tile.

    Parameters
    ----------
    path : Path
    tiles : sequence of ((zoom, x, y), content)
    kind : (TileType, Compression)
    bounds : (west, south, east, north)
        [degrees]
    metadata : mapping
    """
    if not tiles:
        return
    zooms = [place[0] for place, _ in tiles]
    e7 = [round(value * 1e7) for value in bounds]
    header = {
        "tile_type": kind[0], "tile_compression": kind[1],
        "min_zoom": min(zooms), "max_zoom": max(zooms),
        "min_lon_e7": e7[0], "min_lat_e7": e7[1], "max_lon_e7": e7[2], "max_lat_e7": e7[3],
        "center_zoom": min(zooms),
        "center_lon_e7": (e7[0] + e7[2]) // 2, "center_lat_e7": (e7[1] + e7[3]) // 2,
    }  # fmt: skip
    with path.open("wb") as stream:
        writer = Writer(stream)
        for tile_id, tile in sorted((zxy_to_tileid(*place), tile) for place, tile in tiles):
            writer.write_tile(tile_id, tile)
        writer.finalize(header, dict(metadata))
