"""Which deployment acts, which are superseded or refused, and what their status says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sim.schema import STATUS_MODELS
from unit.domain.builders import (
    NOW,
    deployment,
    execution,
    fleet,
    job,
    node,
    progress,
    settings,
    version,
)
from wavegate.domain.actions import SetStatus, Step
from wavegate.domain.deployments import (
    active,
    answer_users,
    canaries,
    failures,
    record,
    record_stop,
    supersede,
    superseded,
)
from wavegate.domain.fleet import Fleet
from wavegate.domain.remembered import to_remember
from wavegate.domain.rollout import Outlook
from wavegate.domain.stopping import stop_progress
from wavegate.domain.times import format_time
from wavegate.domain.waves import Progress

pytestmark = pytest.mark.row("One open deployment")

DONE = deployment(1, "Completed")
ROLLBACK = deployment(3, name="app-v2-rollback", type="Rollback", to_version=1)


def new(number: int) -> Any:
    """One that is not accepted yet."""
    return deployment(number, "", sequence=0, accepted=None, started=None, workload_hash="")


def status_of(step: Step | None) -> dict[str, Any]:
    assert step is not None
    action = step.actions[0]
    assert isinstance(action, SetStatus)
    STATUS_MODELS[action.kind].model_validate(dict(action.status))
    return dict(action.status)


@pytest.mark.parametrize(
    ("deployments", "name"),
    [
        pytest.param([], None, id="there is none"),
        pytest.param([DONE], None, id="all have ended"),
        pytest.param([DONE, deployment(2)], "app-v2", id="the accepted open one"),
        pytest.param([DONE, deployment(2), new(4)], "app-v2", id="before one that waits"),
        pytest.param([DONE, new(2), new(3)], "app-v3", id="the newest version of those that wait"),
        pytest.param(
            [
                DONE,
                deployment(2, "Failed"),
                new(4),
                replace(ROLLBACK, state="", sequence=0, accepted=None),
            ],
            "app-v2-rollback",
            id="a rollback goes first",
        ),
    ],
)
def test_which_deployment_acts(deployments: list[Any], name: str | None) -> None:
    found = active(fleet(deployments=deployments))
    assert (found.name if found is not None else None) == name


@pytest.mark.parametrize(
    ("deployments", "names"),
    [
        pytest.param([DONE, deployment(2)], [], id="the newest goes on"),
        pytest.param([DONE, deployment(2), new(3)], ["app-v2"], id="a newer one takes its place"),
        pytest.param([new(1), new(2), new(3)], ["app-v1", "app-v2"], id="never accepted ones too"),
        pytest.param([DONE, ROLLBACK, new(4)], [], id="a rollback is not superseded"),
        pytest.param([deployment(2, "Failed"), new(3)], [], id="what ended stays as it ended"),
    ],
)
def test_which_deployments_are_superseded(deployments: list[Any], names: list[str]) -> None:
    assert [each.name for each, _ in superseded(fleet(deployments=deployments))] == names


def test_a_superseded_one_is_canceled_and_ready_so_that_no_pipeline_turns_red() -> None:
    status = status_of(supersede(fleet(), deployment(2), deployment(3)))
    assert status["message"] == "FleetDeployment app-v3 has taken its place"
    assert (status["state"], status["reason"]) == ("Canceled", "Superseded")
    ready = next(each for each in status["conditions"] if each["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("True", "Superseded")


def users(number: int, kind: str, state: str = "", **fields: Any) -> Any:
    """A user's deployment; not accepted yet unless it has a state."""
    given: dict[str, Any] = {"name": "by-hand", "type": kind, "owner_uid": "", "to_version": 1}
    given["from_version"] = 0
    if not state:
        given |= {"sequence": 0, "accepted": None, "started": None, "workload_hash": ""}
    return deployment(number, state, **{**given, **fields})


STABLE = [version(1, stable=True), version(2), version(3, created=NOW - 1)]


@pytest.mark.parametrize(
    ("deployments", "acts"),
    [
        pytest.param([DONE, users(5, "Restart")], "by-hand", id="nothing is open"),
        pytest.param([DONE, deployment(2), users(5, "Rollback")], "app-v2", id="once it has ended"),
        pytest.param(
            [
                DONE,
                deployment(2, "Failed"),
                deployment(3, "", sequence=0, name="app-v2-rollback", type="Rollback"),
                users(5, "Stop", to_version=0),
            ],
            "by-hand",
            id="before an automatic rollback",
        ),
        pytest.param(
            [DONE, users(6, "Restart"), users(5, "Restart", name="older")],
            "older",
            id="of two the older",
        ),
        pytest.param(
            [DONE, users(6, "Stop", to_version=0), users(5, "Rollback", name="older")],
            "by-hand",
            id="but a Stop before what waits",
        ),
        pytest.param([DONE, users(5, "Update")], None, id="never one that is refused"),
    ],
)
@pytest.mark.row("User deployments")
def test_when_a_user_s_deployment_acts(deployments: list[Any], acts: str | None) -> None:
    found = active(fleet(versions=STABLE, deployments=deployments))
    assert (found.name if found is not None else None) == acts


