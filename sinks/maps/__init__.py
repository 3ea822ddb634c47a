"""The offline map: reads results, never computes them."""

from sinks.maps.page import Site, render_map, write_map

__all__ = ["Site", "render_map", "write_map"]
