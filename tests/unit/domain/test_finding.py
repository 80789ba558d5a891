"""What is found of one node, in which order its rules come, and until when that holds."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from unit.domain.builders import NOW, deployment, execution, fleet, job_spec, node, pod, version
from wavegate.domain.actions import CreatePod, DeletePod, SetStatus
from wavegate.domain.finding import Finding, Question, find
from wavegate.domain.lineup import Role
from wavegate.domain.stance import scope

PLAIN = job_spec(rollout={"strategy": "Immediate", "autoPromote": None, "healthCheck": None})
V1, V2 = version(1, stable=True, spec=PLAIN), version(2, spec=PLAIN)
STABLE = execution(1, stable=True)
POD = pod(STABLE)


def found(*claims: Any, spared: Any = None, opened: bool = False, **fields: Any) -> Finding:
    rollout = deployment(2, total=1)
    values: dict[str, Any] = {
        "versions": [V1, V2],
        "deployments": [deployment(1, "Completed"), *([rollout] if opened else [])],
        "executions": claims,
    }
    seen = fleet(**{**values, **fields})
    of = scope(seen, rollout, V2) if opened else None
    return find(Question(seen, of, spared or {}), "n1")


def kinds(finding: Finding) -> list[type]:
    step = finding.pressing or finding.step
    return [type(action) for action in step.actions] if step is not None else []


def test_of_one_that_is_stable_there_is_nothing_to_do() -> None:
    made = found(STABLE, pods=[POD])
    assert not made.is_loud
    assert made.until == math.inf
    assert (made.deadline, made.probe, made.following) == (None, None, None)


def test_an_older_claims_pod_goes_before_anything_else() -> None:
    made = found(STABLE, execution(2, "Pending", version=2), pods=[POD], opened=True)
    assert kinds(made) == [DeletePod]
    assert made.pressing is not None
    assert made.step is None
    assert made.stance is not None
    assert made.stance.role is Role.UNSETTLED


def test_a_verdict_goes_before_a_new_pod() -> None:
    ended = replace(POD, phase="Failed", ready=False)
    assert kinds(found(STABLE, pods=[ended])) == [SetStatus]
    gone = found(STABLE)
    assert kinds(gone) == [CreatePod]
    assert gone.pressing is None


def test_what_is_written_holds_for_its_second() -> None:
    assert found(STABLE).until == NOW + 1
    assert found(STABLE, now=NOW + 0.5).until == NOW + 1


def test_one_that_is_proven_by_time_has_a_deadline_until_then_and_wakes() -> None:
    fresh = execution(1, "Running", updated=NOW - 4)
    made = found(fresh, pods=[pod(fresh)])
    assert made.wake_at == NOW + 6, "stableAfter is 10 s"
    assert made.is_loud
    assert not found(fresh, pods=[pod(fresh)], now=NOW + 6).deadline


def test_one_whose_windows_have_not_begun_is_looked_at_in_each_pass() -> None:
    judged = execution(1, "Validating")
    made = found(judged, pods=[pod(judged)], versions=[version(1)])
    assert made.probe is not None
    assert made.until == -math.inf


def test_how_long_its_deadline_does_not_count_is_when_it_is_looked_at_again() -> None:
    fresh = execution(1, "Pending", updated=NOW)
    made = found(fresh, spared={"n1": NOW + 5})
    assert made.wake_at <= NOW + 5


def test_a_stop_that_begins_to_take_too_long_is_looked_at() -> None:
    stopping = replace(POD, deletion=NOW - 50)
    assert found(STABLE, pods=[stopping]).until <= NOW + 10


def test_one_whose_pod_was_told_to_stop_is_lost_once_its_node_is_away_for_too_long() -> None:
    late = execution(
        1, "Pending", created=NOW - 7200, updated=NOW - 7200, details={"withdrawn": "Disrupted"}
    )
    evicted = replace(pod(late), ready=False, disruption="DeletionByTaintManager")
    away = node(ready=False, ready_changed=NOW - 3000)
    made = found(late, pods=[evicted], nodes=[away])
    assert not made.pressing
    assert made.until == NOW + 600, "lostAfter is an hour"
    assert kinds(found(late, pods=[evicted], nodes=[away], now=made.until)) == [SetStatus]


def test_an_empty_node_gets_what_is_stable_or_waits_for_its_wave() -> None:
    following = found().following
    assert following is not None
    assert following.version.version == 1
    fresh = found(versions=[version(2, spec=PLAIN)], deployments=[], opened=True)
    assert fresh.following is None
    assert not fresh.is_loud


def test_one_that_left_is_to_stop() -> None:
    narrow = job_spec(
        selector={"matchLabels": {"pool": "edge"}},
        rollout={"strategy": "Immediate", "autoPromote": None, "healthCheck": None},
    )
    of_edge = version(1, stable=True, spec=narrow)
    assert found(STABLE, pods=[POD], versions=[of_edge]).leaves == "NoLongerMatches"
    there = node(labels={"pool": "edge"})
    assert found(STABLE, pods=[POD], versions=[of_edge], nodes=[there]).leaves == ""


def test_one_that_is_behind_what_completed_lags() -> None:
    done = [deployment(1, "Completed"), deployment(2, "Completed")]
    at_v2 = [V1, replace(V2, stable=True, stable_at=NOW)]
    assert found(STABLE, pods=[POD], versions=at_v2, deployments=done).lags
    assert not found(STABLE, pods=[POD], opened=True).lags
