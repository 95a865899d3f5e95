"""Nothing on a page keeps anybody out: axe-core looks at all of it.

They come after those of ``test_book.py`` and ``test_print.py``, and thin out the page that all share.
"""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.site.browsing import Opened

pytestmark = pytest.mark.browser

# axe looks at every element. One of a kind is enough of the code's colours and of a table's cells, formulas and plots
# are pictures, and what stands around the text is the same on all pages: without these it takes a tenth of the time.
THIN = """(frame) => {
  const kinds = new Set();
  for (const text of document.querySelectorAll('article .highlight span[class], article td, article td p')) {
    const { color, backgroundColor, fontSize } = getComputedStyle(text);
    const link = text.querySelector('a') !== null;
    const kind = [text.tagName, text.className, color, backgroundColor, fontSize, link].join();
    if (!kinds.has(kind)) kinds.add(kind);
    else if (text.tagName === 'TD') text.replaceChildren(); // a row keeps its cells
    else text.remove();
  }
  const pictures = '.main-svg[aria-hidden], .main-svg path, .main-svg rect, .main-svg text, mjx-container > *';
  document.querySelectorAll(pictures).forEach((picture) => picture.remove());
  if (!frame) document.querySelectorAll('.bd-sidebar, .bd-header-article, footer').forEach((part) => part.remove());
  // and motion is over before it looks
  const still = document.createElement('style');
  still.textContent = '*, *::before, *::after { animation: none !important; transition: none !important; }';
  document.head.append(still);
}"""


def barriers(page: Page) -> list[str]:
    """What axe-core finds that keeps somebody out or in doubt, however small.

    But for heads of tables that are a formula: MathJax draws it and gives it to screen readers as MathML, which
    axe-core does not count as text.
    """
    found = Axe().run(page, options={"resultTypes": ["violations"], "preload": False})
    return [
        f"{violation['id']} ({violation['impact']}): {node['html'][:200]}"
        for violation in found.response["violations"]
        for node in violation["nodes"]
        if not (violation["id"] == "empty-table-header" and "<mjx-container" in node["html"])
    ]


def test_no_barriers_in_the_light(desktop: Opened) -> None:
    desktop.page.evaluate(THIN, "index.html" in desktop.page.url)
    assert barriers(desktop.page) == []


def test_no_barriers_in_the_dark_on_a_phone(phone: Opened) -> None:
    phone.page.evaluate(THIN, "index.html" in phone.page.url)
    assert barriers(phone.page) == []
