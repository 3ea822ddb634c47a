"""The site: the map, a page per region, tiles and downloads, for any static server."""

from sinks.publish.site import publish

__all__ = ["publish"]
