"""Every state that waits says why, with what evidence, who can help, and when it acts next."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from unit.domain.builders import (
    NOW,
    deployment,
    execution,
    job,
    job_spec,
    node,
    observed,
    pod,
    settings,
    version,
)
from wavegate.domain.actions import SetStatus
from wavegate.domain.health import HealthRecord, Window, WindowResult
from wavegate.domain.observed import Observed, Preparation, Refusal
from wavegate.domain.plan import plan
from wavegate.domain.times import format_time

DONE = deployment(1, "Completed")
V1, V2 = version(1, stable=True), version(2)
OLD = execution(1, "Stopped", stable=True, details={"reason": "Replaced"})
NEW = execution(2, "Starting", version=2, created=NOW - 30, pod_uid="pod-uid")
CANARY = settings(strategy="Canary", autoPromote=False)


def at(seconds: float) -> str:
    return format_time(NOW + seconds)


def rolling(**own: Any) -> dict[str, Any]:
    """Version 2 is being rolled out to a single node."""
    values = {"total": 1, "wave_size": 1, "rollout": settings(), **own}
    return {"versions": [V1, V2], "deployments": [DONE, deployment(2, **values)]}


def window(verdict: Window, why: str) -> HealthRecord:
    return HealthRecord(
        "pod-uid",
        NOW - 5,
        None,
        0,
        first_window=NOW - 20,
        good=int(verdict is Window.GOOD),
        bad=int(verdict is Window.BAD),
        last=WindowResult(verdict, NOW, why),
    )


BY_TIME = {"interval": "10s", "minHealthyTime": "30s", "deadline": "90s"}
FAILED_ON_N1 = {
    "message": "v2 reached 1 of 2 nodes; n1: boom",
    "failures": [{"node": "n1"}],
}
UNREADABLE = window(Window.UNREADABLE, "http://[::1]:8080/metrics: timed out")
QUEUED = version(2, spec=job_spec("app:2", timeouts={"queue": "10m"}))
AWAY = [node(ready=False, ready_changed=NOW - 600), node("n2", unschedulable=True)]
STUCK = pod(OLD, name="app-old", uid="old-uid", deletion=NOW - 61)


def failed_before(**fields: Any) -> dict[str, Any]:
    """Version 2 has failed and was taken back."""
    words = {"message": "the canary gate refused it: n1: boom"}
    bad = deployment(2, "Failed", reason="CanaryFailed", status=words)
    back = deployment(3, "Completed", type="Rollback", to_version=1, workload_hash="w1")
    back = replace(back, name="app-v2-rollback")
    return {"versions": [V1, V2], "deployments": [DONE, bad, back], **fields}


ROWS: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "a first version": (
        {"versions": [], "deployments": []},
        "Pending",
        ["its first version is being made", "goes on by itself"],
    ),
    "no node at all": (
        {**rolling(started=None), "nodes": []},
        "NoMatchingNodes",
        ["no node that can be used matches the selector;", "label", "spec.selector"],
    ),
    "no node that can be used": (
        {**rolling(started=None), "nodes": AWAY},
        "NoMatchingNodes",
        ["(1 Cordoned, 1 NotReady)", "uncordon or repair a node"],
    ),
    "no node, for a while": (
        {
            **rolling(started=None, accepted=NOW - 60),
            "versions": [V1, QUEUED],
            "nodes": AWAY,
        },
        "Queued",
        ["(1 Cordoned, 1 NotReady)", f"given up at {at(540)} (spec.timeouts.queue)"],
    ),
    "a node that starts": (
        {**rolling(), "executions": [OLD, NEW], "pods": [pod(NEW, ready=False)]},
        "Progressing",
        [f"waits for n1, until {at(60)} at the latest: begun at {at(-30)}"],
    ),
    "a node that cannot start": (
        {
            **rolling(),
            "executions": [OLD, NEW],
            "pods": [pod(NEW, ready=False, waiting_reason="ErrImagePull", waiting_message="404")],
        },
        "Progressing",
        [f"waits for n1, until {at(60)} at the latest: ErrImagePull: 404"],
    ),
    "a node that is judged": (
        {
            **rolling(),
            "executions": [OLD, NEW],
            "pods": [pod(NEW)],
            "health": {"pod-uid": window(Window.BAD, "20.0% errors (2 of 10), above 10.0%")},
        },
        "Progressing",
        [
            f"judging n1, until {at(60)} at the latest: bad window 1 of 3, 20.0% errors (2 of",
            "10), above 10.0%",
        ],
    ),
    "a node that is judged by the time that it is healthy": (
        {
            **rolling(rollout=settings(healthCheck=BY_TIME)),
            "executions": [OLD, NEW],
            "pods": [pod(NEW)],
            "health": {"pod-uid": window(Window.GOOD, "fine")},
        },
        "Progressing",
        ["at the latest: good window, fine"],
    ),
    "a node that has its verdict": (
        {
            **rolling(total=2, wave_size=2),
            "nodes": [node(), node("n2")],
            "executions": [OLD, NEW],
            "pods": [pod(NEW)],
            "health": {"pod-uid": replace(window(Window.GOOD, "fine"), good=2, healthy=True)},
        },
        "Progressing",
        ["judging n1: good window 2 of 2, fine"],
    ),
    "the pod before, of which nothing is known yet": (
        {
            **rolling(),
            "executions": [replace(OLD, observed="Running"), replace(NEW, pod_uid="")],
            "pods": [pod(OLD, name="app-old")],
        },
        "Progressing",
        [f"waits for n1, since {at(-30)}: the pod before, app-old, is told to stop"],
    ),
    "a node that has failed, and went back": (
        {
            "job": job(job_spec("app:2")),
            "versions": [V1, replace(V2, stable_at=NOW - 20)],
            "deployments": [DONE, deployment(2, "Completed", status=FAILED_ON_N1)],
            "nodes": [node(), node("n2")],
            "executions": [
                execution(2, "Failed", version=2),
                execution(3, stable=True),
                execution(1, version=2, node="n2", stable=True),
            ],
            "pods": [pod(execution(3)), pod(execution(1, version=2, node="n2"), uid="other")],
        },
        "Degraded",
        ["v2 reached 1 of 2 nodes; n1: boom; n1 back on v1"],
    ),
    "the pod before, which stops": (
        {
            **rolling(),
            "executions": [replace(OLD, observed="Running"), replace(NEW, pod_uid="")],
            "pods": [pod(OLD, name="app-old", deletion=NOW + 20)],
        },
        "Progressing",
        [f"waits for n1, since {at(-30)}: the pod before, app-old, has until {at(20)} to stop"],
    ),
    "the pod before, which does not": (
        {
            **rolling(),
            "executions": [replace(OLD, observed="Running"), replace(NEW, pod_uid="")],
            "pods": [STUCK],
            "still_there": {STUCK.uid: NOW},
        },
        "Progressing",
        [f"leaves out n1: pod app-old had until {at(-61)} to stop", "look at its kubelet"],
    ),
    "a former job's pod": (
        {
            **rolling(),
            "pods": [replace(pod(), owner_kind="Execution", owner_uid="x", deletion=NOW + 9)],
        },
        "Progressing",
        [f"waits for n1: pod app-pod of a former job has until {at(9)} to stop"],
    ),
    "a node that went away": (
        {**rolling(), "nodes": [node(ready=False, ready_changed=NOW - 100)]},
        "Progressing",
        [
            f"waits for n1, NotReady since {at(-100)}, until {at(3500)}",
            "repair it, or delete its Node",
        ],
    ),
    "numbers that nobody can read": (
        {
            **rolling(rollout=None),
            "executions": [OLD, NEW],
            "pods": [pod(NEW)],
            "health": {"pod-uid": UNREADABLE},
        },
        "MetricsUnreadable",
        [
            "http://[::1]:8080/metrics: timed out",
            f"given up at {at(180)}",
            "check the port, the path and that the operator may reach the pods",
        ],
    ),
    "a pause of the rollout": (
        rolling(paused=True),
        "Paused",
        ["until a person sets spec.paused of FleetDeployment app-v2 to false"],
    ),
    "a pause of the job": (
        {**rolling(), "job": job(job_spec(rollout={"paused": True}))},
        "Paused",
        ["until a person sets spec.rollout.paused of FleetJob app to false"],
    ),
    "a promotion": (
        {
            **rolling(rollout=CANARY, total=2),
            "nodes": [node(), node("n2")],
            "executions": [OLD, execution(2, version=2, stable=True)],
        },
        "AwaitingPromotion",
        ["set spec.promoted of FleetDeployment app-v2 to true, or spec.canceled"],
    ),
    "a canary": (
        {**rolling(rollout=CANARY), "nodes": [node(unschedulable=True)]},
        "NoCanary",
        ["no node is left to be a canary (1 Cordoned)", "label, uncordon or repair a node"],
    ),
    "a template that is refused": (
        {**rolling(), "prepared": {2: Preparation(False, "no such field: imge", NOW - 9)}},
        "TemplateRefused",
        ["no such field: imge", "change spec.template", "tried again every 30 s"],
    ),
    "a name that is taken": (
        {"refusals": {"node/n1": Refusal("pod app-1 is still there", "NameTaken", NOW)}},
        "NameTaken",
        ["node/n1: pod app-1 is still there", "tried again by itself"],
    ),
    "a name that a stranger has": (
        {"refusals": {"node/n1": Refusal("pod app-1 belongs to nobody", "Stranger", NOW)}},
        "Stranger",
        ["pod app-1 belongs to nobody", "delete what is in its place, or rename the job"],
    ),
    "a stranger's pod": (
        {"pods": [pod(name="theirs", owner_kind="ReplicaSet")]},
        "Stranger",
        ['pod "theirs" carries the job\'s label', "delete or relabel it", "goes on by itself"],
    ),
    "a version that is missing": (
        {"deployments": [DONE, deployment(2)]},
        "VersionMissing",
        ["JobVersion app-v2 is gone", "change the spec", 'FleetDeployment "app-v2" to true'],
    ),
    "another workload, after a rollback": (
        {**failed_before(), "job": job(job_spec("app:2"))},
        "RolledBack",
        ["the canary gate refused it: n1: boom", "back on v1", "change the spec to try again"],
    ),
    "another workload, of the same words": (
        {
            "job": job(job_spec("app:2")),
            "versions": [V1, V2],
            "deployments": [
                deployment(2, "Failed", status={"message": "n1: boom"}),
                deployment(3, "Completed", to_version=1, workload_hash="w1"),
            ],
        },
        "FailedWorkload",
        ["v2 is v2 again, which failed: n1: boom", "the workload or the rollout section"],
    ),
    "what stops": (
        {
            "job": job(job_spec(suspend=True)),
            "executions": [execution(1, stable=True)],
            "pods": [pod(execution(1), deletion=NOW + 30)],
        },
        "Stopping",
        ["stopped by spec.suspend", f"n1 still stop, by {at(30)}"],
    ),
    "a suspended job": (
        {"job": job(job_spec(suspend=True))},
        "Suspended",
        ["stopped by spec.suspend", "turn it off to start again"],
    ),
    "a back-off": (
        {
            "executions": [
                execution(
                    1,
                    "Failed",
                    stable=True,
                    updated=NOW - 4,
                    status={"observedState": {"message": "exit code 1: boom"}},
                )
            ]
        },
        "Degraded",
        ["not well: n1", "exit code 1: boom", f"tried again at {at(6)}"],
    ),
}


def seen(fields: dict[str, Any], later: float) -> Observed:
    values: dict[str, Any] = {"versions": [V1], "deployments": [DONE], **fields}
    return observed(**{**values, "now": NOW + later})


def told(fields: dict[str, Any], later: float = 0.0) -> tuple[str, str]:
    """Reason and message of the job's Ready condition."""
    made = plan(seen(fields, later))
    writes = [each for step in made.steps for each in step.actions if isinstance(each, SetStatus)]
    status = next(each for each in writes if each.kind == "FleetJob").status
    ready = next(each for each in status["conditions"] if each["type"] == "Ready")
    return str(ready["reason"]), str(ready["message"])


