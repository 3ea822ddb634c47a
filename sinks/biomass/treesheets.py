"""Sheets of single trees beside those of plots: read, checked, and summed by plot.

What a column may be called stands in ``tables/inventory/plot_columns.csv``, format ``trees``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sinks.biomass.allometry import tree_volume
from sinks.biomass.cells import BY_AREA
from sinks.biomass.plotcells import Notes, numbers
from sinks.biomass.plotchecks import THICKEST
from sinks.biomass.readers.sheets import Sheet, read_sheet, texts, titles
from sinks.biomass.species import classify
from sinks.biomass.trees import LARGEST_DBH, TREE_MODEL
from sinks.checks import Problems, first_few, nearest
from sinks.parameters import load_table
from sinks.rows import Row
from sinks.sections import PlotsConfig

Bools = npt.NDArray[np.bool_]
NUMBERS: Final = ("dbh", "height", "volume", "count", "per_ha")
#: Largest values that are not a slip of the unit or the pen.
LARGEST: Final = {
    "dbh": LARGEST_DBH, "height": 120.0, "volume": 200.0, "count": 100_000.0, "per_ha": 1e6,
}  # fmt: skip
#: Thicker single stems are asked about, where the study asserts no unit [cm].
DOUBTFUL_DBH: Final = 150.0
#: Trees as tall as this at the median stand in no inventory: tenths of metres [m].
TALLEST: Final = 60.0


def load_trees(
    sheets: Sequence[Sheet], config: PlotsConfig, *, problems: Problems
) -> pd.DataFrame | None:
    """Read and check sheets of trees.

    Parameters
    ----------
    sheets : sequence of Sheet
        One file per round, or one for all with a column of rounds where there are several.
    config : PlotsConfig
        Asserted unit of diameters, names of species.
    problems : Problems

    Returns
    -------
    DataFrame or None
        One row per tree: ``line``, ``file``, ``plot_id``, ``year`` (0 where none is stated),
        ``species``, ``dbh`` [cm], ``height`` [m], ``volume`` [m³], ``count``, ``per_ha``; NaN or
        "" where the file says nothing. None if a file cannot be used or lacks columns.
    """
    frames = []
    for sheet in sheets:
        rows = read_sheet(sheet.path, shown=sheet.shown, problems=problems, limits=sheet.limits)
        if rows is not None:
            frames.append(_frame(rows, sheet, config=config, problems=problems))
    known = [frame for frame in frames if frame is not None]
    return pd.concat(known, ignore_index=True) if len(known) == len(sheets) else None


def _frame(
    rows: Sequence[Row], sheet: Sheet, *, config: PlotsConfig, problems: Problems
) -> pd.DataFrame | None:
    """Return the trees of one sheet, None if it lacks columns."""
    found = titles("trees", rows[0].cells)
    missing = [name for name in ("plot_id", "dbh") if name not in found]
    if missing:
        table = load_table("inventory/plot_columns")
        known = table[table["format"] == "trees"]["column"].tolist()
        problems.error(
            "plots.tree_columns", file=sheet.shown, missing=", ".join(missing),
            found=first_few(rows[0].cells, problems.language, count=12),
            nearest="; ".join(nearest(title, known, count=1) for title in list(rows[0].cells)[:5]),
        )  # fmt: skip
        return None
    notes = Notes(sheet.shown, problems)
    data: dict[str, object] = {"line": [row.line for row in rows], "file": sheet.shown}
    for name in ("plot_id", "species", "round"):
        data[name] = texts(rows, found.get(name))
    for name in NUMBERS:
        data[name] = numbers(rows, found.get(name), notes=notes)
    frame = pd.DataFrame(data)
    stated = pd.to_numeric(frame["round"], errors="coerce").fillna(0).astype(int)
    frame["year"] = sheet.year or stated
    frame["species"] = frame["species"].replace(config.species)
    if config.dbh_unit == "mm" and found["dbh"][1] == 1.0:
        frame["dbh"] /= 10.0
    frame["count"] = frame["count"].fillna(1.0)
    _check(frame, notes, asserted=config.dbh_unit is not None)
    _tell(notes, problems)
    return frame


def _check(frame: pd.DataFrame, notes: Notes, *, asserted: bool) -> None:
    """Note sizes that no tree has, those that look like another unit, and unknown species."""
    for name, most in LARGEST.items():
        values = frame[name].to_numpy(dtype=np.float64)
        unread = np.isnan(values) if name == "dbh" else np.zeros(values.size, dtype=np.bool_)
        for place in np.flatnonzero(unread | (values <= 0) | (values > most)):
            detail = f"{name} = {values[place]:g} (0–{most:g})"
            notes.add("plots.tree_range", int(frame["line"].iloc[place]), detail=detail)
    doubts = [("height", _doubtful(frame["height"], usual=TALLEST, most=math.inf))]
    if not asserted:
        doubts += [("dbh", _doubtful(frame["dbh"], usual=THICKEST, most=DOUBTFUL_DBH))]
    for name, doubt in doubts:
        for place in np.flatnonzero(doubt):
            detail = f"{name} = {frame[name].iloc[place]:g}"
            notes.add("plots.tree_tenths", int(frame["line"].iloc[place]), detail=detail)
    for line in frame["line"][frame["plot_id"] == ""]:
        notes.add("plots.no_id", int(line), detail="\u2205")
    _, unknown = classify(list(frame["species"]))
    for line, name in frame.loc[frame["species"].isin(list(unknown)), ["line", "species"]].values:
        notes.add("plots.tree_species", int(line), detail=f"{name} ({unknown[name]})")


def _doubtful(values: pd.Series, *, usual: float, most: float) -> Bools:
    """Return the sizes that look like tenths of their unit: all of them, or those too large."""
    sizes = values.to_numpy(dtype=np.float64)
    known = sizes > 0
    if known.any() and np.median(sizes[known]) > usual:
        return known
    return np.asarray((sizes > most) & (sizes <= LARGEST_DBH))


def _tell(notes: Notes, problems: Problems) -> None:
    """Put what was found in the rows of trees into the list."""
    notes.tell(problems.repair, "plots.thousands")
    for code in sorted(notes.found):
        notes.tell(problems.error, code)


def join_trees(
    plots: pd.DataFrame, trees: pd.DataFrame, *, config: PlotsConfig, problems: Problems
) -> pd.DataFrame:
    """Put trees to their plots; plots that state no volume or species take those of their trees.

    Parameters
    ----------
    plots : DataFrame
        All rounds; gains ``stand``, the key of its trees, ``trees``, their number, and ``volume``
        [m³/ha] and ``species``, the one with the greatest volume, where it has none.
    trees : DataFrame
        As `load_trees` reads them.
    config : PlotsConfig
    problems : Problems
        Gains errors for trees of unknown plots, without a round, species or height.

    Returns
    -------
    DataFrame
        The trees with ``stand``, ``per_ha``, the trees per hectare that each stands for, and
        ``stem``, its volume [m³].

    Notes
    -----
    ``V = Σ v_i n_i / a``: volume of each stem as stated or by its two-way table, number of such
    trees, area of the plot. Kinds without growing stock by their nature (bamboo) add none.
    """
    yearly = bool((trees["year"] > 0).any())
    plots["stand"], trees = _keys(plots, yearly=yearly), trees.copy()
    trees["stand"] = _keys(trees, yearly=yearly)
    notes = {shown: Notes(str(shown), problems) for shown in trees["file"].unique()}
    if not yearly and plots["year"].nunique() > 1:
        years = ", ".join(map(str, sorted(plots["year"].unique())))
        problems.error("plots.tree_round", file=str(trees["file"].iloc[0]), years=years)
        _refuse(plots, notes.values(), problems=problems)
        return trees
    known = plots.drop_duplicates("stand").set_index("stand")
    strange = ~trees["stand"].isin(known.index)
    ids = sorted(set(plots["plot_id"]))
    for row in trees[strange & (trees["plot_id"] != "")].to_dict("records"):
        detail = f"{row['plot_id']} ({nearest(str(row['plot_id']), ids, count=1)})"
        notes[row["file"]].add("plots.tree_plot", int(row["line"]), detail=detail)
    if strange.all():
        _refuse(plots, notes.values(), problems=problems)
        return trees
    trees = trees[~strange].reset_index(drop=True)
    own = known["species"].where(known["species"] != "", known["forest_type"])
    own = own.replace(config.species)
    trees["species"] = trees["species"].where(trees["species"] != "", trees["stand"].map(own))
    trees["per_ha"] = trees["per_ha"].fillna(
        trees["count"] / trees["stand"].map(known["plot_area"])
    )
    trees["stem"] = _stems(trees)
    stated = trees["stand"].map(known["volume"]).notna()
    _note_gaps(trees, notes, needs_volume=_by_volume(config) & ~stated.to_numpy())
    for found in notes.values():
        _tell(found, problems)
    _fill(plots, trees)
    return trees


def _refuse(plots: pd.DataFrame, notes: Iterable[Notes], *, problems: Problems) -> None:
    """Tell why no tree finds its plot; that the plots then lack volumes is not told again."""
    plots["trees"] = 1
    for found in notes:
        _tell(found, problems)


def _keys(frame: pd.DataFrame, *, yearly: bool) -> pd.Series:
    return frame["plot_id"] + "/" + frame["year"].astype(str) if yearly else frame["plot_id"]


def _by_volume(config: PlotsConfig) -> bool:
    """Tell whether any model asks for the growing stock."""
    return config.models is None or set(config.models) != {TREE_MODEL}


def _stems(trees: pd.DataFrame) -> pd.Series:
    """Return the volume of every stem [m³]: as stated, else by its two-way table."""
    species = list(trees["species"])
    table = tree_volume(trees["dbh"], trees["height"], species=species)
    table = np.where(np.isin(classify(species)[0], BY_AREA), 0.0, table)
    return trees["volume"].fillna(pd.Series(table, index=trees.index))


def _note_gaps(trees: pd.DataFrame, notes: dict[str, Notes], *, needs_volume: Bools) -> None:
    """Note trees that lack what they are computed from."""
    # What is told already, a wrong size or name, is not told again as a volume that is wanting.
    sound = (classify(list(trees["species"]))[0] != "") & (trees["dbh"] > 0).to_numpy()
    volumeless = trees["stem"].isna().to_numpy() & needs_volume & sound
    tall = trees["height"].to_numpy(dtype=np.float64)
    gaps = {
        "plots.tree_no_species": (trees["species"] == "").to_numpy(),
        "plots.tree_area": trees["per_ha"].isna().to_numpy(),
        "plots.tree_height": volumeless & np.isnan(tall),
        "plots.tree_no_table": volumeless & (tall > 0),
    }
    for code, wrong in gaps.items():
        for row in trees[wrong].to_dict("records"):
            detail = f"{row['plot_id']}, {row['species'] or chr(0x2205)}, {row['dbh']:g} cm"
            notes[row["file"]].add(code, int(row["line"]), detail=detail)


def _fill(plots: pd.DataFrame, trees: pd.DataFrame) -> None:
    """Give plots the volume and the species of their trees where they state none."""
    groups = trees.assign(wood=trees["stem"] * trees["per_ha"]).groupby("stand")
    wood = groups["wood"].sum().where(groups["wood"].count() == groups.size())
    plots["trees"] = plots["stand"].map(groups.size()).fillna(0).astype(int)
    plots["volume"] = plots["volume"].fillna(plots["stand"].map(wood))
    # Without volumes the basal area tells which species is the greatest.
    size = trees["stem"] if trees["stem"].notna().all() else trees["dbh"] ** 2
    parts = (size * trees["per_ha"]).groupby([trees["stand"], trees["species"]]).sum()
    ranked = parts.sort_values(ascending=False, kind="stable").reset_index()
    main = ranked.drop_duplicates("stand").set_index("stand")["species"]
    blank = (plots["species"] == "") & (plots["forest_type"] == "")
    plots["species"] = plots["species"].mask(blank, plots["stand"].map(main).fillna(""))
