"""sinks (碳汇地图): forest and wetland carbon sinks by county, with their uncertainty."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sinks.biomass.density import Density
    from sinks.checks import Problem, Problems
    from sinks.datum import gcj02_to_wgs84, wgs84_to_gcj02
    from sinks.errors import FolderLocked, InputChanged, InputProblems, OutputFailed, SinksError
    from sinks.grid import Grid
    from sinks.landcover.activity import Activity
    from sinks.legend import Legend, load_legend
    from sinks.regions import Regions, from_cnmaps, load_regions
    from sinks.results import Results
    from sinks.run import Options, check_study, run_study
    from sinks.stock import Stock
    from sinks.study import Study, load_study

__version__ = "0.1.0"

#: Where each public name lives. They are loaded when first asked for: `sinks --help` needs none.
_HOMES = {
    "Activity": "landcover.activity",
    "Density": "biomass.density",
    "FolderLocked": "errors",
    "Grid": "grid",
    "InputChanged": "errors",
    "InputProblems": "errors",
    "Legend": "legend",
    "Options": "run",
    "OutputFailed": "errors",
    "Problem": "checks",
    "Problems": "checks",
    "Regions": "regions",
    "Results": "results",
    "SinksError": "errors",
    "Stock": "stock",
    "Study": "study",
    "check_study": "run",
    "from_cnmaps": "regions",
    "gcj02_to_wgs84": "datum",
    "load_legend": "legend",
    "load_regions": "regions",
    "load_study": "study",
    "run_study": "run",
    "wgs84_to_gcj02": "datum",
}

__all__ = [
    "Activity",
    "Density",
    "FolderLocked",
    "Grid",
    "InputChanged",
    "InputProblems",
    "Legend",
    "Options",
    "OutputFailed",
    "Problem",
    "Problems",
    "Regions",
    "Results",
    "SinksError",
    "Stock",
    "Study",
    "__version__",
    "check_study",
    "from_cnmaps",
    "gcj02_to_wgs84",
    "load_legend",
    "load_regions",
    "load_study",
    "run_study",
    "wgs84_to_gcj02",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sinks' has no attribute {name!r}")
    return getattr(import_module(f"sinks.{_HOMES[name]}"), name)
