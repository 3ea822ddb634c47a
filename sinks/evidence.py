"""What the figure of a target rests on, in words: maps, plots of volume, an official source."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from sinks.chain import WHOLE, records
from sinks.results import Results
from sinks.wording import Scale, Words, half_width

BASES = ("measured", "estimated", "reported")


@dataclass(frozen=True)
class Evidence:
    """Where a target's figure comes from, and the official one beside it.

    Attributes
    ----------
    basis : str
        ``measured``, ``estimated`` or ``reported``.
    source : str
        What an estimate rests on, or who reported.
    official, official_se : float
        Official figure in the target's unit; NaN where the study names none.
    official_source : str
    """

    basis: str = "measured"
    source: str = ""
    official: float = math.nan
    official_se: float = math.nan
    official_source: str = ""

    @property
    def beside(self) -> bool:
        """Whether an official figure stands beside one of the study's own."""
        return self.basis != "reported" and math.isfinite(self.official)


def evidence_of(row: dict[str, Any], info: dict[str, Any]) -> Evidence:
    """Return what stands behind a row of `tables/targets.csv`.

    Parameters
    ----------
    row : dict
    info : dict
        The target as the manifest has it.
    """
    basis = str(row.get("basis") or "")
    said = str((info.get("reported") or {}).get("source") or "")
    return Evidence(
        basis if basis in BASES else "measured",
        str(row.get("basis_source") or "") or (said if basis == "reported" else ""),
        float(row.get("official", math.nan)), float(row.get("official_se", math.nan)), said,
    )  # fmt: skip


def reached(evidence: Evidence, words: Words, *, achieved: str, interval: str | None) -> str:
    """Return the clause on what was reached, e.g. "Official figure: 365 million m³ (bureau)".

    `interval` is None where there is none.
    """
    plain = "" if interval is not None else ".plain"
    return words.t(
        f"report.reached.{evidence.basis}{plain}", achieved=achieved, interval=interval or "",
        source=evidence.source,
    )  # fmt: skip


def verdict_without_draws(evidence: Evidence, words: Words, *, key: str) -> str:
    """Return what is said where no probability was computed."""
    if evidence.basis == "measured":
        return words.t(f"report.target.{key}.plain")
    return words.t(f"report.target.unstated.{evidence.basis}")


def _official(evidence: Evidence, words: Words, *, scale: Scale, signed: bool = False) -> str:
    ends = (evidence.official - evidence.official_se, evidence.official + evidence.official_se)
    return words.amount(evidence.official, scale, spread=half_width(*ends), signed=signed)


def beside(evidence: Evidence, words: Words, *, scale: Scale, signed: bool) -> list[str]:
    """Return the sentence on the official figure beside an estimate; nothing without one."""
    if not evidence.beside:
        return []
    shown = _official(evidence, words, scale=scale, signed=signed)
    return [words.t("report.reached.beside", official=shown, source=evidence.official_source)]


def basis_words(evidence: Evidence, words: Words, *, scale: Scale) -> str:
    """Return the cell of a ledger: what a figure rests on, and the official one beside it."""
    own = words.t(f"report.plan.{evidence.basis}", source=evidence.source)
    if not evidence.beside:
        return own
    shown = _official(evidence, words, scale=scale)
    return words.t("report.plan.beside", own=own, official=shown, source=evidence.official_source)


def volume_sentence(results: Results, words: Words) -> list[str]:
    """Return what the forests held of growing stock, and its change.

    Nothing without volumes, or where a target tells of them already.
    """
    groups, targets = results.tables.get("volume_groups"), results.tables["targets"]
    told = "basis" in targets and (targets["basis"] == "estimated").any()
    if groups is None or told:
        return []
    year, start, moves = results.last, results.first, results.tables["volume_change"]
    held = records(groups[(groups["level"] == WHOLE) & (groups["year"] == year)])[0]
    here = (moves["level"] == WHOLE) & (moves["start"] == start) & (moves["end"] == year)
    moved = records(moves[here])[0]
    shown: dict[str, str] = {}
    for name, row, value in (("held", held, "volume_m3"), ("moved", moved, "change_m3")):
        ends, amount = (float(row["low_m3"]), float(row["high_m3"])), float(row[value])
        scale, spread = words.unit("m3", abs(amount)), half_width(*ends)
        shown[name] = words.amount(amount, scale, spread=spread, signed=name == "moved")
        if math.isfinite(spread):
            between = words.interval(*ends, scale=scale)
            shown[name] = words.t("report.unit.both", first=shown[name], second=between)
    return [words.t("report.summary.volume", year=year, start=start, **shown)]
