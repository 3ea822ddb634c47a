"""A real browser, cut off from the network. Without one these tests skip; in CI they must run."""

from __future__ import annotations

import importlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)


def missing(what: str) -> NoReturn:
    """Skip, or fail where the continuous integration promises a browser."""
    if os.environ.get("CI"):
        pytest.fail(f"CI must have {what}")
    pytest.skip(f"{what} is not installed")


class _Quiet(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        """Serve a file; browsers ask every host for an icon, which no site need have."""
        if self.path == "/favicon.ico":
            self.send_response(204)
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    #: A browser asks for many tiles at once; a slow machine must not reset its connections.
    request_queue_size = 256


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder as any static server would; yields its address."""
    server = _Server(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One Chromium for all tests."""
    try:
        playwright_api = importlib.import_module("playwright.sync_api")
    except ImportError:
        missing("the Python package playwright")
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        missing("Chromium")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def show(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Open a file from disk, or of a site; fail on any request beyond, message, error or dialog."""
    faults: list[str] = []
    contexts = []

    def open_page(
        path: Path, *, width: int = 1440, height: int = 900, part: str = "", site: str = ""
    ) -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, offline=not site, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: faults.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (faults.append("dialog"), dialog.dismiss()))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.split(":")[0] in {"file", "data"}
                or (site and request.url.startswith(site))
                else faults.append(f"request: {request.url}")
            ),
        )
        page.goto((f"{site}/{path.name}" if site else path.as_uri()) + part)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults
