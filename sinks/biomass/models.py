"""The biomass models by name: which parameters each takes for which forest type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass.cells import CellBuilder
from sinks.biomass.expansion import LARGEST_VOLUME
from sinks.biomass.stands import Draws, Floats, Ints, StandCarbon
from sinks.checks import Problem, Problems, Severity, first_few, nearest
from sinks.draws import probabilities
from sinks.errors import InputProblems
from sinks.parameters import load_table, lookup, warn_unchecked

#: Where a study names no model.
DEFAULT_MODEL: Final = "continuous_bcef_zhejiang2016"


def models() -> tuple[str, ...]:
    """Return the names of the models of the growing stock; `tree_equations` takes trees instead.

    Examples
    --------
    >>> models()[0]
    'continuous_bcef_zhejiang2016'
    """
    table = load_table("models/models")
    return tuple(table.loc[table["kind"] != "trees", "model"])


def model_row(name: str) -> Mapping[str, str]:
    """Return what models/models says of a model: kind, sets, names, source.

    Raises
    ------
    InputProblems
        If there is no such model; the nearest names are in the message.
    """
    table = load_table("models/models").set_index("model")
    if name not in table.index:
        values = {"name": name, "nearest": nearest(name, models())}
        raise InputProblems([Problem("model.unknown", Severity.ERROR, values=values)])
    return {str(key): str(value) for key, value in table.loc[name].items()}


def apply_model(
    name: str,
    *,
    volume: npt.ArrayLike,
    forest_type: Sequence[str] | npt.NDArray[np.str_],
    draws: Draws,
    problems: Problems,
    memory: bool = True,
) -> StandCarbon:
    """Return the carbon of stands by one model.

    Right for stand means: plots, sub-compartments, groups of them of one forest type. Not for
    pixels, whose volume is a model's own guess, and not for totals.

    Parameters
    ----------
    name : str
        A name of `models`.
    volume : array_like, dims (stand) [m³/ha]
        Growing stock of living trees; NaN where it was not measured.
    forest_type : sequence of str, dims (stand)
        Keys of models/forest_types; empty where unknown.
    draws : Draws
    problems : Problems
        Gains an error for a volume that no stand holds or a refused row, and warnings for rows
        that were never checked and for types that another type's row stands in for.
    memory : bool
        Whether rows of confidence ``memory`` may be used.

    Returns
    -------
    StandCarbon

    Raises
    ------
    InputProblems
        If there is no such model.

    Notes
    -----
    Carbon of a stand without growing stock is zero, whatever the model. Types that have no
    growing stock by their nature (bamboo, shrubs, economic forest) take the packaged density of
    their stratum.

    Examples
    --------
    >>> stands = apply_model(
    ...     DEFAULT_MODEL, volume=[60.0, 0.0], forest_type=["masson_pine"] * 2,
    ...     draws=Draws(), problems=Problems(),
    ... )
    >>> stands.central.sum(axis=0).round(3).tolist()
    [23.853, 0.0]
    """
    row = model_row(name)
    volumes = np.asarray(volume, dtype=np.float64)
    _check_volumes(volumes, name, problems=problems)
    codes, distinct = pd.factorize(np.asarray(forest_type, dtype=object))
    builder = CellBuilder(row)
    index = np.full(volumes.size, -1, dtype=np.int64)
    for number, kind in enumerate(distinct):
        stands = codes == number
        if kind:
            index[stands] = builder.place(str(kind), volumes[stands])
    stands = StandCarbon(
        name, volumes, index, tuple(builder.cells), draws,
        lookup("models/limits", item="largest_stand").value, dict(builder.substituted),
    )  # fmt: skip
    return _checked(_compact(stands), problems, memory=memory)


def _check_volumes(volumes: Floats, name: str, *, problems: Problems) -> None:
    with np.errstate(invalid="ignore"):
        wrong = np.flatnonzero((volumes < 0) | (volumes > LARGEST_VOLUME))
    if wrong.size:
        shown = first_few([f"{volumes[i]:g}" for i in wrong], problems.language)
        problems.error(
            "model.volume", place=name, count=wrong.size, values=shown, limit=f"{LARGEST_VOLUME:g}"
        )


def _compact(stands: StandCarbon) -> StandCarbon:
    """Keep the cells that occur: a parameter that serves no stand is not in use."""
    kept = np.unique(stands.index[stands.index >= 0])
    moved: Ints = np.full(len(stands.cells) + 1, -1, dtype=np.int64)
    moved[kept] = np.arange(kept.size)
    cells = tuple(stands.cells[i] for i in kept)
    return StandCarbon(
        stands.model, stands.volume, moved[stands.index], cells, stands.draws, stands.ceiling,
        stands.substituted,
    )  # fmt: skip


def _checked(stands: StandCarbon, problems: Problems, *, memory: bool) -> StandCarbon:
    """Tell of rows that were never checked, refuse them if asked, and of substitutions."""
    unchecked = [row.name for row in stands.parameters if row.confidence == "memory"]
    if unchecked and memory:
        warn_unchecked(unchecked, table=stands.model, problems=problems)
    elif unchecked:
        shown = first_few(unchecked, problems.language)
        problems.error(
            "model.memory_refused", place=stands.model, count=len(unchecked), names=shown
        )
    if stands.substituted:
        pairs = [f"{kind} → {row}" for kind, row in stands.substituted.items()]
        problems.warn(
            "model.substituted", place=stands.model, count=len(pairs),
            pairs=first_few(pairs, problems.language),
        )  # fmt: skip
    return stands


def model_of_draw(names: Sequence[str], draws: Draws) -> Ints:
    """Return which of several models each draw takes, every one equally often.

    The choice of the model is then one more source of error, shared by all stands and years.

    Parameters
    ----------
    names : sequence of str
    draws : Draws

    Returns
    -------
    ndarray of int, dims (draw)

    Examples
    --------
    >>> np.bincount(model_of_draw(["a", "b"], Draws(seed=1, count=1000))).tolist()
    [500, 500]
    """
    p = probabilities("model_choice", seed=draws.seed, count=draws.count)
    choice = np.floor(p * len(names)) if draws.count > 1 else np.zeros(1)
    return choice.astype(np.int64)