@pytest.mark.parametrize(
    ("deployments", "pairs"),
    [
        pytest.param(
            [DONE, deployment(2), users(5, "Rollback")],
            [("app-v2", "by-hand")],
            id="a Rollback takes the place of what is open",
        ),
        pytest.param(
            [DONE, ROLLBACK, users(5, "Stop", to_version=0)],
            [("app-v2-rollback", "by-hand")],
            id="a Stop that of an open rollback",
        ),
        pytest.param([DONE, deployment(2), users(5, "Restart")], [], id="a Restart nobody's"),
        pytest.param(
            [DONE, users(2, "Restart", "InProgress"), new(3)],
            [("by-hand", "app-v3")],
            id="a newer version takes that of a Restart",
        ),
        pytest.param(
            [DONE, users(2, "Restart", "InProgress", created=NOW), new(3)],
            [("app-v3", "by-hand")],
            id="but not one that is older than the Restart",
        ),
        pytest.param(
            [DONE, users(2, "Rollback", "InProgress"), new(3)],
            [],
            id="and waits for a user's Rollback",
        ),
        pytest.param(
            [
                DONE,
                deployment(2, "Failed"),
                users(3, "Stop", "Completed", to_version=0),
                deployment(4, "", sequence=0, name="app-v2-rollback", type="Rollback"),
            ],
            [("app-v2-rollback", "by-hand")],
            id="an automatic rollback that came too late",
        ),
    ],
)
@pytest.mark.row("One open deployment")
def test_whose_place_a_user_s_deployment_takes(
    deployments: list[Any], pairs: list[tuple[str, str]]
) -> None:
    found = superseded(fleet(versions=STABLE, deployments=deployments))
    assert [(each.name, by.name) for each, by in found] == pairs


def test_a_user_s_deployment_is_refused_in_its_own_status_once() -> None:
    theirs = users(5, "Update")
    status = status_of(answer_users(fleet(deployments=[DONE, theirs]))[0])
    assert (status["state"], status["reason"]) == ("Failed", "MadeByTheOperator")
    assert {each["type"] for each in status["conditions"]} == {"Ready", "Stalled"}
    refused = replace(theirs, state="Failed", status=status)
    assert answer_users(fleet(deployments=[DONE, refused])) == []


def test_one_that_poses_as_the_operator_s_is_a_user_s() -> None:
    posing = new(9)
    view = fleet(versions=STABLE, deployments=[DONE, replace(posing, name="by-hand")])
    assert active(view) is None
    assert status_of(answer_users(view)[0])["state"] == "Failed"


def test_a_stop_says_how_many_nodes_still_run_and_ends_when_none_does() -> None:
    stop = users(5, "Stop", to_version=0)
    running = execution(stable=True)
    view = fleet(versions=STABLE, deployments=[DONE, stop], executions=[running])
    status = status_of(record_stop(view, stop_progress(view, stop)))
    assert (status["state"], status["sequence"], status["totalNodes"]) == ("InProgress", 2, 1)
    assert status["message"] == "stopping: 1 of 1 nodes still run"
    begun = replace(stop, sequence=2, started=NOW, total=1, state="InProgress", status=status)
    ended = {
        "versions": STABLE,
        "deployments": [DONE, begun],
        "executions": [replace(running, observed="Stopped")],
    }
    view = fleet(**ended)
    status = status_of(record_stop(view, stop_progress(view, begun)))
    assert status["state"] == "InProgress", "the job has to remember it first"
    view = fleet(**ended, job=remembering(begun))
    status = status_of(record_stop(view, stop_progress(view, begun)))
    assert (status["state"], status["reason"], status["updatedNodes"]) == (
        "Completed",
        "Stopped",
        1,
    )


def remembering(own: Any) -> Any:
    """A job whose status has it that the deployment was accepted."""
    return job(status={"lastAccepted": to_remember(job(), [own], lambda _: True)})


