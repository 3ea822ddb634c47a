"""The notebooks run from the first cell to the last, and are kept without their outputs."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from tests.conftest import FIRST_RUN, ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_notebook_is_kept_clean(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not [cell for cell in cells if cell.outputs or cell.execution_count]


@pytest.mark.slow
def test_the_notebook_runs(example: Path) -> None:
    """One that fails ends the making of the example."""
    notebook = nbformat.read(example.parent / FIRST_RUN.name, as_version=4)
    assert [cell for cell in notebook.cells if cell.cell_type == "code" and cell.outputs]
    assert (example / "out" / "manifest.json").is_file()


def test_no_other_notebook_is_left_out() -> None:
    assert NOTEBOOKS == [FIRST_RUN]
