"""What is wrong with a built site: dead links and anchors, and what it would fetch from elsewhere.

It looks at the files that a browser gets, whichever generator has made them. Links to other sites
cannot be tried where there is no network; ``HOSTS`` limits them, and they are listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

HOSTS = frozenset(
    {
        "argoproj.github.io",
        "developer.hashicorp.com",
        "docs.flagger.app",
        "fluxcd.io",
        "github.com",
        "kubernetes.io",
        "openkruise.io",
        "zensical.org",
    }
)
"""Where pages may link to. Whoever adds one has opened the page."""

_URL = re.compile(r"""url\(\s*['"]?([^'")]+)""")
_IMPORT = re.compile(r"""@import\s+['"]([^'"]+)""")

Attributes = list[tuple[str, str | None]]


@dataclass
class Page(HTMLParser):
    """What a page has and what it refers to."""

    ids: set[str] = field(default_factory=set)
    twice: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    """Where a reader may go."""
    loads: list[str] = field(default_factory=list)
    """What the browser fetches by itself."""
    undrawn: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        found = {key: value or "" for key, value in attrs}
        if identity := found.get("id"):
            (self.twice if identity in self.ids else self.ids).add(identity)
        if tag == "a":
            self.links += [found["href"]] if "href" in found else []
        elif tag == "link":
            self.loads += [found["href"]] if "href" in found else []
        else:
            self.loads += [found[key] for key in ("src", "data", "poster") if key in found]
            if tag in ("image", "use"):
                self.loads += [found[key] for key in ("href", "xlink:href") if key in found]
        self.loads += _URL.findall(found.get("style", ""))
        self.undrawn = self.undrawn or "mermaid" in found.get("class", "").split()


def read(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text())
    return page


def problems(site: Path) -> list[str]:
    """One line for each, with the page that has it."""
    pages = {path: read(path) for path in sorted(site.rglob("*.html"))}
    if not pages:
        return [f"{site}: has no page"]
    found = []
    for path, page in pages.items():
        of_page = dict.fromkeys(_of_page(path, page, site, pages))
        found += [f"{path.relative_to(site)}: {each}" for each in of_page]
    for path in sorted(site.rglob("*.css")):
        style = path.read_text()
        for each in dict.fromkeys([*_URL.findall(style), *_IMPORT.findall(style)]):
            if said := _not_loaded(each, path, site):
                found.append(f"{path.relative_to(site)}: {said}")
    return found


def external(site: Path) -> list[str]:
    """Links to other sites, sorted."""
    links = {link for path in site.rglob("*.html") for link in read(path).links}
    return sorted(link for link in links if urlsplit(link).netloc)


def _of_page(path: Path, page: Page, site: Path, pages: dict[Path, Page]) -> Iterator[str]:
    for each in page.links:
        parts = urlsplit(each)
        if parts.netloc:
            if parts.hostname not in HOSTS:
                yield f"links to {parts.hostname}, which is not in HOSTS of hack/docsite/check.py"
        elif parts.scheme:
            yield f"links to {each}"
        elif said := _dead(each, path, site, pages):
            yield said
    yield from filter(None, (_not_loaded(each, path, site) for each in page.loads))
    yield from (f"has two places with the id {each}" for each in sorted(page.twice))
    if page.undrawn:
        yield "has a diagram that was not drawn"


def _dead(link: str, path: Path, site: Path, pages: dict[Path, Page]) -> str:
    """What is wrong with a link within the site; empty: nothing."""
    parts = urlsplit(link)
    target = _file(parts.path, path, site)
    if target is None:
        return f"dead link {link}"
    fragment = unquote(parts.fragment)
    if fragment and target in pages and fragment not in pages[target].ids:
        return f"dead anchor {link}"
    return ""


def _not_loaded(link: str, path: Path, site: Path) -> str:
    parts = urlsplit(link)
    if parts.scheme == "data" or (not parts.path and parts.fragment and not parts.netloc):
        return ""
    if parts.netloc or parts.scheme:
        return f"loads {link} from elsewhere"
    return "" if _file(parts.path, path, site) else f"loads {link}, which is not there"


def _file(relative: str, path: Path, site: Path) -> Path | None:
    """The file of the site that a relative path means; None: there is none."""
    target = (path.parent / unquote(relative)).resolve() if relative else path
    if target.is_dir():
        target /= "index.html"
    return target if target.is_file() and target.is_relative_to(site.resolve()) else None
