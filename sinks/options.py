"""The commands' group, and their arguments and options: types, names and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

#: Of `run`: STUDY is the manifest of a run that is to be repeated.
FROM_MANIFEST = "--from-manifest"


class Commands(TyperGroup):
    """The commands; ``run --from-manifest`` is one of its own, with arguments of its own."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Return name, command and arguments."""
        words = [word.removeprefix(f"{FROM_MANIFEST}=") for word in args]
        if args[:1] == ["run"] and (FROM_MANIFEST in args or words != args):
            args = ["repeat", *(word for word in words[1:] if word != FROM_MANIFEST)]
        return super().resolve_command(ctx, args)


StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="study.toml")]
ClassifyFile = Annotated[Path, typer.Argument(metavar="FILE", help="TOML with [classify]")]
OutFolder = Annotated[
    Path, typer.Argument(metavar="DIR", help="folder of a finished run · 结果文件夹")
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="also write problems there")]
DemoFolder = Annotated[Path, typer.Argument(metavar="[DIR]")]
TableName = Annotated[str | None, typer.Argument(metavar="[NAME]", help="table · 表名")]
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
Domain = Literal["forest_type", "county", "unit", "plot"]
Speech = Annotated[Literal["zh", "en"], typer.Option("--language", help="zh | en")]

Inventory = Annotated[
    Path, typer.Argument(metavar="FOLDER|TOML", help="FIA's tables, or plots · 文件夹或样地")
]
TablesKept = Annotated[
    list[Path] | None, typer.Option("--with", metavar="FILE", help="a table kept elsewhere")
]
Evaluations = Annotated[list[str] | None, typer.Option(help="EVALID, repeatable")]
DomainAsked = Annotated[Domain | None, typer.Option(help="domains · 分组")]
System = Annotated[Literal["metric", "us"], typer.Option(help="units of the result")]
CsvOut = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="CSV")]
Template = Annotated[
    Path | None, typer.Option(metavar="XLSX", help="a workbook with placeholders · 带占位符的表")
]

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

Models = Annotated[list[str] | None, typer.Option("--model", help="repeatable · 可重复")]
Fields = Annotated[list[str] | None, typer.Option("--field", metavar="NAME=FIELD")]

Sheets = Annotated[
    bool, typer.Option("--sheets", help="a printed page per region in DIR/sheets · 逐县图幅")
]
PaperSize = Annotated[Literal["a4", "a3"], typer.Option(help="of the sheets · 图幅纸张")]
SheetFormat = Annotated[
    Literal["pdf", "png", "both", "atlas"],
    typer.Option("--format", help="of sheets; atlas: all in one PDF · 图册"),
]
SheetLayer = Annotated[Literal["landcover", "density", "change"], typer.Option(help="on sheets")]
SheetRegions = Annotated[
    list[str] | None, typer.Option(metavar="CODE", help="repeatable; ALL: the whole · 可重复")
]


def parts_of(only: str | None) -> tuple[str, ...]:
    """Return what a run is to write beside the tables."""
    from sinks.run import ON_REQUEST, PARTS  # noqa: PLC0415 - slow to load

    parts = PARTS if only is None else tuple(part.strip() for part in only.split(","))
    known = ("tables", *PARTS, *ON_REQUEST)
    unknown = [part for part in parts if part not in known]
    if unknown:
        raise typer.BadParameter(f"--only: {', '.join(unknown)} ({', '.join(known)})")
    return tuple(part for part in parts if part != "tables")
