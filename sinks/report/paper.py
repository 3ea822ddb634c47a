"""The report as PDF, printed by a Chromium that is installed; nothing is sent anywhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from sinks.errors import OutputFailed
from sinks.report.html import render_report
from sinks.results import Results
from sinks.texts import Language, text

#: What the browser is called on the systems that have one.
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
#: A report of a province prints in seconds [s].
PATIENCE: Final = 120
#: Times that the browser writes into a PDF; equal reports are to give equal bytes.
TIMES: Final = re.compile(rb"/(CreationDate|ModDate) \(D:\d{14}")


def browser() -> str | None:
    """Return the path of a Chromium, or None."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def print_page(page: str, path: Path, *, language: Language) -> None:
    """Print an HTML page into a PDF.

    Raises
    ------
    OutputFailed
        If there is no Chromium, or it does not print.
    """
    program = browser()
    if program is None:
        raise OutputFailed(text("report.no_browser", language))
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "page.html", Path(folder) / "page.pdf"
        source.write_text(page, encoding="utf-8", newline="\n")
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        command = [
            program, "--headless", "--disable-gpu", "--disable-background-networking",
            "--disable-component-update", "--no-first-run", "--no-pdf-header-footer",
            "--generate-pdf-document-outline",
            *(["--no-sandbox"] if root else []),  # Chromium has no sandbox for the superuser
            f"--user-data-dir={folder}/profile", f"--print-to-pdf={target}", source.as_uri(),
        ]  # fmt: skip
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)  # noqa: S603
            made = target.read_bytes()
        except (OSError, subprocess.SubprocessError) as error:
            reason = str(error)[:200]
            raise OutputFailed(text("report.not_printed", language, reason=reason)) from error
    path.write_bytes(TIMES.sub(rb"/\1 (D:20000101000000", made))


def write_pdf(results: Results, path: Path) -> None:
    """Write the report of a finished run as PDF.

    Parameters
    ----------
    results : Results
    path : Path
        The ``.pdf`` file to write.

    Raises
    ------
    OutputFailed
        If no Chromium is installed, or it does not print.
    """
    print_page(render_report(results), path, language=results.language)
