"""Forest types, and the names and codes by which inventories know them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.parameters import load_table

Strings = npt.NDArray[np.str_]


@cache
def _types() -> pd.DataFrame:
    return load_table("models/forest_types").set_index("forest_type")


def forest_types() -> pd.DataFrame:
    """Return the forest types, one row per key: names, leaf, parent, stratum.

    Examples
    --------
    >>> forest_types().loc["masson_pine", "name_zh"]
    '马尾松'
    """
    return _types().copy()


@cache
def _names() -> dict[str, str]:
    table = load_table("models/species_names")
    names = {
        _plain(name): kind for name, kind in zip(table["name"], table["forest_type"], strict=True)
    }
    codes = load_table("models/species_codes")
    return names | dict(zip(codes["code"], codes["forest_type"], strict=True))


def _plain(name: object) -> str:
    """Return a name as it is compared: small letters, single spaces, no trailing ``.0``."""
    text = " ".join(str(name).replace("（", "(").replace("）", ")").split()).lower()
    return text.removesuffix(".0")


def forest_type_of(name: str) -> str | None:
    """Return the forest type of a species, a forest type or a national code, None if unknown.

    Parameters
    ----------
    name : str
        Chinese, scientific or English name, or the code of the dominant species as text.

    Notes
    -----
    A scientific name that is not listed is known by its genus, with its author's name or not.

    Examples
    --------
    >>> forest_type_of("马尾松"), forest_type_of("Pinus massoniana Lamb."), forest_type_of("220")
    ('masson_pine', 'masson_pine', 'masson_pine')
    >>> forest_type_of("Quercus dentata"), forest_type_of("412"), forest_type_of("220000")
    ('oak', 'oak', 'masson_pine')
    """
    plain = _plain(name)
    known = _names()
    if plain in known:
        return known[plain]
    if plain.isdigit() and (len(plain) == 3 or plain.endswith("000")):
        # Codes are hierarchical: 421 is a kind of 420, 712 one of the family 700.
        return known.get(plain[:3]) or known.get(f"{plain[:2]}0") or known.get(f"{plain[0]}00")
    words = plain.split(" ")
    if len(words) > 1 and plain.isascii():
        return known.get(" ".join(words[:2])) or known.get(words[0])
    return None


def classify(names: Sequence[object]) -> tuple[Strings, dict[str, str]]:
    """Return the forest type of each name, and the nearest known names of those unknown.

    Parameters
    ----------
    names : sequence, dims (stand)

    Returns
    -------
    types : ndarray of str, dims (stand)
        Empty where the name is unknown.
    unknown : dict
        Each unknown name and the nearest known ones.

    Examples
    --------
    >>> types, unknown = classify(["杉木", "马尾杉"])
    >>> types.tolist(), unknown
    (['chinese_fir', ''], {'马尾杉': '马尾松, 马尾松林, 杉'})
    """
    codes, distinct = pd.factorize(np.asarray(names, dtype=object), use_na_sentinel=False)
    found = [forest_type_of(str(name)) if _given(name) else None for name in distinct]
    unknown = {
        str(name): near_names(str(name))
        for name, kind in zip(distinct, found, strict=True)
        if kind is None and _given(name)
    }
    return np.array([kind or "" for kind in found], dtype=str)[codes], unknown


def _given(name: object) -> bool:
    return not pd.isna(name) and str(name).strip() not in {"", "0", "0.0"}  # type: ignore[call-overload]


def near_names(name: str) -> str:
    """Return the names of forest types nearest to an unknown one.

    Of names alike, those with the fewest signs to change come first: Chinese names are so short
    that the share of common signs alone would prefer a name of one sign.

    Examples
    --------
    >>> near_names("杉目")
    '杉树, 杉木, 杉'
    """
    table = load_table("models/species_names")
    known = table.loc[table["kind"] != "key", "name"]
    close = difflib.get_close_matches(name, [str(own) for own in known], n=12, cutoff=0.5)
    return ", ".join(sorted(close, key=lambda own: _unlike(name, own))[:3]) or "\u2013"


def _unlike(name: str, other: str) -> tuple[int, int]:
    """Return how many signs to change make one name of another, and how they differ in length."""
    steps = difflib.SequenceMatcher(None, name, other).get_opcodes()
    changed = sum(max(b - a, d - c) for kind, a, b, c, d in steps if kind != "equal")
    return changed, abs(len(name) - len(other))


def lineage(forest_type: str) -> Iterable[str]:
    """Yield a forest type and those whose parameters may stand in for it, nearest first.

    Examples
    --------
    >>> list(lineage("schima"))
    ['schima', 'evergreen_broadleaf', 'hardwood', 'broadleaf_mixed', 'mixed']
    """
    while forest_type:
        yield forest_type
        forest_type = str(_types().loc[forest_type, "parent"])
