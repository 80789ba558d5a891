"""What stands against a version: that it failed, or that a user has said otherwise since."""

from __future__ import annotations

from typing import Any

import pytest

from sim.world import spec
from unit.domain.builders import deployment, fleet, version
from wavegate.api.fleetjob import load_job_spec
from wavegate.domain.wanted import newest_failed, overtaken_by, repeats_failure

pytestmark = pytest.mark.row("Wanted version")

MADE = 1000.0
"""When the user's deployment was made; v2 is older, v3 newer."""

V1 = version(1, stable=True, spec=load_job_spec(spec("app:1")))
V2 = version(2, spec=load_job_spec(spec("app:2")), created=MADE - 1)
DONE = deployment(1, "Completed")
FAILED = deployment(2, "Failed", reason="CanaryFailed")


def users(kind: str, state: str = "Completed", **fields: Any) -> Any:
    """A user's deployment that was accepted last."""
    given = {"name": "by-hand", "type": kind, "owner_uid": "", "to_version": 1, "created": MADE}
    return deployment(3, state, **{**given, **fields})


@pytest.mark.parametrize(
    ("raw", "workload", "held"),
    [
        pytest.param({**spec("app:2"), "meta": {"a": "b"}}, "w2", True, id="a change of words"),
        pytest.param(spec("app:2", maxParallel=1), "w2", False, id="other rollout settings"),
        pytest.param(spec("app:2", paused=True), "w2", True, id="a pause is no other setting"),
        pytest.param(spec("app:3"), "w3", False, id="another workload"),
    ],
)
def test_a_failed_workload_is_tried_again_only_by_more_than_words(
    raw: dict[str, Any], workload: str, held: bool
) -> None:
    tried = version(2, spec=load_job_spec(spec("app:2")))
    again = version(3, spec=load_job_spec(raw), workload_hash=workload)
    back = deployment(3, "Completed", name="app-v2-rollback", type="Rollback", workload_hash="w1")
    view = fleet(versions=[V1, tried, again], deployments=[DONE, FAILED, back])
    assert repeats_failure(view, again) is held


@pytest.mark.parametrize(
    ("before", "total", "reason", "held"),
    [
        pytest.param("1h", "1h", "TotalTimeout", True, id="as much time"),
        pytest.param("1h", "30m", "TotalTimeout", True, id="less time"),
        pytest.param("1h", "2h", "TotalTimeout", False, id="more time"),
        pytest.param("1h", "0s", "TotalTimeout", False, id="no limit"),
        pytest.param("0s", "2h", "TotalTimeout", True, id="it had no limit before"),
        pytest.param("1h", "2h", "CanaryFailed", True, id="time was not what it failed for"),
    ],
)
def test_what_ran_out_of_time_is_tried_again_where_it_gets_more(
    before: str, total: str, reason: str, held: bool
) -> None:
    words = {"meta": {"a": "b"}, "timeouts": {"total": total}}
    tried = version(2, spec=load_job_spec({**spec("app:2"), "timeouts": {"total": before}}))
    again = version(3, spec=load_job_spec({**spec("app:2"), **words}), workload_hash="w2")
    late = deployment(2, "Failed", reason=reason)
    assert repeats_failure(fleet(versions=[V1, tried, again], deployments=[DONE, late]), again) is (
        held
    )


@pytest.mark.parametrize(
    ("last", "failed"),
    [
        pytest.param(FAILED, True, id="it failed"),
        pytest.param(deployment(2, "Canceled", reason="Canceled"), True, id="a person canceled"),
        pytest.param(deployment(2, "Canceled", reason="Superseded"), False, id="superseded"),
        pytest.param(deployment(2, "Failed", type="Rollback"), False, id="a failed rollback"),
        pytest.param(deployment(2, "Completed"), False, id="it completed"),
        pytest.param(deployment(2, "Failed", sequence=0), False, id="refused, never accepted"),
    ],
)
def test_what_counts_as_the_newest_failed(last: Any, failed: bool) -> None:
    found = newest_failed(fleet(versions=[V1, version(2)], deployments=[DONE, last]))
    assert (found is last) is failed


@pytest.mark.parametrize(
    ("restart", "held"),
    [
        pytest.param("InProgress", False, id="while a Restart to it is open"),
        pytest.param("Completed", False, id="a Restart to it has completed"),
        pytest.param("Failed", True, id="the Restart failed too"),
    ],
)
def test_a_restart_to_a_failed_workload_is_a_new_try(restart: str, held: bool) -> None:
    again = version(3, spec=load_job_spec({**spec("app:2"), "meta": {"a": "b"}}))
    retried = users("Restart", restart, to_version=2, workload_hash="w2")
    view = fleet(versions=[V1, V2, again], deployments=[DONE, FAILED, retried])
    assert repeats_failure(view, version(3, workload_hash="w2", spec=again.spec)) is held


@pytest.mark.parametrize(
    ("last", "raw", "created", "overtaken"),
    [
        pytest.param(users("Rollback"), spec("app:2"), MADE - 1, True, id="older than a Rollback"),
        pytest.param(users("Rollback"), spec("app:2"), MADE, True, id="of the same second"),
        pytest.param(
            users("Rollback"),
            {**spec("app:2"), "meta": {"a": "b"}},
            MADE + 1,
            True,
            id="newer, but the same in other words",
        ),
        pytest.param(users("Rollback"), spec("app:3"), MADE + 1, False, id="another workload"),
        pytest.param(
            users("Stop", to_version=0),
            spec("app:2", maxParallel=1),
            MADE + 1,
            False,
            id="a Stop, then another rollout section",
        ),
        pytest.param(
            users("Stop", to_version=0), spec("app:2"), MADE + 1, True, id="a Stop, other words"
        ),
        pytest.param(
            users("Restart"), spec("app:2"), MADE + 1, False, id="a Restart holds nothing new"
        ),
        pytest.param(users("Restart"), spec("app:2"), MADE - 1, True, id="older than a Restart"),
        pytest.param(
            users("Rollback", owner_uid="job-uid", name="app-v2-rollback"),
            spec("app:2"),
            MADE - 1,
            False,
            id="an automatic rollback is no user's",
        ),
    ],
)
def test_what_a_user_s_deployment_holds_back(
    last: Any, raw: dict[str, Any], created: float, overtaken: bool
) -> None:
    workload = "w2" if "app:2" in str(raw) else "w3"
    newest = version(3, spec=load_job_spec(raw), created=created, workload_hash=workload)
    view = fleet(versions=[V1, V2, newest], deployments=[DONE, last])
    assert (overtaken_by(view, newest) is last) is overtaken


def test_only_the_newest_accepted_deployment_holds() -> None:
    later = deployment(4, "Completed", to_version=4)
    view = fleet(versions=[V1, V2], deployments=[DONE, users("Rollback"), later])
    assert overtaken_by(view, V2) is None
