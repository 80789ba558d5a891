"""Which executions belong to the newest rollout."""

from __future__ import annotations

from typing import Any

from wavegate.cli.sight import Document, Sight


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