@pytest.mark.parametrize("state", ["Completed", "Failed", "Canceled"])
@pytest.mark.row("Wanted version")
def test_a_user_s_deployment_ends_only_once_the_job_remembers_it(state: str) -> None:
    outlook = Outlook(state, "Because", "m")
    own = users(2, "Rollback", "InProgress", to_version=2)
    for seen, wanted in ((job(), "InProgress"), (remembering(own), state)):
        view, run = run_of(own, job=seen)
        status = status_of(record(view, run, outlook, {}, ""))
        assert status["state"] == wanted
        assert ("completedAt" in status) is (wanted == state)
    new_one = users(2, "Rollback", to_version=2)
    view, run = run_of(new_one, job=remembering(own))
    assert status_of(record(view, run, outlook, {}, ""))["state"] == "InProgress"
    view, run = run_of(deployment(2))
    assert status_of(record(view, run, outlook, {}, ""))["state"] == state, "the operator's at once"


@pytest.mark.row("Wanted version")
def test_the_sequence_counts_on_from_what_the_job_remembers() -> None:
    target, own = version(2), new(2)
    seen = remembering(users(7, "Stop", "Completed", uid="gone"))
    view = fleet(job=seen, versions=[target], deployments=[DONE, own])
    assert status_of(record(view, progress(view, own, target), GOING, {}, ""))["sequence"] == 8


def run_of(own: Any, *executions: Any, **fields: Any) -> tuple[Fleet, Progress]:
    target = version(2)
    nodes = fields.pop("nodes", [node(f"n{number:02}") for number in range(1, 31)])
    view = fleet(
        nodes=nodes,
        versions=[version(1, stable=True), target],
        deployments=[DONE, own],
        executions=executions,
        **fields,
    )
    return view, progress(view, own, target)


GOING = Outlook("InProgress", "Progressing", "on its way")


def test_acceptance_gives_a_sequence_that_never_falls_and_pins_the_sizes() -> None:
    view, run = run_of(new(2))
    status = status_of(record(view, run, GOING, {}, ""))
    assert status["sequence"] == 2
    assert status["workloadHash"] == "w2"
    assert status["jobUid"] == "job-uid"
    assert (status["totalNodes"], status["waveSize"]) == (30, 2)
    assert status["resolved"]["rollout"]["strategy"] == "Canary"


def test_a_higher_sequence_of_any_deployment_counts() -> None:
    target = version(2)
    own = new(2)
    view = fleet(versions=[target], deployments=[deployment(1, "Failed", sequence=9), own])
    assert status_of(record(view, progress(view, own, target), GOING, {}, ""))["sequence"] == 10


def test_what_is_pinned_is_not_pinned_again() -> None:
    own = deployment(2, total=3, wave_size=1, status={"totalNodes": 3, "waveSize": 1})
    view, run = run_of(own)
    status = status_of(record(view, run, GOING, {}, ""))
    assert (status["totalNodes"], status["waveSize"]) == (3, 1)
    assert "startedAt" not in status


def test_nothing_is_pinned_while_there_is_no_target() -> None:
    view, run = run_of(new(2))
    status = status_of(record(view, run, Outlook("Pending", "NoTargets", "none"), {}, ""))
    assert "totalNodes" not in status
    assert status["sequence"] == 2


def test_a_status_that_says_nothing_new_is_not_written() -> None:
    view, run = run_of(deployment(2, total=30, wave_size=2))
    first = status_of(record(view, run, GOING, {}, ""))
    again, same = run_of(deployment(2, total=30, wave_size=2, status=first))
    assert record(again, same, GOING, {}, "") is None


@pytest.mark.parametrize(
    ("stands", "types"),
    [
        pytest.param(GOING, {"Ready": "False", "Reconciling": "True"}, id="in progress"),
        pytest.param(
            Outlook("Paused", "AwaitingPromotion", "m"),
            {"Ready": "False", "Reconciling": "True"},
            id="paused",
        ),
        pytest.param(
            Outlook("InProgress", "NoCanary", "m"),
            {"Ready": "False", "Stalled": "True"},
            id="no canary",
        ),
        pytest.param(
            Outlook("Failed", "CanaryFailed", "m"),
            {"Ready": "False", "Stalled": "True"},
            id="failed",
        ),
        pytest.param(Outlook("Completed", "Completed", "m"), {"Ready": "True"}, id="completed"),
        pytest.param(Outlook("Canceled", "Canceled", "m"), {"Ready": "True"}, id="canceled"),
    ],
)
def test_conditions_of_a_deployment(stands: Outlook, types: dict[str, str]) -> None:
    view, run = run_of(deployment(2, total=30))
    status = status_of(record(view, run, stands, {}, ""))
    assert {each["type"]: each["status"] for each in status["conditions"]} == types


