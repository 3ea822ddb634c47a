"""How results, legends and regions show themselves in a notebook: tables, all text escaped."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

#: Rows of a table shown; the rest is counted.
SHOWN = 12


def table(title: str, head: Sequence[str], *, rows: Sequence[Sequence[object]]) -> str:
    """Return a table as HTML.

    Parameters
    ----------
    title : str
    head : sequence of str
        Headings of the columns.
    rows : sequence of sequence
        Cells; `Markup` stays as it is, all else is escaped. At most `SHOWN` are printed.

    Returns
    -------
    str

    Examples
    --------
    >>> "&lt;b&gt;" in table("<b>", ["a"], rows=[["x"]])
    True
    """
    cells = Markup("").join(Markup("<th>{}</th>").format(name) for name in head)
    lines = [
        Markup("<tr>{}</tr>").format(
            Markup("").join(Markup("<td>{}</td>").format(cell) for cell in row)
        )
        for row in rows[:SHOWN]
    ]
    more = len(rows) - SHOWN
    if more > 0:
        lines.append(Markup('<tr><td colspan="{}">… +{:,}</td></tr>').format(len(head), more))
    return str(
        Markup(
            "<table><caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table>"
        ).format(title, cells, Markup("").join(lines))
    )


def swatch(colour: str) -> Markup:
    """Return a small field of a colour."""
    return Markup(
        '<span style="display:inline-block;width:2em;height:1em;background:{}"></span>'
    ).format(escape(colour))
