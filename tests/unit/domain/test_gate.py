"""The table of wavegate.domain.gate, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from unit.domain.builders import deployment, execution, fleet, node, progress, settings, version
from wavegate.domain.gate import TRANSITIONS, Gate, gate
from wavegate.domain.observed import ExecutionView

pytestmark = pytest.mark.row("Gate")

NODES = [node(f"n{number}") for number in range(1, 5)]


def stands(
    *executions: ExecutionView,
    auto: bool = False,
    strategy: str = "Canary",
    nodes: list[Any] = NODES,
    labels: dict[str, str] | None = None,
    **own: Any,
) -> Gate:
    rollout = settings(
        strategy=strategy,
        autoPromote=auto,
        canaryCount=2,
        maxParallel=2,
        canarySelector=labels and {"matchLabels": labels},
    )
    update = deployment(2, rollout=rollout, total=4, **own)
    v2 = version(2)
    view = fleet(
        nodes=nodes,
        versions=[version(1, stable=True), v2],
        deployments=[deployment(1, "Completed"), update],
        executions=executions,
    )
    return gate(progress(view, update, v2))


def canary(name: str, observed: str = "Running", **fields: Any) -> ExecutionView:
    return execution(2, observed, node=name, version=2, **fields)


STABLE = (canary("n1", stable=True), canary("n2", stable=True))


@pytest.mark.parametrize(
    ("executions", "fields", "expected"),
    [
        pytest.param((), {}, Gate.JUDGING, id="before the first canary"),
        pytest.param((STABLE[0],), {"auto": True}, Gate.JUDGING, id="one canary is missing"),
        pytest.param((STABLE[0], canary("n2")), {"auto": True}, Gate.JUDGING, id="one not judged"),
        pytest.param(STABLE, {"auto": True}, Gate.PASSED, id="all stable, autoPromote"),
        pytest.param(STABLE, {"promoted": True}, Gate.PASSED, id="all stable, promoted"),
        pytest.param(STABLE, {}, Gate.AWAITING, id="all stable, nobody has consented"),
        pytest.param(
            (canary("n1"), canary("n2")), {"promoted": True}, Gate.JUDGING, id="consent in advance"
        ),
        pytest.param(
            (STABLE[0], canary("n2", "Failed")), {"auto": True}, Gate.FAILED, id="one failed"
        ),
        pytest.param(
            (canary("n1", "Failed"), canary("n2")), {"promoted": True}, Gate.FAILED, id="at once"
        ),
        pytest.param((), {"nodes": []}, Gate.NO_CANARY, id="no node is left to be one"),
        pytest.param((*STABLE, canary("n3", wave=2)), {}, Gate.PASSED, id="a later wave has begun"),
        pytest.param(
            (*STABLE, canary("n3", "Failed", wave=2)), {}, Gate.PASSED, id="a later failure"
        ),
        pytest.param(STABLE, {"promoted_gate": True}, Gate.PASSED, id="on record as passed"),
        pytest.param(STABLE, {"strategy": "Rolling"}, Gate.NONE, id="Rolling has no gate"),
    ],
)
def test_where_the_gate_stands(
    executions: tuple[ExecutionView, ...], fields: dict[str, Any], expected: Gate
) -> None:
    assert stands(*executions, **fields) is expected


CANARY = {"tier": "canary"}
ONE_ABLE = [node("n1", labels=CANARY), *NODES[1:]]
OUTSIDE = canary("n1", wave=0, deployment="another")
STAND_IN = canary("n1", wave=0, deployment="another", stable=True)


@pytest.mark.row("spec.rollout.canarySelector.matchLabels")
@pytest.mark.parametrize(
    ("executions", "fields", "expected"),
    [
        pytest.param((), {"nodes": ONE_ABLE}, Gate.JUDGING, id="one may be a canary"),
        pytest.param((), {"nodes": NODES}, Gate.NO_CANARY, id="none may be one"),
        pytest.param((), {"nodes": NODES, "strategy": "Rolling"}, Gate.NONE, id="Rolling has none"),
        pytest.param(
            STABLE[:1],
            {"nodes": ONE_ABLE, "auto": True},
            Gate.PASSED,
            id="fewer than canaryCount, but all that there are",
        ),
        pytest.param((OUTSIDE,), {"nodes": ONE_ABLE}, Gate.JUDGING, id="a stand-in is judged"),
        pytest.param((STAND_IN,), {"nodes": ONE_ABLE}, Gate.AWAITING, id="a stand-in is stable"),
        pytest.param(
            (STAND_IN,), {"nodes": ONE_ABLE, "auto": True}, Gate.PASSED, id="and is enough"
        ),
        pytest.param(
            (STAND_IN,), {"nodes": NODES, "auto": True}, Gate.NO_CANARY, id="it may not be one"
        ),
        pytest.param(
            (OUTSIDE,), {"nodes": NODES, "auto": True}, Gate.NO_CANARY, id="nor be waited for"
        ),
        pytest.param(
            (OUTSIDE,), {"nodes": [NODES[0]], "auto": True}, Gate.JUDGING, id="nobody is left"
        ),
    ],
)
def test_only_nodes_that_may_be_canaries_open_the_gate(
    executions: tuple[ExecutionView, ...], fields: dict[str, Any], expected: Gate
) -> None:
    assert stands(*executions, labels=CANARY, **fields) is expected


def test_withdrawn_canaries_prove_nothing() -> None:
    gone = canary("n1", "Stopped", details={"withdrawn": "NodeGone"})
    assert stands(gone, auto=True, nodes=[]) is Gate.NO_CANARY


def test_a_rollout_that_has_nothing_to_do_has_no_gate() -> None:
    done = [canary(f"n{n}", deployment="another", wave=0, stable=True) for n in range(1, 5)]
    assert stands(*done) is Gate.NONE


@dataclass(frozen=True)
class World:
    """A rollout of two canaries, as small as a gate's story can be told."""

    canaries: tuple[str, str] = ("", "")
    """Of each: nothing yet, judged, stable, failed, or gone with its node."""
    targets: bool = True
    """Whether there are nodes that could be taken."""
    auto: bool = False
    promoted: bool = False
    recorded: bool = False

    def gate(self) -> Gate:
        states = {
            "judged": canary,
            "stable": lambda name: canary(name, stable=True),
            "failed": lambda name: canary(name, "Failed"),
            "gone": lambda name: canary(name, "Stopped", details={"withdrawn": "NodeGone"}),
        }
        known = [states[each](f"n{n}") for n, each in enumerate(self.canaries, 1) if each]
        living = [f"n{n}" for n, each in enumerate(self.canaries, 1) if each not in ("", "gone")]
        nodes = [*living, "n3", "n4"] if self.targets else living
        return stands(
            *known,
            auto=self.auto,
            nodes=[node(name) for name in nodes],
            promoted=self.promoted,
            promoted_gate=self.recorded,
        )

    def next(self) -> Iterator[World]:
        """What may happen next: to a canary, by a person, to the targets.

        The pass that finds the gate passed puts that on record; before, nothing rests on it.
        """
        if self.gate() is Gate.PASSED and not self.recorded:
            yield replace(self, recorded=True)
            return
        following = {
            "": ("judged",),
            "judged": ("stable", "failed", "gone"),
            "stable": ("gone",),
            "gone": ("judged",),
            "failed": (),
        }
        first, second = self.canaries
        for state in following[first]:
            if state != "judged" or self.targets:
                yield replace(self, canaries=(state, second))
        for state in following[second]:
            if state != "judged" or self.targets:
                yield replace(self, canaries=(first, state))
        yield replace(self, promoted=True)
        yield replace(self, targets=not self.targets)


def test_the_table_of_transitions_is_what_can_happen_to_a_gate() -> None:
    seen, waiting, made = set(), [World(), World(auto=True)], set()
    while waiting:
        world = waiting.pop()
        if world in seen:
            continue
        seen.add(world)
        for following in world.next():
            made.add((world.gate(), following.gate()))
            waiting.append(following)
    assert {(before, after) for before, _, after in TRANSITIONS} == {
        (before, after) for before, after in made if before is not after
    }
