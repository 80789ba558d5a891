"""When what runs on a node is stopped without anything taking its place."""

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
    job,
    job_spec,
    node,
    pod,
    version,
)
from wavegate.domain.leaving import holds_place, needs_place_to_leave, reason_to_stop

EDGE = version(1, stable=True, spec=job_spec(selector={"matchLabels": {"pool": "edge"}}))
CORE = version(2, spec=job_spec(selector={"matchLabels": {"pool": "core"}}))
CORE_STABLE = version(2, stable=True, spec=job_spec(selector={"matchLabels": {"pool": "core"}}))
ON_V1 = execution(1, stable=True)
DONE = (deployment(1, "Completed"),)


def reason(pool: str, claim: Any = ON_V1, **fields: Any) -> str:
    here = node(labels={"pool": pool}, **fields.pop("node", {}))
    fields = {"versions": [EDGE, CORE], "deployments": DONE, **fields}
    return reason_to_stop(fleet(nodes=[here], **fields), here, claim)


def test_a_node_that_matches_goes_on() -> None:
    assert reason("edge") == ""


def test_a_node_relabelled_after_the_rollout_stops() -> None:
    assert reason("other") == "NoLongerMatches"


@pytest.mark.parametrize("fields", [{"unschedulable": True}, {"ready": False}])
def test_a_cordon_or_an_outage_stops_nothing(fields: dict[str, Any]) -> None:
    assert reason("edge", node=fields) == ""


@pytest.mark.parametrize("state", ["InProgress", "Paused", "Failed", "Canceled"])
def test_what_the_new_selector_no_longer_matches_runs_on_until_completed(state: str) -> None:
    assert reason("edge", deployments=(*DONE, deployment(2, state))) == ""


def test_it_stops_once_the_new_version_s_rollout_completed() -> None:
    ended = (*DONE, deployment(2, "Completed"))
    assert reason("edge", versions=[EDGE, CORE_STABLE], deployments=ended) == "NoLongerMatches"


def test_a_node_that_only_the_new_version_matches_goes_on_in_its_rollout() -> None:
    claim = execution(1, version=2)
    assert reason("core", claim, deployments=(*DONE, deployment(2))) == ""


def test_a_suspended_job_runs_nowhere() -> None:
    assert reason("edge", job=job(job_spec(suspend=True))) == "Suspended"


@pytest.mark.row("spec.timeouts.total")
def test_a_version_whose_time_is_over_stops() -> None:
    timed = version(1, stable=True, spec=job_spec(timeouts={"total": "1h"}))
    for age, why in ((3599, ""), (3600, "TotalTimeout")):
        done = (deployment(1, "Completed", accepted=NOW - age),)
        assert reason("any", versions=[timed], deployments=done) == why


POD = pod(ON_V1)


@pytest.mark.row("Leaving")
@pytest.mark.parametrize(
    ("claim", "pods", "needs", "holds"),
    [
        pytest.param(ON_V1, (POD,), True, False, id="stable, its pod runs"),
        pytest.param(ON_V1, (replace(POD, deletion=NOW + 9),), False, True, id="its pod stops"),
        pytest.param(
            ON_V1, (replace(POD, deletion=NOW - 59),), False, True, id="59 s beyond its grace"
        ),
        pytest.param(ON_V1, (replace(POD, deletion=NOW - 60),), False, False, id="overdue"),
        pytest.param(ON_V1, (), False, False, id="stable, without a pod"),
        pytest.param(execution(1), (pod(execution(1)),), False, False, id="never stable"),
    ],
)
def test_which_nodes_need_and_hold_a_place_to_leave(
    claim: Any, pods: tuple[Any, ...], needs: bool, holds: bool
) -> None:
    here = chain(claim, pods=pods)
    assert needs_place_to_leave(here) is needs
    seen = fleet(still_there={each.uid: NOW for each in pods})
    assert holds_place(seen, here) is holds


def test_what_stops_by_old_news_alone_holds_its_place() -> None:
    here = chain(ON_V1, pods=(replace(POD, deletion=NOW - 60),))
    assert holds_place(fleet(), here)


def test_with_no_version_left_nothing_is_stopped() -> None:
    assert reason("other", versions=[], deployments=()) == ""
