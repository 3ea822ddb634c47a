"""Units at the edge: everything inside is t C and ha."""

from __future__ import annotations

from typing import Final, Literal, get_args

#: Mass of CO2 per mass of carbon [t CO2 / t C]: molar masses 44 and 12 (IPCC 2006, vol. 4).
CO2_PER_C: Final = 44.0 / 12.0
#: Hectares in a mu (亩): 15 mu are one hectare.
HA_PER_MU: Final = 1.0 / 15.0
#: Square metres in a hectare.
M2_PER_HA: Final = 10_000.0

#: Hectares in an acre; both from the international foot of 0.3048 m exactly.
HA_PER_ACRE: Final = 43_560 * 0.3048**2 / M2_PER_HA
M3_PER_CUBIC_FOOT: Final = 0.3048**3
#: Tonnes in an avoirdupois pound and in the short ton of 2,000 pounds.
POUND_T: Final = 0.45359237e-3
SHORT_TON_T: Final = 2_000 * POUND_T

#: Tonnes of carbon in one unit of mass that targets may be written in.
CARBON_UNITS: Final = {"t C": 1.0, "t CO2": 1.0 / CO2_PER_C}
#: The unit that stands beside each carbon unit, so that neither reading is hidden.
OTHER_CARBON_UNIT: Final = {"t C": "t CO2", "t CO2": "t C"}
AreaUnit = Literal["ha", "mu", "亩"]
#: Hectares in one unit of area.
AREA_UNITS: Final = {"ha": 1.0, "mu": HA_PER_MU, "亩": HA_PER_MU}
#: The unit that a target's unit is told in beside its own, where there is one.
OTHER_UNIT: Final = {**OTHER_CARBON_UNIT, "ha": "mu", "mu": "ha", "亩": "ha"}
#: Hectares or tonnes of carbon in one unit of an official figure, by quantity.
FIGURE_UNITS: Final = {
    "area": {
        **AREA_UNITS, "km2": 100.0, "1e4 ha": 1e4, "万公顷": 1e4, "1e4 mu": 1e4 * HA_PER_MU,
        "万亩": 1e4 * HA_PER_MU,
    },
    "carbon": {
        **CARBON_UNITS, "Mt C": 1e6, "Mt CO2": 1e6 / CO2_PER_C, "1e4 t C": 1e4,
        "1e4 t CO2": 1e4 / CO2_PER_C,
    },
}  # fmt: skip
#: Units of a carbon density; dry matter needs a carbon fraction.
DensityUnit = Literal["t C/ha", "t CO2/ha", "t d.m./ha"]
DENSITY_UNITS: Final[tuple[DensityUnit, ...]] = get_args(DensityUnit)


def density_to_t_c_ha(value: float, unit: str, *, carbon_fraction: float | None = None) -> float:
    """Convert a carbon density to t C/ha.

    Parameters
    ----------
    value : float
        Density [`unit`].
    unit : {"t C/ha", "t CO2/ha", "t d.m./ha"}
    carbon_fraction : float, optional
        Carbon in dry matter [t C / t d.m.]; needed for ``t d.m./ha``.

    Raises
    ------
    ValueError
        If the unit is unknown or the carbon fraction is missing.

    Examples
    --------
    >>> density_to_t_c_ha(44.0, "t CO2/ha")
    12.0
    >>> density_to_t_c_ha(100.0, "t d.m./ha", carbon_fraction=0.47)
    47.0
    """
    if unit == "t C/ha":
        return value
    if unit == "t CO2/ha":
        return value / CO2_PER_C
    if unit == "t d.m./ha" and carbon_fraction is not None:
        return value * carbon_fraction
    raise ValueError(f"{unit!r} is not a density unit, or its carbon fraction is missing")
