"""The page: a folium map that stands alone, without network, third-party names or chance.

folium carries the map; Leaflet comes from the XStatic-Leaflet wheel and is written into the file.
Data becomes HTML in one place (Jinja2 with autoescape, `_shell`) and script data in one place
(`script_data`, read back with ``JSON.parse`` and shown as text). A Content-Security-Policy admits
only the scripts and styles of this very file, by their hashes, and no network at all.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import folium
from branca.element import Element, Figure, MacroElement
from folium.template import Template
from markupsafe import Markup
from xstatic.pkg import leaflet

from sinks.escape import script_data, templates
from sinks.maps.coarse import shown_results
from sinks.maps.data import map_data
from sinks.maps.tiles import tile_sets
from sinks.texts import text

if TYPE_CHECKING:
    from sinks.results import Results

#: Our scripts, in the order they build on each other.
SCRIPTS: Final = (
    *("dom", "classes", "layers", "controls", "legend", "targets", "ranking", "panel"),
    *(
        "pixels",
        "vectortile",
        "stands",
        "measure",
        "pointer",
        "basemap",
        "charts",
        "why",
        "card",
        "swipe",
        "drawing",
        "map",
    ),
)
#: What is left for the policy's hashes until the page is written.
POLICY: Final = "SINKS-CONTENT-SECURITY-POLICY"
STATIC: Final = Path(__file__).parent / "static"

_PAGES: Final = templates("sinks.maps", "static")


def _leaflet_style() -> str:
    """Return Leaflet's style sheet without the pictures that it would load beside it."""
    style = (Path(leaflet.BASE_DIR) / "leaflet.css").read_text(encoding="utf-8")
    return re.sub(r"url\([^)]*\)", "none", style)


def _leaflet_script() -> str:
    """Return Leaflet without the address of its source map."""
    script = (Path(leaflet.BASE_DIR) / "leaflet.js").read_text(encoding="utf-8")
    return re.sub(r"//# sourceMappingURL=\S+", "", script)


