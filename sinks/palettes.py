"""Colours of the maps' number layers: a few ramps, safe for colour-blind readers.

Each ramp falls in lightness from step to step, so that it also reads in grey; the two arms of the
diverging ramp differ in blue against yellow, which every common colour-vision deficiency keeps
(tested with the matrices of Machado, Oliveira & Fernandes 2009). Land-cover colours are not here:
they belong to the legend's rows.
"""

from __future__ import annotations

from typing import Final

#: From little to much: paper, moss, deep water green.
AMOUNT: Final = ("#f3efdc", "#c7d9af", "#85b793", "#468e7e", "#1c6569", "#123f4f")
#: From sure to unsure.
UNCERTAINTY: Final = ("#f3eef2", "#dccbdd", "#c2a6c5", "#a17fa9", "#7b5b89", "#553a68")
#: From loss over zero to gain: as many steps on either side.
DIVERGING: Final = ("#7a3d12", "#bb7a41", "#e3bd93", "#f2eee3", "#a3cbd0", "#3f8f9c", "#0c5363")
#: What became forest or wetland, and what ceased to be: dark and light, blue against orange.
CHANGES: Final = {
    "new_forest": "#0a4d37",
    "lost_forest": "#e2744a",
    "new_wetland": "#4a98ea",
    "lost_wetland": "#f5cf1d",
}
#: A region without a value.
MISSING: Final = "#dedbd2"

PALETTES: Final = {
    "amount": AMOUNT,
    "uncertainty": UNCERTAINTY,
    "diverging": DIVERGING,
    "missing": (MISSING,),
}
