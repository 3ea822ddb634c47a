"""Farmland, orchards, shrub, grass and bare land of the example province."""

from __future__ import annotations

import numpy as np

from sinks.demo.noise import Field, Mask
from sinks.demo.woods import Site, forest_margin


def shrub_score(site: Site, forest: Mask) -> Field:
    """Shrub: edges of the forest, the dry slopes of the north-west, limestone."""
    patch = site.frame.texture("shrub", (40, 18, 10, 5, 2.6), gain=0.85)
    score = site.slope + 0.8 * patch + site.frame.regional("karst")
    return score + 1.1 * forest_margin(forest) - 2 * site.built


def grass_score(site: Site) -> Field:
    """Grass: high ridges, worn hillsides, river banks."""
    patch = site.frame.texture("grass", (28, 12, 5, 2.6), gain=0.95)
    high = 1.6 / (1 + np.exp(np.clip((1750 - site.relief.elevation) / 180, -30, 30)))
    bank = 0.5 * np.exp(-site.river / 6)
    return 1.1 * patch + high + 0.8 * site.slope + bank


def orchard_score(site: Site) -> Field:
    """Orange groves of the gorges and Danjiangkou, tea of the southern and eastern hills."""
    elevation = site.relief.elevation
    patch = site.frame.texture("orchard", (34, 14, 5, 2.6), gain=0.8)
    orange = np.minimum(site.frame.regional("orange"), 1.2) - np.square((elevation - 230) / 330)
    tea = site.frame.regional("tea") - np.square((elevation - 650) / 450)
    gentle = -np.square((site.slope - 1) / 1.2)
    best: Field = np.maximum(np.maximum(orange, tea), -1.2) + 0.6 * gentle + 0.95 * patch
    return best


def paddy_score(site: Site) -> Field:
    """Paddy: wet valley floors and the lake plain; not the wheat land of the north."""
    patch = site.frame.texture("paddy", (70, 26, 10, 5, 2.6), gain=0.8)
    score = 0.75 * patch - 1.05 * site.slope - 0.0011 * np.maximum(site.relief.elevation - 60, 0)
    score -= site.frame.regional("dry") + 0.5 * np.maximum(site.latitude - 31.8, 0)
    # Sandy levees of the Yangtze and the Han carry cotton and maize.
    return score - 1.5 * np.exp(-np.square(site.river / 27))


def bare_score(site: Site) -> Field:
    """Bare land: quarries near towns, scree on the heights."""
    spot = site.frame.texture("bare", (16, 5, 2.6), gain=1.2)
    return spot + 0.4 * site.slope + 0.8 * np.minimum(site.built, 0.5)
