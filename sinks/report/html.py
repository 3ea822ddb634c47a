"""The report: one offline HTML file that prints on A4, in the study's language."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from sinks.escape import templates
from sinks.report.page import page
from sinks.results import Results


def render_report(results: Results) -> str:
    """Return the report as one HTML document.

    Parameters
    ----------
    results : Results
        A finished run.

    Returns
    -------
    str
        No script, no address of a network; the style is the only one its policy lets through,
        named by hash. Equal results give equal text.

    Notes
    -----
    Names, sources and messages come from inputs: they are escaped where they are printed, and the
    content security policy stops what an escape might miss.
    """
    environment = templates("sinks", "templates")
    style = environment.get_template("report.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return environment.get_template("report.html.j2").render(policy=policy, **page(results))


def write_report(results: Results, path: Path) -> None:
    """Write the report of a finished run.

    Parameters
    ----------
    results : Results
    path : Path
        The file to write, UTF-8.
    """
    Path(path).write_text(render_report(results), encoding="utf-8", newline="\n")
