"""The command line: commands only, no logic. Libraries are loaded when a command needs them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sinks import __version__
from sinks.exits import ended
from sinks.memory import require_memory
from sinks.options import (
    Allocated,
    ClassifyFile,
    Commands,
    CsvOut,
    DemoFolder,
    DomainAsked,
    DrawnFrom,
    Evaluations,
    Expected,
    Fields,
    Inventory,
    JsonFile,
    Memory,
    Models,
    Out,
    OutFolder,
    PaperSize,
    Parts,
    SampleOut,
    SampleSize,
    Scheduler,
    Seed,
    SheetFormat,
    SheetLayer,
    SheetRegions,
    Sheets,
    Speech,
    StudyFile,
    System,
    TableName,
    TablesKept,
    Template,
    Workers,
    parts_of,
)
from sinks.progress import progress
from sinks.texts import text

if TYPE_CHECKING:
    from sinks.checks import Problems
    from sinks.results import Results
    from sinks.run import Options

app = typer.Typer(
    name="sinks",
    cls=Commands,
    help=text("cli.help", "en") + "\n\n" + text("cli.help", "zh"),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def run_command() -> int:
    """Run the command of this process; return its exit code."""
    return ended(lambda: app(standalone_mode=False))


@app.command()
def demo(folder: DemoFolder = Path("sinks-demo"), language: Speech = "zh") -> None:
    """Build the example province, run it, say where the map is · 生成示例省并运行."""
    require_memory("run")
    from sinks.demo import write_inputs
    from sinks.run import Options

    typer.echo(text("cli.building", language), err=True)
    study = write_inputs(folder, language=language)
    _run(study, folder / "out", options=Options())


@app.command()
def init(folder: Annotated[Path, typer.Argument(metavar="DIR")], language: Speech = "zh") -> None:
    """Write a commented study.toml to start from · 写出带注释的研究文件."""
    from sinks.starter import write_starter

    typer.echo(text("cli.wrote", language, path=write_starter(folder, language)))


@app.command()
def check(
    study: StudyFile,
    json_file: JsonFile = None,
    *,
    strict: Annotated[bool, typer.Option(help="refuse repairs, too")] = False,
) -> None:
    """List every problem of every input; write nothing else · 检查全部输入."""
    require_memory("run")
    from sinks.run import check_study
    from sinks.tabulate import json_text

    problems = check_study(study)
    if json_file is not None:
        body = json_text([problem.as_dict() for problem in problems])
        json_file.write_text(body, encoding="utf-8", newline="\n")
    problems.raise_errors(strict=strict)
    _show(problems)
    typer.echo(text("cli.checked", problems.language))


@app.command()
def run(
    study: StudyFile,
    out: Out,
    *,
    strict: Annotated[bool, typer.Option(help="refuse repairs, too")] = False,
    workers: Workers = None,
    only: Parts = None,
    scheduler: Scheduler = None,
    max_memory: Memory = None,
) -> None:
    """Run a study: tables, workbook, report, map · 运行研究.

    With --from-manifest, STUDY is the manifest.json of a finished run, which is repeated on the
    same inputs · 加 --from-manifest 时，STUDY 为某次运行的 manifest.json，按相同输入重做.
    """
    require_memory("run")
    from sinks.execution import options_of
    from sinks.studyfile import spoken

    options = options_of(
        workers=workers, scheduler=scheduler, max_memory=max_memory, language=spoken(study)
    )
    parts = parts_of(only)
    _run(study, out, options=replace(options, strict=strict, parts=parts))


@app.command(hidden=True)
def repeat(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="manifest.json")],
    out: Out,
    *,
    workers: Workers = None,
    scheduler: Scheduler = None,
    max_memory: Memory = None,
) -> None:
    """Repeat a run from its manifest: `sinks run --from-manifest` · 按清单重做一次运行."""
    require_memory("run")
    from sinks.execution import options_of
    from sinks.repeat import outcome, recipe_of

    recipe = recipe_of(manifest)
    options = options_of(workers=workers, scheduler=scheduler, max_memory=max_memory)
    options = replace(options, parts=recipe.parts)
    results = _run(recipe.study, out, options=options, content=recipe.content)
    for line in outcome(recipe, results):
        typer.echo(line)


def _run(study: Path, out: Path, *, options: Options, content: bytes | None = None) -> Results:
    from sinks.run import run_study

    command = " ".join(["sinks", *sys.argv[1:]])
    with progress() as shown:
        options = replace(options, progress=shown, command=command)
        results = run_study(study, out, options=options, content=content)
    _summary(results)
    return results


def _summary(results: Results) -> None:
    """Print what was found and where to look."""
    from sinks.told import told

    for record in results.meta["problems"]:
        if record["severity"] != "ERROR":
            typer.echo(record["text"][results.language], err=True)
    typer.echo("\n".join(told(results)))


@app.command(name="map")
def map_(
    folder: OutFolder,
    *,
    sheets: Sheets = False,
    paper: PaperSize = "a4",
    form: SheetFormat = "pdf",
    layer: SheetLayer = "landcover",
    region: SheetRegions = None,
) -> None:
    """Write map.html again from a finished run; --sheets: printed pages · 由结果重绘地图或图幅."""
    require_memory("read")
    if not sheets:
        from sinks.maps import write_map

        _rewrite(folder, "map.html", write=write_map)
        return
    from sinks.rewriting import rewrite_sheets
    from sinks.sheets import FORMATS, SheetOptions

    options = SheetOptions(paper, FORMATS[form], tuple(region or ()), layer)
    with progress() as shown:
        told = rewrite_sheets(folder, options, progress=shown)
    typer.echo(told)


@app.command()
def report(
    folder: OutFolder,
    *,
    docx: Annotated[bool, typer.Option(help="also report.docx · Word 文档")] = False,
    pdf: Annotated[bool, typer.Option(help="also report.pdf, by an installed Chromium")] = False,
) -> None:
    """Write report.html again from a finished run · 由结果重写报告."""
    from sinks.report import write_document, write_pdf, write_report

    _rewrite(folder, "report.html", write=write_report)
    if docx:
        _rewrite(folder, "report.docx", write=write_document)
    if pdf:
        _rewrite(folder, "report.pdf", write=write_pdf)


@app.command()
def workbook(folder: OutFolder, *, template: Template = None) -> None:
    """Write workbook.xlsx again, or fill a workbook of your own · 由结果重写或填写工作簿."""
    from sinks.rewriting import fill_template
    from sinks.workbook import write_workbook

    if template is not None:  # first: a template that is refused leaves all as it was
        typer.echo(fill_template(folder, template))
    _rewrite(folder, "workbook.xlsx", write=write_workbook)


@app.command()
def publish(
    folder: OutFolder,
    site: Annotated[Path, typer.Argument(metavar="SITE", help="folder of the site · 网站文件夹")],
) -> None:
    """Write a site for any static server from a finished run · 由结果生成网站."""
    require_memory("read")
    from sinks.publish import publish as write_site
    from sinks.results import Results

    results = Results.open(folder)
    typer.echo(text("cli.wrote", results.language, path=write_site(results, site)))


def _rewrite(folder: Path, name: str, *, write: Callable[[Results, Path], None]) -> None:
    require_memory("read")
    from sinks.rewriting import rewrite

    typer.echo(rewrite(folder, name, write=write))


@app.command()
def explain(
    folder: OutFolder, region: Annotated[str, typer.Argument(metavar="REGION", help="code or name")]
) -> None:
    """Why this number? hectares × density → tonnes · 这个数是怎么来的."""
    require_memory("read")
    from sinks.explain import explain as explain_region
    from sinks.results import Results

    results = Results.open(folder)
    typer.echo(explain_region(results, region))


@app.command()
def verify(folder: OutFolder) -> None:
    """Is the folder what its run wrote? Hash every file again · 核对成果文件是否齐全、未被改动."""
    require_memory("read")
    from sinks.verify import verify as verified

    typer.echo(verified(folder))


@app.command()
def inventory(
    folder: Inventory,
    *,
    tables: TablesKept = None,
    evaluation: Evaluations = None,
    by: DomainAsked = None,
    system: System = "metric",
    out: CsvOut = None,
    language: Speech = "zh",
) -> None:
    """Estimate a population from inventory plots alone · 仅由样地估计总体."""
    require_memory("read")
    from sinks.inventory import Question, inventory_of, text_table, write_inventory

    asked = Question(tuple(evaluation or ()), by, system, tuple(tables or ()))
    table, problems = inventory_of(folder, asked, language=language)
    _show(problems)
    if out is None:
        typer.echo(text_table(table, language))
        return
    write_inventory(table, out, language=language)
    typer.echo(text("cli.wrote", language, path=out))


@app.command()
def sample(
    study: StudyFile,
    out: SampleOut = None,
    *,
    strata: DrawnFrom = "map:group",
    size: SampleSize = None,
    allocation: Allocated = "balanced",
    expect: Expected = "",
    seed: Seed = None,
) -> None:
    """Design a reference sample: size, allocation, random points · 设计参考样本."""
    require_memory("run")
    from sinks.sampling import described, design_sample
    from sinks.wishes import wishes_of

    wishes = wishes_of(strata=strata, size=size, allocation=allocation, expect=expect, seed=seed)
    made = design_sample(study, wishes, out=out)
    _show(made.problems)
    for line in described(made, made.problems.language):
        typer.echo(line)


@app.command()
def classify(file: ClassifyFile, out: Out) -> None:
    """Train a classifier on imagery, or apply one · 训练并应用影像分类器."""
    require_memory("run")
    from sinks import classification

    with progress() as shown:
        made = classification.classify(file, out, progress=shown)
    _show(made.problems)
    typer.echo("\n".join(classification.described(made)))


@app.command()
def subcompartments(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="polygons · 小班矢量")],
    *,
    model: Models = None,
    fields: Fields = None,
    year: Annotated[int, typer.Option(min=0, max=2199, help="of the survey · 年份")] = 0,
    growth: Annotated[bool, typer.Option(help="age for volume · 无蓄积者按林龄")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="tables as CSV")] = None,
    language: Speech = "zh",
) -> None:
    """Carbon of sub-compartments by polygon, county and stratum · 小班碳储量."""
    require_memory("read")
    from sinks.subcompartments import asked, subcompartments_of, told

    question = asked(model or (), fields or (), year=year, growth=growth)
    answer = subcompartments_of(file, question, language=language)
    _show(answer.problems)
    typer.echo("\n".join(told(answer, out, language=language)))


@app.command()
def legends() -> None:
    """List the packaged legends and their classes · 列出内置图例."""
    from sinks.legend import listed

    typer.echo("\n".join(listed()))


@app.command()
def parameters(name: TableName = None) -> None:
    """List the cited parameter tables, or print one · 列出或打印参数表."""
    from sinks.parameters import listed

    typer.echo(listed(name), nl=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema of study.toml · 打印研究文件的 JSON Schema."""
    from sinks.study import schema as study_schema

    typer.echo(json.dumps(study_schema(), ensure_ascii=False, indent=2))


@app.command()
def version() -> None:
    """Print the version · 打印版本."""
    typer.echo(__version__)


def _show(problems: Problems) -> None:
    from sinks.checks import Severity

    for problem in problems.of(Severity.REPAIR, Severity.WARN):
        typer.echo(problem.text(), err=True)
