"""Each oracle of what follows from ends sees what it is there for."""

from __future__ import annotations

from typing import Any

import pytest

from real.followed import (
    Became,
    Edge,
    became,
    called_though_refused,
    executions,
    followed,
    items,
    left,
    open_gates,
)
from real.history import Event
from wavegate.api.names import ANNOTATION_ITEM

DOWN = Edge("up", "down")
GATE = Edge("up", "gated", triggers=False)


def time(number: int) -> str:
    return f"2026-01-01T00:00:{number:02}.000000Z"


def up(name: str, end: int, phase: str = "Completed", job: str = "up") -> Became:
    """A run whose end is stored at the revision that is its time, too."""
    return Became(name, job, end - 3, {}, 0.0, end - 2, end, float(end), time(end), phase)


def down(name: str, made: int, begun: int | None, **after: int) -> Became:
    """A run that was triggered by these ends."""
    ends = {job: time(end) for job, end in after.items()}
    return Became(name, "down", made, ends, 0.0, begun, begun and begun + 1, phase="Completed")


@pytest.mark.parametrize(
    ("runs", "wrong"),
    [
        ([up("u", 10), down("d", 11, 12, up=10)], ""),
        ([up("u", 10, "Failed")], ""),
        ([up("u", 10, "Canceled")], ""),
        ([up("u", 10), down("d", 11, 20, up=10), up("v", 15)], ""),
        ([up("w", 9, job="other"), up("u", 10), down("d", 11, 20, other=9)], ""),
        ([up("u", 9), up("w", 10, job="other"), down("d", 11, 12, other=10)], ""),
        ([up("u", 9), up("w", 12, job="other"), down("d", 13, 14, other=12)], "no run of down"),
        ([up("u", 10)], "no run of down is for it"),
        ([up("u", 10), up("v", 15), down("d", 16, 20, up=15)], "u of up ended, Completed, and no"),
        ([up("u", 10), down("d", 11, 12, up=10), up("v", 15)], "v of up ended, Completed, and no"),
        ([up("u", 10), down("d", 11, 12, up=10), down("e", 13, 14, up=10)], "and 2 runs are for"),
        ([up("u", 10, "Failed"), down("d", 11, 12, up=10)], "for which down is not asked"),
        ([up("u", 10, "Expired"), down("d", 11, 12, up=10)], "that was none"),
        ([down("d", 11, 12, up=10)], "that was none"),
        (
            [up("u", 10), down("d", 11, 20, up=10), up("v", 12), down("e", 13, 21, up=12)],
            "e of down was made though ['d'] had not begun",
        ),
    ],
)
def test_each_end_has_what_it_asks_for_once(runs: list[Became], wrong: str) -> None:
    found = followed(runs, [DOWN, Edge("other", "down", asked=())]).wrong
    found = [each for each in found if "of other" not in each]
    assert [wrong in each for each in found] == [True] * bool(wrong), found


@pytest.mark.parametrize(
    ("ends", "opens"),
    [
        ([up("u", 10)], True),
        ([], False),
        ([up("u", 10, "Failed")], False),
        ([up("u", 10), up("v", 12, "Failed")], False),
        ([up("u", 10, "Failed"), up("v", 12)], True),
        ([up("u", 10), up("v", 12, "Canceled")], True),
        ([up("u", 30)], False),
        ([up("u", 18), up("v", 19, "Failed")], True),
        ([up("u", 10), up("v", 19, "Failed")], True),
        ([up("u", 10), up("v", 12, "Failed"), up("w", 19, "Failed")], False),
    ],
)
def test_a_gate_is_open_by_the_latest_end(ends: list[Became], opens: bool) -> None:
    gated = Became("g", "gated", 1, {}, 20.0, 20, 21)
    wrong = open_gates([*ends, gated], [GATE], 3.0)
    assert len(wrong) == (not opens), wrong


