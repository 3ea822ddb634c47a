"""`[map]` of the study: a base map from outside for those who want one, in the right datum.

China's commercial map services draw in GCJ-02 or BD-09, some hundred metres off WGS 84 by a rule
that nothing on the map shows. Boundaries over such tiles would look wrong and be read as right, so
those services are refused. 天地图 (Tianditu) draws in CGCS2000, which agrees with WGS 84 within
decimetres.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import Field

from sinks.checks import Problems
from sinks.validation import Part, shown

TIANDITU: Final = "tianditu"
#: Services whose tiles lie in GCJ-02 or BD-09, by the end of their host's name.
SHIFTED: Final = (
    "amap.com", "autonavi.com", "gaode.com", "gtimg.com", "map.qq.com", "google.cn",
    "google.com", "googleapis.com", "gstatic.com", "bdimg.com", "baidu.com", "sogou.com",
    "mapbox.cn", "mapabc.com",
)  # fmt: skip
#: Layers of 天地图 by what they show: the picture and the names on it.
LAYERS: Final = ("vec", "cva")
#: A host's name; ``{s}`` stands in its first part, for which the policy has a wildcard.
HOST: Final = re.compile(r"([A-Za-z0-9-]*\{s\}\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?")
KEY: Final = r"^[0-9A-Za-z]{8,64}$"


class MapConfig(Part):
    """`[map]`: a base map that the reader may switch on; without it the map needs no network."""

    basemap: str | None = Field(
        None, max_length=500, description='"tianditu", or the address of tiles in WGS 84'
    )
    key: str | None = Field(None, pattern=KEY, description="your own key of 天地图")
    attribution: str | None = Field(None, max_length=200, description="whose base map it is")


def check_map(config: MapConfig, *, file: str, problems: Problems) -> None:
    """Report a base map that cannot be used.

    Parameters
    ----------
    config : MapConfig
    file : str
        The study file.
    problems : Problems
    """
    if config.basemap is None:
        return
    if config.basemap == TIANDITU:
        if config.key is None:
            problems.error("study.basemap_key", file=file, place="map.key")
        return
    found = shown(config.basemap)
    parts = urlsplit(config.basemap)
    complete = all(mark in config.basemap for mark in ("{z}", "{x}", "{y}"))
    if parts.scheme != "https" or not HOST.fullmatch(parts.netloc) or not complete:
        problems.error("study.basemap_address", file=file, place="map.basemap", found=found)
        return
    name = parts.netloc.partition(":")[0].lower()
    if any(name == host or name.endswith(f".{host}") for host in SHIFTED):
        problems.error("study.basemap_shifted", file=file, place="map.basemap", found=found)
    elif config.attribution is None:
        problems.error("study.basemap_attribution", file=file, place="map.attribution")


def basemap_of(config: MapConfig) -> dict[str, Any] | None:
    """Return how a page draws the base map; None without one.

    Returns
    -------
    dict or None
        ``urls`` of the tiles from below to above, ``subdomains``, ``attribution`` (None: the
        page names 天地图 in its own language), and ``hosts`` for the page's security policy.
    """
    if config.basemap is None:
        return None
    if config.basemap == TIANDITU:
        form = (
            "https://t{{s}}.tianditu.gov.cn/{0}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0"
            "&LAYER={0}&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={{z}}"
            "&TILEROW={{y}}&TILECOL={{x}}&tk={1}"
        )
        return {
            "urls": [form.format(layer, config.key) for layer in LAYERS],
            "subdomains": "01234567",
            "attribution": config.attribution,
            "hosts": ["https://*.tianditu.gov.cn"],
        }
    host = urlsplit(config.basemap).netloc
    return {
        "urls": [config.basemap],
        "subdomains": "abc",
        "attribution": config.attribution,
        "hosts": ["https://" + re.sub(r"^[A-Za-z0-9-]*\{s\}", "*", host)],
    }