def test_the_end_is_dated_and_told_as_an_event() -> None:
    view, run = run_of(deployment(2, total=30, status={"healthyDeadline": "2025-01-01T00:00:00Z"}))
    step = record(view, run, Outlook("Failed", "CanaryFailed", "bad"), {}, "")
    status = status_of(step)
    assert "completedAt" in status
    assert "healthyDeadline" not in status
    assert step is not None
    action = step.actions[0]
    assert isinstance(action, SetStatus)
    told = [(note.reason, note.warning) for note in action.notes if note.is_event]
    assert told == [("RolloutFailed", True)]


def test_no_status_grows_with_the_number_of_nodes() -> None:
    failed = [
        execution(2, "Failed", node=f"n{number:02}", version=2, updated=NOW - number)
        for number in range(1, 31)
    ]
    wide = settings(strategy="Canary", canaryCount=30, maxParallel=2)
    _, run = run_of(deployment(2, total=30, rollout=wide), *failed)
    assert len(failures(run)) == 20
    assert failures(run)[0]["node"] == "n30", "the first failures, not the last"
    assert len(canaries(run)) == 20


@pytest.mark.row("spec.rollout.canarySelector.matchLabels", "spec.rollout.spreadBy")
def test_the_chosen_canaries_and_how_they_were_chosen_are_told() -> None:
    choice = {"canarySelector": {"matchLabels": {"tier": "canary"}}, "spreadBy": ["zone"]}
    rollout = settings(strategy="Canary", canaryCount=2, maxParallel=2, **choice)
    labels = {"tier": "canary"}
    nodes = [node("n1", labels={"zone": "b"})]
    nodes += [node(f"a{number}", labels={**labels, "zone": "a"}) for number in range(9)]
    nodes += [node("b1", labels={**labels, "zone": "b"})]
    view, run = run_of(replace(new(2), rollout=rollout), nodes=nodes)
    status = status_of(record(view, run, GOING, {}, ""))
    assert {name[0] for name in status["canaryNodes"]} == {"a", "b"}
    assert len(status["canaryNodes"]) == 2
    resolved = status["resolved"]["rollout"]
    assert {key: resolved[key] for key in choice} == choice


@pytest.mark.row("Blame", "FleetDeployment.status.withdrawn")
def test_withdrawn_nodes_are_counted_by_their_reason_and_not_among_the_failed() -> None:
    claims = [
        execution(2, node="n01", version=2, details={"withdrawn": "Cordoned"}),
        execution(2, "Stopped", node="n02", version=2, details={"withdrawn": "Cordoned"}),
        execution(2, node="n03", version=2, details={"withdrawn": "PodDeleted"}),
        execution(2, "Failed", node="n04", version=2, details={"withdrawn": "PodDeleted"}),
    ]
    view, run = run_of(deployment(2, total=30), *claims)
    status = status_of(record(view, run, GOING, {}, ""))
    assert status["withdrawn"] == [
        {"reason": "Cordoned", "nodes": 2},
        {"reason": "PodDeleted", "nodes": 1},
    ]
    assert status["failedNodes"] == 1


@pytest.mark.row("Evidence")
def test_a_failure_keeps_its_evidence() -> None:
    facts = {
        "reason": "ErrorRateExceeded",
        "errors": "20",
        "total": "80",
        "rate": "0.2500",
        "limit": "0.1",
        "exitCode": "3",
        "lastLogLine": "boom",
    }
    bad = execution(2, "Failed", node="n01", version=2, details=facts)
    _, run = run_of(deployment(2, total=30), bad)
    found = failures(run)[0]
    assert found["window"] == {"errors": 20, "total": 80, "rate": 0.25, "limit": 0.1}
    assert (found["nodeUid"], found["exitCode"], found["lastLogLine"]) == ("uid-n01", 3, "boom")


def test_deadlines_of_those_being_judged_are_told_and_those_of_its_wave_apart() -> None:
    claims = [execution(2, node="n01", version=2), execution(2, node="n02", version=2, wave=0)]
    view, run = run_of(deployment(2, total=30), *claims, job=job())
    status = status_of(record(view, run, GOING, {"n01": NOW + 60, "n02": NOW + 90}, "judging n01"))
    assert status["healthyDeadline"] == format_time(NOW + 60)
    assert status["healthCheckDeadline"] == format_time(NOW + 90)
    assert status["message"] == "on its way; judging n01"


@pytest.mark.row("FleetDeployment.status.lastProgressTime")
def test_when_a_node_last_became_stable_is_told() -> None:
    stamps = {"n01": NOW - 30, "n02": NOW - 20}
    claims = [execution(2, node=n, version=2, stable_at=at) for n, at in stamps.items()]
    status = status_of(record(*run_of(deployment(2, total=30), *claims), GOING, {}, ""))
    assert status["lastProgressTime"] == format_time(NOW - 20)
