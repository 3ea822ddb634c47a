"""Land cover, carbon density and change as pictures that lie true on a web map.

Each picture is a palette PNG at the rasters' own resolution up to a cap. Finer rasters are
thinned: classes by the most frequent in each pixel, densities by their average, never by averages
of codes.
"""

from sinks.layers.paint import CHANGE_CLASSES, change_class
from sinks.layers.write import Regional, budget_beside, landcover_layer, write_layers

__all__ = [
    "CHANGE_CLASSES",
    "Regional",
    "budget_beside",
    "change_class",
    "landcover_layer",
    "write_layers",
]
