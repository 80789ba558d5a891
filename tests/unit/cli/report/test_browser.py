"""The page in a real browser: no error, nothing of no size, no text over another or outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

from sim.world import spec
from support.browser import browser
from support.enlarged import enlarged
from support.told import Stage, play
from unit.cli import stories
from unit.cli.report.played import drained, promoted
from wavegate.cli.reading import sight_of
from wavegate.cli.report.history import choose, report_of
from wavegate.cli.report.marks import with_marks
from wavegate.cli.report.page import page

pytestmark = pytest.mark.chart

_MEASURE = """(() => {
  const shown = [...document.querySelectorAll("svg.wg")].filter(
    each => each.getBoundingClientRect().width > 0);
  const edge = shown[0].getBoundingClientRect();
  const box = each => {
    const r = each.getBoundingClientRect();
    return {text: each.textContent, left: r.left, right: r.right, top: r.top, bottom: r.bottom};
  };
  const texts = [...shown[0].querySelectorAll("text")].map(box);
  const outside = texts.filter(t => t.left < edge.left - 0.5 || t.right > edge.right + 0.5
    || t.top < edge.top - 0.5 || t.bottom > edge.bottom + 0.5).map(t => t.text);
  const over = [];
  texts.forEach((a, at) => texts.slice(at + 1).forEach(b => {
    if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
        && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2) over.push([a.text, b.text]);
  }));
  const areas = [...shown[0].querySelectorAll("g.row rect, g.band path")].map(each => {
    const r = each.getBoundingClientRect();
    return r.width * r.height;
  });
  return {
    pictures: shown.length, width: edge.width, outside, over,
    rows: shown[0].querySelectorAll("g.row").length,
    bands: shown[0].querySelectorAll("g.band").length,
    areas: areas.length, empty: areas.filter(a => a <= 0).length,
    beyond: document.documentElement.scrollWidth - innerWidth,
    ground: getComputedStyle(shown[0].querySelector("rect.ground")).fill,
  };
})()"""

WIDTHS = ((1280, 1120), (400, 368))
"""Of the window, and of the picture in it."""


async def updated(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2"))
    await stage.ended("app-v2")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, int, int]]:
    """By name: a file, how many rows it has to show, and how many bands."""
    directory = tmp_path_factory.mktemp("reports")
    played = {
        "good": (promoted, 9, 9),
        "rolled back": (stories.canary_failed, 4, 2),
        "waits": (stories.awaits_promotion, 3, 2),
        "drained": (drained, 4, 4),
    }
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, (story, nodes, rows) in played.items():
            told = play(story, patch, nodes)
            answer = told("report", "app")
            assert answer.code == 0, answer.err
            path = directory / f"{name}.html"
            path.write_text(answer.out)
            found[name] = (path, rows, 0)
        small = play(updated, patch, nodes=9)
    kinds = ("FleetJob", "FleetDeployment", "Execution", "JobVersion", "Pod")
    sight = sight_of([small.list(kind) for kind in kinds])
    assert sight is not None
    many = enlarged(sight, "app-v2", 5000, 500, 13.0)
    chosen = choose(many, None)
    path = directory / "many.html"
    path.write_text(page(with_marks(report_of(many, chosen, 2e9), chosen, [])))
    found["many"] = (path, 1, 10)
    return found


async def test_each_page_can_be_read_at_both_widths_by_day_and_by_night(
    pages: dict[str, tuple[Path, int, int]],
) -> None:
    schemes: tuple[tuple[Literal["light", "dark"], str], ...] = (
        ("light", "rgb(255, 255, 255)"),
        ("dark", "rgb(15, 20, 26)"),
    )
    async with browser() as view:
        for name, (path, rows, bands) in pages.items():
            for window, width in WIDTHS:
                for scheme, ground in schemes:
                    await view.open(path, window, scheme=scheme)
                    seen: dict[str, Any] = await view.evaluate(_MEASURE)
                    where = f"{name} at {window}, {scheme}: {seen}"
                    assert view.problems == [], where
                    assert (seen["pictures"], seen["width"]) == (1, width), where
                    assert (seen["outside"], seen["over"]) == ([], []), where
                    assert (seen["rows"], seen["bands"]) == (rows, bands), where
                    assert seen["areas"] >= rows + bands, where
                    assert seen["empty"] == 0, where
                    assert seen["beyond"] <= 0, where
                    assert seen["ground"] == ground, where


async def test_what_is_measured_would_be_noticed(tmp_path: Path) -> None:
    """A page with each of the faults: the measuring tells them."""
    path = tmp_path / "bad.html"
    path.write_text(
        '<body style="margin:0"><svg class="wg" width="100" height="40"><rect class="ground"/>'
        '<text x="5" y="20">one over</text><text x="9" y="20">another</text>'
        '<text x="90" y="20">outside of it</text><g class="row"><rect width="0" height="9"/></g>'
        '</svg><div style="width:3000px">wide</div><script>nothing()</script></body>'
    )
    async with browser() as view:
        await view.open(path, 400)
        seen = await view.evaluate(_MEASURE)
        assert seen["outside"] == ["outside of it"]
        assert ["one over", "another"] in seen["over"]
        assert (seen["rows"], seen["empty"]) == (1, 1)
        assert seen["beyond"] == 2600
        assert any("nothing is not defined" in each for each in view.problems)
