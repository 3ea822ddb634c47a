"""A real browser, cut off from the network. Without one these tests skip; in CI they must run."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn

import pytest

from sinks.report.paper import browser

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


@pytest.fixture
def served() -> Iterator[Callable[[Path], str]]:
    """Serve folders as any static server would, each at the address returned, until pages close."""
    servers: list[_Server] = []

    def serve(folder: Path) -> str:
        server = _Server(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One Chromium for all tests."""
    try:
        playwright_api = importlib.import_module("playwright.sync_api")
    except ImportError:
        missing("the Python package playwright")
    program = browser()
    if program is None:
        missing("Chromium")
    with playwright_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture
def show(chromium: Any, served: Callable[[Path], str]) -> Iterator[Callable[..., Any]]:
    """Open a file, from disk or served; fail on any request beyond, message, error or dialog."""
    faults: list[str] = []
    contexts = []

    def open_page(
        path: Path, *, width: int = 1440, height: int = 900, part: str = "", online: bool = False
    ) -> Any:
        site = served(path.parent) if online else ""
        context = chromium.new_context(
            viewport={"width": width, "height": height}, offline=not online, reduced_motion="reduce"
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
