"""The one way in: which reader takes which file, by its ending and its first bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from sinks.boundaries.geojson import read_geojson
from sinks.boundaries.geopackage import is_geopackage, read_geopackage
from sinks.boundaries.shapefile import is_shapefile, read_shapefile, read_zip
from sinks.boundaries.vectors import RefusedError, Request, VectorLayer, limit_size
from sinks.checks import Problems
from sinks.limits import ordinary


class Reader(Protocol):
    """What reads one kind of file."""

    def __call__(self, path: Path, request: Request, *, problems: Problems) -> VectorLayer:
        """Return the layer, or raise `RefusedError`."""


#: By ending: what the first bytes must be, and who reads the file. There is no other way in.
READERS: Final[dict[str, tuple[Callable[[bytes], bool], Reader]]] = {
    ".gpkg": (is_geopackage, read_geopackage),
    ".geojson": (lambda head: head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"), read_geojson),
    ".json": (lambda head: head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"), read_geojson),
    ".shp": (is_shapefile, read_shapefile),
    ".zip": (lambda head: head.startswith(b"PK\x03\x04"), read_zip),
}
HEAD_BYTES: Final = 256


def read_layer(path: Path, request: Request, *, problems: Problems) -> VectorLayer | None:
    """Read the columns and polygons of a GeoPackage, GeoJSON, Shapefile or zipped Shapefile.

    Parameters
    ----------
    path : Path
        The file.
    request : Request
        Which columns and layer, and how messages name the file.
    problems : Problems
        Takes what was found, repaired or refused.

    Returns
    -------
    VectorLayer or None
        None if the file was refused; then `problems` says why.

    Notes
    -----
    The ending chooses the reader and the first bytes must agree with it; no content is guessed.
    """
    try:
        return _read(path, request, problems=problems)
    except RefusedError as refusal:
        problems.error(refusal.code, file=request.shown, **refusal.values)
    except OSError as error:
        problems.error(
            "regions.unreadable", file=request.shown, reason=error.strerror or str(error)
        )
    return None


def _read(path: Path, request: Request, *, problems: Problems) -> VectorLayer:
    if path.suffix.lower() not in READERS:
        raise RefusedError("regions.format", suffix=path.suffix or "-")
    if request.encoding is not None:
        _check_encoding(request.encoding)
    fits, reader = READERS[path.suffix.lower()]
    limit_size(ordinary(path).stat().st_size, request.limits.boundary_mb, key="boundary_mb")
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if not fits(head):
        raise RefusedError("regions.content", found=repr(head[:24])[1:])
    return reader(path, request, problems=problems)


def _check_encoding(encoding: str) -> None:
    """Refuse an asserted encoding that Python does not know as one of text."""
    try:
        b"1".decode(encoding)
    except (LookupError, ValueError) as error:
        raise RefusedError("regions.encoding_unknown", encoding=encoding) from error
