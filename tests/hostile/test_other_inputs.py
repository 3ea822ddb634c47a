"""Every further table of a study, spoilt cell by cell: clean problems or a clean result."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.checks import Problems, Severity
from sinks.run import check_study
from sinks.sampling import design_sample
from sinks.study import load_study
from sinks.wishes import wishes_of
from tests.hostile import full, newer
from tests.hostile.test_fuzz import clean, fuzz

#: The tables of each study.
FULL = {**full.TABLES, "sample.csv": full.sample()}
#: What a cell may hold by mistake.
CELLS = st.sampled_from(
    ["", "nan", "-1", "1e999", "=1+1", "9" * 400, "a\u202eb", "0", "1e-320", "x" * 300, "森林",
     '"1,5"', "10%", "TRUE", "2015", "<b>", "[x]{0}", "-0.0", "1e308", '"', "4.20E+05"]
)  # fmt: skip
#: Whole files of another kind.
OTHERS = {
    "empty": b"", "nul": b"\0" * 50, "page": b"<!DOCTYPE html>", "workbook": b"PK\x03\x04",
    "utf16": b"\xff\xfe1\0", "head": b"a\n",
}  # fmt: skip
TOML = "study.toml"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return full.write_full(tmp_path_factory.mktemp("full") / "study")


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return newer.write_newer(tmp_path_factory.mktemp("newer") / "study")


def test_the_studies_have_no_error(study: Path, later: Path) -> None:
    for path in (study, later):
        assert check_study(path).of(Severity.ERROR, Severity.REPAIR) == []


def all_refused(study: Path, tables: dict[str, str], content: bytes) -> None:
    """Check that files of another kind are refused, all at once."""
    for name in tables:
        (study.parent / name).write_bytes(content)
    problems = check_study(study)
    for name, text in tables.items():
        (study.parent / name).write_text(text, encoding="utf-8")
    assert set(tables) <= {problem.file for problem in problems.of(Severity.ERROR)}
    clean(problems, refused=True)


@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS)
def test_files_of_another_kind_are_refused_all_at_once(study: Path, content: bytes) -> None:
    all_refused(study, FULL, content)


def test_later_files_of_another_kind_are_refused_all_at_once(later: Path) -> None:
    all_refused(later, newer.TABLES, OTHERS["head"])


def spoilt(study: Path, tables: dict[str, str], where: tuple[str, int, int, str]) -> None:
    """Check the answer to one spoilt cell of one table."""
    name, row, column, cell = where
    lines = [line.split(",") for line in tables[name].splitlines()]
    cells = lines[row % len(lines)]
    cells[column % len(cells)] = cell
    path = study.parent / name
    path.write_text("\n".join(",".join(line) for line in lines) + "\n", encoding="utf-8")
    problems = check_study(study)
    path.write_text(tables[name], encoding="utf-8")
    clean(problems, refused=False)


def places(tables: dict[str, str]) -> st.SearchStrategy[tuple[str, int, int, str]]:
    """Return where a table is spoilt, and with what."""
    return st.tuples(st.sampled_from(sorted(tables)), st.integers(0, 6), st.integers(0, 15), CELLS)


@fuzz(25)
@given(where=places(FULL))
def test_cells(study: Path, where: tuple[str, int, int, str]) -> None:
    spoilt(study, FULL, where)


@fuzz(3)
@given(where=places(newer.TABLES))
def test_cells_of_later_tables(later: Path, where: tuple[str, int, int, str]) -> None:
    spoilt(later, newer.TABLES, where)


def test_a_second_sample_is_drawn_on_the_map(study: Path, tmp_path: Path) -> None:
    """The first one's estimate gives land to changes that the map has nowhere."""
    made = design_sample(study, wishes_of(strata="change", size="60"), out=tmp_path)
    assert set(made.design["stratum"]) == {
        "forest>forest", "cropland>cropland", "wetland>wetland", "other>other", "cropland>forest",
        "other>wetland",
    }  # fmt: skip


