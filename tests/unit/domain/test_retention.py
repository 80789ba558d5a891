"""Which old versions are removed, and which never are."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import deployment, execution, fleet, job, job_spec, version
from wavegate.domain.actions import DeleteRecord
from wavegate.domain.retention import remove_old

pytestmark = pytest.mark.row("Retention", "spec.revisionHistoryLimit")


def completed(*numbers: int) -> list[Any]:
    return [deployment(number, "Completed") for number in numbers]


def removed(limit: int, **fields: Any) -> list[tuple[str, str]]:
    spec = job_spec(revisionHistoryLimit=limit)
    steps = remove_old(fleet(job=job(spec), **fields))
    actions = [action for step in steps for action in step.actions]
    assert all(isinstance(action, DeleteRecord) for action in actions)
    return [(action.kind, action.name) for action in actions if isinstance(action, DeleteRecord)]


def versions(*numbers: int, stable: int = 0) -> list[Any]:
    return [version(number, stable=number == stable) for number in numbers]


def gone(*numbers: int) -> list[tuple[str, str]]:
    pairs = [[("FleetDeployment", f"app-v{n}"), ("JobVersion", f"app-v{n}")] for n in numbers]
    return [one for pair in pairs for one in pair]


FOUR = versions(1, 2, 3, 4, stable=4)


def test_the_oldest_beyond_the_limit_go_each_with_its_deployments_first() -> None:
    runs = [execution(version=4, stable=True)]
    fields: dict[str, Any] = {"versions": FOUR, "deployments": completed(1, 2, 3, 4)}
    fields["executions"] = runs
    # from_version of the newest accepted deployment is 3: what it left
    assert removed(2, **fields) == []
    assert removed(1, **fields) == gone(1)
    assert removed(0, **fields) == gone(1, 2)


def test_what_is_stable_stays_and_so_does_the_newest_that_failed() -> None:
    failed = deployment(4, "Failed", from_version=1)
    back = deployment(
        5, "Completed", name="app-v4-rollback", type="Rollback", from_version=4, to_version=1
    )
    view = {"versions": versions(1, 2, 3, 4, stable=1)}
    view["deployments"] = [*completed(1, 2, 3), failed, back]
    assert removed(0, **view) == gone(2, 3)


def test_what_runs_anywhere_stays_also_where_its_node_is_away() -> None:
    runs = [execution(version=4, stable=True), execution(version=1, node="away", stable=True)]
    assert removed(0, versions=FOUR, deployments=completed(1, 2, 3, 4), executions=runs) == gone(2)


def test_what_an_open_deployment_leaves_or_rolls_out_stays() -> None:
    tried = [*completed(1, 2, 3), deployment(4, "InProgress", from_version=1)]
    view = {"versions": versions(1, 2, 3, 4, stable=1), "deployments": tried}
    assert removed(0, **view) == gone(2, 3)


def test_what_users_made_is_theirs_to_remove() -> None:
    theirs = deployment(
        9, "Completed", name="by-hand", type="Restart", owner_uid="", to_version=1, sequence=2
    )
    view = {"versions": FOUR, "deployments": [*completed(1, 2, 3, 4), theirs]}
    assert ("FleetDeployment", "by-hand") not in removed(0, **view)


def test_what_the_spec_said_before_a_user_s_newest_deployment_stays() -> None:
    theirs = deployment(
        9, "Completed", name="by-hand", type="Rollback", owner_uid="", to_version=1, from_version=4
    )
    view = {"versions": versions(1, 2, 3, 4, stable=1)}
    view["deployments"] = [*completed(1, 2, 3, 4), theirs]
    assert removed(0, **view) == gone(2, 3)
