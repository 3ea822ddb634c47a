"""From growing stock to biomass and carbon: the bare equations, one published method each.

Growing stock is in m³/ha of a stand, biomass in t d.m./ha, carbon in t C/ha. Every function takes
arrays or numbers that broadcast; `sinks.biomass.models` brings the parameters and their draws.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.ArrayLike
#: Growing stock that no stand holds: a larger number is a total or in another unit [m³/ha].
LARGEST_VOLUME: Final = 3_000.0


def _array(numbers: Numbers) -> Floats:
    return np.asarray(numbers, dtype=np.float64)


def ipcc_biomass(
    volume: Numbers,
    *,
    wood_density: Numbers,
    bef: Numbers,
    root_to_shoot: Numbers,
    carbon_fraction: Numbers,
) -> tuple[Floats, Floats]:
    """Return carbon above and below ground from volume, wood density and expansion factor.

    Right for stands, for totals of one forest type, and for single trees: it is proportional to
    the volume. `bef` expands stem biomass to above-ground biomass; a factor that holds the roots
    as well needs ``root_to_shoot = 0``.

    Parameters
    ----------
    volume : array_like
        Growing stock [m³/ha, or m³].
    wood_density : array_like
        Basic density D [t d.m./m³].
    bef : array_like
        Above-ground over stem biomass [1].
    root_to_shoot : array_like
        Below-ground over above-ground biomass R [1].
    carbon_fraction : array_like
        CF [t C/t d.m.].

    Returns
    -------
    agb, bgb : ndarray [t C/ha, or t C]

    Notes
    -----
    ``C = V × D × BEF × (1 + R) × CF``.

    References
    ----------
    IPCC 2003, Good Practice Guidance for LULUCF, equation 3.2.3; IPCC 2006 Guidelines, vol. 4,
    ch. 2, equation 2.8b with BCEF = BEF × D.

    Examples
    --------
    >>> agb, bgb = ipcc_biomass(
    ...     100.0, wood_density=0.5, bef=1.4, root_to_shoot=0.25, carbon_fraction=0.5
    ... )
    >>> float(agb), float(bgb)
    (35.0, 8.75)
    """
    bcef = _array(wood_density) * _array(bef)
    return bcef_biomass(
        volume, bcef=bcef, root_to_shoot=root_to_shoot, carbon_fraction=carbon_fraction
    )


def bcef_biomass(
    volume: Numbers, *, bcef: Numbers, root_to_shoot: Numbers, carbon_fraction: Numbers
) -> tuple[Floats, Floats]:
    """Return carbon above and below ground by a biomass conversion and expansion factor.

    IPCC's BCEF is above-ground biomass over growing stock and falls with the growing stock: take
    the class that the stand's own volume per hectare belongs to, not that of a province's mean.

    Parameters
    ----------
    volume : array_like
        Growing stock [m³/ha].
    bcef : array_like
        Above-ground biomass over growing stock [t d.m./m³].
    root_to_shoot : array_like
        R [1].
    carbon_fraction : array_like
        CF [t C/t d.m.].

    Returns
    -------
    agb, bgb : ndarray [t C/ha]

    Notes
    -----
    ``AGB = V × BCEF × CF`` and ``BGB = AGB × R``.

    References
    ----------
    IPCC 2006 Guidelines, vol. 4, ch. 2, equation 2.8 and ch. 4, table 4.5.

    Examples
    --------
    >>> agb, bgb = bcef_biomass(150.0, bcef=0.7, root_to_shoot=0.2, carbon_fraction=0.47)
    >>> round(float(agb), 2), round(float(bgb), 2)
    (49.35, 9.87)
    """
    agb = _array(volume) * _array(bcef) * _array(carbon_fraction)
    return agb, np.asarray(agb * _array(root_to_shoot))


def continuous_bcef(volume: Numbers, *, slope: Numbers, intercept: Numbers) -> Floats:
    """Return the biomass of whole trees, roots included, of stands by their mean volume.

    What Chinese papers after Fang call a continuous BEF is a whole-tree BCEF that falls with the
    growing stock, ``a + b / V``. It holds for the *mean* of stands of one type: never for a pixel
    or an empty plot, where the intercept would put biomass on land without trees, never for a
    total, where the intercept would vanish, and roots must not be added to it again.

    Parameters
    ----------
    volume : array_like
        Mean growing stock of stands [m³/ha].
    slope : array_like
        a [t d.m./m³].
    intercept : array_like
        b [t d.m./ha].

    Returns
    -------
    ndarray
        Above and below ground [t d.m./ha]; exactly 0 where the volume is 0: land that bears no
        growing stock has no stand.

    Raises
    ------
    ValueError
        If a volume is negative or larger than a stand holds, or the array is a raster.

    Notes
    -----
    ``B = a V + b`` for ``V > 0``.

    References
    ----------
    Fang J Y et al. 2001, Science 292:2320, doi:10.1126/science.1058629; coefficients of
    models/continuous_bcef.

    Examples
    --------
    Masson pine of 60 m³/ha with the coefficients of Li et al. 2016, table 1:

    >>> round(float(continuous_bcef(60.0, slope=0.5034, intercept=20.547)), 3)
    50.751
    """
    stands = _array(volume)
    if stands.ndim > 1:
        raise ValueError("continuous BCEF needs stand means, not a raster of pixels")
    if np.any(stands < 0) or np.any(stands > LARGEST_VOLUME):
        raise ValueError("continuous BCEF needs stand means in m³/ha, not totals")
    biomass = stands * _array(slope) + _array(intercept)
    return np.asarray(np.where(stands == 0, 0.0, biomass))


def split_roots(biomass: Numbers, root_to_shoot: Numbers) -> tuple[Floats, Floats]:
    """Split the biomass of whole trees into above and below ground, without adding to it.

    Parameters
    ----------
    biomass : array_like
        Whole trees, roots included [any unit].
    root_to_shoot : array_like
        R [1].

    Returns
    -------
    agb, bgb : ndarray
        ``B / (1 + R)`` and ``B R / (1 + R)``.

    Examples
    --------
    >>> agb, bgb = split_roots(50.0, 0.25)
    >>> float(agb), float(bgb)
    (40.0, 10.0)
    """
    whole = _array(biomass)
    agb = np.asarray(whole / (1.0 + _array(root_to_shoot)))
    return agb, np.asarray(whole - agb)


def direct_biomass(
    agb: Numbers, *, root_to_shoot: Numbers, carbon_fraction: Numbers
) -> tuple[Floats, Floats]:
    """Return carbon above and below ground from measured above-ground biomass.

    Parameters
    ----------
    agb : array_like
        Above-ground biomass, of a plot or a biomass map [t d.m./ha].
    root_to_shoot : array_like
        R [1].
    carbon_fraction : array_like
        CF [t C/t d.m.].

    Returns
    -------
    agb, bgb : ndarray [t C/ha]

    Notes
    -----
    ``AGB = B × CF`` and ``BGB = B × R × CF``.

    References
    ----------
    IPCC 2006 Guidelines, vol. 4, ch. 4, table 4.4 (R) and 4.3 (CF).

    Examples
    --------
    >>> above, below = direct_biomass(100.0, root_to_shoot=0.24, carbon_fraction=0.5)
    >>> float(above), float(below)
    (50.0, 12.0)
    """
    return bcef_biomass(agb, bcef=1.0, root_to_shoot=root_to_shoot, carbon_fraction=carbon_fraction)
