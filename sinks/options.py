"""Arguments and options of the commands: their types, names and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="study.toml")]
OutFolder = Annotated[
    Path, typer.Argument(metavar="DIR", help="folder of a finished run · 结果文件夹")
]
Parts = Annotated[
    str | None, typer.Option("--only", help="tables[,regions,workbook,report,map,rasters,changes]")
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="output folder · 输出文件夹")]
Workers = Annotated[int | None, typer.Option(min=1, help="threads")]
Scheduler = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="of a dask.distributed cluster")
]
Memory = Annotated[
    str | None, typer.Option(metavar="SIZE", help="e.g. 500MB or 2GB, for the pass over rasters")
]
Domain = Literal["forest_type", "county", "unit"]
Speech = Annotated[Literal["zh", "en"], typer.Option("--language", help="zh | en")]

SampleOut = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="default: sample/ beside the study")
]
DrawnFrom = Annotated[
    str, typer.Option(metavar="map|change|none[:LEVEL[:YEAR]]", help="what to draw from")
]
SampleSize = Annotated[
    str | None, typer.Option(metavar="N | se=X | CLASS=X", help="units, or what they must tell")
]
Allocated = Annotated[
    str, typer.Option(metavar="balanced[:N]|proportional|equal|neyman", help="to the strata")
]
Expected = Annotated[str, typer.Option(metavar="CLASS=U,…", help="expected user's accuracies")]
Seed = Annotated[int | None, typer.Option(min=0, help="default: the study's")]
