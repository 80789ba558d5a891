"""Which executions belong to the newest rollout, and which jobs are runs' or are asked."""

from __future__ import annotations

from typing import Any

import pytest

from wavegate.cli.sight import Document, Sight, is_asked, of_run


def deployment(name: str, sequence: int, kind: str = "Update", **status: Any) -> Document:
    return {
        "metadata": {"name": name},
        "spec": {"type": kind, "jobName": "app"},
        "status": {"sequence": sequence, "state": "Completed", **status},
    }


def execution(node: str, by: str, wave: int, version: int, attempt: int = 1) -> Document:
    return {
        "metadata": {"name": f"app-{node}-{attempt}", "uid": f"{node}-{attempt}"},
        "spec": {
            "nodeName": node,
            "deploymentName": by,
            "rolloutWave": wave,
            "jobVersion": version,
            "attempt": attempt,
        },
    }


def names(groups: dict[int, list[Document]]) -> dict[int, list[str]]:
    return {key: [each["spec"]["nodeName"] for each in value] for key, value in groups.items()}


def test_waves_are_those_of_the_newest_rollout_and_the_rest_is_from_before() -> None:
    sight = Sight(
        {},
        [deployment("app-v1", 1), deployment("app-v2", 2, state="InProgress")],
        [
            execution("a", "app-v1", 1, 1),
            execution("a", "app-v2", 1, 2, attempt=2),
            execution("b", "app-v1", 2, 1),
            execution("c", "app-v2", 0, 1, attempt=2),
        ],
    )
    assert names(sight.waves()) == {1: ["a"], 0: ["c"]}
    assert list(sight.waves()) == [1, 0]
    assert names(sight.before()) == {1: ["b"]}


def test_the_open_rollout_is_the_newest_whatever_its_place() -> None:
    opened = deployment("app-v2", 1, state="Paused")
    assert Sight({}, [opened, deployment("app-v3", 2)], []).newest == opened
    waiting = deployment("again", 0, "Restart", state="")
    assert Sight({}, [deployment("app-v1", 1), waiting], []).newest != waiting
    assert Sight({}, [], []).newest is None


def taken_over(kind: str, workload: str, reason: str = "Superseded") -> Sight:
    first = deployment("app-v2", 1, state="Canceled", reason=reason, workloadHash="h1:a")
    second = deployment("app-v3", 2, kind, state="InProgress", workloadHash=workload)
    return Sight({}, [first, second], [execution("a", "app-v2", 1, 2)])


def test_what_a_rollout_took_over_from_the_one_that_it_superseded_is_its_own() -> None:
    assert names(taken_over("Update", "h1:a").waves()) == {1: ["a"]}
    assert names(taken_over("Update", "h1:b").waves()) == {}
    assert names(taken_over("Update", "h1:a", reason="Canceled").waves()) == {}
    assert names(taken_over("Restart", "h1:a").waves()) == {}


def fleet_job(name: str = "one", owner: Document | None = None, **spec: Any) -> Document:
    owners = [] if owner is None else [owner]
    return {"metadata": {"name": name, "ownerReferences": owners}, "spec": spec}


RUN = {"kind": "JobRun", "name": "one", "controller": True}


@pytest.mark.parametrize(
    ("owner", "run"),
    [
        (RUN, "one"),
        ({**RUN, "name": "other"}, ""),
        ({**RUN, "kind": "FleetJob"}, ""),
        ({**RUN, "controller": False}, ""),
        (None, ""),
    ],
)
def test_a_job_is_of_the_run_that_controls_it_and_has_its_name(
    owner: Document | None, run: str
) -> None:
    assert of_run(fleet_job(owner=owner)) == run
    assert is_asked(fleet_job(owner=owner, runs={})) is not bool(run)


def test_a_job_is_asked_that_has_runs_or_a_trigger() -> None:
    assert is_asked(fleet_job(runs={}))
    assert is_asked(fleet_job(trigger={}))
    assert not is_asked(fleet_job())