@pytest.mark.row("Waiting")
@pytest.mark.parametrize("state", ROWS)
def test_what_a_job_waits_for(state: str) -> None:
    fields, reason, words = ROWS[state]
    found, message = told(fields)
    assert found == reason, message
    for each in words:
        assert each in message
    assert len(message) <= 1024


@pytest.mark.row("Waiting")
@pytest.mark.parametrize("state", ROWS)
def test_words_that_wait_do_not_change_by_waiting(state: str) -> None:
    fields, _, _ = ROWS[state]
    assert told(fields) == told(fields, later=1.5)


@pytest.mark.row("Waiting")
@pytest.mark.parametrize(
    ("state", "wakes"),
    [
        ("no node, for a while", 540),
        ("a node that starts", 60),
        ("the pod before, which stops", 60),
        ("numbers that nobody can read", 180),
        ("a back-off", 6),
    ],
)
def test_it_wakes_when_it_says_that_it_acts_next(state: str, wakes: float) -> None:
    made = plan(seen(ROWS[state][0], 0.0))
    assert made.wake_at is not None
    assert made.wake_at <= NOW + wakes


N2 = replace(execution(2, "Starting", node="n2", version=2, created=NOW - 30), pod_uid="n2-uid")
GOOD, BAD = window(Window.GOOD, "fine"), window(Window.BAD, "ill")
BLIND = window(Window.UNREADABLE, "timed out")


