"""Tell programs what a page of the report is: searches, previews, reference managers; and readers, what is not there.

This extension, which ``report.site.extension`` loads, gives every page

- a description, its first paragraph, and a picture, for previews;
- a citation that reference managers read, for the pages of the report;
- its address, so that copies with other parameters count as one. Relative, unless the report knows where it is
  published: ``html: {baseurl: ...}`` in ``_config.yml``, or the environment variable ``REPORT_URL`` of a build.

And it writes ``404.html``, which a server shows in place of a page that does not exist, and ``sitemap.xml``, where the
address is known.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

__all__ = ["setup"]

PICTURE = "_static/cover.png"
MISSING = "404"


def _configure(app: Sphinx, config: Config) -> None:
    if address := config.html_baseurl or os.environ.get("REPORT_URL", ""):
        config.html_baseurl = address.rstrip("/") + "/"


def _tag_page(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give a page its tags, in the words of its first paragraph."""
    title = re.sub(r"<[^>]*>", "", context.get("title", "")).replace('"', "&quot;")  # with its entities
    report = html.escape(app.config.html_title)
    address = context["pageurl"] = urljoin(app.config.html_baseurl, f"{pagename}.html")
    picture = urljoin(app.config.html_baseurl, PICTURE)
    tags = [
        ("property", "og:type", "article"),
        ("property", "og:title", title),
        ("property", "og:site_name", report),
        ("property", "og:image", picture),
        ("property", "og:image:alt", "Cost above the exact optimum, policy by policy"),
        ("name", "twitter:card", "summary_large_image"),
    ]
    if app.config.html_baseurl:
        tags.append(("property", "og:url", address))
    if doctree is not None:
        description = html.escape(_description(doctree)) or f"{title}: {report}"
        tags += [("name", "description", description), ("property", "og:description", description)]
        own = html.escape(app.env.titles[pagename].astext())  # without its number
        tags += _citation(app, report if pagename == app.config.root_doc else own, report)
        if app.config.html_baseurl:
            tags.append(("name", "citation_public_url", address))
    lines = [f'    <meta {kind}="{name}" content="{text}" />' for kind, name, text in tags]
    if pagename == MISSING:
        context["pageurl"] = None  # it stands at any address
        lines.append('    <meta name="robots" content="noindex" />')
        if app.config.html_baseurl:
            lines.insert(0, f'    <base href="{html.escape(app.config.html_baseurl)}" />')
    context["metatags"] = "\n".join([context.get("metatags", ""), *lines])


def _citation(app: Sphinx, title: str, report: str) -> list[tuple[str, str, str]]:
    """Return what reference managers and Google Scholar look for: a page is cited as a chapter of the report."""
    tags = {
        "citation_title": title,
        "citation_author": html.escape(app.config.author),
        "citation_publication_date": "".join(re.findall(r"\d{4}", app.config.copyright)[:1]),
        "citation_language": app.config.language,
    }
    if title != report:
        tags["citation_inbook_title"] = report
    return [("name", name, text) for name, text in tags.items()]


def _description(doctree: nodes.document) -> str:
    """Return the first paragraph of the page's own text, cut after a sentence or a word within 200 characters."""
    sections = list(doctree.findall(nodes.section))[:1]
    paragraphs = (child for section in sections for child in section.findall(nodes.paragraph))
    own = [paragraph for paragraph in paragraphs if isinstance(paragraph.parent, nodes.section)]
    text = " ".join(own[0].astext().split()) if own else ""
    text = re.sub(r"\\(?:mathrm|text|mathbf)\b|[\\{}]", "", text)
    if len(text) <= 200:
        return text
    sentences = re.match(r".{99,199}[.?!](?= [A-Z“])", text)
    return sentences[0] if sentences else text[:199].rsplit(" ", 1)[0] + "…"


def _pages(app: Sphinx) -> Iterator[tuple[str, list[str]]]:
    """Yield the parts of the report and the names of their pages, in reading order."""
    root = app.env.external_site_map.root  # type: ignore[attr-defined]  # of sphinx_external_toc
    yield "", [app.config.root_doc]
    for part in root.subtrees:
        yield part.caption or "", [str(item) for item in part.items if str(item) in app.env.titles]


def _missing_page(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the page that is shown where there is none: a search, and all pages there are."""
    lines = [
        "<section><h1>Page not found</h1>",
        "<p>There is no page at this address. Search the report, or go on to one of its pages.</p>",
        '<form action="search.html" method="get" role="search">',
        '<input type="search" name="q" class="form-control" aria-label="Search" placeholder="Search the report" />',
        "</form>",
    ]
    for caption, names in _pages(app):
        lines += [f"<h2>{html.escape(caption)}</h2>"] * bool(caption) + ["<ul>"]
        for name in names:
            number = ".".join(map(str, app.env.toc_secnumbers.get(name, {}).get("", ())))
            title = html.escape(app.env.titles[name].astext())
            lines.append(f'<li><a href="{name}.html">{number} {title}</a></li>')
        lines.append("</ul>")
    yield MISSING, {"title": "Page not found", "body": "\n".join([*lines, "</section>"])}, "page.html"


def _finish(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    missing = folder / f"{MISSING}.html"
    # at another address a bare "#part" would lead to that address
    text = missing.read_text(encoding="utf-8").replace('href="#', f'href="{missing.name}#')
    missing.write_text(text, encoding="utf-8")
    if app.config.html_baseurl:
        addresses = (urljoin(app.config.html_baseurl, f"{name}.html") for _, names in _pages(app) for name in names)
        entries = "".join(f"  <url><loc>{html.escape(address)}</loc></url>\n" for address in addresses)
        text = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        (folder / "sitemap.xml").write_text(f"{text}{entries}</urlset>\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect("config-inited", _configure)
    app.connect("html-collect-pages", _missing_page)
    app.connect("html-page-context", _tag_page)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
