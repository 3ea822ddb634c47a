"""Forest of the example province: where it stands and of what kind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sinks.demo.frame import CELL_HA, Frame
from sinks.demo.noise import Field, Mask, around
from sinks.demo.relief import Relief
from sinks.demo.waters import choose

FOREST = ("forest_enf", "forest_ebf", "forest_dbf", "forest_mixed", "bamboo")


@dataclass(frozen=True)
class Site:
    """What the plants respond to, and how the land lies."""

    frame: Frame
    relief: Relief
    latitude: Field
    built: Field
    river: Field

    @cached_property
    def slope(self) -> Field:
        """Rise above the valley floor on a logarithmic scale: 0 there, 1 at 40 m, 2 at 150 m."""
        return np.asarray(np.log1p(self.relief.hill / 25))


def forest_score(site: Site) -> Field:
    """Return how likely a cell is wooded: hills and heights, patchy, away from towns."""
    relief = site.relief
    patch = site.frame.texture("forest/patch", (46, 21, 10, 5, 2.6), gain=0.8)
    score = 0.88 * site.slope
    score += 0.42 * np.log1p(np.maximum(relief.elevation - 20, 0) / 130)
    score += 0.72 * patch
    score -= 2.6 * site.built
    score += site.frame.regional("wooded")
    return score


def poplar_score(site: Site) -> Field:
    """Return where poplars and village woods stand on the plain: banks, levees, field edges."""
    grove = site.frame.texture("forest/poplar", (30, 10, 5, 2.6), gain=1.1)
    bank = 0.9 * np.exp(-np.square(site.river / 9))
    score: Field = grove + bank - 2.2 * site.built + 0.6 * site.relief.plain
    return score


def forest_kinds(
    site: Site, forest: Mask, *, groves: Mask, area: dict[str, float]
) -> npt.NDArray[np.uint8]:
    """Divide the forest into its five kinds; what none claims is mixed.

    Parameters
    ----------
    forest, groves : ndarray of bool
        All forest, and the part of it that is poplar on the plain.
    area : dict
        Province totals [ha].

    Returns
    -------
    ndarray of uint8
        1 + position in `FOREST`; 0 outside the forest.
    """
    kinds = np.where(forest, np.uint8(1 + FOREST.index("forest_mixed")), np.uint8(0))
    kinds[groves] = 1 + FOREST.index("forest_dbf")
    free = forest & ~groves
    for name, score in (
        ("bamboo", _bamboo(site)),
        ("forest_ebf", _evergreen(site)),
        ("forest_dbf", _deciduous(site)),
        ("forest_enf", _needleleaf(site)),
    ):
        standing = area["poplar"] if name == "forest_dbf" else 0
        chosen = choose(
            site.frame, score, allowed=free, quota=round((area[name] - standing) / CELL_HA)
        )
        kinds[chosen] = 1 + FOREST.index(name)
        free &= ~chosen
    return kinds


def _texture(site: Site, name: str) -> Field:
    return site.frame.texture(f"forest/{name}", (60, 24, 10, 5, 2.6), gain=0.9)


def _bamboo(site: Site) -> Field:
    """Moso bamboo: the hills of Xianning above all, some in Yichang and Huanggang."""
    south = np.minimum(site.frame.regional("bamboo"), 0.75)
    high = np.square((site.relief.elevation - 300) / 350)
    return 2.3 * south + 0.8 * _texture(site, "bamboo") - 0.4 * high


def _evergreen(site: Site) -> Field:
    """Evergreen broadleaf forest: south of 31° N and below 1,300 m."""
    warm = (
        -0.9 * np.maximum(site.latitude, 30.1)
        - 0.8 * site.frame.regional("pine")
        - np.maximum(site.relief.elevation - 900, 0) / 380
    )
    return warm + 0.75 * _texture(site, "evergreen")


def _deciduous(site: Site) -> Field:
    """Oaks of the north and of the middle heights."""
    elevation = site.relief.elevation
    height = 1.1 * np.exp(-np.square((elevation - 1350) / 650))
    return 0.55 * site.latitude + height + 0.75 * _texture(site, "deciduous")


def _needleleaf(site: Site) -> Field:
    """Masson pine and Chinese fir of the lower hills; fir above 2,000 m."""
    elevation = site.relief.elevation
    low = 0.7 * np.exp(-np.square((elevation - 350) / 550))
    top = 1.8 / (1 + np.exp(np.minimum((2050 - elevation) / 120, 30)))
    return low + top + site.frame.regional("pine") + 0.75 * _texture(site, "needleleaf")


def forest_margin(forest: Mask) -> Field:
    """Return the share of forest around each cell."""
    return around(forest, 4)
