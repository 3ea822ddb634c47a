"""The cells of a model: the rows of the cited tables that serve each forest type."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import numpy as np
import pandas as pd

from sinks.biomass.species import forest_types, lineage
from sinks.biomass.stands import AreaCell, Cell, Factor, Floats, Ints, VolumeCell
from sinks.parameters import Parameter, load_table

#: Types that bear no growing stock by their nature: their carbon is told by area.
BY_AREA: Final = ("bamboo", "economic", "shrub")
#: The packaged densities that they take.
DENSITIES: Final = "density/hubei_2010"
#: Rows of IPCC's root-to-shoot table for the sets of its BCEF; one row serves where none is named.
IPCC_ROOTS: Final = {
    "ipcc2006_subtropical": {"": "subtropical_humid_natural_broadleaf_needleleaf"},
    "ipcc2006_temperate": {
        "pines": "temperate_conifers", "other_conifers": "temperate_conifers",
        "": "temperate_broadleaf",
    },
}  # fmt: skip


@cache
def _table(name: str) -> pd.DataFrame:
    return load_table(f"models/{name}")


def _parameter(name: str, row: Mapping[Any, Any]) -> Parameter:
    def number(title: str) -> float:
        return float(row[title]) if title in row and pd.notna(row[title]) else np.nan

    return Parameter(
        name=name, value=number("value"), se=number("se"), low=number("low"), high=number("high"),
        interval=number("interval"), unit=str(row["unit"]), distribution=str(row["distribution"]),
        source=str(row["source"]), confidence=str(row["confidence"]),
    )  # fmt: skip


class CellBuilder:
    """Finds the rows for each forest type and puts stands into cells.

    Parameters
    ----------
    model : mapping
        The model's row of models/models.

    Attributes
    ----------
    cells : list of Cell
    substituted : dict
        Forest types that the set lacks, and the row that stands in for each.
    """

    def __init__(self, model: Mapping[str, str]) -> None:
        self.model = model
        self.cells: list[Cell] = []
        self.substituted: dict[str, str] = {}

    def place(self, kind: str, volume: Floats) -> Ints:
        """Return the cell of each stand of one forest type, −1 where it has no volume."""
        if kind in BY_AREA:
            return np.full(volume.size, self._add(_area_cell(kind)), dtype=np.int64)
        build = {
            "continuous_bcef": self._continuous, "ipcc_bef": self._bef,
            "ipcc_bcef": self._bcef, "guideline": self._guideline,
        }[self.model["kind"]]  # fmt: skip
        index = build(kind, volume)
        return np.asarray(np.where(volume >= 0, index, -1), dtype=np.int64)

    def _add(self, cell: Cell) -> int:
        self.cells.append(cell)
        return len(self.cells) - 1

    def _continuous(self, kind: str, volume: Floats) -> Ints:
        row = self._covering(kind)
        group, name = f"continuous_bcef/{self.model['expansion']}", f"{row['row'].iloc[0]}"
        slope = row[row["coefficient"] == "slope"].iloc[0]
        base = row[row["coefficient"] == "intercept"].iloc[0]
        factor = _factor(f"{group}/{name}/slope", slope, group="expansion")
        intercept = _factor(f"{group}/{name}/intercept", base, group="expansion")
        cell = VolumeCell(
            kind, (factor,), root_to_shoot(kind), carbon_fraction(), intercept, True,
            (float(slope["valid_min"]), float(slope["valid_max"])),
        )  # fmt: skip
        return np.full(volume.size, self._add(cell), dtype=np.int64)

    def _covering(self, kind: str) -> pd.DataFrame:
        """Return the two coefficients that serve a type: its own, or its nearest ancestor's."""
        table = _table("continuous_bcef")
        rows = table[table["param_set"] == self.model["expansion"]]
        for name in lineage(kind):
            own = rows[[name in cell.split(";") for cell in rows["forest_types"]]]
            if not own.empty:
                if name != kind:
                    self.substituted[kind] = str(own["row"].iloc[0])
                return own
        raise LookupError(f"models/continuous_bcef: no row serves {kind}")

    def _bef(self, kind: str, volume: Floats) -> Ints:
        wood = self._species("wood_density", kind, group="wood_density")
        bef = self._species("bef", kind, group="expansion")
        root = self._species("root_to_shoot", kind, group="root_to_shoot")
        carbon = (
            self._species("carbon_fraction", kind, group="carbon_fraction")
            if self.model["bef"] == "ccer"
            else carbon_fraction()
        )
        cell = VolumeCell(kind, (wood, bef), root, carbon)
        return np.full(volume.size, self._add(cell), dtype=np.int64)

    def _species(self, table: str, kind: str, *, group: str) -> Factor:
        """Return a constant of a type: by the type's own entry, or by the set's nearest type."""
        param_set = self.model.get(table) or self.model["bef"]
        if param_set != "ccer":
            row = str(forest_types().loc[kind, table])
            return _one(f"{table}/{param_set}/{row}", group=group)
        rows = _table(table)
        known = set(rows.loc[rows["param_set"] == param_set, "row"])
        row = next(name for name in lineage(kind) if name in known)
        if row != kind:
            self.substituted[kind] = row
        return _one(f"{table}/{param_set}/{row}", group=group)

    def _guideline(self, kind: str, volume: Floats) -> Ints:
        del kind  # one constant serves every forest
        wood = _one("wood_density/guideline2011/hubei", group="wood_density")
        above = _one("bef/guideline2011/hubei_above_ground", group="expansion")
        whole = _one("bef/guideline2011/hubei_whole", group="expansion")
        ratio = whole.value / above.value - 1
        root = Factor(
            Parameter(
                "root_to_shoot/guideline2011/hubei", ratio, np.nan, np.nan, np.nan, np.nan, "1",
                "fixed", whole.parameter.source, whole.parameter.confidence,
            ),
            "root_to_shoot/guideline2011/hubei", "root_to_shoot",
        )  # fmt: skip
        if not self.cells or self.cells[-1].name != "forest":
            self._add(VolumeCell("forest", (wood, above), root, _carbon("guideline2011/all")))
        return np.full(volume.size, len(self.cells) - 1, dtype=np.int64)

    def _bcef(self, kind: str, volume: Floats) -> Ints:
        """Cells of each class of growing stock and, within it, of above-ground biomass."""
        param_set = self.model["expansion"]
        zone = param_set.removeprefix("ipcc2006_")
        row = str(forest_types().loc[kind, f"bcef_{zone}"]).replace(" ", "_")
        table = _table("bcef")
        own = table[
            (table["param_set"] == param_set) & (table["row"] == row) & (table["use"] == "stock")
        ].sort_values("volume_from")
        roots = self._ipcc_roots(param_set, row)
        first = len(self.cells)
        for _, bcef in own.iterrows():
            stream = f"bcef/{param_set}/{row}"
            name = f"{stream}/{bcef['volume_from']:g}"
            factor = _factor(name, bcef, group="expansion", stream=stream)
            for root in roots:
                label = f"{kind} > {bcef['volume_from']:g}"
                self._add(VolumeCell(label, (factor,), root[1], carbon_fraction()))
        level = np.searchsorted(own["volume_to"].dropna().to_numpy(), volume, side="left")
        agb = own["value"].to_numpy()[level] * volume
        step = np.searchsorted([top for top, _ in roots if np.isfinite(top)], agb, side="left")
        return np.asarray(first + level * len(roots) + step, dtype=np.int64)

    def _ipcc_roots(self, param_set: str, row: str) -> list[tuple[float, Factor]]:
        names = IPCC_ROOTS[param_set]
        name = names.get(row, names[""])
        table = _table("root_to_shoot")
        own = table[(table["param_set"] == self.model["root_to_shoot"]) & (table["row"] == name)]
        stream = f"root_to_shoot/{self.model['root_to_shoot']}/{name}"
        out = []
        for _, root in own.iterrows():
            top = float(root["agb_to"]) if pd.notna(root["agb_to"]) else np.inf
            label = f"{stream}/{0 if pd.isna(root['agb_from']) else root['agb_from']:g}"
            out.append((top, _factor(label, root, group="root_to_shoot", stream=stream)))
        return sorted(out, key=lambda pair: pair[0])


