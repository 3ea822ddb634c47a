"""Densities from plots as rows of a density table; the table's own give way to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sinks.biomass.models import model_row
from sinks.biomass.plotdensity import PlotDensity
from sinks.biomass.table import DensityRow
from sinks.parameters import CONFIDENCES
from sinks.texts import Language, text


def rows_with_plots(
    table: Sequence[DensityRow], plots: PlotDensity, *, language: Language
) -> list[DensityRow]:
    """Return the rows of a table with those from plots in place of their stratum and pool.

    Parameters
    ----------
    table : sequence of DensityRow
    plots : PlotDensity
    language : {"zh", "en"}
        Of the words that say where a density comes from.

    Notes
    -----
    The standard error is that of all draws: sampling, parameters and, where asked for, the choice
    of the model; of a plain run that of sampling alone.
    """
    own = plot_rows(plots, language=language)
    given = {(row.stratum, row.pool) for row in own}
    return [row for row in table if (row.stratum, row.pool) not in given] + own


def plot_rows(plots: PlotDensity, *, language: Language) -> list[DensityRow]:
    """Return one row per stratum, pool and year that plots give."""
    several = plots.draws.count > 1
    se = plots.all_drawn.std(axis=-1, ddof=1) if several else plots.se
    rows = []
    for s, stratum in enumerate(plots.strata):
        for p, pool in enumerate(plots.pools):
            if np.isnan(plots.value[s, p]).any():
                continue
            for t, year in enumerate(plots.years):
                source, confidence = _source(plots, (s, p, t), language=language)
                rows.append(
                    DensityRow(
                        stratum, pool, float(plots.value[s, p, t]), se=float(se[s, p, t]),
                        year=year, source=source, confidence=confidence, from_plots=True,
                    )
                )  # fmt: skip
    return rows


def _source(
    plots: PlotDensity, cell: tuple[int, int, int], *, language: Language
) -> tuple[str, str]:
    """Return where a density comes from in words, and how far its figures were checked."""
    s, p, t = cell
    values = {
        "count": int(plots.count[s, t]), "file": plots.files[t],
        "design": text(f"plots.design.{plots.config.estimator}", language),
        "error": f"{100 * plots.se[cell] / plots.value[cell]:.2g}" if plots.value[cell] else "-",
    }  # fmt: skip
    names = list(plots.stands)
    if plots.is_measured(s, p) or not names:
        return text("plots.source.measured", language, **values), ""
    used = names if plots.config.model_choice else names[:1]
    titles = [model_row(name)[f"name_{language}"] for name in used]
    known = [row.confidence for row, _ in plots.parameters if row.confidence in CONFIDENCES]
    worst = max(known, key=CONFIDENCES.index, default="")
    key = "plots.source.models" if len(used) > 1 else "plots.source.model"
    joined = text("report.list.comma", language).join(titles)
    return text(key, language, **values, models=joined, names=", ".join(used)), worst
