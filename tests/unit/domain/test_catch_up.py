"""The table of wavegate.domain.catch_up, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import NOW, deployment, execution, fleet, node, version
from wavegate.domain.catch_up import lags

DONE = deployment(2, "Completed")
RESTARTED = deployment(3, "Completed", type="Restart", to_version=2, accepted=NOW - 30)
STOPPED_V1 = execution(1, "Stopped", stable=True)
BACK_ON_V1 = execution(3, stable=True, wave=0)


def lagging(*claims: Any, newest: Any = DONE, **fields: Any) -> list[str]:
    stable = version(2, stable=True)
    here = fleet(versions=[version(1, stable=True), stable], executions=claims, **fields)
    return [each for each in here.nodes if lags(here, stable, newest, each, here.chains.get(each))]


@pytest.mark.row("Catch-up")
@pytest.mark.parametrize(
    ("claims", "newest", "brought"),
    [
        pytest.param((), DONE, False, id="none: it gets the stable version anyway"),
        pytest.param((STOPPED_V1,), DONE, False, id="v1 ended: it is put back"),
        pytest.param((execution(1, stable=True),), DONE, True, id="v1 is live"),
        pytest.param(
            (execution(1, "Failed"), execution(2, stable=True)),
            DONE,
            True,
            id="v1 failed, then live",
        ),
        pytest.param((execution(1, version=2, stable=True),), DONE, False, id="v2 is live"),
        pytest.param(
            (STOPPED_V1, execution(2, "Failed", version=2), BACK_ON_V1),
            DONE,
            False,
            id="v2 failed, and the node went back to v1",
        ),
        pytest.param(
            (STOPPED_V1, execution(2, "Failed", version=2, stable=True), BACK_ON_V1),
            DONE,
            True,
            id="v2 failed after it was stable",
        ),
        pytest.param(
            (execution(1, version=2, stable=True, created=NOW - 31),),
            RESTARTED,
            True,
            id="v2 is live, made before the Restart",
        ),
        pytest.param(
            (execution(1, version=2, stable=True, created=NOW - 30),),
            RESTARTED,
            False,
            id="v2 is live, made since the Restart",
        ),
    ],
)
def test_which_nodes_are_brought_to_the_version_that_completed(
    claims: tuple[Any, ...], newest: Any, brought: bool
) -> None:
    assert lagging(*claims, newest=newest) == (["n1"] if brought else [])


def test_what_is_no_target_stays_behind() -> None:
    assert lagging(execution(1, stable=True), nodes=[node(unschedulable=True)]) == []
