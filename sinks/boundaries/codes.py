"""Codes, names and coarser levels of regions: text exactly as written, each code one thing."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Final

from sinks.boundaries.vectors import few
from sinks.checks import Problems
from sinks.sections import RegionsConfig

#: Code of the whole study, and its level; no region or parent may use them.
ALL: Final = "ALL"
STUDY_LEVEL: Final = "study"
REGION_LEVEL: Final = "region"
#: Column names that parents may not have, in any case of letters.
RESERVED: Final = frozenset(
    {"region_code", "region_name", "geometry", "geom", "fid", "level", "parent_code"}
    | {REGION_LEVEL, STUDY_LEVEL}
)
#: Longest code or name [characters].
MAX_TEXT: Final = 200
#: Codes stored as numbers of so many digits, and some of one more, have lost a leading zero.
SHORTEST_CODE: Final = 4
#: What a spreadsheet makes of a long code: digits are lost.
MANGLED: Final = re.compile(r"[0-9](?:[.][0-9]+)?[Ee][+][0-9]+|#+|#(?:N/A|REF!|VALUE!|NAME\?)")
#: Whole numbers beyond this are no longer exact in a column of floating point.
EXACT_FLOAT: Final = 2**53
#: Full-width forms of ASCII, which Chinese keyboards write.
FULL_WIDTH: Final = {0xFF01 + i: 0x21 + i for i in range(94)}
#: Format characters that belong to the spelling of some scripts (joiners).
JOINERS: Final = frozenset("\u200c\u200d")


def check_parents(config: RegionsConfig, *, file: str, problems: Problems) -> None:
    """Refuse parents that are named twice, or like a column or level of the results."""
    counts = Counter(parent.lower() for parent in config.parents)
    for parent in dict.fromkeys(config.parents):
        if parent.lower() in RESERVED or counts[parent.lower()] > 1:
            problems.error("regions.parent_name", file=file, place="parents", name=parent)


def row_labels(codes: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return how messages name the rows: name and code, or the row's number."""
    return [
        f"{name[:40]} ({code[:40]})" if code and name else f"#{row}"
        for row, (code, name) in enumerate(zip(codes, names, strict=True), start=1)
    ]


def texts_of(values: Sequence[object], column: str, *, file: str, problems: Problems) -> list[str]:
    """Return a column as text, exactly as written; "" where it is refused.

    Whole numbers become their digits. Floating-point columns that hold whole numbers (a code that
    went through a spreadsheet) are repaired; leading zeros that such a column has lost cannot be.
    """
    where = {"file": file, "place": column}
    texts = [_text(value) for value in values]
    number = [
        isinstance(value, float) and text is not None
        for value, text in zip(values, texts, strict=True)
    ]
    odd = [row for row, text in enumerate(texts, start=1) if text is None]
    lengths = {len(text) for text in texts if text}
    whole = all(isinstance(value, int | float) for value in values if value is not None)
    if whole and len(lengths) == 2 and max(lengths) - 1 == min(lengths) >= SHORTEST_CODE:
        few_digits = [text for text in texts if text and len(text) == min(lengths)]
        problems.warn(
            "regions.code_zeros", **where, count=len(few_digits), first=few(few_digits),
            digits=max(lengths),
        )  # fmt: skip
    if odd:
        problems.error(
            "regions.not_text", **where, count=len(odd), first=few([f"#{r}" for r in odd])
        )
    if any(number):
        example = next(text for text, is_number in zip(texts, number, strict=True) if is_number)
        problems.repair("regions.code_number", **where, count=sum(number), example=example)
    clean = [_clean(text or "") for text in texts]
    trimmed = sum(
        text is not None and text != tidy for text, tidy in zip(texts, clean, strict=True)
    )
    if trimmed:
        problems.repair("regions.spaces", **where, count=trimmed)
    empty = [
        f"#{row}"
        for row, (text, tidy) in enumerate(zip(texts, clean, strict=True), start=1)
        if text is not None and not tidy
    ]
    if empty:
        problems.error("regions.empty_text", **where, count=len(empty), first=few(empty))
    long = [f"#{row}" for row, tidy in enumerate(clean, start=1) if len(tidy) > MAX_TEXT]
    if long:
        problems.error(
            "regions.text_too_long", **where, count=len(long), first=few(long), limit=MAX_TEXT
        )
    return clean


