"""Links of pages in the site: to pages as they are, to files of the repository by copies."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from docsite.hooks import links, outside, with_all, with_links, with_plain_bars


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, text in {
        "README.md": "[a field](docs/reference/job.md#x) [examples](examples/) ![](docs/a.svg)",
        "docs/start.md": "[one](../examples/one.yaml), [all](../README.md), `[no](../code.md)`",
        "docs/reference/job.md": "[start](../start.md)",
        "examples/one.yaml": "a: 1",
        "examples/README.md": "[one](one.yaml)",
        "unlinked.md": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_links_in_code_are_none() -> None:
    page = "[a](b.md#c) `[d](e.md)`\n```text\n[f](g.md)\n```\n[h](https://i.example) [j](#k)"
    assert links(page) == ["b.md"]


def test_files_that_pages_link_to_come_into_the_site_and_no_others(root: Path) -> None:
    assert sorted(map(str, outside(root / "docs", root))) == [
        "README.md",
        "examples/README.md",
        "examples/one.yaml",
    ]


@pytest.mark.parametrize(
    ("source", "page", "in_site"),
    [
        ("start.md", "[a](../examples/one.yaml)", "[a](repository/examples/one.yaml)"),
        ("reference/job.md", "[a](../../README.md#x)", "[a](../repository/README.md#x)"),
        ("reference/job.md", "[a](../start.md)", "[a](../start.md)"),
        ("repository/README.md", "[a](docs/start.md)", "[a](../start.md)"),
        ("repository/README.md", "[a](examples/)", "[a](examples/README.md)"),
        ("start.md", "`[a](../README.md)`", "`[a](../README.md)`"),
        ("start.md", "[`code`](../README.md)", "[`code`](repository/README.md)"),
        ("start.md", "```sh\n[a](../README.md)\n```", "```sh\n[a](../README.md)\n```"),
        ("start.md", "[a](https://b.example/c) [d](#e)", "[a](https://b.example/c) [d](#e)"),
    ],
)
def test_a_link_leads_to_the_copy(root: Path, source: str, page: str, in_site: str) -> None:
    assert with_links(page, source, root) == in_site


@pytest.mark.parametrize("dead", ["[a](../lost.yaml)", "[a](../../outside.md)", "[a](gone.md)"])
def test_a_dead_link_stays_so_that_the_build_finds_it(root: Path, dead: str) -> None:
    (root.parent / "outside.md").write_text("")
    assert with_links(dead, "start.md", root) == dead


def test_a_bar_in_the_code_of_a_table_is_plain() -> None:
    page = "| `a\\|b` | c \\| d |\nnot in a table: `a\\|b`"
    assert with_plain_bars(page) == "| `a|b` | c \\| d |\nnot in a table: `a\\|b`"


def test_a_pattern_in_the_navigation_is_every_page_that_matches(root: Path) -> None:
    nav = [{"Home": "start.md"}, {"Reference": ["reference/*.md"]}]
    assert with_all(nav, root / "docs") == [
        {"Home": "start.md"},
        {"Reference": ["reference/job.md"]},
    ]


def test_hooks_know_where_the_repository_is() -> None:
    from docsite.hooks import ROOT  # noqa: PLC0415

    assert (ROOT / "mkdocs.yml").is_file()
    assert PurePosixPath("README.md") in outside(ROOT / "docs", ROOT)
