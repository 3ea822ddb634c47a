"""The report: one offline HTML file that prints on A4, in the study's language."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Final

from markupsafe import Markup

from sinks.escape import templates
from sinks.report.page import page
from sinks.results import Results

#: Letters of the title at the foot of a printed page.
TITLE: Final = 90


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
    built = page(results)
    foot = foot_of(str(built["header"]["title"]))
    style = environment.get_template("report.css").render(foot=foot)
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return environment.get_template("report.html.j2").render(policy=policy, foot=foot, **built)


def foot_of(title: str) -> Markup:
    """Return a title as the style sheet prints it at the foot of every page."""
    return _quoted(title if len(title) <= TITLE else title[: TITLE - 1] + "…")


def _quoted(words: str) -> Markup:
    r"""Return a text for a string of a style sheet: all but letters and digits by number.

    Examples
    --------
    >>> str(_quoted('A "b"'))
    'A\\20 \\22 b\\22 '
    """
    return Markup(  # noqa: S704 (nothing but letters, digits and numbers is left)
        "".join(
            sign if sign.isascii() and sign.isalnum() else f"\\{ord(sign):x} " for sign in words
        )
    )


def write_report(results: Results, path: Path) -> None:
    """Write the report of a finished run.

    Parameters
    ----------
    results : Results
    path : Path
        The file to write, UTF-8.
    """
    Path(path).write_text(render_report(results), encoding="utf-8", newline="\n")