def _text(value: object) -> str | None:
    """Return a cell as text, "" if it is empty, None if it is neither text nor a whole number."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT_FLOAT:
        return str(int(value))
    return None


def plain_text(value: object) -> str:
    """Return a cell as text for comparing: whole numbers as their digits, "" for anything else."""
    return _clean(_text(value) or "").translate(FULL_WIDTH)


def _clean(text: str) -> str:
    r"""Return text composed (NFC), without invisible characters and without space around it.

    The same letter can be written in one character or in two; a code is one code all the same.

    Examples
    --------
    >>> _clean("\ufeff 420102\u3000")
    '420102'
    """
    text = re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", text)
    kept = [c for c in text if c in JOINERS or unicodedata.category(c) not in ("Cf", "Cs")]
    return unicodedata.normalize("NFC", "".join(kept)).strip()


def plain_codes(codes: Sequence[str], column: str, *, file: str, problems: Problems) -> list[str]:
    """Return codes with full-width letters and digits made plain, told as a repair."""
    plain = [code.translate(FULL_WIDTH) for code in codes]
    changed = [code for code, other in zip(plain, codes, strict=True) if code != other]
    if changed:
        problems.repair(
            "regions.full_width", file=file, place=column, count=len(changed), example=changed[0]
        )
    return plain


def _check_mangled(codes: Sequence[str], column: str, *, file: str, problems: Problems) -> None:
    """Refuse codes that a spreadsheet has turned into numbers or errors."""
    bad = [code for code in codes if MANGLED.fullmatch(code)]
    if bad:
        problems.error(
            "regions.code_mangled", file=file, place=column, count=len(bad), first=few(bad)
        )


def check_codes(
    config: RegionsConfig,
    texts: dict[str, list[str]],
    *,
    file: str,
    problems: Problems,
) -> None:
    """Refuse codes that stand for two things: rows, levels, or the whole."""
    codes, names = texts[config.code], texts[config.name]
    _check_mangled(codes, config.code, file=file, problems=problems)
    rows: dict[str, list[str]] = {}
    for row, (code, name) in enumerate(zip(codes, names, strict=True), start=1):
        rows.setdefault(code, []).append(f"{name[:40]} #{row}")
    repeated = [f"{code}: {few(who)}" for code, who in rows.items() if code and len(who) > 1]
    if repeated:
        problems.error(
            "regions.duplicate_code",
            file=file,
            place=config.code,
            count=len(repeated),
            first=few(repeated),
        )
    users: dict[str, set[str]] = {ALL: {STUDY_LEVEL}}
    for column, level in ((config.code, REGION_LEVEL), *((p, p) for p in config.parents)):
        for code in filter(None, texts[column]):
            users.setdefault(code, set()).add(level)
    twice = [f"{code} ({', '.join(sorted(u))})" for code, u in users.items() if len(u) > 1]
    if twice:
        problems.error("regions.code_in_two_levels", file=file, count=len(twice), first=few(twice))
    for finer, coarser in zip(config.parents, config.parents[1:], strict=False):
        _check_nesting(texts, (finer, coarser), file=file, problems=problems)


def _check_nesting(
    texts: dict[str, list[str]], levels: tuple[str, str], *, file: str, problems: Problems
) -> None:
    """Refuse a group that lies in two groups of the next level: sums would not add up."""
    finer, coarser = levels
    above: dict[str, set[str]] = {}
    for low, high in zip(texts[finer], texts[coarser], strict=True):
        if low and high:
            above.setdefault(low, set()).add(high)
    torn = [
        f"{low} → {', '.join(sorted(high)[:4])}" for low, high in above.items() if len(high) > 1
    ]
    if torn:
        problems.error(
            "regions.not_nested",
            file=file,
            place=finer,
            finer=finer,
            coarser=coarser,
            count=len(torn),
            first=few(torn),
        )