def run(revision: int, uid: str = "u", **status: Any) -> Event:
    spec = {"jobName": "app", "jobKind": "FleetJob"}
    return Event(revision, 0.0, "JobRun", _named(uid, spec, status), False)


def _named(uid: str, spec: Any, status: Any, **annotations: str) -> Any:
    metadata = {"name": uid, "uid": uid, "annotations": annotations}
    return {"metadata": metadata, "spec": spec, "status": status}


ASKED = run(1, phase="Queued")
BEGUN = run(2, phase="Executing", attempt=1)
OVER = run(3, phase="Completed", attempt=1, completionTime=time(3), nodes={"total": 2, "asked": 2})


def test_a_run_is_told_by_what_became_of_it() -> None:
    [found] = became([ASKED, BEGUN, OVER])
    assert (found.job, found.made, found.begun, found.ended) == ("FleetJob/app", 1, 2, 3)
    assert (found.end, found.phase) == (time(3), "Completed")
    assert left([found]) == []
    [found] = became([ASKED, BEGUN])
    assert left([found]) == ["u of FleetJob/app is left Executing"]


def test_a_run_that_was_refused_was_not_called() -> None:
    [found] = became([ASKED, run(2, phase="Canceled", reason="Why", completionTime=time(2))])
    assert called_though_refused([found], {"v"}) == []
    assert called_though_refused([found], {"u"}) == ["u is Why, and called"]


def execution(uid: str, node: str, state: str = "Completed") -> Event:
    spec = {"runName": "u", "attempt": 1, "nodeName": node}
    status = {"observedState": {"stateType": state}}
    return Event(4, 0.0, "Execution", _named(uid, spec, status), False)


@pytest.mark.parametrize(
    ("made", "wrong"),
    [
        ([execution("a", "n1"), execution("b", "n2")], ""),
        ([execution("a", "n1")], "u is Completed with 1 Executions in its last"),
        ([execution("a", "n1"), execution("b", "n1")], "are 2 Executions on n1"),
        ([execution("a", "n1"), execution("b", "n2", "Running")], "b is left Running"),
    ],
)
def test_each_node_is_asked_once(made: list[Event], wrong: str) -> None:
    number, found = executions(made, became([ASKED, BEGUN, OVER]))
    assert number == len(made)
    assert [wrong in each for each in found] == [True] * bool(wrong), found


@pytest.mark.parametrize("asked", [1, 2])
def test_a_run_that_failed_has_asked_as_many_nodes_as_it_says(asked: int) -> None:
    nodes = {"total": 2, "asked": asked}
    failed = run(3, phase="Failed", attempt=1, completionTime=time(3), nodes=nodes)
    _, found = executions([execution("a", "n1")], became([ASKED, BEGUN, failed]))
    assert len(found) == asked - 1, found


@pytest.mark.parametrize(
    ("made", "counts", "wrong"),
    [
        (["b 0 k"], {"completed": 1}, ""),
        ([], {"completed": 1}, "item k of b has 0 runs"),
        (["b 0 k", "b 0 k"], {"completed": 1}, "item k of b has 2 runs"),
        (["b 0 k", "b 1 l"], {"completed": 1}, "for an item that is none: b 1 l"),
        (["b 0 k"], {"deleted": 1}, "counts {'deleted': 1, 'total': 1}"),
    ],
)
def test_each_item_has_one_run(made: list[str], counts: Any, wrong: str) -> None:
    status = {"state": "Completed", "counts": {**counts, "total": 1}}
    batch = Event(1, 0.0, "RunBatch", _named("b", {"items": [{"key": "k"}]}, status), False)
    runs = [
        Event(2, 0.0, "JobRun", _named(str(n), {}, {}, **{ANNOTATION_ITEM: mark}), False)
        for n, mark in enumerate(made)
    ]
    number, found = items([batch, *runs])
    assert number == 1
    assert [wrong in each for each in found] == [True] * bool(wrong), found
