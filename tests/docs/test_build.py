"""``make docs`` builds what is here, and refuses what is broken.

The mutations are tried on sites of two pages, with the configuration and the hooks of the real one.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-docs" / "bin" / "python"

pytestmark = pytest.mark.docs


@pytest.fixture(scope="module")
def environment() -> None:
    """As ``make docs`` makes it."""
    subprocess.run(["make", "--silent", ".venv-docs/.ready"], cwd=ROOT, check=True)


@pytest.fixture
def build(environment: None, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Build a site of these pages; ``index.md`` and ``other.md`` are there and good."""

    def run(
        nav: tuple[str, ...] = ("index.md", "other.md"), **pages: str
    ) -> subprocess.CompletedProcess[str]:
        docs = tmp_path / "docs"
        docs.mkdir()
        good = {
            "index": "# Start\n\n[there](other.md#a-place)\n",
            "other": "# Other\n\n## A place\n",
        }
        for name, text in (good | pages).items():
            (docs / f"{name}.md").write_text(text)
        config = {
            "INHERIT": str(ROOT / "mkdocs.yml"), "docs_dir": str(docs), "nav": list(nav),
            "hooks": [str(ROOT / "hack" / "docsite" / "hooks.py")], "extra_css": [],
        }  # fmt: skip
        (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(config))
        return _build("--config", str(tmp_path / "mkdocs.yml"), "--site", str(tmp_path / "site"))

    return run


def _build(*options: str) -> subprocess.CompletedProcess[str]:
    command = [str(PYTHON), "-m", "docsite.build", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "hack")}
    return subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, text=True, env=environment
    )


def test_the_site_of_this_tree_is_built(environment: None, tmp_path: Path) -> None:
    done = _build("--site", str(tmp_path))
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    assert "no dead link" in done.stdout
    assert f"open {tmp_path / 'index.html'}" in done.stdout
    pages = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.html")}
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").with_suffix(".html")
        wanted = name.with_name("index.html") if name.stem == "README" else name
        assert str(wanted) in pages
    waves = (tmp_path / "concepts" / "waves.html").read_text()
    drawn = r'<div class="diagram"><svg id="(diagram-\d)" width="[\d.]+"'
    assert re.findall(drawn, waves) == ["diagram-1", "diagram-2"], "while it was built, in its size"
    commands = (tmp_path / "reference" / "cli.html").read_text()
    assert "<code>-o, --output wide|json|yaml|name</code>" in commands, "GitHub's bars"
    assert (tmp_path / "repository" / "examples" / "rollback.yaml").is_file()


def test_a_good_site_of_two_pages_is_built(
    build: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    assert build().returncode == 0


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("[gone](gone.md)", "'gone.md'"),
        ("[gone](other.md#no-such-place)", "no-such-place"),
        ("[gone](#no-such-place)", "no-such-place"),
        ("[gone](../examples/no-such-file.yaml)", "no-such-file.yaml"),
        ("![gone](no-such-picture.svg)", "no-such-picture.svg"),
        ("[root](/other.html)", "/other.html"),
        ('<script src="https://cdn.example/x.js"></script>', "https://cdn.example/x.js"),
        ('<img src="https://pictures.example/x.png">', "https://pictures.example/x.png"),
        ("[elsewhere](https://elsewhere.example)", "elsewhere.example"),
    ],
)
def test_a_broken_page_ends_it_and_is_named(
    build: Callable[..., subprocess.CompletedProcess[str]], page: str, said: str
) -> None:
    done = build(index=f"# Start\n\n{page}\n")
    assert done.returncode != 0
    assert said in f"{done.stdout}{done.stderr}"
    assert "index" in f"{done.stdout}{done.stderr}"


def test_a_page_that_no_navigation_leads_to_ends_it(
    build: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = build(nav=("index.md",))
    assert done.returncode != 0
    assert "other.md" in f"{done.stdout}{done.stderr}"


def test_a_navigation_to_nowhere_ends_it(
    build: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = build(nav=("index.md", "other.md", "third.md"))
    assert done.returncode != 0
    assert "third.md" in f"{done.stdout}{done.stderr}"
