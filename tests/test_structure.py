"""Layers, sizes and forbidden calls, read from the source itself."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import sinks
from tests.conftest import ROOT

PACKAGE = ROOT / "sinks"

#: Lowest band first. A unit is a module, or a package taken as a whole.
BANDS = {
    "ground": (
        "errors environment escape display texts checks validation limits rows units workbookfile"
        " parameters draws memory datum grid studyfile basemap rastersections sections"
        " scenarioparts densitychecks targetchecks reconcilechecks study"
    ),
    "geography": (
        "legend boundaries regions shares official outlines overlays records rasterheader sidecars"
        " tiles crosswalk aligned raster symbols windows regioncells compiled hashtable zonal"
        " joint cog rasterchecks checkpoint cluster imagery valuerasters zonalmeans"
    ),
    "halves": "landcover biomass",
    "result": (
        "falsechange"
        " levels stock volume achieved target attribution tabulate transitions changetables"
        " overlaytables accuracytables palettes layers lock folder verify results inventory"
        " scenarios filehashes inputs assumptions projection outlook scenariochecks plottotals ipf"
        " raked reconcile standpolygons unchanged measure volumeinputs volumetables planting"
        " fromrasters fromplots budget alignment consistency ledger wetlands reference"
        " patchpolygons changemaps surfaces manifest wishes sampling subcompartments classifyfile"
        " classifytables classification seasons"
    ),
    "faces": (
        "progress wording chain evidence closure qgis headline quality comparison summary maps"
        " sheets report workbook template publish faces run demo explain starter execution repeat"
        " exits told options rewriting cli"
        " __init__ __main__"
    ),
}
PLACES = {
    unit: (level, place)
    for level, units in enumerate(BANDS.values())
    for place, unit in enumerate(units.split())
}
#: Beside each other, never one upon the other: they meet in `stock`.
HALVES = {"landcover", "biomass"}

MODULE_LINES = 400
FUNCTION_LINES = 50
ARGUMENTS = 7
POSITIONAL = 2
PUBLIC_NAMES = 25

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(params=modules(), ids=named)
def module(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def dotted_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


def unit_of(dotted: str) -> str:
    """Return the unit of `sinks.unit[.inner…]`; the package itself is its `__init__`."""
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def run_time_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree without what only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from run_time_nodes(child)


@cache
def known_modules() -> frozenset[str]:
    return frozenset(dotted_name(path) for path in modules())


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield the dotted names inside the package that a module imports when it runs."""
    for node in run_time_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "sinks")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sinks":
            for alias in node.names:
                if (node.module, alias.name) == ("sinks", "__version__"):
                    continue  # the version stands before any import of the package
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known_modules() else str(node.module)


def functions(tree: ast.Module) -> Iterator[tuple[Function, bool]]:
    """Yield every function and whether it is a method with self or cls."""
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function):
                static = any(ast.unparse(mark) == "staticmethod" for mark in child.decorator_list)
                yield child, isinstance(node, ast.ClassDef) and not static


def code_lines(source: str) -> set[int]:
    """Return the numbers of the lines that hold code: no comment, blank line or docstring."""
    silent = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    }
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in silent:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | Function) and ast.get_docstring(node):
            first = node.body[0]
            lines.difference_update(range(first.lineno, (first.end_lineno or 0) + 1))
    return lines


def test_every_module_has_its_band() -> None:
    units = {unit_of(dotted_name(path)) for path in modules()}
    assert units <= set(PLACES), "modules without a band in BANDS"


def test_imports_go_down_or_left(module: Path) -> None:
    own = unit_of(dotted_name(module))
    wrong = []
    for name in imported(tree_of(module)):
        unit = unit_of(name)
        if unit == own:
            continue
        assert unit in PLACES, f"{name} has no band"
        if PLACES[unit] > PLACES[own] or {unit, own} == HALVES:
            wrong.append(name)
    assert not wrong, f"{named(module)} may not import {wrong}"


