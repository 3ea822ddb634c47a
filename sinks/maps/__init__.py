"""The offline map: reads results, never computes them."""

from sinks.maps.page import render_map, write_map

__all__ = ["render_map", "write_map"]
