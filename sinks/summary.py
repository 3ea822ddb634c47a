"""What a run found, in plain sentences: every number with unit, year and interval, honest verbs.

A change whose interval holds zero is "not detectable"; a target is met, not met or uncertain with
its probability; both readings of a carbon target's unit stand side by side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from sinks.chain import of_units, records, units, whole
from sinks.evidence import (
    Evidence,
    beside,
    evidence_of,
    reached,
    verdict_without_draws,
    volume_sentence,
)
from sinks.results import Results
from sinks.units import CARBON_UNITS, CO2_PER_C, HA_PER_MU
from sinks.wording import Words, half_width, number, significant

VERDICTS = ("met", "not_met", "uncertain")


@dataclass(frozen=True)
class Reading:
    """One reading of a target's unit: the figure of the document taken as `unit`.

    `share`, `low` and `high` are shares of what is required; `probability` is NaN where the run
    states none for this reading.
    """

    unit: str
    achieved: float
    required: float
    share: float
    low: float
    high: float
    probability: float
    verdict: str
    asked: bool


@dataclass(frozen=True)
class TargetLine:
    """One target for the whole study area, with every reading of its unit."""

    name: str
    info: dict[str, Any]
    start: int
    end: int
    quantity: str
    readings: tuple[Reading, ...]
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def title(self) -> str:
        """What the target is called for people: its title, or its short name."""
        return str(self.info.get("title") or self.name)


def words_of(results: Results) -> Words:
    """Return the words of the study's language, at the run's level."""
    return Words(results.language, float(results.meta["study"].get("level", 0.95)))


def span_of(results: Results) -> tuple[int, int]:
    """Return the first and the last year: the headline's period."""
    return int(results.first), int(results.last)


def change_of(results: Results) -> dict[str, Any]:
    """Return the whole's change row from the first to the last year."""
    rows = whole(results, "change")
    start, end = span_of(results)
    return dict(rows[(rows["start"] == start) & (rows["end"] == end)].iloc[0])


def stock_of(results: Results, year: int) -> dict[str, Any]:
    """Return the whole's row of `tables/regions.csv` in `year`."""
    rows = whole(results, "regions")
    return dict(rows[rows["year"] == year].iloc[0])


def finding(row: dict[str, Any]) -> str:
    """Return what a change row shows: ``up``, ``down``, ``none``, or ``unassessed``.

    ``unassessed`` is a run with one draw, or a region without data: without an interval nothing
    is detectable or not.
    """
    if row["change_t_c"] == 0:
        return "none"
    if not math.isfinite(half_width(row["low_t_c"], row["high_t_c"])):
        return "unassessed"
    if not bool(row["detectable"]):
        return "none"
    return "up" if row["change_t_c"] > 0 else "down"


def _against(low: float, high: float) -> str:
    """Return a verdict for a reading that carries no probability: by its interval alone."""
    if not math.isfinite(low) or not math.isfinite(high):
        return ""
    if low >= 1:
        return "above"
    return "below" if high < 1 else "spans"


def _share(value: float, required: float) -> float:
    return value / required if required else math.nan


def readings_of(row: dict[str, Any]) -> tuple[Reading, ...]:
    """Return the reading that the study asks for and, for carbon, the other one beside it.

    Parameters
    ----------
    row : dict
        A row of `tables/targets.csv`.
    """
    required = float(row["required"])
    ends = [float(row[name]) for name in ("low", "high")]
    asked = Reading(
        unit=str(row["unit"]),
        achieved=float(row["achieved"]),
        required=required,
        share=float(row["share_achieved"]),
        low=_share(ends[0], required),
        high=_share(ends[1], required),
        probability=float(row["probability"]),
        verdict=str(row["verdict"]),
        asked=True,
    )
    if asked.unit not in CARBON_UNITS or not row["other_unit"]:
        return (asked,)
    achieved = float(row["achieved_other_unit"])
    ratio = CO2_PER_C if row["other_unit"] == "t CO2" else 1 / CO2_PER_C
    low, high = (_share(end * ratio, required) for end in ends)
    given = row.get("probability_other_unit")
    other = Reading(
        unit=str(row["other_unit"]),
        achieved=achieved,
        required=required,
        share=_share(achieved, required),
        low=low,
        high=high,
        probability=float("nan" if given in (None, "") else given),
        verdict=str(row.get("verdict_other_unit", "") or _against(low, high)),
        asked=False,
    )
    return asked, other


def target_lines(results: Results) -> list[TargetLine]:
    """Return the ledger of the targets for the whole study area, in the study's order."""
    infos = {str(info["name"]): dict(info) for info in results.meta["study"].get("targets", ())}
    named = results.meta.get("settings", {}).get("overlays", ())
    titles = {str(item["name"]): str(item.get("title") or item["name"]) for item in named}
    for info in infos.values():
        info["overlay_title"] = titles.get(str(info.get("overlay")), "")
    lines = []
    for row in records(whole(results, "targets")):
        info = infos.get(str(row["target"]), {})
        start = row["start"]
        lines.append(
            TargetLine(
                name=str(row["target"]),
                info=info,
                start=int(start) if pd.notna(start) else int(row["end"]),
                end=int(row["end"]),
                quantity=str(row["quantity"]),
                readings=readings_of(row),
                evidence=evidence_of(row, info),
            )
        )
    return lines


