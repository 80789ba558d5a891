"""A band's heights: shares of nodes, one state over the other."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from wavegate.cli.report import bands
from wavegate.cli.report.look import OTHER, STATES
from wavegate.cli.report.model import Row
from wavegate.cli.report.scale import Scale
from wavegate.cli.report.segments import NOT_KEPT, Segment

SCALE = Scale(0, 100, 0, 180)
"""Of which a sample is one pixel."""


def row(*stretches: tuple[str, float, float], version: int = 2) -> Row:
    return Row("n", [Segment("", version, *stretch) for stretch in stretches], [])


def drawn(*rows: Row) -> ET.Element:
    return ET.fromstring(bands.drawn(rows, 2, SCALE, 10.0, "url(#stripes)")[0])


RUNS = row(("Running", 0, 100))
FAILS = row(("Pending", 0, 50), ("Failed", 50, 100))


def test_a_colour_is_as_high_as_its_share_and_lies_on_the_one_below() -> None:
    paths = list(drawn(RUNS, RUNS, RUNS, FAILS).iter("path"))
    assert [(each.get("data-state") or each.get("fill"), each.get("d")) for each in paths] == [
        ("Running", "M0.0 21.0L180.0 21.0L180.0 54.0L0.0 54.0Z"),
        ("Pending", "M0.0 10.0L90.0 10.0L90.0 21.0L180.0 21.0L180.0 21.0L0.0 21.0Z"),
        ("Failed", "M0.0 10.0L180.0 10.0L180.0 21.0L90.0 21.0L90.0 10.0L0.0 10.0Z"),
        ("url(#stripes)", paths[2].get("d")),
    ]


def test_a_letter_stands_in_the_middle_of_what_has_room_for_it() -> None:
    shown = drawn(RUNS, RUNS, RUNS, FAILS).iter("text")
    assert [(each.text, each.get("x"), each.get("y")) for each in shown] == [("R", "89.5", "41.5")]
    brief = drawn(row(("Pending", 0, 5), ("Running", 5, 100)))
    assert [each.text for each in brief.iter("text")] == ["R"]


def test_no_state_is_left_out() -> None:
    rows = [row((state, 0, 100)) for state in STATES if state not in (OTHER, NOT_KEPT)]
    rows += [row(("Running", 0, 100), version=1), row((NOT_KEPT, 0, 100), version=0)]
    seen = [each.get("data-state") for each in drawn(*rows).iter("path")]
    assert {each for each in seen if each} == STATES.keys()