#: What is wrong with a key of a section that came last: its code, and where.
KEYS = {
    "path-number": ('trees = "trees.csv"', "trees = 5", "bad_value", "density.plots.trees"),
    "model-empty": ("model_choice = true", "models_choice = true", "unknown_key", "models_choice"),
    "estimator": ('"simple"', '"kriging"', "bad_choice", "density.plots.estimator"),
    "pool": ("raster.soil]", "raster.roots]", "unknown_key", "density.raster.roots"),
    "unit": ('unit = "t C/ha"', 'unit = "tC/ha"', "bad_choice", "density.raster.soil.unit"),
    "band": ("band = 1", "band = -1", "bad_value", "density.raster.soil.rasters.2015.band"),
    "se": ("se = 0.1\nstr", "se = nan\nstr", "bad_value", "density.raster.soil.se"),
    "outside": ('"soil.tif", 2015', '"/vsicurl/x", 2015', "not_a_file_path", "2010"),
    "by": ('by = "place"', 'by = "field "', "bad_choice", "density.subcompartments.by"),
    "field": ('volume = "GQXJ"', "volume = 1", "bad_value", "subcompartments.fields.volume"),
    "volume": ('"volumes.csv"', '"https://x/v.csv"', "not_a_file_path", "volume.table"),
    "seasonal": ("seasonal = true", 'seasonal = "yes"', "bad_value", "overlays.0.seasonal"),
    "years": ("seasonal_years = 6", "seasonal_years = inf", "bad_value", "seasonal_years"),
    "kind": ('kind = "planting"', 'kind = "plantings"', "bad_choice", "overlays.1.kind"),
    "template": ('"form.xlsx"', '"form\\u0000.xlsx"', "not_a_file_path", "output.template"),
    "folder": ('"form.xlsx"', '"."', "not_a_file", "output.template"),
    "name": ('name = "bureau"', 'name = "../bureau"', "bad_value", "reconcile.0.name"),
    "title": ('"The bureau"', '"The \\u202ebureau"', "bad_value", "reconcile.0.title"),
    "land": ("population_ha = 96", "population_ha = 1e308", "bad_value", "population_ha"),
    "huge": ("value = 1000", "value = 1e308", "bad_value", "targets.1.value"),
    "tiny": ("baseline = 900", "baseline = 1e-310", "bad_value", "targets.1.baseline"),
    "reported": ("se = 60", "se = -60", "bad_value", "targets.1.reported.se"),
    "until": ("until = 2020", 'until = "2020"', "bad_value", "scenarios.0.until"),
    "far": ("until = 2020", "until = 99999999999999999999", "bad_value", "scenarios.0.until"),
    "plan": ('planting = "plan.csv"', "planting = 1", "bad_value", "scenarios.0.planting"),
    "loss": ('loss = "observed"', 'loss = "guessed"', "bad_choice", "scenarios.1.loss"),
    "rate": ("percent_per_year = 0.5", "percent_per_year = 101", "bad_value", "percent_per_year"),
    "source": ('source = "a survey"', 'source = " "', "bad_value", "scenarios.0.loss.0.source"),
    "atom": ("\nper_year = 0.5", "\nper_year = 1e-310", "bad_value", "planting.0.per_year"),
    "area": ('unit = "mu"', 'unit = "acre"', "bad_choice", "scenarios.1.planting.0.unit"),
    "unknown": ("saturation =", "saturated =", "unknown_key", "growth.0.saturated"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code", "place"), KEYS.values(), ids=KEYS)
def test_keys_of_later_sections(later: Path, old: str, new: str, code: str, place: str) -> None:
    text = later.read_text(encoding="utf-8")
    assert old in text
    problems = Problems()
    load_study(later, problems, content=text.replace(old, new, 1).encode())
    found = {(item.code, item.place) for item in problems.of(Severity.ERROR)}
    assert any(own == f"study.{code}" and where.endswith(place) for own, where in found), found
    clean(problems, refused=True)


def test_a_value_is_cut_and_blanks_are_seen() -> None:
    problems = Problems("en")
    problems.error("study.no_such_file", file=TOML, place="a", found="x" * 5_000)
    problems.error("overlays.no_such_stratum", file=TOML, place="a", names=" ", nearest="lake")
    long, blank = problems
    assert len(long.text()) < 1_200
    assert '" "' in blank.part("found")
