"""What MkDocs does not do by itself, as hooks of ``mkdocs.yml``.

A page links to files of the repository as on GitHub, by their relative path. The site has no
repository around it: such files are copied to ``repository/PATH``, Markdown among them as pages,
and the links lead there. A directory is its ``README.md``. Diagrams are drawn while the site is
built, so that it needs neither a script nor a network for them.
"""

from __future__ import annotations

import html
import os
import re
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DOCS = "docs"
PLACE = "repository"
"""Directory of the site for files outside ``docs/``."""

_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(
    rf"^```.*?^```$|{_CODE.pattern}|(?<=\]\()(?![a-z]+:|#)(?P<path>[^()\s#]+)(?=#|\))",
    re.DOTALL | re.MULTILINE,
)
"""The path of a link; or code, in which there is none."""
_FITTED = re.compile(r'width="100%" ([^>]*?max-width: ([\d.]+)px)')
_DIAGRAM = re.compile(r'<pre class="mermaid"><code>(.*?)</code></pre>', re.DOTALL)


def links(page: str) -> list[str]:
    """Paths that a page links to, without fragments, those in code left out."""
    return [found["path"] for found in _LINK.finditer(page) if found["path"]]


def linked(page: PurePosixPath, link: str, root: Path) -> PurePosixPath | None:
    """The file of the repository that a link of the page means; None: there is none."""
    found = PurePosixPath(os.path.normpath(page.parent / link))
    if ".." in found.parts or found.is_absolute():
        return None
    if (root / found).is_dir():
        found /= "README.md"
    return found if (root / found).is_file() else None


def outside(docs: Path, root: Path) -> set[PurePosixPath]:
    """Files outside ``docs/`` that its pages link to, and those that such pages link to."""
    waiting = [PurePosixPath(DOCS, path.relative_to(docs)) for path in docs.rglob("*.md")]
    found: set[PurePosixPath] = set()
    while waiting:
        page = waiting.pop()
        path = docs / page.relative_to(DOCS) if page.parts[0] == DOCS else root / page
        for link in links(path.read_text()):
            file = linked(page, link, root)
            if file is None or file.parts[0] == DOCS or file in found:
                continue
            found.add(file)
            if file.suffix == ".md":
                waiting.append(file)
    return found


def in_site(file: PurePosixPath) -> PurePosixPath:
    """Where a file of the repository is among the site's sources."""
    return file.relative_to(DOCS) if file.parts[0] == DOCS else PLACE / file


def in_repository(source: str) -> PurePosixPath:
    """The file of the repository that a source of the site is."""
    path = PurePosixPath(source)
    return path.relative_to(PLACE) if path.parts[0] == PLACE else DOCS / path


def with_links(page: str, source: str, root: Path) -> str:
    """The page with links that lead to the site's sources; dead ones stay as they are."""
    here = in_repository(source)

    def lead(match: re.Match[str]) -> str:
        file = linked(here, match["path"], root) if match["path"] else None
        if file is None:
            return match[0]
        return os.path.relpath(in_site(file), PurePosixPath(source).parent)

    return _LINK.sub(lead, page)


def with_plain_bars(page: str) -> str:
    """GitHub wants a bar in the code of a table escaped, Python-Markdown wants it plain."""

    def row(line: str) -> str:
        if not line.startswith("|"):
            return line
        return _CODE.sub(lambda code: code[0].replace("\\|", "|"), line)

    return "\n".join(row(line) for line in page.split("\n"))


def drawn(source: str, name: str) -> str:
    """The diagram as SVG; ``name``: its id, one of its own on a page."""
    import mermaidx  # noqa: PLC0415 - only the documentation's environment has it

    # In its own size: words that are made to fit a page's width cannot be read.
    svg = _FITTED.sub(r'width="\2" \1', str(mermaidx.render(source).svg()), count=1)
    return f'<div class="diagram">{svg.replace("my-svg", name)}</div>'


def with_all(nav: Any, docs: Path) -> Any:
    """The navigation with every page that a pattern such as ``decisions/0*.md`` matches."""
    if isinstance(nav, dict):
        return {title: with_all(part, docs) for title, part in nav.items()}
    if not isinstance(nav, list):
        return nav
    found = []
    for each in nav:
        if isinstance(each, str) and "*" in each:
            found += sorted(str(path.relative_to(docs)) for path in docs.glob(each))
        else:
            found.append(with_all(each, docs))
    return found


def on_config(config: Any) -> Any:
    config["nav"] = with_all(config["nav"], Path(config["docs_dir"]))
    return config


def on_files(files: Any, config: Any) -> Any:
    from mkdocs.structure.files import File  # noqa: PLC0415

    for path in sorted(outside(Path(config["docs_dir"]), ROOT)):
        files.append(File.generated(config, str(in_site(path)), abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    return with_plain_bars(with_links(markdown, page.file.src_uri, ROOT))


def on_page_content(content: str, **_: Any) -> str:
    number = count(1)
    return _DIAGRAM.sub(
        lambda found: drawn(html.unescape(found[1]), f"diagram-{next(number)}"), content
    )


def on_post_build(config: Any) -> None:
    # It takes the site for the root of a server, and nothing asks for it elsewhere.
    Path(config["site_dir"], "404.html").unlink()