def unit_words(results: Results) -> tuple[str, str]:
    """Return what to call the study's regions, plain and after a number."""
    codes = units(results)["region_code"]
    kind = "county" if codes.str.fullmatch(r"\d{6}").all() else "region"
    words = words_of(results)
    return words.t(f"report.word.{kind}.plain"), words.t(f"report.word.{kind}.counted")


def goal(line: TargetLine, words: Words) -> str:
    """Return what a target asks for, e.g. "+60 Mt C in forest (agb, bgb), 2010–2015"."""
    asked = line.readings[0]
    scale = words.unit(asked.unit, asked.required)
    kind = str(line.info.get("kind", "increase"))
    spoken = str(line.info.get("volume") or "") if line.quantity == "volume" else ""
    what = words.term("quantity", spoken or line.quantity)
    named = line.info.get("groups") or (["forest"] if spoken == "growing_stock" else [])
    counted = [words.term("group", str(item)) for item in named]
    counted += [str(item) for item in line.info.get(f"strata_{words.language}", ())]
    groups = words.t("report.list.comma").join(counted)
    if spoken and not groups:
        groups = words.t("report.goal.all")
    overlay = str(line.info.get("overlay_title") or "")
    if overlay:
        land = groups or words.t("report.goal.all")
        groups = words.t("report.goal.inside", groups=land, overlay=overlay)
    if line.quantity == "count" and overlay:
        required = words.exactly(asked.required, scale)
        return words.t("report.goal.count.of", overlay=overlay, required=required, end=line.end)
    pools = words.terms("pool", [str(item) for item in line.info.get("pools", ())])
    return words.t(
        f"report.goal.{kind}",
        required=words.both(asked.required, asked.unit),
        what=what,
        groups=groups,
        pools=words.t("report.goal.pools", pools=pools) if pools else "",
        start=line.start,
        end=line.end,
    )


def _stock_sentences(results: Results, words: Words) -> list[str]:
    end = span_of(results)[1]
    row = stock_of(results, end)
    scale = words.carbon(row["stock_t_c"])
    spread = half_width(row["low_t_c"], row["high_t_c"])
    gas = words.carbon(row["stock_t_c"] * CO2_PER_C, "co2")
    pools = words.terms("pool", [str(pool) for pool in results.meta.get("pools", ())])
    return [
        words.t(
            "report.summary.stock",
            year=end,
            value=words.amount(row["stock_t_c"], scale, spread=spread),
            interval=words.interval(row["low_t_c"], row["high_t_c"], scale=scale),
            co2=words.amount(row["stock_t_c"] * CO2_PER_C, gas, spread=spread * CO2_PER_C),
            pools=pools,
        )
    ]


def _change_sentences(results: Results, words: Words) -> list[str]:
    start, end = span_of(results)
    row = change_of(results)
    spread = half_width(row["low_t_c"], row["high_t_c"])
    biggest = max(abs(row["change_t_c"]), spread if math.isfinite(spread) else 0.0)
    scale, gas = words.carbon(biggest), words.carbon(biggest * CO2_PER_C, "co2")
    shown = finding(row)
    size = abs(row["change_t_c"]) if shown in ("up", "down") else row["change_t_c"]
    signed = shown not in ("up", "down")

    def parts(value: float) -> str:
        return words.amount(value, scale, spread=spread, signed=True)

    return [
        words.t(
            f"report.summary.change.{shown}",
            start=start,
            end=end,
            value=words.amount(size, scale, spread=spread, signed=signed),
            interval=words.interval(row["low_t_c"], row["high_t_c"], scale=scale),
            co2=words.amount(size * CO2_PER_C, gas, spread=spread * CO2_PER_C, signed=signed),
        ),
        words.t(
            "report.summary.effects",
            area=parts(row["area_effect_t_c"]),
            density=parts(row["density_effect_t_c"]),
            gain=words.amount(row["gain_t_c"], scale, spread=spread),
            loss=words.amount(row["loss_t_c"], scale, spread=spread),
        ),
    ]


def _unit_sentence(results: Results, words: Words) -> str:
    start, end = span_of(results)
    rows = of_units(results, "change")
    rows = rows[(rows["start"] == start) & (rows["end"] == end)]
    found = [finding(row) for row in records(rows)]
    many = unit_words(results)[1]
    counts = {name: found.count(name) for name in ("up", "down", "none")}
    if counts["up"] + counts["down"] == 0 and "unassessed" in found:
        return words.t("report.summary.units.unassessed", n=len(found), units=many)
    return words.t("report.summary.units", n=sum(counts.values()), units=many, **counts)


