"""The strings table: complete, equal in both languages, and in step with the code that uses it."""

from __future__ import annotations

import ast
import csv
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from sinks.texts import LANGUAGES, strings
from tests.conftest import ROOT

PACKAGE = ROOT / "sinks"
PARTS = ("expected", "found", "remedy")
SEVERITIES = {"error", "repair", "warn"}
#: Arguments of a problem that say where it is; the strings need not speak of them.
WHERE = {"file", "place"}
CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
#: Chinese prose takes full-width punctuation.
HALF_WIDTH = re.compile(r"[\u3400-\u9fff][,;:!?()]|[,;:!?()][\u3400-\u9fff]")
#: Chinese words that the code compares with, not ones that it says: file → words.
COMPARED: dict[str, set[str]] = {
    "sinks/units.py": {"亩", "万亩", "万公顷"},
}
#: What a script may say: a language's name in that language, and a unit that targets come in.
SCREEN_WORDS = re.compile("中文|亩")


def sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


def faces() -> list[Path]:
    """Return what the package sends to a reader's screen besides Python: templates and scripts."""
    suffixes = {".html", ".j2", ".jinja", ".js", ".css", ".toml"}
    return sorted(path for path in PACKAGE.rglob("*") if path.suffix in suffixes)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def placeholders(value: str) -> set[str]:
    names = (name for _, name, _, _ in string.Formatter().parse(value) if name is not None)
    return {re.split(r"[.\[]", name)[0] for name in names}


def literals(node: ast.AST) -> list[str]:
    """Return the texts that an argument may be, if it is written out."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return literals(node.body) + literals(node.orelse)
    return []


def keywords(call: ast.Call) -> set[str] | None:
    """Return the names of a call's keyword arguments, None if some are not written out."""
    names = {keyword.arg for keyword in call.keywords}
    return None if None in names else {name for name in names if name is not None}


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Yield place, call and the called name of every call in the package."""
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield f"{named(path)}:{node.lineno}", node, ast.unparse(node.func)


def problem_calls() -> Iterator[tuple[str, str, set[str] | None]]:
    """Yield place, code and values of every problem that the code can raise."""
    for place, call, called in calls():
        owner, _, method = called.rpartition(".")
        if method in SEVERITIES and owner.split(".")[-1].endswith("problems") and call.args:
            for code in literals(call.args[0]):
                yield place, code, keywords(call)


def text_calls() -> Iterator[tuple[str, str, set[str] | None]]:
    """Yield place, key and values of every text that the code asks for by a written key."""
    for place, call, called in calls():
        if called.split(".")[-1] == "text" and call.args:
            for key in literals(call.args[0]):
                if "." in key:
                    yield place, key, keywords(call)


def docstrings(tree: ast.AST) -> set[int]:
    """Return the ids of the nodes that are documentation, not values."""
    found = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                found.add(id(statement.value))
    return found


def written_texts() -> tuple[set[str], list[re.Pattern[str]]]:
    """Return every literal text of the code, and every pattern that an f-string makes."""
    whole: set[str] = set()
    patterns: list[re.Pattern[str]] = []
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        silent = docstrings(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole.update([node.value] if id(node) not in silent else [])
            elif isinstance(node, ast.JoinedStr):
                parts = [
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+"
                    for part in node.values
                ]
                if "." in "".join(str(getattr(part, "value", "")) for part in node.values[:1]):
                    patterns.append(re.compile("".join(parts)))
    return whole, patterns


def test_every_key_has_both_languages() -> None:
    assert all(set(row) == set(LANGUAGES) for row in strings().values())


@pytest.mark.parametrize("path", sorted((PACKAGE / "tables").rglob("*.csv")), ids=named)
def test_tables_are_rectangular(path: Path) -> None:
    """A comma outside quotation marks cuts a cell in two, and the reader would drop its end."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    assert not [f"line {number}" for number, row in enumerate(rows, 1) if len(row) != len(rows[0])]


def test_both_languages_take_the_same_values() -> None:
    uneven = {
        key: (placeholders(row["en"]), placeholders(row["zh"]))
        for key, row in strings().items()
        if placeholders(row["en"]) != placeholders(row["zh"])
    }
    assert not uneven


def test_chinese_is_punctuated_as_chinese() -> None:
    wrong = {}
    for key, row in strings().items():
        prose = re.sub(r"`[^`]*`", "``", row["zh"])
        found = HALF_WIDTH.search(re.sub(r"\{[^}]*\}", "文", prose))
        if found:
            wrong[key] = found.group()
    assert not wrong


def test_every_problem_has_its_three_strings() -> None:
    missing = [
        f"{place}: problem.{code}.{part}"
        for place, code, _ in problem_calls()
        for part in PARTS
        if f"problem.{code}.{part}" not in strings()
    ]
    assert not missing


def test_every_problem_brings_the_values_its_strings_need() -> None:
    lacking = []
    for place, code, values in problem_calls():
        for part in PARTS:
            row = strings().get(f"problem.{code}.{part}")
            if row and values is not None and placeholders(row["en"]) - (values - WHERE):
                lacking.append(f"{place}: {code}.{part} needs {placeholders(row['en']) - values}")
    assert not lacking


def test_every_problem_is_told_in_three_parts() -> None:
    codes: dict[str, set[str]] = {}
    for key in strings():
        head, _, part = key.rpartition(".")
        if head.startswith("problem."):
            codes.setdefault(head, set()).add(part)
    assert not {code: parts for code, parts in codes.items() if parts != set(PARTS)}


def test_every_written_key_exists_with_its_values() -> None:
    wrong = []
    for place, key, values in text_calls():
        row = strings().get(key)
        if row is None:
            wrong.append(f"{place}: no string {key}")
        elif values is not None and placeholders(row["en"]) - values:
            wrong.append(f"{place}: {key} needs {placeholders(row['en']) - values}")
    assert not wrong


def test_every_string_is_used() -> None:
    whole, patterns = written_texts()
    screens = "\n".join(path.read_text(encoding="utf-8") for path in faces())

    def used(key: str) -> bool:
        if key.startswith("problem.") and key.rpartition(".")[2] in PARTS:
            code = key.removeprefix("problem.").rpartition(".")[0]
            return code in whole or any(pattern.fullmatch(code) for pattern in patterns)
        return (
            key in whole
            or key in screens
            or any(pattern.fullmatch(key) for pattern in patterns)
            # A part of the table taken whole, by its prefix: strings().items() with "map."
            or any(f"{key[:end]}." in whole for end in range(len(key)) if key[end] == ".")
        )

    assert not sorted(key for key in strings() if not used(key))


@pytest.mark.parametrize("path", sources(), ids=named)
def test_python_says_no_chinese_of_its_own(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = docstrings(tree)
    # Descriptions of keys and options stand where these are defined.
    described = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg in ("description", "help")
        for inner in ast.walk(node.value)
    }
    said = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and CJK.search(node.value)
        and id(node) not in silent | described
    }
    assert not said - COMPARED.get(named(path), set())


@pytest.mark.parametrize("path", faces(), ids=named)
def test_screens_say_no_chinese_of_their_own(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/|<!--.*?-->|\{#.*?#\}|^\s*//.*?$", "", text, flags=re.S | re.M)
    text = SCREEN_WORDS.sub("", text)
    said = [line.strip() for line in text.splitlines() if CJK.search(line)]
    assert not said
