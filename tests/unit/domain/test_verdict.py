"""The table of wavegate.domain.verdict, and the rules of the deadline."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from unit.domain.builders import (
    NOW,
    chain,
    deployment,
    execution,
    fleet,
    job_spec,
    node,
    pod,
    version,
)
from wavegate.domain.fleet import Fleet
from wavegate.domain.health import HealthRecord, Window, WindowResult
from wavegate.domain.observed import Exit, NodeView
from wavegate.domain.times import format_time
from wavegate.domain.verdict import Judgement, deadline, hold_ends, judge

pytestmark = pytest.mark.row("Verdict")

# interval 5 s, two good windows, deadline 1 min, grace of the replaced pod 30 s
NEW = execution(2, "Starting", version=2, created=NOW - 30, pod_uid="pod-uid")
OLD = execution(1, "Stopped", stable=True, details={"reason": "Replaced"})
V2_IMMEDIATE = version(
    2,
    spec=job_spec(
        "app:2", rollout={"strategy": "Immediate", "healthCheck": None, "autoPromote": None}
    ),
)


def view(**fields: Any) -> Fleet:
    values: dict[str, Any] = {
        "versions": [version(1, stable=True), version(2)],
        "deployments": [deployment(1, "Completed"), deployment(2)],
    }
    return fleet(**{**values, **fields})


def window(verdict: Window, errors: float | None = 0, total: float | None = 10) -> WindowResult:
    return WindowResult(verdict, NOW - 1, f"a {verdict.value} window", errors, total)


def record(last: WindowResult | None = None, **fields: Any) -> HealthRecord:
    values: dict[str, Any] = {"first_window": NOW - 50, "readable_since": NOW - 50}
    return HealthRecord("pod-uid", NOW - 5, None, 0, last=last, **{**values, **fields})


def judged(
    claim: Any = NEW,
    pods: tuple[Any, ...] | None = None,
    health: HealthRecord | None = None,
    held: bool = False,
    **fields: Any,
) -> Judgement:
    pods = (pod(claim),) if pods is None else pods
    known = {"pod-uid": health} if health is not None else {}
    return judge(view(health=known, **fields), chain(OLD, claim, pods=pods), claim, held)


def ended(phase: str = "Failed", **fields: Any) -> Any:
    gone = Exit("main", "Error", 1, "boom", NOW) if phase == "Failed" else None
    return pod(NEW, phase=phase, ready=False, exit=gone, **fields)


@pytest.mark.parametrize(
    ("fields", "observed", "stable", "reason"),
    [
        pytest.param({"nodes": []}, "Stopped", False, "NodeGone", id="its node is gone"),
        pytest.param(
            {"nodes": [node(uid="other")]}, "Stopped", False, "NodeGone", id="another of its name"
        ),
        pytest.param({"pods": (ended("Succeeded"),)}, "Completed", True, "Completed", id="exit 0"),
        pytest.param({"pods": (ended(),)}, "Failed", False, "Exited", id="ended otherwise"),
        pytest.param(
            {"health": record(window(Window.GOOD), healthy=True)},
            "Running",
            True,
            None,
            id="healthy",
        ),
        pytest.param(
            {"health": record(window(Window.BAD, 5), unhealthy=True)},
            "Failed",
            False,
            "ErrorRateExceeded",
            id="unhealthy by its error rate",
        ),
        pytest.param(
            {"health": record(window(Window.BAD, None, None), unhealthy=True)},
            "Failed",
            False,
            "Unhealthy",
            id="unhealthy by restarts or readiness",
        ),
        pytest.param({}, "Validating", False, None, id="ready and being judged"),
        pytest.param(
            {"pods": (pod(NEW, ready=False, waiting_reason="ErrImagePull"),)},
            "Starting",
            False,
            None,
            id="something keeps it from starting",
        ),
        pytest.param({"pods": (pod(NEW, ready=False),)}, "Starting", False, None, id="on its way"),
    ],
)
def test_a_claim_without_a_verdict(
    fields: dict[str, Any], observed: str, stable: bool, reason: str | None
) -> None:
    judgement = judged(**fields)
    assert judgement.observed == observed
    assert (judgement.stable_at is not None) is stable
    assert judgement.details.get("reason") == reason


def late(seconds: float) -> Any:
    """A claim that was made so long ago."""
    return replace(NEW, created=NOW - seconds)


@pytest.mark.parametrize(
    ("age", "failed"),
    [
        pytest.param(60, False, id="the old pod's grace is not counted against it"),
        pytest.param(89, False, id="just before"),
        pytest.param(90, True, id="at deadline and grace"),
    ],
)
def test_the_deadline_counts_from_creation_and_the_replaced_pod_s_grace(
    age: float, failed: bool
) -> None:
    judgement = judged(late(age), pods=(pod(late(age), ready=False),))
    assert (judgement.observed == "Failed") is failed
    assert judgement.needs_proof is failed


def test_a_node_without_a_replaced_pod_gets_no_grace() -> None:
    claim = late(60)
    assert deadline(view(), chain(claim), claim, None) == NOW
    after_failure = chain(execution(1, "Failed", details={"reason": "Exited"}), claim)
    assert deadline(view(), after_failure, claim, None) == NOW


def test_the_grace_is_the_replaced_version_s_own() -> None:
    template = {
        "spec": {
            "terminationGracePeriodSeconds": 120,
            "containers": [{"name": "main", "image": "app:1"}],
        }
    }
    slow = version(1, stable=True, spec=job_spec(template=template))
    patient = view(versions=[slow, version(2)])
    assert deadline(patient, chain(OLD, NEW), NEW, None) == NEW.created + 120 + 60


def test_it_never_ends_before_a_healthy_pod_could_have_shown_it_since_the_operator_s_start() -> (
    None
):
    claim = late(500)
    fresh = view(operator_started=NOW - 14)
    ready = pod(claim, created=NOW - 499)
    told = record(first_window=NOW - 14, readable_since=NOW - 14)
    assert deadline(fresh, chain(OLD, claim, pods=(ready,)), claim, told) == NOW + 1
    # a pod that was not made, or only since then, has all of its time
    assert deadline(fresh, chain(OLD, claim), claim, None) == NOW - 14 + 60
    judged_late = pod(claim, created=NOW - 13)
    assert deadline(fresh, chain(OLD, claim, pods=(judged_late,)), claim, None) == NOW - 13 + 60
    assert judged(claim, health=told, operator_started=NOW - 14).observed == "Validating"
    told = record(first_window=NOW - 15, readable_since=NOW - 15)
    assert judged(claim, health=told, operator_started=NOW - 15).observed == "Failed"


def test_nor_before_a_pod_that_was_ready_in_time_could_have_shown_it_since_that_was_known() -> None:
    claim = late(100)
    in_time = pod(claim, ready_changed=NOW - 25)
    told = record(window(Window.GOOD), first_window=NOW - 5)
    pods = chain(OLD, claim, pods=(in_time,))
    assert deadline(view(), pods, claim, told) == NOW + 10
    assert deadline(view(), pods, claim, None) == NOW + 15, "no window has begun yet"
    assert judged(claim, pods=(in_time,), health=told).observed == "Validating"
    too_late = pod(claim, ready_changed=NOW - 24)
    assert deadline(view(), chain(OLD, claim, pods=(too_late,)), claim, told) == NOW - 10


def test_nor_before_it_could_have_shown_it_since_its_numbers_can_be_read_again() -> None:
    again = record(window(Window.GOOD), readable_since=NOW - 3)
    for claim in (late(100), late(205), late(5000)):
        assert deadline(view(), chain(OLD, claim), claim, again) == NOW + 12


def test_numbers_that_come_and_go_put_it_off_until_they_are_gone() -> None:
    claim = late(100)
    gone = record(window(Window.UNREADABLE), readable_since=None)
    assert deadline(view(), chain(OLD, claim), claim, gone) == NOW - 10


def test_numbers_that_could_be_read_from_the_first_window_on_prolong_nothing() -> None:
    claim = late(100)
    always = record(window(Window.BAD), readable_since=NOW - 3, first_window=NOW - 3)
    assert deadline(view(), chain(OLD, claim), claim, always) == NOW - 10


def test_while_judging_is_held_no_deadline_ends() -> None:
    assert judged(late(500), held=True).observed == "Validating"
    unread = record(window(Window.UNREADABLE, None, None))
    assert judged(late(500), health=unread).observed == "Failed"
    assert judged(late(500), health=unread, held=True).observed == "Validating"


def test_three_deadlines_are_too_long() -> None:
    almost, enough = late(209), late(210)
    assert hold_ends(view(), chain(OLD, almost), almost) == NOW + 1
    assert hold_ends(view(), chain(OLD, enough), enough) == NOW


@pytest.mark.parametrize(
    ("pods", "says"),
    [
        pytest.param((), "it has no pod", id="no pod"),
        pytest.param(
            (pod(late(500), ready=False, scheduled=False, scheduling_message="no cpu"),),
            "not scheduled: no cpu",
            id="the scheduler's words",
        ),
        pytest.param(
            (
                pod(
                    late(500),
                    ready=False,
                    waiting_reason="ImagePullBackOff",
                    waiting_message="no tag",
                ),
            ),
            "ImagePullBackOff: no tag",
            id="the kubelet's words",
        ),
    ],
)
def test_the_deadline_s_words_are_those_of_who_knows_best(pods: Any, says: str) -> None:
    judgement = judged(late(500), pods=pods)
    assert judgement.details["reason"] == "DeadlineExceeded"
    assert judgement.details["deadline"] == format_time(NOW - 410)
    assert says in judgement.message


def stopping(since: float) -> Any:
    """The replaced pod, which should have been gone for so many seconds."""
    return pod(OLD, name="app-old", deletion=NOW - since)


def test_while_another_pod_occupies_the_node_nothing_is_the_version_s_fault() -> None:
    judgement = judged(replace(late(500), pod_uid=""), pods=(stopping(59),))
    assert (judgement.observed, judgement.details) == ("Starting", {})


@pytest.mark.row("Occupied")
def test_a_stop_that_takes_a_minute_too_long_withdraws_the_node_and_says_whose_it_is() -> None:
    stuck = stopping(60)
    claim = replace(late(500), pod_uid="")
    unproven = judged(claim, pods=(stuck,))
    assert (unproven.observed, unproven.details) == ("Starting", {}), "it may be gone by now"
    judgement = judged(claim, pods=(stuck,), still_there={stuck.uid: NOW})
    assert (judgement.observed, judgement.details) == ("Starting", {"withdrawn": "StopOverdue"})
    assert f"pod app-old was to stop by {format_time(NOW - 60)}" in judgement.message


def test_a_pod_made_late_because_its_node_was_occupied_has_all_of_its_time() -> None:
    claim = late(500)
    made = pod(claim, created=NOW - 20)
    assert deadline(view(), chain(OLD, claim, pods=(made,)), claim, None) == NOW + 40


@pytest.mark.row("Blame")
def test_a_node_that_went_away_before_the_pod_was_made_is_not_the_version_s_fault() -> None:
    judgement = judged(replace(late(500), pod_uid=""), pods=(), nodes=[node(ready=False)])
    assert (judgement.observed, judgement.details["withdrawn"]) == ("Stopped", "NotATarget")
    assert judgement.needs_proof, "that there is no pod is read live"


@pytest.mark.row("Blame")
def test_a_withdrawn_execution_without_a_pod_does_not_fail_by_its_deadline() -> None:
    claim = replace(late(500), status={"details": {"withdrawn": "Disrupted"}})
    assert judged(claim, pods=()).observed == "Starting"


@pytest.mark.row("spec.timeouts.execution")
def test_a_run_that_took_too_long_failed_by_its_own_reason() -> None:
    spec = job_spec("app:2", timeouts={"execution": "5m"})
    judgement = judged(
        pods=(ended(reason="DeadlineExceeded", message="Pod was active on the node"),),
        versions=[version(1, stable=True), version(2, spec=spec)],
    )
    assert (judgement.observed, judgement.details["reason"]) == ("Failed", "ExecutionTimeout")
    assert judgement.message == "ran longer than spec.timeouts.execution (5m)"
    assert judgement.details["exitCode"] == "1"


@pytest.mark.row("Evidence")
def test_windows_that_were_bad_by_restarts_carry_the_container_s_last_words() -> None:
    crashed = pod(NEW, restarts=3, exit=Exit("main", "Error", 7, "fatal: no disk", NOW))
    bad = record(window(Window.BAD, None, None), unhealthy=True)
    judgement = judged(pods=(crashed,), health=bad)
    assert judgement.message.endswith("; container main ended with exit code 7: fatal: no disk")
    details = judgement.details
    assert details["reason"] == "Unhealthy"
    assert (details["exitCode"], details["lastLogLine"]) == ("7", "fatal: no disk")


@pytest.mark.row("Evidence")
@pytest.mark.parametrize(
    ("claim", "said", "verdict"),
    [
        pytest.param(NEW, {"healthy": True, "good": 2}, "Running", id="healthy"),
        pytest.param(NEW, {"unhealthy": True, "bad": 3}, "Failed", id="too many bad windows"),
        pytest.param(replace(NEW, created=NOW - 500), {}, "Failed", id="its deadline is over"),
        pytest.param(NEW, {}, "Validating", id="no verdict, and nothing that each window writes"),
    ],
)
def test_a_verdict_carries_the_windows_that_it_rests_on(
    claim: Any, said: dict[str, Any], verdict: str
) -> None:
    recent = (window(Window.BAD, 3, 10), window(Window.GOOD))
    age = {"first_window": NOW - 400, "readable_since": NOW - 400}
    judgement = judged(claim, health=record(recent[-1], recent=recent, **age, **said))
    assert judgement.observed == verdict
    told = "" if verdict == "Validating" else "bad 3/10, good 0/10"
    assert judgement.details.get("windows", "") == told


@pytest.mark.parametrize(
    ("fields", "mark"),
    [
        pytest.param({"nodes": [node(unschedulable=True)]}, "Cordoned", id="cordoned"),
        pytest.param({"pods": ()}, "PodDeleted", id="its pod vanished"),
        pytest.param({"pods": (pod(NEW, disruption="Preempted"),)}, "Disrupted", id="evicted"),
    ],
)
def test_what_is_nobody_s_fault_withdraws_it_from_its_wave(
    fields: dict[str, Any], mark: str
) -> None:
    judgement = judged(**fields)
    assert judgement.details["withdrawn"] == mark
    assert judgement.observed not in ("Failed", "Stopped")


def test_outside_a_wave_nothing_is_withdrawn() -> None:
    claim = replace(NEW, wave=0)
    assert "withdrawn" not in judged(claim, nodes=[node(unschedulable=True)]).details


def test_once_withdrawn_it_stays_so() -> None:
    claim = replace(NEW, status={"details": {"withdrawn": "Cordoned"}})
    assert judged(claim).details["withdrawn"] == "Cordoned"


def test_a_pod_that_fails_by_itself_on_a_cordoned_node_is_not_blamed_on_the_version() -> None:
    assert judged(pods=(ended(),), nodes=[node(unschedulable=True)]).observed != "Failed"


STABLE = replace(NEW, observed="Running", stable_at=NOW - 20)


def down(seconds: float) -> list[NodeView]:
    return [node(ready=False, ready_changed=NOW - seconds)]


@pytest.mark.parametrize(
    ("claim", "fields", "observed"),
    [
        pytest.param(STABLE, {}, "Running", id="all is well"),
        pytest.param(STABLE, {"pods": (ended(),)}, "Failed", id="its pod ended in failure"),
        pytest.param(STABLE, {"pods": (ended("Succeeded"),)}, "Completed", id="its pod completed"),
        pytest.param(
            STABLE,
            {"pods": (pod(NEW, ready=False, ready_changed=NOW - 2),)},
            "Degraded",
            id="unready for two seconds",
        ),
        pytest.param(
            STABLE,
            {"pods": (pod(NEW, ready=False, ready_changed=NOW - 1),)},
            "Running",
            id="unready for a moment",
        ),
        pytest.param(
            STABLE,
            {"pods": (pod(NEW, ready=False, ready_changed=NOW - 9, deletion=NOW + 5),)},
            "Running",
            id="being deleted",
        ),
        pytest.param(replace(STABLE, observed="Degraded"), {}, "Running", id="ready again"),
        pytest.param(replace(STABLE, observed="Lost"), {}, "Running", id="back with its node"),
        pytest.param(STABLE, {"nodes": down(3599)}, "Running", id="NotReady for less than 1 h"),
        pytest.param(STABLE, {"nodes": down(3600)}, "Lost", id="NotReady for lostAfter"),
        pytest.param(STABLE, {"pods": ()}, "Running", id="its pod is to be made again"),
    ],
)
def test_a_claim_that_was_stable_keeps_its_verdict(
    claim: Any, fields: dict[str, Any], observed: str
) -> None:
    judgement = judged(claim, **fields)
    assert judgement.observed == observed
    assert judgement.stable_at is not None


def test_after_stable_at_windows_and_deadlines_say_nothing() -> None:
    bad = record(window(Window.BAD, 5), unhealthy=True)
    assert judged(replace(STABLE, created=NOW - 9000), health=bad).observed == "Running"


def test_without_windows_it_runs_once_ready_and_fails_ten_minutes_after_creation() -> None:
    versions = [version(1, stable=True), V2_IMMEDIATE]
    ready = judged(versions=versions)
    assert (ready.observed, ready.stable_at, ready.wake_at) == ("Running", None, NOW + 10)
    for age, expected in ((629, "Starting"), (630, "Failed")):
        claim = late(age)
        unready = (pod(claim, ready=False),)
        assert judged(claim, pods=unready, versions=versions).observed == expected


def test_a_claim_whose_version_is_missing_is_left_as_it_is() -> None:
    assert judged(late(9000), versions=[version(1, stable=True)]).observed == "Starting"
