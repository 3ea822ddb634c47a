"""From a sample's answers to an error matrix, its accuracies and the correction of the areas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from sinks.checks import Problems, first_few
from sinks.landcover.accuracy import Accuracy, ErrorMatrix, error_matrix, estimate
from sinks.landcover.activity import Activity, Pair
from sinks.landcover.adjust import Adjustment, mixes
from sinks.landcover.answers import Answers
from sinks.landcover.rates import rates
from sinks.landcover.scheme import THEN, Scheme, then
from sinks.legend import Legend
from sinks.sections import UncertaintyConfig
from sinks.texts import text

#: The one stratum of a sample that was drawn without strata.
ALL: Final = "all"
#: Parts of the land by which the strata's areas may differ from the study's, and the estimated
#: areas from the sample's own estimate, without being told.
FRAME_ROOM: Final = 0.01
FIT_ROOM: Final = 1e-6


@dataclass(frozen=True)
class Assessment:
    """What a sample says of the maps of a study.

    Attributes
    ----------
    matrix : ErrorMatrix
    accuracy : Accuracy
        By the published formulas.
    years : tuple of int
        Of the map, or of the two maps whose change was looked at.
    map_area : mapping of class to area [ha]
    adjustment : Adjustment or None
        None where areas cannot be estimated: the headline is then the map area.
    """

    matrix: ErrorMatrix
    accuracy: Accuracy
    years: tuple[int, ...]
    map_area: Mapping[str, float]
    adjustment: Adjustment | None


def assess(
    answers: Answers, activity: Activity, *, legend: Legend, uncertainty: UncertaintyConfig,
    problems: Problems,
) -> Assessment | None:  # fmt: skip
    """Assess the maps of a study by a sample.

    Parameters
    ----------
    answers : Answers
        With their map classes.
    activity : Activity
        Map areas of the study's regions.
    legend : Legend
    uncertainty : UncertaintyConfig
    problems : Problems

    Returns
    -------
    Assessment or None
        None if the sample was refused.
    """
    mapped = class_areas(activity, answers.scheme, years=answers.years)
    matrix = _matrix(answers, mapped, problems=problems)
    if matrix is None:
        return None
    shown = answers.config.sample
    made = rates(matrix, mapped, seed=uncertainty.seed, count=uncertainty.draws)
    mix = mixes(activity, answers.scheme)
    true = {name for pair in (made.pairs if made else ()) for name in pair[1].split(THEN)}
    lost = sorted(true - mix.keys())
    if lost:
        problems.error("accuracy.no_stratum_on_map", file=shown, classes=", ".join(lost))
        return None
    found = estimate(matrix)
    if matrix.thin:
        names = first_few(matrix.thin, problems.language)
        problems.warn("accuracy.thin", file=shown, count=len(matrix.thin), names=names)
    if made is None:
        problems.warn("accuracy.map_area", file=shown)
        return Assessment(matrix, found, answers.years, mapped, None)
    if made.kept:
        hectares = sum(mapped[name] for name in made.kept)
        problems.warn(
            "accuracy.kept", file=shown, names=first_few(made.kept, problems.language),
            hectares=f"{hectares:.6g}", part=f"{100 * hectares / sum(mapped.values()):.2g}",
        )  # fmt: skip
    if made.gap > FIT_ROOM:
        problems.warn("accuracy.fit", file=shown, gap=f"{100 * made.gap:.2g}")
    if not answers.change and activity.area.sizes["year"] > 1:
        problems.warn("accuracy.one_matrix", file=shown, year=answers.years[0])
    strata = {stratum for name in true for stratum in mix[name]}
    strata |= set(activity.area["stratum"].values.tolist())
    order = tuple(name for name in legend.strata if name in strata)
    adjustment = Adjustment(made, answers.scheme, answers.years, order, mix)
    return Assessment(matrix, found, answers.years, mapped, adjustment)


def class_areas(activity: Activity, scheme: Scheme, *, years: tuple[int, ...]) -> dict[str, float]:
    """Return the mapped hectares of every class, or class of change, of all regions together."""
    out: dict[str, float] = {}
    if len(years) == 1:
        total = activity.counted.sel(year=years[0]).sum("region")
        for stratum, area in zip(
            total["stratum"].values.tolist(), total.values.tolist(), strict=True
        ):
            name = scheme.of_stratum[stratum]
            out[name] = out.get(name, 0.0) + area
    else:
        moves = activity.transitions[cast(Pair, years)].sum("region")
        for i, before in enumerate(moves["from_stratum"].values.tolist()):
            for j, after in enumerate(moves["to_stratum"].values.tolist()):
                name = then(scheme.of_stratum[stratum] for stratum in (before, after))
                out[name] = out.get(name, 0.0) + float(moves[i, j])
    order = {name: place for place, name in enumerate(scheme.classes)}
    names = sorted(out, key=lambda name: [order[part] for part in name.split(THEN)])
    return {name: out[name] for name in names if out[name] > 0}


def _matrix(
    answers: Answers, mapped: Mapping[str, float], *, problems: Problems
) -> ErrorMatrix | None:
    """Count the answers in the strata of the design."""
    rows = [(unit.stratum, then(unit.mapped), then(unit.truth)) for unit in answers.units]
    design, table = answers.config.design, answers.strata
    if design in ("simple", "systematic"):
        own = [(ALL, unit[1], unit[2]) for unit in rows]
        return error_matrix(own, area={ALL: sum(mapped.values())}, classes=list(mapped))
    if design == "stratified" and table:
        return _by_strata(answers, rows, mapped=mapped, problems=problems)
    differs = [i for i, row in enumerate(rows) if row[0] and row[0] != row[1]]
    strange = [i for i, row in enumerate(rows) if row[1] not in mapped]
    for code, bad in (("accuracy.stratum_differs", differs), ("accuracy.not_mapped", strange)):
        if bad:
            language = problems.language
            lines = first_few((answers.units[i].line for i in bad), language)
            items = first_few(dict.fromkeys(rows[i][1] for i in bad), language)
            problems.error(
                code, file=answers.config.sample, place=text("table.lines", language, lines=lines),
                count=len(bad), items=items,
            )  # fmt: skip
    if differs or strange:
        return None
    by_class = [(row[1], row[1], row[2]) for row in rows]
    return error_matrix(
        by_class, area=mapped, map_class={name: name for name in mapped}, classes=list(mapped)
    )


def _by_strata(
    answers: Answers, rows: list[tuple[str, str, str]], *, mapped: Mapping[str, float],
    problems: Problems,
) -> ErrorMatrix | None:  # fmt: skip
    """Count answers in strata of their own, whose areas the study gives."""
    table, config = answers.strata, answers.config
    filled, unread = {}, []
    for name, stratum in table.items():
        parts = [answers.scheme.read(part) for part in stratum.map_class.split(THEN)]
        if stratum.map_class and None in parts:
            unread.append(stratum.map_class)
        elif stratum.map_class:
            filled[name] = then(part for part in parts if part)
    if unread:
        problems.error(
            "accuracy.strata_class", file=str(config.strata),
            items=first_few(unread, problems.language),
            known=first_few(answers.scheme.classes, problems.language, count=12),
        )  # fmt: skip
        return None
    wrong = [row for row in rows if row[0] in filled and filled[row[0]] != row[1]]
    if wrong:
        items = first_few(dict.fromkeys(f"{a}: {b}" for a, b, _ in wrong), problems.language)
        problems.error("accuracy.strata_mixed", file=config.sample, count=len(wrong), items=items)
        return None
    total, land = sum(item.area_ha for item in table.values()), sum(mapped.values())
    if abs(total / land - 1) > FRAME_ROOM:
        problems.warn(
            "accuracy.frame", file=str(config.strata), total=f"{total:.6g}", land=f"{land:.6g}"
        )
    units = {name: item.units for name, item in table.items()}
    counted = all(units[name] == units[name] for name in units)  # NaN where a stratum has none
    return error_matrix(
        rows, area={name: item.area_ha for name, item in table.items()}, map_class=filled,
        units=units if counted else None, classes=list(mapped),
    )  # fmt: skip
