"""When a version's time is over: the table of wavegate.domain.timeouts."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import (
    NOW,
    deployment,
    execution,
    fleet,
    job,
    job_spec,
    node,
    progress,
    version,
)
from wavegate.domain.conditions import job_state
from wavegate.domain.fallback import next_version
from wavegate.domain.fleet import Fleet
from wavegate.domain.rollout import Outlook, outlook
from wavegate.domain.timeouts import is_over, queue_ends, total_ends, wanted_until

QUEUE = version(1, spec=job_spec(timeouts={"queue": "10m"}))
TOTAL = version(1, spec=job_spec(timeouts={"total": "1h"}))
FREE = version(1)
HOUR = 3600.0


@pytest.mark.row("spec.timeouts.queue")
@pytest.mark.parametrize(
    ("target", "fields", "ends"),
    [
        pytest.param(QUEUE, {"accepted": NOW - 60, "started": None}, NOW + 540, id="it waits"),
        pytest.param(QUEUE, {"accepted": None, "started": None}, None, id="not accepted yet"),
        pytest.param(QUEUE, {"accepted": NOW - 60}, None, id="it has begun"),
        pytest.param(FREE, {"accepted": NOW - 60, "started": None}, None, id="no limit"),
        pytest.param(
            version(1, spec=None, invalid="?"),
            {"accepted": NOW - 60, "started": None},
            None,
            id="not understood",
        ),
    ],
)
def test_when_waiting_for_a_first_node_ends(
    target: Any, fields: dict[str, Any], ends: float | None
) -> None:
    assert queue_ends(deployment(1, "Pending", **fields), target) == ends


@pytest.mark.row("spec.timeouts.total")
def test_the_total_counts_from_the_newest_acceptance_of_the_wanted_version() -> None:
    assert total_ends(deployment(1, accepted=NOW), TOTAL) == NOW + HOUR
    assert total_ends(deployment(1, accepted=None), TOTAL) is None
    assert total_ends(deployment(1, accepted=NOW), FREE) is None
    again = deployment(2, "Completed", type="Restart", to_version=1, accepted=NOW - 5)
    restarted = fleet(versions=[TOTAL], deployments=[deployment(1, "Completed"), again])
    assert wanted_until(restarted) == NOW - 5 + HOUR
    assert wanted_until(fleet(versions=[], deployments=[])) is None


def view(state: str = "Completed", age: float = HOUR, **fields: Any) -> Fleet:
    values: dict[str, Any] = {"accepted": NOW - age, **fields.pop("own", {})}
    return fleet(**{"versions": [TOTAL], "deployments": [deployment(1, state, **values)], **fields})


@pytest.mark.row("spec.timeouts.total")
@pytest.mark.parametrize(
    ("seen", "over"),
    [
        pytest.param(view(age=HOUR - 1), False, id="a second before"),
        pytest.param(view(), True, id="at its end"),
        pytest.param(view("InProgress"), False, id="its rollout's end is not on record"),
        pytest.param(view("Failed"), True, id="a first version that failed"),
        pytest.param(
            fleet(
                versions=[version(2, stable=True), version(1, spec=TOTAL.spec)],
                deployments=[deployment(1, "Failed", accepted=NOW - HOUR, type="Update")],
            ),
            False,
            id="a rollback is to come",
        ),
        pytest.param(
            fleet(
                versions=[version(2, stable=True), version(1, spec=TOTAL.spec)],
                deployments=[deployment(1, "Failed", accepted=NOW - HOUR, reason="QueueTimeout")],
            ),
            True,
            id="none is to come",
        ),
    ],
)
def test_whether_a_workload_has_had_its_time(seen: Fleet, over: bool) -> None:
    assert is_over(seen, "w1") is over
    assert not is_over(seen, "w2"), "another workload has no clock"


@pytest.mark.row("spec.timeouts.total")
def test_what_has_had_its_time_is_not_started_again() -> None:
    stable = {"versions": [version(1, stable=True, spec=TOTAL.spec)]}
    assert next_version(view(**stable, age=HOUR - 1), None, node()) is not None
    assert next_version(view(**stable), None, node()) is None


@pytest.mark.row("spec.timeouts.total")
@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        pytest.param(execution(1, stable=True), ("Failed", "TotalTimeout"), id="it runs"),
        pytest.param(execution(1, "Failed"), ("Failed", "TotalTimeout"), id="it is tried again"),
        pytest.param(execution(1, "Completed", stable=True), ("Completed", "Completed"), id="done"),
    ],
)
def test_the_state_of_a_job_whose_time_is_over(claim: Any, expected: tuple[str, str]) -> None:
    stable = version(1, stable=True, spec=TOTAL.spec)
    seen = view(job=job(TOTAL.spec), executions=[claim], versions=[stable])
    state = job_state(seen, None, None, "", None)
    assert (state.state, state.reason) == expected


def stands(target: Any, **own: Any) -> Outlook:
    open_one = deployment(1, "InProgress", **own)
    nodes = [node("n1"), node("n2")] if own.get("total") else []
    seen = fleet(versions=[target], deployments=[open_one], nodes=nodes)
    return outlook(seen, progress(seen, open_one, target), "", False)


@pytest.mark.row("spec.timeouts.total", "spec.timeouts.queue")
@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        pytest.param(
            stands(TOTAL, total=2, accepted=NOW - HOUR + 1), ("InProgress", "Progressing"), id="on"
        ),
        pytest.param(
            stands(TOTAL, total=2, accepted=NOW - HOUR), ("Failed", "TotalTimeout"), id="total"
        ),
        pytest.param(
            stands(TOTAL, total=2, accepted=NOW - HOUR, paused=True),
            ("Failed", "TotalTimeout"),
            id="a pause counts",
        ),
        pytest.param(
            stands(TOTAL, total=2, accepted=NOW - HOUR, canceled=True),
            ("Canceled", "Canceled"),
            id="a cancel wins",
        ),
        pytest.param(
            stands(QUEUE, started=None, accepted=NOW - 599), ("Pending", "NoTargets"), id="queued"
        ),
        pytest.param(
            stands(QUEUE, started=None, accepted=NOW - 600), ("Failed", "QueueTimeout"), id="queue"
        ),
        pytest.param(
            stands(FREE, started=None, accepted=NOW - 9e6), ("Pending", "NoTargets"), id="no limit"
        ),
    ],
)
def test_how_an_open_rollout_ends_by_time(outcome: Outlook, expected: tuple[str, str]) -> None:
    assert (outcome.state, outcome.reason) == expected
