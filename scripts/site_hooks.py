"""Hooks of MkDocs: pages that lie elsewhere in the repository join the site, and links between all of them hold."""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
# Where a file of the repository is in the site. Each is written once, for readers of the repository and of the site.
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/RESULTS.md": "benchmarks.md",
    "src/cxr_cli/bundled/model/MODEL_CARD.md": "model-card.md",
}
_SOURCES = {page: source for source, page in PAGES.items()}
# The theme loads this script, which the search needs where there is no server, from another machine; ours is a copy.
_SHIM, _OWN_SHIM = "https://unpkg.com/iframe-worker/shim", "javascripts/iframe-worker.js"
_LINK = re.compile(r"\[([^\[\]]*)\]\(([^)\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z][a-z+.-]*:|#|/")  # an address, a heading of the same page, or a path from the root


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside `docs/`."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links at where their file is in the site."""
    here = page.file.src_uri
    source = _SOURCES.get(here, f"docs/{here}")

    def moved(link: re.Match[str]) -> str:
        if _ELSEWHERE.match(link[2]):
            return link[0]
        path, mark, heading = link[2].partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if not target.startswith("docs/") and target not in PAGES and (ROOT / target).exists():
            return link[1]  # a file of the repository, which the site lacks
        in_site = PAGES.get(target, target.removeprefix("docs/"))
        return f"[{link[1]}]({posixpath.relpath(in_site, posixpath.dirname(here) or '.')}{mark}{heading})"

    return _LINK.sub(moved, markdown)


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:
    """Let no page load anything from another machine."""
    return _offline(output, page.file.dest_uri)


def on_post_template(output_content: str, *, template_name: str, config: MkDocsConfig) -> str:
    """Let the page for missing pages load nothing from another machine either."""
    return _offline(output_content, template_name)


def _offline(html: str, path: str) -> str:
    html = html.replace(_SHIM, posixpath.relpath(_OWN_SHIM, posixpath.dirname(path) or "."))
    if loaded := re.search(r"\bsrc=\"?https?://[^\"> ]+", html):
        raise PluginError(f"{path} loads {loaded[0]} from another machine")
    return html