def test_packages_hold_no_import_cycle() -> None:
    graph = {dotted_name(path): set(imported(tree_of(path))) for path in modules()}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, f"cycle: {' -> '.join((*above, name))}"
        if name not in done:
            for inner in sorted(graph.get(name, ())):
                visit(inner, (*above, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_module_is_short(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= MODULE_LINES


def test_functions_are_short(module: Path) -> None:
    source = module.read_text(encoding="utf-8")
    lines = code_lines(source)
    sizes = {
        node.name: sum(node.lineno <= line <= (node.end_lineno or 0) for line in lines)
        for node, _ in functions(ast.parse(source))
    }
    long = {name: size for name, size in sizes.items() if size > FUNCTION_LINES}
    assert not long, f"functions over {FUNCTION_LINES} lines of code: {long}"


def compiled(node: Function) -> bool:
    """Tell whether numba compiles a function: its signatures know no keyword-only arguments."""
    return any(ast.unparse(mark) in ("compiled", "inlined") for mark in node.decorator_list)


def test_functions_take_few_arguments(module: Path) -> None:
    wrong = []
    for node, bound in functions(tree_of(module)):
        positional = [*node.args.posonlyargs, *node.args.args][1 if bound else 0 :]
        if len(positional) + len(node.args.kwonlyargs) > ARGUMENTS:
            wrong.append(f"{node.name}: more than {ARGUMENTS} arguments")
        dunder = node.name.startswith("__") and node.name != "__init__"
        if len(positional) > POSITIONAL and not (dunder or compiled(node)):
            wrong.append(f"{node.name}: keyword-only after the second")
    assert not wrong, f"{named(module)}: {wrong}"


def test_linter_holds_the_ceilings() -> None:
    with (ROOT / "pyproject.toml").open("rb") as stream:
        lint = tomllib.load(stream)["tool"]["ruff"]["lint"]
    assert lint["mccabe"]["max-complexity"] == 10
    assert {"C90", "PL", "D", "S"} <= set(lint["select"])
    silenced = {
        rule
        for path, rules in lint["per-file-ignores"].items()
        for rule in rules
        if path.startswith("sinks")
    }
    assert silenced <= {"PLC0415"}, "in the package only the place of an import is free"


def test_no_ceiling_is_silenced(module: Path) -> None:
    source = module.read_text(encoding="utf-8")
    marks = re.findall(r"#\s*(?:noqa(?!: [A-Z]+\d)|noqa:.*(?:C901|PLR09\d\d)|ruff:).*", source)
    assert not marks


def test_no_grab_bag_modules() -> None:
    bags = {"utils", "util", "helpers", "misc", "common"}
    assert not [named(path) for path in modules() if path.stem in bags or path.parent.name in bags]


def test_nothing_is_left_over() -> None:
    marks = re.compile(
        "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "NotImplemented" + "Error"))
    )
    paths = [*modules(), *(ROOT / "tests").rglob("*.py"), ROOT / "start.py"]
    assert not [named(path) for path in paths if marks.search(path.read_text(encoding="utf-8"))]


FORBIDDEN_IMPORTS = {
    "cloudpickle",
    "cPickle",
    "dill",
    "fiona",
    "joblib",
    "marshal",
    "pickle",
    "shelve",
    "sknnr",
    "yaml",
}
FORBIDDEN_CALLS = {
    "__import__",
    "compile",
    "eval",
    "exec",
    "np.save",
    "os.popen",
    "os.system",
    "yaml.load",
}
FORBIDDEN_METHODS = {"read_pickle", "to_pickle"}
FORBIDDEN_KEYWORDS = {("allow_pickle", True), ("shell", True)}


def forbidden(node: ast.AST) -> str | None:
    """Return what a node does that inputs could turn into a program, if anything."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [alias.name for alias in node.names]
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        return next((name for name in names if name.split(".")[0] in FORBIDDEN_IMPORTS), None)
    if not isinstance(node, ast.Call):
        return None
    called = ast.unparse(node.func)
    if called in FORBIDDEN_CALLS or called.split(".")[-1] in FORBIDDEN_METHODS:
        return called
    for keyword in node.keywords:
        value = getattr(keyword.value, "value", None)
        if (keyword.arg, value) in FORBIDDEN_KEYWORDS:
            return f"{called}({keyword.arg}=True)"
    return None


def test_no_call_runs_data(module: Path) -> None:
    found = [forbidden(node) for node in ast.walk(tree_of(module))]
    assert not [what for what in found if what]


def test_no_work_at_import(module: Path) -> None:
    loops = ast.For | ast.While | ast.With | ast.AsyncFor | ast.AsyncWith
    work = [
        node.lineno
        for node in tree_of(module).body
        if isinstance(node, loops)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
    ]
    assert not work, f"{named(module)}: statements at module level that do work, lines {work}"


def test_public_names_are_few_and_documented() -> None:
    public = getattr(sinks, "__all__", [])
    assert len(public) <= PUBLIC_NAMES
    assert len(set(public)) == len(public)
    undocumented = [
        name
        for name in public
        if callable(getattr(sinks, name)) and not (getattr(sinks, name).__doc__ or "").strip()
    ]
    assert not undocumented


def test_package_folders_are_packages() -> None:
    folders = {path.parent for path in modules()}
    assert not [named(folder) for folder in folders if not (folder / "__init__.py").is_file()]


def project_files() -> list[Path]:
    """Return what belongs to the project: tracked files and those about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_a_machine_or_a_registry() -> None:
    slash = "/"
    machine = "|".join(("wo" + "rk", "fa" + "rm", "ro" + "ot", "home/[a-z]+"))
    host = rf"https?:{slash}{slash}[^ ]*(?:simple|registry)[/ \"]"
    option = "--" + "(?:extra-)?index-url|--" + "find-links"
    pattern = re.compile(rf"{host}|{option}|(?<![\w.])/(?:{machine})/")
    wrong = []
    for path in project_files():
        if path.suffix in {".csv", ".html", ".ipynb", ".lock", ".md", ".py", ".toml", ".yml", ""}:
            found = pattern.search(path.read_text(encoding="utf-8", errors="replace"))
            wrong += [f"{named(path)}: {found.group()}"] if found else []
    assert not wrong
