"""What the pages by symptom show is what commands print after the stories."""

from __future__ import annotations

import re

import pytest

from pages.told import BLOCK, COMMAND, PAGES, told, written

SHOWN = [
    pytest.param(found["story"], found["body"], id=found["story"])
    for page in PAGES
    for found in BLOCK.finditer(page.read_text())
]


@pytest.mark.parametrize(("story", "body"), SHOWN)
def test_the_page_shows_what_is_printed(
    story: str, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = told(story, COMMAND.findall(body), monkeypatch)
    assert body == f"```text\n{printed}\n```\n", "repair with: make generate"


def test_what_is_stale_is_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    block = next(BLOCK.finditer(PAGES[0].read_text()))[0]
    stale = block.replace("runs now", "ran then")
    assert written(f"before\n{stale}\nafter\n", monkeypatch) == f"before\n{block}\nafter\n"


def test_every_output_on_these_pages_comes_from_a_story() -> None:
    for page in PAGES:
        rest = BLOCK.sub("", page.read_text())
        assert not re.search(r"^```text", rest, re.MULTILINE), page


def test_no_block_is_left_open() -> None:
    for page in PAGES:
        text = page.read_text()
        assert text.count("<!-- told: ") == text.count("<!-- end of told -->")
        assert text.count("<!-- told: ") == len(BLOCK.findall(text))
