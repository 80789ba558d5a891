"""The table of wavegate.domain.gate, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import deployment, execution, fleet, node, settings, version
from wavegate.domain.gate import Gate, gate
from wavegate.domain.observed import ExecutionView
from wavegate.domain.waves import progress

pytestmark = pytest.mark.row("Gate")

NODES = [node(f"n{number}") for number in range(1, 5)]


def stands(
    *executions: ExecutionView,
    auto: bool = False,
    strategy: str = "Canary",
    nodes: list[Any] = NODES,
    **own: Any,
) -> Gate:
    rollout = settings(strategy=strategy, autoPromote=auto, canaryCount=2, maxParallel=2)
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


def test_withdrawn_canaries_prove_nothing() -> None:
    gone = canary("n1", "Stopped", details={"withdrawn": "NodeGone"})
    assert stands(gone, auto=True, nodes=[]) is Gate.NO_CANARY


def test_a_rollout_that_has_nothing_to_do_has_no_gate() -> None:
    done = [canary(f"n{n}", deployment="another", wave=0, stable=True) for n in range(1, 5)]
    assert stands(*done) is Gate.NONE
