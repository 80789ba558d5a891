"""State diagrams have an arrow for each transition of the tables, in words that Mermaid takes."""

from __future__ import annotations

import re

import pytest

from wavegate.domain import executions, rollout
from wavegate.reference.diagrams import DIAGRAMS, state_diagram
from wavegate.runs import states

STATE = r"(?:\[\*\]|[A-Z][A-Za-z]*)"
ARROW = re.compile(rf"^(?P<before>{STATE}) --> (?P<after>{STATE})(?:: (?P<events>[^:;{{}}]+))?$")
BOX = re.compile(r"^state (?P<name>[A-Z][A-Za-z]*) \{$")


def parse(text: str) -> tuple[dict[tuple[str, str], list[str]], dict[str, set[str]]]:
    """Arrows with their events, and what stands in each box; every line must be one or the other.

    The part of Mermaid's grammar of stateDiagram-v2 that is used here.
    """
    head, *lines = text.splitlines()
    assert head == "stateDiagram-v2"
    arrows: dict[tuple[str, str], list[str]] = {}
    boxes: dict[str, set[str]] = {}
    inside = ""
    for line in (each.strip() for each in lines):
        if opened := BOX.match(line):
            assert not inside, "boxes are not nested"
            inside = opened["name"]
            boxes[inside] = set()
        elif line == "}":
            inside = ""
        else:
            arrow = ARROW.match(line)
            assert arrow, f"no arrow: {line}"
            pair = (arrow["before"], arrow["after"])
            assert pair not in arrows, f"two arrows between {pair}"
            arrows[pair] = arrow["events"].split("<br/>") if arrow["events"] else []
            if inside:
                boxes[inside] |= set(pair) - {"[*]"}
            elif arrow["before"] == "[*]" and not arrow["events"]:
                del arrows[pair]  # into the box, which begins by an arrow of its own
    assert not inside, "a box is left open"
    return arrows, boxes


@pytest.mark.parametrize("name", DIAGRAMS)
def test_every_diagram_is_one_that_mermaid_draws(name: str) -> None:
    arrows, boxes = parse(DIAGRAMS[name]())
    assert any(before == "[*]" for before, _ in arrows), "it begins nowhere"
    assert any(after == "[*]" for _, after in arrows), "it ends nowhere"
    for box, inside in boxes.items():
        assert box not in inside


@pytest.mark.parametrize(
    ("name", "box", "table"),
    [("rollout", "Open", rollout.TRANSITIONS), ("execution", "Live", executions.TRANSITIONS)],
)
def test_a_diagram_says_what_its_table_says_and_no_more(
    name: str, box: str, table: tuple[tuple[str, str, str], ...]
) -> None:
    arrows, boxes = parse(DIAGRAMS[name]())
    drawn = set()
    for (before, after), events in arrows.items():
        if after == "[*]":
            assert before not in {state for state, _, _ in table}
            continue
        befores = boxes[box] if before == box else {"" if before == "[*]" else before}
        drawn |= {(each, event, after) for each in befores for event in events}
    plain = {(before, event.replace(":", ","), after) for before, event, after in table}
    assert plain <= drawn
    assert {(before, after) for before, _, after in drawn} == {(b, a) for b, _, a in plain}


def test_the_diagram_of_a_run_has_its_transitions_and_how_it_begins() -> None:
    arrows, boxes = parse(DIAGRAMS["run"]())
    drawn = {
        (each, after)
        for before, after in arrows
        for each in (boxes["Open"] if before == "Open" else {before})
        if after != "[*]"
    }
    table = {(before, each) for before, after in states.TRANSITIONS.items() for each in after}
    assert drawn == table | {("[*]", "Queued"), ("[*]", "Delayed")}
    assert {before for before, after in arrows if after == "[*]"} == states.TERMINAL


def test_what_may_happen_in_every_state_is_drawn_from_the_box() -> None:
    table = [
        ("", "begin", "A"),
        ("A", "go: on", "B"),
        ("A", "stop", "End"),
        ("B", "stop", "End"),
        ("B", "win", "Won"),
    ]
    assert state_diagram(table, "Open").splitlines() == [
        "stateDiagram-v2",
        "    [*] --> Open",
        "    state Open {",
        "        [*] --> A: begin",
        "        A --> B: go, on",
        "    }",
        "    B --> Won: win",
        "    Open --> End: stop",
        "    End --> [*]",
        "    Won --> [*]",
    ]
