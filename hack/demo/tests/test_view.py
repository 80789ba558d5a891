"""What is drawn and printed, at 80 columns and without colour."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from rich.console import Console

from demo.observer import Seen
from demo.tests import canned
from demo.view import Outcome, View, lines, summary
from wavegate.cli.tree import tree

WIDTH = 80


def drawn(what: object) -> list[str]:
    console = Console(file=io.StringIO(), width=WIDTH, no_color=True)
    with console.capture() as captured:
        console.print(what)
    return captured.get().splitlines()


def test_the_tree_shows_job_rollouts_waves_and_nodes() -> None:
    said = [line.strip() for line in drawn(tree(canned.rolled_back(), "Act 3: version 3 is bad"))]
    text = "\n".join(said)
    assert "Act 3: version 3 is bad" in said[0]
    assert "FleetJob telemetry: Running" in text
    assert "telemetry-v3-rollback (Rollback): Completed" in text
    names = ("outside waves: 1 node", "a v2", "v2, not by this rollout", "b v2", "c v2")
    order = [text.index(each) for each in names]
    assert order == sorted(order)


def test_the_tree_keeps_every_word_within_80_columns() -> None:
    seen = canned.rolled_back()
    found = drawn(tree(seen, "Act 3"))
    assert max(map(len, found)) <= WIDTH
    words = {word.strip("│├└─ ") for line in found for word in line.split()}
    assert set(seen.message.split()) <= words


def test_the_newest_claim_of_a_node_is_the_one_that_is_drawn() -> None:
    text = "\n".join(drawn(tree(canned.rolled_back(), "Act 3")))
    assert "a v3" not in text


def test_without_a_terminal_each_change_is_printed_once() -> None:
    console = Console(file=io.StringIO(), width=WIDTH, no_color=True, soft_wrap=True)
    view = View(console, live=False)
    with console.capture() as captured, view:
        for each in (canned.promoted(), canned.promoted(), canned.rolled_back()):
            view.show(each)
    printed = [line.split(" s ", 1)[1] for line in captured.get().splitlines()]
    assert len(printed) == len(set(printed))
    assert "    a v2 (wave 1) Running" in printed
    assert f"    a v3 (wave 1) Failed: {canned.REFUSAL}" in printed
    assert "    a v2 (fallback or joiner) Running" in printed


def test_a_line_begins_with_the_seconds_since_the_start() -> None:
    console = Console(file=io.StringIO(), width=WIDTH)
    with console.capture() as captured:
        View(console, live=False).say("hello")
    assert captured.get() == "   0.0 s hello\n"


def test_nothing_is_said_of_a_job_that_the_operator_has_not_seen() -> None:
    assert lines(Seen(job={}, deployments=[], executions=[], pods=[])) == []


@pytest.mark.parametrize(
    ("problems", "said"),
    [
        ([], "as expected, after 1.5 s: Running; v2 on a"),
        (["condition Ready is False"], "WRONG: condition Ready is False, after 1.5 s"),
    ],
)
def test_the_end_of_an_act_says_whether_it_is_as_it_should_be(
    problems: Sequence[str], said: str
) -> None:
    console = Console(file=io.StringIO(), width=WIDTH, soft_wrap=True)
    with console.capture() as captured:
        View(console, live=False).end(Outcome("t", "e", "Running; v2 on a", problems, 1.5))
    assert said in captured.get()


def test_the_summary_says_of_each_act_whether_it_ended_as_it_should() -> None:
    good = Outcome("version 1", "v1 everywhere", "Running; v1 on a, b, c", [], 16.94)
    bad = Outcome("version 2", "v2 everywhere", "Running", ["not v2: b"], 19.0)
    assert [line.split() for line in drawn(summary([good, bad]))] == [
        ["What", "was", "shown"],
        ["ok", "16.9", "s", "version", "1"],
        ["Running;", "v1", "on", "a,", "b,", "c"],
        ["WRONG", "19.0", "s", "version", "2"],
        ["expected", "v2", "everywhere;", "not", "v2:", "b"],
    ]
