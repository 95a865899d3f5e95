"""The built report and the browser that opens it, shared by the tests that look at pages.

A report in ``_build/html`` that matches the sources is used as it is; otherwise it is built first, with warnings as
errors. Without a browser these tests are skipped, except in CI (``CI=true``), where that is a failure.

And of all tests: an example of a property may take as long as it takes, on a busy machine too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:  # tests of the package alone need neither Sphinx nor a browser
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
HTML = ROOT / "_build" / "html"
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")

settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def report() -> Path:
    from optexec.book import is_fresh

    if not is_fresh(ROOT):
        command = [str(Path(sys.executable).with_name("jupyter-book")), "build", "book", "-W", "--keep-going"]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            pytest.fail("the report does not build:\n" + done.stdout[-6000:], pytrace=False)
    return HTML


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

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
        yield browser
        browser.close()
