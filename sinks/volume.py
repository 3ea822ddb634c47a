"""Growing stock of a study: hectares × volume per hectare, draw by draw, beside the carbon.

The areas, and their draws where a sample corrects them, are those of the carbon; the draws of
plots share the sample with the carbon of the same plots. Volume is a quantity of its own: it is
never a pool, and no carbon is made from it here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sinks.biomass.volume import VolumeDensity
from sinks.landcover.activity import Activity
from sinks.legend import Legend
from sinks.levels import summed
from sinks.sections import TargetConfig
from sinks.stock import Selection, Stock, Totals
from sinks.texts import Language, text

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: Growing stock is that of forests.
FOREST = ("forest",)


@dataclass(frozen=True)
class Volume:
    """Growing stock of a study, on demand.

    Attributes
    ----------
    stock : Stock
        Of the volumes: everything that it calls carbon is m³ here.
    density : VolumeDensity
    legend : Legend
    """

    stock: Stock
    density: VolumeDensity
    legend: Legend

    def strata_of(self, target: TargetConfig) -> tuple[str, ...]:
        """Return the strata that a volume target speaks of: forests, or all land."""
        present = [str(name) for name in self.stock.area["stratum"].values]
        if target.volume == "standing_volume":
            return tuple(present)
        return tuple(name for name in self.legend.strata_in(FOREST) if name in present)

    def serves(self, target: TargetConfig) -> bool:
        """Tell whether every stratum that a target speaks of has a volume from a source.

        Standing volume counts trees wherever they stand: forests alone never serve it.
        """
        strata = set(self.strata_of(target))
        return target.quantity == "volume" and bool(strata) and strata <= self.density.served

    def totals(
        self, groups: Sequence[Ints], strata: Sequence[str], *, activity: Activity | None = None
    ) -> Totals:
        """Sum the volume over regions and strata, draw by draw.

        Parameters
        ----------
        groups : sequence of ndarray
            Group of each region, by level.
        strata : sequence of str
        activity : Activity, optional
            Other land than that of the whole regions, as of an overlay.

        Returns
        -------
        Totals [m³]
            The draws are NaN where a stratum with land there has no known error: without it
            nothing can be said of probability.
        """
        stock = self.stock
        if activity is not None:
            stock = stock.on(activity.area, activity.correction)
        found = stock.totals(groups, Selection(tuple(strata), None))
        unsure = [name for name in strata if name in self.density.unsure]
        if not unsure or found.draws.shape[-1] == 1:
            return found
        area = stock.area.sel(stratum=unsure).sum("stratum").transpose("region", "year").values
        lost = np.any(summed(np.asarray(area), groups) > 0, axis=1)
        return replace(found, draws=np.where(lost[:, None, None], np.nan, found.draws))

    def basis(self, strata: Sequence[str], language: Language) -> str:
        """Return in words what the volume of some strata was estimated from."""
        comma = text("report.list.comma", language)
        found: dict[str, set[str]] = {}
        for row, _ in self.density.volumes:
            if row.stratum in strata and row.file:
                found.setdefault(row.basis, set()).add(row.file)
        words = [
            text(
                "volume.from", language, what=text(f"volume.basis.{basis}", language),
                file=comma.join(sorted(files)),
            )
            for basis, files in sorted(found.items())
        ]  # fmt: skip
        return comma.join(words)