def _script() -> str:
    """Return our scripts as one function, so that no name of theirs is global."""
    parts = [(STATIC / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    body = "\n".join(parts)
    return f'const sinksMap = (() => {{\n"use strict";\n{body}\nreturn {{ start, state }};\n}})();'


@dataclass(frozen=True)
class Site:
    """What stands beside a map that is not alone: one of a site.

    Attributes
    ----------
    tiles : mapping
        By picture what `sinks.publish.tiles.write_tiles` returns.
    pages : mapping of region code to address
    downloads : sequence of str
        Addresses.
    stands : sequence of mapping
        What `sinks.publish.stands.write_stands` returns.
    words : mapping
        Names of what the stands are, by kind, slug and language.
    """

    tiles: Mapping[str, Mapping[str, Any]]
    pages: Mapping[str, str]
    downloads: Sequence[str]
    stands: Sequence[Mapping[str, Any]] = ()
    words: Mapping[str, Any] = field(default_factory=dict)


class OfflineMap(folium.Map):
    """A `folium.Map` without its six addresses: no CDN, no base map, no Leaflet flag."""

    default_js: list[tuple[str, str]] = []  # noqa: RUF012 - folium's own attribute
    default_css: list[tuple[str, str]] = []  # noqa: RUF012
    _template = Template(
        """
        {% macro html(this, kwargs) %}
        <div class="folium-map" id={{ this.get_name()|tojson }} role="region"></div>
        {% endmacro %}
        {% macro script(this, kwargs) %}
        var {{ this.get_name() }} = L.map(
            {{ this.get_name()|tojson }},
            {center: {{ this.location|tojson }}, ...{{ this.options|tojavascript }}}
        );
        {% endmacro %}
        """
    )

    def __init__(self, bounds: list[list[float]]) -> None:
        (south, west), (north, east) = bounds
        super().__init__(
            location=[(south + north) / 2, (west + east) / 2],
            tiles=None,
            zoom_control=False,
            zoom_snap=0.1,
            zoom_delta=0.5,
            wheel_px_per_zoom_level=120,
            attribution_control=False,
        )
        self.options["maxZoom"] = 22


class _Page(Figure):
    """A branca figure whose document has a language and its scripts inside the body."""

    _template = Template((STATIC / "page.html.j2").read_text(encoding="utf-8"))

    def __init__(self, language: str, tail: str) -> None:
        super().__init__()
        self.language, self.tail = language, tail


class _Raw(Element):
    """Text that is already in the language of its place; never passed through a template."""

    _template = Template("{{ this.content }}")

    def __init__(self, content: str) -> None:
        super().__init__()
        self.content = content


class _Start(MacroElement):
    """Our script, after folium's own: it takes over the map."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
        {{ this.code }}
        sinksMap.start({{ this._parent.get_name() }});
        {% endmacro %}
        """
    )

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.code = _script()


def _tiles(results: Results) -> str:
    """Return the tiles of every picture as data that the page reads when it shows them."""
    return "\n".join(
        f'<script type="application/json" id="sinks-tiles-{name}">{script_data(tiles)}</script>'
        for name, tiles in tile_sets(results).items()
    )


def _corner(results: Results) -> str:
    """Return the two lines that no map may lack: synthetic or not, approved or not."""
    study = results.meta["study"]
    say = partial(text, language=results.language)
    approval = study.get("map_approval")
    words = [say("map.synthetic")] if study.get("synthetic") else []
    words.append(
        say("map.approval.number", number=approval) if approval else say("map.approval.none")
    )
    return "  ·  ".join(words)


def _shell(results: Results, data: dict[str, Any]) -> str:
    """Return the page's own markup. The only place where text from data becomes HTML."""
    return _PAGES.get_template("shell.html.j2").render(
        title=results.title,
        text=partial(text, language=results.language),
        corner=_corner(results),
        data=script_data(data),
    )


def _head(title: str, *, served: bool) -> str:
    """Return the document's head; where it is served, a browser is told that there is no icon."""
    style = (STATIC / "map.css").read_text(encoding="utf-8")
    return _PAGES.get_template("head.html.j2").render(
        title=title,
        served=served,
        policy=POLICY,
        leaflet_style=Markup(_leaflet_style()),  # noqa: S704 - files of ours and of a wheel
        style=Markup(style),  # noqa: S704
        leaflet_script=Markup(_leaflet_script()),  # noqa: S704
    )


def _number(element: Element, start: int = 0) -> int:
    """Name every element by its place in the tree: folium's own ids are random."""
    element._id = f"{start:04d}"
    for child in element._children.values():
        start = _number(child, start + 1)
    return start


def _policy(page: str, *, hosts: Sequence[str]) -> str:
    """Return the policy that admits this page's inline scripts and styles and nothing else.

    Pictures may come from the hosts of the base map that the study names, if it names one.
    """

    def hashes(tag: str) -> str:
        found = re.findall(rf"<{tag}>(.*?)</{tag}>", page, flags=re.DOTALL)
        digests = (hashlib.sha256(body.encode()).digest() for body in found)
        return " ".join(f"'sha256-{base64.b64encode(item).decode('ascii')}'" for item in digests)

    return (
        f"default-src 'none'; script-src {hashes('script')}; style-src {hashes('style')}; "
        f"img-src {' '.join(['data:', *hosts])}; base-uri 'none'; form-action 'none'"
    )


def render_map(results: Results, site: Site | None = None) -> str:
    """Return the map of a finished run as one HTML document.

    Parameters
    ----------
    results : Results
    site : Site, optional
        Where tiles, pages and downloads stand beside the map; without it the map stands alone.

    Returns
    -------
    str
        The same for the same results, to the byte.
    """
    results = shown_results(results)
    data = map_data(results)
    if site is not None:
        data["layers"] = [layer | dict(site.tiles[layer["name"]]) for layer in data["layers"]]
        data["layers"] += [dict(record) for record in site.stands]
        data |= {"pages": dict(site.pages), "downloads": list(site.downloads)}
        data["standNames"] = dict(site.words)
    page = _Page(results.language, _tiles(results) if site is None else "")
    page.header._children.clear()  # the head template has its own charset line, and first
    page.header.add_child(_Raw(_head(results.title, served=site is not None)))
    page.html.add_child(_Raw(_shell(results, data)))
    carrier = OfflineMap(data["bounds"])
    page.add_child(carrier)
    carrier.add_child(_Start())
    _number(page)
    document = str(page.render())
    hosts = [*(data["basemap"] or {}).get("hosts", []), *(["'self'", "file:"] if site else [])]
    own = "; connect-src 'self'" if site and site.stands else ""
    return document.replace(POLICY, _policy(document, hosts=hosts) + own, 1)


def write_map(results: Results, path: Path) -> None:
    """Write the map of a finished run: one file, opened from disk, without a network.

    Parameters
    ----------
    results : Results
        A finished run.
    path : Path
        The HTML file to write.
    """
    path.write_bytes(render_map(results).encode("utf-8"))