@pytest.mark.row("Waiting")
@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        pytest.param(
            (True, GOOD),
            (True, None),
            "waits for 2 nodes; n2, until T: begun at",
            id="good, none yet",
        ),
        pytest.param(
            (True, BAD),
            (True, None),
            "judging 2 nodes; n1, until T: bad window 1 of 3",
            id="bad, none",
        ),
        pytest.param(
            (True, GOOD),
            (True, BAD),
            "judging 2 nodes; n2, until T: bad window 1 of 3",
            id="good, bad",
        ),
        pytest.param(
            (True, BAD),
            (False, None),
            "waits for 2 nodes; n2, until T: ErrImagePull",
            id="bad, hindered",
        ),
        pytest.param(
            (True, GOOD),
            (True, BLIND),
            "judging 2 nodes; n2, until T: unreadable window, ",
            id="blind",
        ),
        pytest.param(
            (True, GOOD),
            (True, GOOD),
            "judging 2 nodes; n1, until T: good window 1 of 2",
            id="good",
        ),
    ],
)
def test_of_several_nodes_the_one_that_is_worst_off_speaks(
    first: tuple[bool, HealthRecord | None], second: tuple[bool, HealthRecord | None], words: str
) -> None:
    pods, health = [], {}
    for claim, (starts, record) in zip((NEW, N2), (first, second), strict=True):
        waiting = "" if starts else "ErrImagePull"
        pods.append(
            pod(claim, uid=claim.pod_uid, ready=starts and bool(record), waiting_reason=waiting)
        )
        if record is not None:
            health[claim.pod_uid] = replace(record, pod_uid=claim.pod_uid)
    state = {
        **rolling(total=2, wave_size=2),
        "nodes": [node(), node("n2")],
        "executions": [OLD, NEW, N2],
        "pods": pods,
        "health": health,
    }
    said = re.sub(r"until \S+ at the latest", "until T", told(state)[1])
    assert words in said


def test_the_words_of_a_server_that_says_too_much_leave_room_for_the_way_out() -> None:
    long = {**rolling(), "prepared": {2: Preparation(False, "no\x1b[31m\n" * 900, NOW - 9)}}
    _, message = told(long)
    assert len(message) <= 1024
    assert message.endswith("tried again every 30 s")
    assert "\x1b" not in message