def _area_sentences(results: Results, words: Words) -> list[str]:
    start, end = span_of(results)
    sentences = []
    before, after = stock_of(results, start), stock_of(results, end)
    # The areas are those of the land that has data in every year, and so is their whole.
    coverage = of_units(results, "coverage").drop_duplicates("region_code")
    compared = float(coverage["common_valid_ha"].sum())
    basis = "" if results.meta.get("area_basis", "map") == "map" else ".estimated"
    for group in ("forest", "wetland"):
        old, new = float(before[f"{group}_ha"]), float(after[f"{group}_ha"])
        if not (old or new):
            continue
        scale = words.area(max(old, new))
        ends = [number(v / scale.factor, _area_places(new / scale.factor)) for v in (old, new)]
        shown = f"{ends[1]} {scale.label}"
        if words.language == "zh":
            shown = words.t("report.unit.with_mu", area=shown, mu=_mu(new, words))
        own = [words.share(size / compared if compared else math.nan) for size in (old, new)]
        names = {"old": ends[0], "new": shown, "old_share": own[0], "new_share": own[1]}
        key = f"report.summary.area.{group}{basis}"
        sentences.append(words.t(key, start=start, end=end, **names))
    return sentences


def _mu(hectares: float, words: Words) -> str:
    """Return an area in mu, or ten thousands of them."""
    size = hectares / HA_PER_MU
    name, factor = ("wan", 1e4) if size >= 1e4 else ("one", 1.0)
    return f"{significant(size / factor, 4)} {words.t(f'report.unit.mu.{name}')}"


def _area_places(shown: float) -> int:
    """Map areas carry no interval: four digits are what a difference of two maps needs."""
    return max(0, 3 - math.floor(math.log10(shown))) if shown > 0 else 0


def target_sentence(line: TargetLine, words: Words) -> str:
    """Return one target's sentence: what was asked, what was reached, how sure, how else read."""
    asked = line.readings[0]
    scale = words.unit(asked.unit, max(abs(asked.achieved), abs(asked.required)))
    if line.quantity == "count" and asked.verdict in ("met", "not_met"):
        return words.t(
            "report.summary.target.count", name=line.title, goal=goal(line, words),
            achieved=words.exactly(asked.achieved, scale),
            verdict=words.t(f"report.target.{asked.verdict}.count"),
        )  # fmt: skip
    low, high = asked.low * asked.required, asked.high * asked.required
    spread = half_width(low, high)
    key = asked.verdict if asked.verdict in VERDICTS else "uncertain"
    sure = math.isfinite(spread) and math.isfinite(asked.probability)
    chance = words.probability(asked.probability)
    sentence = words.t(
        "report.summary.target",
        name=line.title,
        goal=goal(line, words),
        reached=reached(
            line.evidence,
            words,
            achieved=words.amount(asked.achieved, scale, spread=spread, signed=_moves(line)),
            interval=words.interval(low, high, scale=scale) if math.isfinite(spread) else None,
        ),
        share=words.share(asked.share, half_width(asked.low, asked.high)),
        verdict=words.t(f"report.target.{key}", p=chance)
        if sure
        else verdict_without_draws(line.evidence, words, key=key),
    )
    others = beside(line.evidence, words, scale=scale, signed=_moves(line))
    others += [_other_sentence(item, words, signed=_moves(line)) for item in line.readings[1:]]
    return ("" if words.language == "zh" else " ").join([sentence, *others])


def _moves(line: TargetLine) -> bool:
    """Tell whether a target speaks of a change, which is printed with its sign."""
    return str(line.info.get("kind", "increase")) in ("increase", "rate")


def _other_sentence(other: Reading, words: Words, *, signed: bool) -> str:
    scale = words.unit(other.unit, max(abs(other.achieved), abs(other.required)))
    spread = half_width(other.low * other.required, other.high * other.required)
    key = other.verdict or "unassessed"
    return words.t(
        "report.summary.target.other",
        required=words.exactly(other.required, scale),
        achieved=words.amount(other.achieved, scale, spread=spread, signed=signed),
        share=words.share(other.share, half_width(other.low, other.high)),
        verdict=words.t(f"report.reading.{key}", p=words.probability(other.probability)),
    )


def sentences(results: Results) -> list[str]:
    """Return the summary of a run as plain sentences in the study's language.

    Parameters
    ----------
    results : Results

    Returns
    -------
    list of str
        Stock, change, its make-up, regions, areas, then one entry per target. Text, not HTML.
    """
    words = words_of(results)
    return [
        *_stock_sentences(results, words),
        *_change_sentences(results, words),
        _unit_sentence(results, words),
        *_area_sentences(results, words),
        *volume_sentence(results, words),
        *(target_sentence(line, words) for line in target_lines(results)),
    ]
