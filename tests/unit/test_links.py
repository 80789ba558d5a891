"""Every relative link in a Markdown file of the repository leads somewhere, fragments included."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wavegate.reference.markdown import anchor

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*/**/*.md")]
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^()\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
ID = re.compile(r'<a id="([^"]+)"')


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def anchors(page: Path) -> list[str]:
    text = prose(page)
    return [*(anchor(heading) for heading in HEADING.findall(text)), *ID.findall(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_resolves(page: Path) -> None:
    dead = []
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        inside = target.is_relative_to(ROOT) and target.exists()
        if not inside or (fragment and fragment not in anchors(target)):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs" / "reference").glob("*.md")), ids=lambda p: p.name
)
def test_no_two_places_of_a_page_have_one_address(page: Path) -> None:
    found = anchors(page)
    assert sorted(found) == sorted(set(found))


def test_the_readme_is_among_them_and_links_are_found_in_it() -> None:
    assert ROOT / "README.md" in PAGES
    assert "docs/architecture.md" in LINK.findall(prose(ROOT / "README.md"))
