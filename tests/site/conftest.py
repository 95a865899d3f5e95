"""The built report and the browser that opens it, shared by the tests that look at pages.

A report in ``_build/html`` that matches the sources is used as it is; otherwise it is built first, with warnings as
errors. Without a browser these tests are skipped, except in CI (``CI=true``), where that is a failure.

What is waited for may take as long as it takes, on a busy machine too: a test in the browser waits for a condition,
never for a time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.site.browsing import Opened, open_page, pages

if TYPE_CHECKING:  # tests of the package alone need neither Sphinx nor a browser
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
HTML = ROOT / "_build" / "html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")

LIMIT = 300_000
"""Milliseconds after which nothing will come any more."""


@pytest.fixture(scope="session")
def report() -> Path:
    from filelock import FileLock

    from report.site.extension import is_fresh

    (ROOT / "_build").mkdir(exist_ok=True)
    with FileLock(ROOT / "_build" / ".optexec-building"):  # one worker builds, the others wait
        if not is_fresh(ROOT):
            command = [str(Path(sys.executable).with_name("jupyter-book")), "build", "book", "-W", "--keep-going"]
            done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                pytest.fail("the report does not build:\n" + done.stdout[-6000:], pytrace=False)
    return HTML


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import BrowserContext, expect, sync_playwright

    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        message = f"no browser: none of {', '.join(BROWSERS)} is installed (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    quiet = ["background-networking", "component-update", "sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-gpu", "--no-first-run", *(f"--disable-{name}" for name in quiet)],
        )
        open_context = browser.new_context

        def patient(**options: Any) -> BrowserContext:
            context = open_context(**options)
            context.set_default_timeout(LIMIT)
            return context

        browser.new_context = patient  # type: ignore[method-assign]
        expect.set_options(timeout=LIMIT)
        yield browser
        browser.close()


# A page stays open while all tests of it run: the root's conftest.py sends them to one process.
@pytest.fixture(scope="session", params=pages())
def desktop(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Opened]:
    yield from open_page(browser, report / f"{request.param}.html", 1440, "light")


@pytest.fixture(scope="session", params=pages())
def phone(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Opened]:
    yield from open_page(browser, report / f"{request.param}.html", 390, "dark")
