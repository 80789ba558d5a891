"""The table of wavegate.domain.fallback: what a node without a live claim gets next."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import NOW, chain, deployment, execution, fleet, node, version
from wavegate.domain.claim import Chain
from wavegate.domain.fallback import next_version

pytestmark = pytest.mark.row("Fallback")

V1_STABLE = execution(1, "Stopped", stable=True, details={"reason": "Replaced"})
V2_FAILED = execution(2, "Failed", version=2, updated=NOW)
DONE = deployment(1, "Completed")
OPEN = deployment(2)
DONE_V2 = deployment(2, "Completed")
SUSPENDED_V2 = chain(
    execution(1, "Stopped", version=2, stable=True, details={"reason": "Suspended"})
)


def back(**fields: Any) -> Any:
    """A user's Rollback to v1."""
    given = {"type": "Rollback", "name": "back", "owner_uid": "", "to_version": 1}
    return deployment(3, **{**given, "from_version": 0, **fields})


def given(
    claims: Chain | None, *, stable: int | None = 1, deployments: Any = (DONE, OPEN), **fields: Any
) -> tuple[int, float] | None:
    versions = [version(number, stable=number <= (stable or 0)) for number in (1, 2)]
    view = fleet(versions=versions, deployments=deployments, **fields)
    found = next_version(view, claims, next(iter(view.nodes.values()), node()))
    return (found.version.version, found.not_before) if found is not None else None


@pytest.mark.parametrize(
    ("claims", "fields", "expected"),
    [
        pytest.param(None, {}, (1, 0.0), id="a joiner gets the stable version"),
        pytest.param(None, {"stable": None}, None, id="a joiner waits where nothing is stable"),
        pytest.param(chain(V1_STABLE, V2_FAILED), {}, (1, 0.0), id="v2 failed: back to v1 at once"),
        pytest.param(
            chain(V1_STABLE, V2_FAILED, execution(3, "Failed", updated=NOW)),
            {},
            (1, NOW + 10),
            id="v1 failed as well: again by back-off",
        ),
        pytest.param(
            chain(execution(1, "Failed", updated=NOW)),
            {"stable": None, "deployments": (deployment(1),)},
            (1, NOW + 10),
            id="v1 failed while its first rollout is open: again",
        ),
        pytest.param(
            chain(execution(1, "Failed", updated=NOW)),
            {"stable": None, "deployments": (deployment(1, "Failed"),)},
            None,
            id="v1 failed and so did its first rollout: nothing",
        ),
        pytest.param(
            chain(execution(1, "Failed", stable=True, updated=NOW)),
            {"deployments": (DONE,)},
            (1, NOW + 10),
            id="v1 stable, then failed: again by back-off",
        ),
        pytest.param(
            chain(execution(1, "Stopped", stable=True, details={"reason": "Suspended"})),
            {"stable": 2},
            (1, 0.0),
            id="stopped by suspension: what it was last stable on",
        ),
        pytest.param(
            SUSPENDED_V2,
            {"stable": 2, "deployments": (DONE_V2, back(sequence=3))},
            (1, 0.0),
            id="suspended, a Rollback is open: what that goes back to",
        ),
        pytest.param(
            SUSPENDED_V2,
            {"stable": 2, "deployments": (DONE_V2, back(sequence=0, state=""))},
            None,
            id="suspended, a Rollback comes next: nothing that it would take back",
        ),
        pytest.param(
            SUSPENDED_V2,
            {"stable": 2, "deployments": (DONE_V2, back(sequence=3, paused=True))},
            (2, 0.0),
            id="suspended, the Rollback is paused: what it was last stable on",
        ),
        pytest.param(
            SUSPENDED_V2,
            {"stable": 2, "deployments": (DONE_V2, back(sequence=0, state="", paused=True))},
            (2, 0.0),
            id="suspended, a paused Rollback comes next: the same",
        ),
        pytest.param(
            SUSPENDED_V2,
            {"stable": 2, "deployments": (DONE_V2, back(sequence=0, state="", type="Restart"))},
            (2, 0.0),
            id="suspended, a Restart comes next: the same",
        ),
        pytest.param(
            SUSPENDED_V2,
            {"deployments": (DONE, deployment(2, "Failed"))},
            (1, 0.0),
            id="suspended, what failed is about to be taken back: the stable version",
        ),
        pytest.param(
            SUSPENDED_V2,
            {"deployments": (DONE, deployment(2, "Failed", paused=True))},
            (2, 0.0),
            id="suspended, that begins paused: what it was last stable on",
        ),
        pytest.param(
            SUSPENDED_V2,
            {"deployments": (DONE, deployment(2, "Failed", reason="MetricsUnreadable"))},
            (2, 0.0),
            id="suspended, what failed is not taken back: the same",
        ),
        pytest.param(
            chain(execution(1, "Stopped", details={"reason": "Suspended"})),
            {},
            (1, 0.0),
            id="suspended before it was ever stable: the stable version",
        ),
        pytest.param(
            chain(V1_STABLE, V2_FAILED),
            {"stable": 2, "deployments": (deployment(1, "Failed"), deployment(2, "Completed"))},
            (2, NOW + 10),
            id="the version it replaced has failed since: the stable one",
        ),
        pytest.param(
            chain(execution(1, "Stopped", details={"withdrawn": "PodDeleted"}, version=2)),
            {},
            (2, 0.0),
            id="withdrawn from an open rollout: the same again",
        ),
        pytest.param(
            chain(execution(1, "Stopped", details={"withdrawn": "PodDeleted"}, version=2)),
            {"deployments": (DONE, deployment(2, "Failed"))},
            (1, 0.0),
            id="withdrawn from a rollout that has failed: the stable version",
        ),
        pytest.param(
            chain(execution(1, "Completed", stable=True)), {}, None, id="what completed is done"
        ),
    ],
)
def test_what_a_node_gets(
    claims: Chain | None, fields: dict[str, Any], expected: tuple[int, float] | None
) -> None:
    assert given(claims, **fields) == expected


def test_another_node_of_the_same_name_starts_afresh() -> None:
    failed = chain(execution(1, "Failed", updated=NOW))
    assert given(failed, nodes=[node("n1", uid="another")]) == (1, 0.0)
    completed = chain(execution(1, "Completed", stable=True))
    assert given(completed, nodes=[node("n1", uid="another")]) == (1, 0.0)


@pytest.mark.parametrize("away", [{"ready": False}, {"unschedulable": True}])
def test_a_node_that_is_no_target_gets_nothing(away: dict[str, Any]) -> None:
    assert given(None, nodes=[node(**away)]) is None