def _factor(name: str, row: Any, *, group: str, stream: str = "") -> Factor:
    return Factor(_parameter(name, row), stream or name, group)


@cache
def _one(name: str, *, group: str) -> Factor:
    """Return the one row named ``table/set/row``."""
    table, param_set, row = name.split("/", 2)
    rows = _table(table)
    own = rows[(rows["param_set"] == param_set) & (rows["row"] == row)]
    if len(own) != 1:
        raise LookupError(f"models/{name} names {len(own)} rows")
    return _factor(name, own.iloc[0], group=group)


def root_to_shoot(kind: str) -> Factor:
    """Return the observed root-to-shoot ratio of a forest type (GROA)."""
    row = str(forest_types().loc[kind, "root_to_shoot"])
    return _one(f"root_to_shoot/groa/{row}", group="root_to_shoot")


def carbon_fraction() -> Factor:
    """Return the default carbon fraction of trees, one draw for all of them."""
    return _carbon("ipcc2006/tree")


def _carbon(row: str) -> Factor:
    return _one(f"carbon_fraction/{row}", group="carbon_fraction")


def _area_cell(kind: str) -> AreaCell:
    stratum = str(forest_types().loc[kind, "stratum"])
    rows = load_table(DENSITIES)
    own = rows[rows["stratum"] == stratum].set_index("pool")
    agb, bgb = (
        _factor(f"density/{stratum}/{pool}", own.loc[pool], group="density")
        for pool in ("agb", "bgb")
    )
    return AreaCell(kind, agb, bgb)
