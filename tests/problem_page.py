"""The page of all problems, from the strings and the code: ``python -m tests.problem_page``."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

from sinks.texts import LANGUAGES, Language, strings
from tests.conftest import ROOT

PAGE: Final = ROOT / "docs" / "problems.md"
#: Problems whose severity the code chooses by a name or a table, not where it is written.
CHOSEN: Final = {
    "accuracy.no_data": {"WARN"},
    "accuracy.outside": {"ERROR"},
    "crs.unknown_datum": {"ERROR"},
    "density.spread_asserted": {"WARN"},
    "density.spread_assumed": {"WARN"},
    "legend.versions": {"ERROR", "WARN"},
    "plots.excel_date": {"REPAIR"},
    "plots.land_type": {"WARN"},
    "plots.tenths_cfi": {"REPAIR"},
    "plots.thousands": {"REPAIR"},
    "raster.nodata_takes_class": {"WARN"},
    "regions.geometry_collection": {"REPAIR"},
    "regions.heights": {"REPAIR"},
}
HEADINGS: Final = {
    "study": ("The study file", "研究文件"),
    "regions": ("Regions", "区划"),
    "crs": ("Regions against rasters", "区划与栅格的坐标系"),
    "raster": ("Rasters", "栅格"),
    "legend": ("Legends", "图例"),
    "table": ("Tables as files", "表格文件"),
    "density": ("Densities", "碳密度"),
    "plots": ("Inventory plots", "样地"),
    "inventory": ("Inventories", "森林清查"),
    "accuracy": ("The reference sample", "参考样本"),
    "parameter": ("Parameters", "参数"),
    "model": ("Biomass models", "生物量模型"),
    "subcompartments": ("Sub-compartments", "小班"),
    "classify": ("Classification", "影像分类"),
    "target": ("Targets", "目标"),
    "scenario": ("Scenarios", "情景"),
    "official": ("Official figures", "官方数据"),
    "reconcile": ("Reconciliation", "总量对账"),
    "plottotals": ("Totals of plots", "样地总数"),
    "raking": ("Raking", "平差"),
}
HEAD: Final = """\
# Problems · 问题代码

Every problem has a code, a severity, and three parts: what was expected, what was found and where,
what to do.
`sinks check STUDY --json FILE` and `problems.json` of a run hold them in Chinese and English.
每个问题都有代码、级别和三部分说明：应为、实际（及位置）、怎么办；
`sinks check STUDY --json FILE` 与运行结果中的 `problems.json` 含中英文全文。

- **ERROR** (错误): the study is refused, exit code 2. · 拒绝运行，退出码 2。
- **REPAIR** (修复): mended in the open, counted, recorded; refused under `--strict`.
  · 公开修复、计数并记录；`--strict` 下拒绝。
- **WARN** (警告): used as it is, and said. · 照用，并予提示。

`…` stands for what a message names: a file, a code, a number.
`…` 表示消息中具体写明的文件、代码或数值。
"""


@cache
def severities() -> dict[str, set[str]]:
    """Return the severities of every problem, by its code."""
    found: dict[str, set[str]] = {code: set(kinds) for code, kinds in CHOSEN.items()}
    for path in sorted((ROOT / "sinks").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            kind = node.func.attr.upper()
            if kind in ("ERROR", "REPAIR", "WARN") and node.args:
                for code in _texts(node.args[0]):
                    found.setdefault(code, set()).add(kind)
    return {code: found.get(code, {"ERROR"}) for code in codes()}


def _texts(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return _texts(node.body) + _texts(node.orelse)
    return []


def codes() -> list[str]:
    """Return the codes of all problems, in the order of the strings table."""
    heads = (key.rpartition(".") for key in strings() if key.startswith("problem."))
    return [head.removeprefix("problem.") for head, _, part in heads if part == "expected"]


def _said(code: str, part: str, language: Language) -> str:
    """Return a part of a message for a cell of a table, without what it names."""
    text = strings()[f"problem.{code}.{part}"][language]
    text = re.sub(r"\{\{(.*?)\}\}", r"{\1}", re.sub(r"(?<!\{)\{\w+\}(?!\})", "…", text))
    return text.replace("|", "\\|").replace("\n", " ")


def page() -> str:
    """Return the whole page."""
    lines = [HEAD]
    groups: dict[str, list[str]] = {}
    for code in codes():
        groups.setdefault(code.partition(".")[0], []).append(code)
    order = [*HEADINGS, *sorted(set(groups) - set(HEADINGS))]
    for group in (name for name in order if name in groups):
        title = " · ".join(HEADINGS.get(group, (group, group)))
        lines += [f"## {title}", "", "| Code | Severity | Expected · 应为 | What to do · 怎么办 |"]
        lines.append("|---|---|---|---|")
        for code in groups[group]:
            kinds = ", ".join(sorted(severities()[code]))
            cells = [
                "<br>".join(_said(code, part, language) for language in reversed(LANGUAGES))
                for part in ("expected", "remedy")
            ]
            lines.append(f"| `{code}` | {kinds} | {cells[0]} | {cells[1]} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def write(path: Path = PAGE) -> None:
    """Write the page."""
    path.write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write()
