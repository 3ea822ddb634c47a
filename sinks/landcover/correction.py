"""What a reference sample makes of map areas: linear in what is mapped, with draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Correction:
    """Draws of areas that a reference sample corrects: linear in what is mapped.

    ``area[region, stratum, year, draw] = Σ base[region, mapped, year] · share · rate[draw]`` over
    the entries (mapped, stratum, year, rate, share). So regions are added before anything is drawn.

    Attributes
    ----------
    base : ndarray, dims (region, mapped, year) [ha]
        Hectares by what is mapped: a stratum, or a pair of strata in two years.
    strata : int
        How many true strata there are.
    mapped, stratum, year, rate : ndarray, dims (entry)
        Places on these axes.
    share : ndarray, dims (entry)
    central : ndarray, dims (rate)
    draws : ndarray, dims (rate, draw)
    moves : mapping of (start, end) to ndarray, dims (region, from, to) [ha]
        Mapped transitions.
    ways : ndarray, dims (way, 4), optional
        Of a sample of change: place of the mapped pair, true stratum before and after, rate.
    way_share : ndarray, dims (way), optional
    """

    base: Floats
    strata: int
    mapped: Ints
    stratum: Ints
    year: Ints
    rate: Ints
    share: Floats
    central: Floats
    draws: Floats
    moves: Mapping[tuple[int, int], Floats]
    ways: Ints | None = None
    way_share: Floats | None = None

    def of_regions(self, rows: Ints) -> Correction:
        """Return the correction of some regions."""
        moves = {pair: area[rows] for pair, area in self.moves.items()}
        return replace(self, base=self.base[rows], moves=moves)

    def spread(self, places: Ints, count: int) -> Correction:
        """Return the correction of `count` regions: these ones at some places, zero elsewhere."""

        def among(own: Floats) -> Floats:
            out = np.zeros((count, *own.shape[1:]))
            out[places] = own
            return out

        moves = {pair: among(area) for pair, area in self.moves.items()}
        return replace(self, base=among(self.base), moves=moves)

    def per_mapped(self, values: Floats) -> Floats:
        """Bring a quantity per hectare of true strata onto a hectare of what is mapped.

        Parameters
        ----------
        values : ndarray, dims (stratum, year) or (stratum, year, draw)
            Per hectare; without draws at the central rates.

        Returns
        -------
        ndarray, dims (mapped, year) or (mapped, year, draw)
        """
        rates = self.draws if values.ndim == 3 else self.central
        out = np.zeros((*self.base.shape[1:], *values.shape[2:]))
        columns = (self.mapped, self.stratum, self.year, self.rate, self.share)
        for k, s, y, r, share in zip(*(column.tolist() for column in columns), strict=True):
            out[k, y] += share * rates[r] * values[s, y]
        return out

    def drawn_area(self, region: int) -> Floats:
        """Return the draws of a region's areas, dims (stratum, year, draw) [ha]."""
        out = np.zeros((self.strata, self.base.shape[2], self.draws.shape[1]))
        columns = (self.mapped, self.stratum, self.year, self.rate, self.share)
        for k, s, y, r, share in zip(*(column.tolist() for column in columns), strict=True):
            hectares = self.base[region, k, y] * share
            if hectares:
                out[s, y] += hectares * self.draws[r]
        return out

    def central_area(self) -> Floats:
        """Return the areas at the central rates, dims (region, stratum, year) [ha]."""
        out = np.zeros((self.strata, len(self.base), self.base.shape[2]))
        weight = self.share * self.central[self.rate]
        hectares = self.base[:, self.mapped, self.year].T * weight[:, None]
        for s, y, column in zip(self.stratum.tolist(), self.year.tolist(), hectares, strict=True):
            out[s, :, y] += column
        return out.transpose(1, 0, 2)

    def shares(self, rates: Floats | None = None) -> Floats:
        """Return what each mapped stratum truly is in the first year.

        Parameters
        ----------
        rates : ndarray, dims (rate, ...), optional
            The central rates if absent.

        Returns
        -------
        ndarray, dims (mapped, stratum, ...)
        """
        used = self.central if rates is None else rates
        out = np.zeros((self.base.shape[1], self.strata, *used.shape[1:]))
        first = self.year == 0
        share = self.share[first].reshape(-1, *[1] * (used.ndim - 1))
        np.add.at(out, (self.mapped[first], self.stratum[first]), share * used[self.rate[first]])
        return out

    def per_move(self, rates: Floats, gain: Floats) -> Floats:
        """Return what a hectare of each mapped transition brings.

        Parameters
        ----------
        rates : ndarray, dims (rate, draw)
        gain : ndarray, dims (from, to, draw)
            What a hectare of each true transition brings.

        Returns
        -------
        ndarray, dims (from · to, draw)
            Of mapped strata.

        Notes
        -----
        As in `sinks.landcover.adjust.adjusted`: mapped alike twice is in error alike; where the
        map changes the two errors are independent.
        """
        size = self.strata
        if self.ways is not None and self.way_share is not None:
            out = np.zeros((size * size, rates.shape[1]))
            for (k, i, j, r), share in zip(self.ways.tolist(), self.way_share, strict=True):
                out[k] += share * rates[r] * gain[i, j]
            return out
        true = self.shares(rates)
        after = np.einsum("lkd,jkd->ljd", true, gain, optimize=True)
        moved = np.einsum("ijd,ljd->ild", true, after, optimize=True)
        same = np.arange(size)
        moved[same, same] = np.einsum("ijd,jjd->id", true, gain)
        return np.asarray(moved.reshape(size * size, -1))
