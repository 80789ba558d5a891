"""The picture and its page as text: what a reader finds in them, whatever a cluster has in it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from sim.world import spec
from support.enlarged import enlarged
from support.told import Played, Stage, play
from unit.cli import stories
from wavegate.cli.reading import sight_of
from wavegate.cli.report.groups import MOST_ROWS, groups_of
from wavegate.cli.report.history import choose, report_of
from wavegate.cli.report.labels import place
from wavegate.cli.report.look import STATES
from wavegate.cli.report.marks import with_marks
from wavegate.cli.report.model import Mark, Report
from wavegate.cli.report.page import MOST_TOLD, page
from wavegate.cli.report.panel import MOST_WINDOWS
from wavegate.cli.report.picture import NARROW, WIDE, picture
from wavegate.cli.report.scale import Scale, cut, fitting, room, span
from wavegate.cli.report.segments import Window
from wavegate.cli.sight import Sight
from wavegate.domain.executions import TRANSITIONS

SVG = "{http://www.w3.org/2000/svg}"
MOST_BYTES = 1 << 20


async def updated(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2"))
    await stage.ended("app-v2")


def sight(told: Played) -> Sight:
    kinds = ("FleetJob", "FleetDeployment", "Execution", "JobVersion", "Pod")
    found = sight_of([told.list(kind) for kind in kinds])
    assert found is not None
    return found


def report(seen: Sight, now: float) -> Report:
    chosen = choose(seen, None)
    return with_marks(report_of(seen, chosen, now), chosen, [])


@pytest.fixture(scope="module")
def failed() -> Report:
    with pytest.MonkeyPatch.context() as patch:
        told = play(stories.canary_failed, patch)
        return report(sight(told), told.now)


@pytest.fixture(scope="module")
def good() -> Sight:
    with pytest.MonkeyPatch.context() as patch:
        return sight(play(updated, patch, nodes=9))


def texts(drawn: str) -> list[str]:
    return ["".join(each.itertext()) for each in ET.fromstring(drawn).iter(f"{SVG}text")]


def test_a_reader_finds_the_story_in_the_picture(failed: Report) -> None:
    shown = texts(picture(failed))
    wanted = [
        "v2 starts",
        "canary refused",
        "rollback to v1",
        "back on v1",
        "limit 10.0%",
        "52.0% (26 of 50)",
        "Wave 1 · canary · 1 node",
        failed.rows[0].node,
        "ErrorRateExceeded, back on v1",
        "3 nodes",
        "stayed on v1",
    ]
    assert [each for each in wanted if each not in shown] == []


def test_who_does_not_see_it_is_told_the_same(failed: Report) -> None:
    root = ET.fromstring(picture(failed))
    named = root.attrib["aria-labelledby"].split()
    said = [root.find(f"./*[@id='{each}']") for each in named]
    words = [each.text or "" for each in said if each is not None]
    assert words[0] == "app v2: Failed (CanaryFailed), rolled back"
    assert "canary refused after 18s" in words[1]
    assert root.attrib["role"] == "img"


def gate_of(report: Report, windows: list[Window]) -> tuple[list[ET.Element], float, float]:
    """The windows' rectangles in the gate's panel, its bottom and how high the limit is."""
    row = replace(report.rows[0], windows=windows)
    seen = replace(report, waves=[replace(report.waves[0], rows=[row])])
    root = ET.fromstring(picture(seen))
    (gate,) = [each for each in root.iter(f"{SVG}g") if each.get("class") == "gate"]
    plot, *bars = gate.iter(f"{SVG}rect")
    limits = [each for each in gate.iter(f"{SVG}line") if each.get("class") == "limit"]
    bottom = float(plot.attrib["y"]) + float(plot.attrib["height"])
    return bars, bottom, bottom - float(limits[0].attrib["y1"]) if limits else 0.0


def windows_of(report: Report, *told: tuple[str, float | None]) -> list[Window]:
    """Of these verdicts and rates, all of the same second."""
    begin = report.begin
    return [
        Window(
            "x", verdict, begin, begin + 5, rate and rate * 100, None if rate is None else 100, 0.1
        )
        for verdict, rate in told
    ]


def test_a_window_is_as_high_as_its_rate(failed: Report) -> None:
    rates = (0.0, 0.05, 0.1, 0.5)
    bars, bottom, limit = gate_of(failed, windows_of(failed, *(("good", rate) for rate in rates)))
    assert limit > 5
    heights = [bottom - float(bar.attrib["y"]) - 2.5 for bar in bars]
    assert heights == pytest.approx([rate / 0.1 * limit for rate in rates], abs=0.2)
    many = windows_of(failed, *(("good", rates[number % 4]) for number in range(MOST_WINDOWS + 1)))
    (stretch,), bottom, limit = gate_of(failed, many)
    low = bottom - float(stretch.attrib["y"]) - float(stretch.attrib["height"]) + 2.5
    high = bottom - float(stretch.attrib["y"]) - 2.5
    assert (low, high) == pytest.approx((0.0, 5 * limit), abs=0.2)


@pytest.mark.parametrize("order", [1, -1])
def test_of_windows_without_numbers_at_a_time_the_worst_is_seen(order: int, failed: Report) -> None:
    told = windows_of(failed, ("good", None), ("bad", None), ("unreadable", None))
    (seen,), _, _ = gate_of(failed, told[::order])
    assert seen.get("class") == "bad"


def test_no_state_is_told_by_its_colour_alone() -> None:
    states = {state for begin, _, end in TRANSITIONS for state in (begin, end) if state}
    # Nothing is written of a pod that stops, so that no execution is shown as Stopping.
    assert states <= STATES.keys()
    letters = [STATES[state][0] for state in states]
    assert len(set(letters)) == len(letters)
    assert all(letters)


@pytest.mark.parametrize("draw", [picture, page], ids=["picture", "page"])
def test_what_a_cluster_says_is_text_and_never_markup(draw: object, failed: Report) -> None:
    hostile = "</title><script>alert(1)</script><img src=x onerror='alert(2)'>\" & \x07\ud800"
    row = failed.rows[0]
    segments = [replace(part, message=hostile) for part in row.segments]
    wave = replace(
        failed.waves[0], rows=[replace(row, node=hostile, outcome=hostile, segments=segments)]
    )
    rollouts = [{**each, "message": hostile, "name": hostile} for each in failed.rollouts]
    told = replace(
        failed,
        job=hostile,
        namespace=hostile,
        waves=[wave],
        rollouts=rollouts,
        marks=[replace(mark, text=hostile, message=hostile) for mark in failed.marks],
        not_kept=[hostile],
    )
    assert callable(draw)
    drawn = draw(told)
    for harmful in ("<script", "<img", "\x07", "\ud800"):
        assert harmful not in drawn
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in drawn
    tags = re.findall(r"<([a-z1-6]+)", drawn)
    assert not {"script", "img"} & set(tags)
    if draw is picture:
        ET.fromstring(drawn)  # it is well-formed


def test_a_page_needs_nothing_from_elsewhere(failed: Report) -> None:
    drawn = page(failed)
    addresses = re.findall(r"(?:https?:)?//[\w./-]+", drawn)
    assert set(addresses) == {"http://www.w3.org/2000/svg"}
    assert "@import" not in drawn
    assert not re.search(r"url\((?!#)", drawn)


def test_a_page_names_what_is_not_kept(failed: Report) -> None:
    drawn = page(failed)
    assert failed.not_kept
    assert f"<li>{failed.not_kept[0]}</li>" in drawn
    assert "What is not kept" not in page(replace(failed, not_kept=[]))


def test_a_list_of_decisions_is_bounded_and_keeps_those_of_the_whole(failed: Report) -> None:
    whole = [mark for mark in failed.marks if not mark.node]
    nodes = [Mark(failed.begin + at, "NodeFailed", "v2 failed", "", f"n{at}") for at in range(100)]
    drawn = page(replace(failed, marks=[*nodes, *whole]))
    table = drawn[drawn.index("<tbody>") : drawn.index("</tbody>")]
    assert table.count("<tr>") == MOST_TOLD + 1
    assert [mark.text for mark in whole if f">{mark.text}</td>" not in table] == []
    assert f"and {len(whole) + 100 - MOST_TOLD} more of single nodes" in table


def test_what_goes_on_has_a_line_where_now_is(failed: Report) -> None:
    now = failed.begin + 10
    for is_open in (True, False):
        root = ET.fromstring(picture(replace(failed, is_open=is_open, end=now, until=now)))
        (axis,) = [each for each in root.iter(f"{SVG}g") if each.get("class") == "axis"]
        lines = [each.get("class") for each in axis.iter(f"{SVG}line")]
        assert lines == (["line-plain"] if is_open else [])
        said = "now is after 10s" if is_open else "the end is after 10s"
        assert said in " ".join(texts(picture(replace(failed, is_open=is_open, end=now))))


def test_a_stretch_of_more_than_one_state_is_marked_and_says_so(failed: Report) -> None:
    row = failed.rows[0]
    for is_exact, number in ((True, 0), (False, len(row.segments))):
        parts = [replace(part, exact=is_exact) for part in row.segments]
        seen = replace(
            failed, waves=[replace(failed.waves[0], rows=[replace(row, segments=parts)])]
        )
        drawn = picture(seen)
        assert drawn.count('class="inexact"') == number
        assert ("when they began is not kept" in drawn) is not is_exact


def test_what_failed_for_a_moment_has_a_sign_where_a_letter_has_no_room(failed: Report) -> None:
    (row,) = failed.rows
    (moment,) = [part for part in row.segments if part.state == "Failed"]
    for until, signs in ((moment.since + 0.1, 1), (moment.since + 30, 0)):
        seen = replace(row, segments=[replace(moment, until=until)])
        drawn = picture(replace(failed, waves=[replace(failed.waves[0], rows=[seen])]))
        found = [each for each in ET.fromstring(drawn).iter(f"{SVG}g") if each.get("data-node")]
        paths = [each.get("class") for each in found[0].iter(f"{SVG}path")]
        assert paths == ["bad sign"] * signs


def test_a_wave_took_from_its_first_claim_to_its_last_verdict(good: Sight) -> None:
    told = report(good, 2e9)
    lives = [row.lives[-1] for row in told.waves[1].rows]
    took = max(each.stable or 0.0 for each in lives) - min(each.made for each in lives)
    assert took > 0
    assert groups_of(told)[1].told == f"took {span(took)}"


def test_neighbours_share_a_band_and_are_named_from_the_first_to_the_last(good: Sight) -> None:
    told = report(enlarged(good, "app-v2", 101, 2, 13.0), 2e9)
    names = [group.name for group in groups_of(told)]
    assert names[:2] == ["Wave 1 · canary · 1 node", "Waves 2 to 4 · 6 nodes"]
    assert names[-1] == "Waves 50 to 51 · 4 nodes"


def test_few_nodes_have_a_row_each(good: Sight) -> None:
    told = report(good, 2e9)
    root = ET.fromstring(picture(told))
    rows = [each.get("data-node") for each in root.iter(f"{SVG}g") if each.get("class") == "row"]
    assert rows == [row.node for row in told.rows]
    assert len(rows) == 9


@pytest.mark.parametrize(
    ("nodes", "wave_size"),
    [(1_000, 100), (5_000, 500), (5_000, 1)],
    ids=["1000", "5000", "5000, one at a time"],
)
def test_the_size_of_a_picture_does_not_grow_with_the_fleet(
    nodes: int, wave_size: int, good: Sight
) -> None:
    told = report(enlarged(good, "app-v2", nodes, wave_size, 13.0), 2e9)
    assert len(told.rows) == nodes
    drawn = page(told)
    assert len(drawn.encode()) <= MOST_BYTES
    assert f"{nodes:,} nodes are aggregated by wave" in drawn
    shown = texts(picture(told))
    counted = [re.search(r"([\d,]+) nodes?$", each) for each in shown if each.startswith("Wave")]
    assert sum(int(each[1].replace(",", "")) for each in counted if each) == nodes
    assert "v2 Running" in shown, "the canary has its row"
    assert "aggregated" in (ET.fromstring(picture(told)).findtext(f"{SVG}desc") or "")


def test_in_a_band_the_nodes_that_are_not_well_keep_their_rows(good: Sight) -> None:
    told = report(enlarged(good, "app-v2", 200, 50, 13.0), 2e9)
    wave = told.waves[2]
    bad = [replace(row, outcome="ErrorRateExceeded", is_well=False) for row in wave.rows[:9]]
    worse = replace(wave, rows=[*bad, *wave.rows[9:]])
    seen = replace(told, waves=[*told.waves[:2], worse, *told.waves[3:]])
    group = groups_of(seen)[2]
    assert [row.node for row in group.rows] == [row.node for row in bad[:6]]
    assert (group.more_unwell, group.not_kept) == (3, 0)
    shown = texts(picture(seen))
    at = shown.index("more are not well; -o json names them")
    assert shown[at - 1] == "3 nodes"
    assert len(group.band) == 50
    assert group.told.startswith("9 not well")


def test_from_which_number_on_rows_become_bands(good: Sight) -> None:
    for nodes, is_band in ((MOST_ROWS, False), (MOST_ROWS + 1, True)):
        told = report(enlarged(good, "app-v2", nodes, 20, 13.0), 2e9)
        assert any(group.band for group in groups_of(told)) is is_band


def test_words_of_decisions_do_not_overlap() -> None:
    scale = Scale(0, 100, 100, 300)
    marks = [Mark(at, "Started", f"decision {at}") for at in (0, 2, 4, 50, 95, 99)]
    placed = place(marks, scale, 320)
    assert [each.mark for each in placed] == marks
    for number, one in enumerate(placed):
        for other in placed[number + 1 :]:
            apart = one.right <= other.left or other.right <= one.left
            assert apart or one.level != other.level
    assert all(each.left >= 0 and each.right <= 320 for each in placed)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0s"), (59.6, "1m"), (90, "1m30s"), (3600, "1h"), (3900, "1h05m"), (180000, "2d2h")],
)
def test_a_span_is_told_in_few_letters(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_ticks_are_round_and_far_enough_from_each_other() -> None:
    scale = Scale(-4, 104, 0, 540)
    assert scale.ticks(0, 60) == [0, 15, 30, 45, 60, 75, 90]
    assert len(Scale(0, 90 * 86400, 0, 1000).ticks(0, 90)) == 11


def test_texts_are_cut_to_their_room() -> None:
    assert fitting(["v2 Running", "R"], 20) == "R"
    assert fitting(["v2 Running", "R"], 2) == ""
    name = "node-with-a-name-of-a-cloud-provider.eu-central-1.compute.internal"
    assert cut(name, 100).endswith("…")
    assert room(cut(name, 100)) <= 100
    assert cut("n1", 100) == "n1"


def test_two_pictures_of_a_page_do_not_share_their_names(failed: Report) -> None:
    names = [set(re.findall(r' id="([^"]+)"', picture(failed, width))) for width in (WIDE, NARROW)]
    assert names[0]
    assert not names[0] & names[1]
