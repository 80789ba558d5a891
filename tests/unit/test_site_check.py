"""What the check of a built site finds, in sites of two pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from docsite.check import external, problems

GOOD = """<html><head><link rel="stylesheet" href="style.css"></head><body>
<h1 id="top">A</h1><a href="b/index.html#there">b</a> <a href="#top">up</a> <a href="b/">b, too</a>
<a href="%62/#gr%C3%B6%C3%9Fe">b</a> <img src="picture.svg"> <img src="data:image/png;base64,AAAA">
<a href="https://kubernetes.io/docs">Kubernetes</a>
<div style="fill: url(#top)"></div></body></html>"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "b").mkdir()
    (tmp_path / "index.html").write_text(GOOD)
    (tmp_path / "b" / "index.html").write_text(
        '<p id="there"></p><p id="größe"></p><a href="../index.html">a</a>'
    )
    (tmp_path / "style.css").write_text("p { background: url(picture.svg) }")
    (tmp_path / "picture.svg").write_text("<svg/>")
    return tmp_path


def test_a_good_site_has_no_problem_and_its_external_links_are_listed(site: Path) -> None:
    assert problems(site) == []
    assert external(site) == ["https://kubernetes.io/docs"]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ('<a href="c.html">', "dead link c.html"),
        ('<a href="b/index.html#nowhere">', "dead anchor b/index.html#nowhere"),
        ('<a href="#nowhere">', "dead anchor #nowhere"),
        ('<a href="../outside.html">', "dead link ../outside.html"),
        ('<a href="/index.html">', "dead link /index.html"),
        ('<img src="lost.png">', "loads lost.png, which is not there"),
        (
            '<script src="https://cdn.example/x.js">',
            "loads https://cdn.example/x.js from elsewhere",
        ),
        ('<script src="//cdn.example/x.js">', "loads //cdn.example/x.js from elsewhere"),
        (
            '<link rel="preconnect" href="https://fonts.example">',
            "loads https://fonts.example from elsewhere",
        ),
        ('<iframe src="https://video.example">', "loads https://video.example from elsewhere"),
        ('<video poster="https://video.example">', "loads https://video.example from elsewhere"),
        ('<object data="https://x.example/y">', "loads https://x.example/y from elsewhere"),
        ('<svg><use href="https://x.example/y#z">', "loads https://x.example/y#z from elsewhere"),
        ('<svg><image xlink:href="lost.png">', "loads lost.png, which is not there"),
        (
            '<p style="background: url(https://x.example/y.png)">',
            "loads https://x.example/y.png from elsewhere",
        ),
        (
            '<a href="https://elsewhere.example/page">',
            "links to elsewhere.example, which is not in HOSTS of hack/docsite/check.py",
        ),
        ('<a href="javascript:alert(1)">', "links to javascript:alert(1)"),
        ('<p id="top"></p>', "has two places with the id top"),
        ('<pre class="mermaid">', "has a diagram that was not drawn"),
    ],
)
def test_what_is_wrong_with_a_page_is_said_with_the_page(site: Path, bad: str, said: str) -> None:
    (site.parent / "outside.html").write_text("<html></html>")
    page = site / "index.html"
    page.write_text(page.read_text().replace("</body>", f"{bad}</body>"))
    assert problems(site) == [f"index.html: {said}"]


@pytest.mark.parametrize(
    ("style", "said"),
    [
        (
            "@import 'https://fonts.example/a.css';",
            "loads https://fonts.example/a.css from elsewhere",
        ),
        ("p { src: url('lost.woff2') }", "loads lost.woff2, which is not there"),
    ],
)
def test_what_a_style_would_fetch_is_said(site: Path, style: str, said: str) -> None:
    (site / "style.css").write_text(style)
    assert problems(site) == [f"style.css: {said}"]


def test_a_site_without_a_page_is_a_problem(tmp_path: Path) -> None:
    assert problems(tmp_path) == [f"{tmp_path}: has no page"]
