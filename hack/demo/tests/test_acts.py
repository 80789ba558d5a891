"""Each act accepts what it should have come to, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import yaml

from demo import acts as module
from demo.acts import Act, acts, job_file
from demo.observer import Seen
from demo.tests import canned
from wavegate.api.fleetjob import load_job_spec

ENDS = [canned.first_version, canned.promoted, canned.rolled_back, canned.degraded]
KINDS = ("pipeline", "container")


@pytest.fixture(autouse=True)
def flowing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pipeline says that it received messages."""
    monkeypatch.setattr(module, "messages_received", lambda _: 812)


def act(number: int) -> Act:
    return acts("pipeline", lambda _: "c")[number - 1]


def problems(number: int, seen: Seen) -> list[str]:
    return [said for check in act(number).checks if (said := check(seen))]


def without(seen: Seen, node: str) -> Seen:
    """One node's pod is not there."""
    return replace(seen, pods=[p for p in seen.pods if p["spec"]["nodeName"] != node])


def on(seen: Seen, node: str, version: int) -> Seen:
    """One node's pod is of another version."""
    return replace(seen, pods=[*without(seen, node).pods, canned.pod(node, version)])


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_an_act_is_over_and_accepted_when_it_ended_as_it_should(number: int) -> None:
    end = ENDS[number - 1]()
    assert act(number).over(end)
    assert problems(number, end) == []


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_an_act_is_not_over_while_a_node_has_no_ready_pod(number: int) -> None:
    assert not act(number).over(without(ENDS[number - 1](), "b"))


@pytest.mark.parametrize("number", [2, 3, 4])
def test_an_act_is_not_over_before_the_operator_saw_its_version(number: int) -> None:
    assert not act(number).over(ENDS[number - 2]())


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_pod_of_a_version_that_it_should_not_be_is_told(number: int) -> None:
    assert problems(number, on(ENDS[number - 1](), "b", 9))


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_pipeline_without_messages_is_told(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "messages_received", lambda _: 0)
    assert any("no message has flowed" in said for said in problems(number, ENDS[number - 1]()))


@pytest.mark.parametrize(
    ("number", "job", "said"),
    [
        (1, canned.job(1, "Running", "", Ready="False Deploying"), "condition Ready is False"),
        (2, canned.job(2, "Running", "", Ready="False RolledBack"), "condition Ready is False"),
        (3, canned.job(3, "Running", "", Ready="True Running"), "condition Ready is True"),
        (3, canned.job(3, "Running", "v3 failed", Stalled="False x"), "condition Stalled is False"),
        (3, canned.job(3, "Running", "v3 failed: it is bad"), "does not say 'errors'"),
        (4, canned.job(4, "Running", "", Ready="True Running"), "reason Running, not Degraded"),
        (4, canned.job(4, "Degraded", "v4 failed", Ready="True Degraded"), "does not name c"),
    ],
)
def test_a_job_that_says_something_else_is_told(
    number: int, job: canned.Document, said: str
) -> None:
    found = problems(number, replace(ENDS[number - 1](), job=job))
    assert any(said in each for each in found), found


def change(seen: Seen, name: str, **status: object) -> Seen:
    """The state of one rollout differs."""
    return replace(
        seen,
        deployments=[
            {**each, "status": {**each["status"], **status}}
            if each["metadata"]["name"] == f"telemetry-{name}"
            else each
            for each in seen.deployments
        ],
    )


@pytest.mark.parametrize(
    "wrong",
    [
        lambda seen: change(seen, "v2", canaryPromoted=False),
        lambda seen: change(seen, "v2", canaryNodes=["a", "b"]),
        lambda seen: change(seen, "v2", totalWaves=3),
        lambda seen: change(seen, "v2", totalWaves=1),
    ],
)
def test_version_2_has_to_come_through_one_canary_and_every_wave(
    wrong: Callable[[Seen], Seen],
) -> None:
    assert any(said.startswith("version 2") for said in problems(2, wrong(canned.promoted())))


def test_version_2_has_to_take_more_than_its_canary() -> None:
    seen = canned.promoted()
    alone = [each for each in seen.executions if each["spec"]["rolloutWave"] == 1]
    assert act(2).checks[2](change(replace(seen, executions=alone), "v2", totalWaves=1))


def test_an_act_is_not_over_before_the_job_itself_tells_of_its_version() -> None:
    seen = replace(canned.promoted(), job=canned.first_version().job)
    assert not act(2).over(seen)


def test_version_2_may_take_more_waves_on_more_nodes() -> None:
    seen = canned.promoted()
    more = [*seen.executions, canned.execution("d", 2, 2, 3)]
    assert not act(2).checks[2](change(replace(seen, executions=more), "v2", totalWaves=3))


def test_version_3_has_to_stay_on_its_canary() -> None:
    seen = canned.rolled_back()
    wider = replace(seen, executions=[*seen.executions, canned.execution("b", 3, 3, 2)])
    assert "v3 reached ['a', 'b']; its canaries are ['a']" in problems(3, wider)


def test_a_version_3_that_is_promoted_ends_the_act_with_a_problem() -> None:
    seen = change(canned.rolled_back(), "v3", state="Completed")
    promoted = change(seen, "v3-rollback", state="InProgress")
    assert act(3).over(promoted)
    assert problems(3, on(promoted, "a", 3))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_job_file_is_a_valid_job_for_the_given_place(kind: str, number: int) -> None:
    text = job_file(acts(kind, lambda _: "c")[number - 1], "edge-7", "mine", "role=gateway")
    job = yaml.safe_load(text)
    assert job["metadata"] == {"name": "telemetry", "namespace": "mine"}
    spec = load_job_spec(job["spec"])
    assert spec.selector.match_labels == {"role": "gateway"}
    assert ("edge-7" in text) == (number == 4)
