"""What the tests of pages share: a running `polydesk up --demo`, and a browser that looks at it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.stack import Stack

from .browser import FLAGS, find_chromium
from .site import Site

PATIENCE = 30_000
Open = Callable[..., Page]


# For a module alone: as long as it is there its event loop runs, and no other one can.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        found = find_chromium()
    except (RuntimeError, SystemExit) as error:
        if "CI" in os.environ:
            raise
        pytest.skip(f"there is no browser: {error}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found.program,
            args=list(FLAGS),
            env={**os.environ, **found.environment},
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    stack = Stack.start(tmp_path_factory.mktemp("pages") / "var")
    yield Site(stack.port)
    assert stack.stop() == 0


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[Open]:
    """Opens pages; whatever they do, none may complain: of its policy, or of its own mistakes."""
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    def heard(said: ConsoleMessage) -> None:
        # That a call was refused the browser tells, too; it is what a test may ask for.
        if said.type == "error" and not said.text.startswith("Failed to load resource"):
            complaints.append(said.text)

    def opened(path: str, *, width: int = 1280, height: int = 860, scheme: str = "light") -> Page:
        context = browser.new_context(
            base_url=site.base,
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            locale="en-GB",
        )
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", heard)
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
