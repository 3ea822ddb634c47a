"""What a table of measurements must say of the machine and of the versions."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from sinks import __version__

#: Distributions whose version is told, ours and those of the rivals.
OURS = ("numpy", "numba", "rasterio", "geopandas", "shapely", "xarray", "pandas")
PEERS = ("exactextract", "rasterstats", "pygeoprocessing", "natcap.invest", "GDAL")
#: Asked of another interpreter.
PROGRAM = (
    "import json, sys\nfrom importlib import metadata\nout = {}\nfor name in sys.argv[1:]:\n"
    " try: out[name] = metadata.version(name)\n except metadata.PackageNotFoundError: pass\n"
    "print(json.dumps(out))"
)


def processor() -> str:
    """Return the name of the processor, as far as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def versions_of(python: str, names: Sequence[str]) -> Mapping[str, str]:
    """Return the versions of distributions under an interpreter; those that are there."""
    done = subprocess.run(
        [python, "-c", PROGRAM, *names], capture_output=True, text=True, check=True
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def described() -> str:
    """Return machine and versions in two lines."""
    memory = psutil.virtual_memory().total / 1e9
    machine = (
        f"{psutil.cpu_count()} processors ({processor()}), {memory:.0f} GB, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    )
    own = {"sinks": __version__} | dict(versions_of(sys.executable, OURS))
    return f"Machine: {machine}.\nVersions: {listed(own)}.\n"


def listed(versions: Mapping[str, str]) -> str:
    """Return names and versions as one line."""
    return ", ".join(f"{name} {version}" for name, version in versions.items())
