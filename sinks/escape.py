"""Where text from data leaves for a place with rules of its own: each place has one function here.

HTML and SVG are escaped by `markupsafe`, which Jinja2 (`templates`) and the report's drawings call
for every piece of text; `script_data` writes what a page's script reads; `spreadsheet_cell` keeps a
spreadsheet from taking text for a formula; `is_file_name` says what may be the name of a file. No
name from data becomes a path.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

#: Text that a spreadsheet takes for a formula, in China and Japan after full-width signs, too.
FORMULA: Final = re.compile(r"'*[=+\-@\t\r＝＋－＠].", re.DOTALL)
#: A file's or folder's own name: nothing hidden, nothing that leads elsewhere.
FILE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
#: Names that Windows keeps for devices, and names that it cuts.
RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|.*\.", re.IGNORECASE)
#: Longest name of a file without its ending [bytes]; every system takes it.
LONGEST_STEM: Final = 120
#: What could end a script element, open a comment or break a line in an old parser.
SCRIPT_SIGNS: Final = "<>&\u2028\u2029"


def templates(package: str, folder: str) -> Environment:
    """Return a template engine for HTML: everything escaped, nothing undefined printed."""
    return Environment(
        loader=PackageLoader(package, folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def script_data(value: Any) -> Markup:
    r"""Return JSON that is safe inside a script element.

    The five characters that could end the element, open a comment or break an old parser are
    written as JSON's own escapes, so the parsed value is unchanged.

    Examples
    --------
    >>> str(script_data("</script>&"))
    '"\\u003c/script\\u003e\\u0026"'
    """
    written = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in SCRIPT_SIGNS:
        written = written.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(written)  # noqa: S704 - escaped for its place just above


def spreadsheet_cell(text: str) -> str:
    """Return text as a CSV cell that a spreadsheet shows and does not compute.

    Examples
    --------
    >>> spreadsheet_cell("=1+1"), spreadsheet_cell("O'Brien")
    ("'=1+1", "O'Brien")
    """
    return f"'{text}" if FORMULA.match(text) else text


def text_of_cell(cell: str) -> str:
    """Return the text that `spreadsheet_cell` made a cell of.

    Examples
    --------
    >>> text_of_cell("'=1+1"), text_of_cell("'t Hooft")
    ('=1+1', "'t Hooft")
    """
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell[1:]) else cell


def is_file_name(text: str) -> bool:
    """Tell whether text can be the name of a file inside a folder of ours.

    Examples
    --------
    >>> is_file_name("study.toml"), is_file_name("../study.toml"), is_file_name(".hidden")
    (True, False, False)
    """
    return FILE_NAME.fullmatch(text) is not None


def file_stem(code: str) -> str:
    """Return a code as a file's name without ending, or its bytes in hex where it is no name.

    Codes that differ only in case, or that name a device of Windows, are no names; what is too
    long for a file's name goes by its hash.

    Examples
    --------
    >>> file_stem("420102"), file_stem("a/b"), file_stem("CON")
    ('420102', 'x-612f62', 'x-434f4e')
    """
    plain = is_file_name(code) and not code.startswith("x-") and code == code.lower()
    if plain and len(code) <= LONGEST_STEM and not RESERVED.fullmatch(code):
        return code
    written = code.encode().hex()
    return f"x-{written if len(written) <= LONGEST_STEM else sha256(code.encode()).hexdigest()}"
