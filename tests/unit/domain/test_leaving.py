"""When what runs on a node is stopped without anything taking its place."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import deployment, execution, fleet, job, job_spec, node, version
from wavegate.domain.leaving import reason_to_stop

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


def test_with_no_version_left_nothing_is_stopped() -> None:
    assert reason("other", versions=[], deployments=()) == ""
