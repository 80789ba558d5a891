"""By which settings an execution is judged: those of the deployment that made it."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import deployment, execution, fleet, job_spec, settings, version
from wavegate.domain.actions import CounterSource
from wavegate.domain.health import Criteria
from wavegate.domain.judging import Judging

pytestmark = pytest.mark.row("Judging")

NO_WINDOWS = {"strategy": "Immediate", "healthCheck": None, "autoPromote": None}
V1 = version(1, spec=job_spec(rollout=NO_WINDOWS))
V2 = version(2)
COUNTED = {"podMetrics": {"port": 8080, "errors": ["e"], "total": ["t"]}}
CHECK = {"deadline": "9m", "interval": "3s", "failureThreshold": 7, "errorRate": COUNTED}
RESTART = deployment(3, name="again", type="Restart", rollout=settings(healthCheck=CHECK))


def judged(claim: Any, *deployments: Any) -> Judging:
    return fleet(versions=[V1, V2], deployments=deployments).judging(claim)


def of(number: int, by: str) -> Any:
    return execution(version=number, deployment=by)


@pytest.mark.parametrize(
    ("claim", "by", "interval"),
    [
        pytest.param(of(2, "app-v2"), deployment(2), 5.0, id="its version's own"),
        pytest.param(of(1, "app-v1"), deployment(1), None, id="Immediate keeps no windows"),
        pytest.param(of(1, "app-v2"), deployment(2), None, id="a fallback by its own version"),
        pytest.param(of(2, "gone"), deployment(2), 5.0, id="its deployment was deleted by hand"),
    ],
)
def test_whose_settings_judge(claim: Any, by: Any, interval: float | None) -> None:
    criteria = judged(claim, by).criteria
    assert (criteria.interval if criteria is not None else None) == interval


@pytest.mark.row("FleetDeployment.spec.rollout.healthCheck")
@pytest.mark.parametrize("number", [1, 2])
def test_a_deployment_that_brings_its_own_judges_what_it_makes(number: int) -> None:
    restart = deployment(3, name="again", to_version=number, rollout=settings(healthCheck=CHECK))
    found = judged(of(number, "again"), restart)
    assert found.criteria is not None, "the version's own strategy may keep no windows"
    assert (found.criteria.interval, found.criteria.failure_threshold) == (3.0, 7)
    assert found.criteria.success_threshold == 2, "defaults are filled in"
    assert found.deadline == 540.0
    assert isinstance(found.source, CounterSource)
    assert found.source.port == 8080


def test_a_later_rollout_of_the_same_workload_changes_nothing_for_what_is_there() -> None:
    words = deployment(3, to_version=2, workload_hash="w1", rollout=settings(healthCheck=CHECK))
    before = judged(of(1, "app-v1"), deployment(1, "Completed"))
    after = judged(of(1, "app-v1"), deployment(1, "Completed"), words)
    assert before == after
    assert after.criteria is None


def test_defaults_are_filled_in_and_counters_are_those_of_the_version() -> None:
    criteria = judged(of(2, "app-v2"), deployment(2)).criteria
    assert criteria is not None
    assert (criteria.interval, criteria.success_threshold, criteria.failure_threshold) == (5, 2, 3)
    assert criteria.reads_counters


@pytest.mark.row(
    "spec.rollout.healthCheck.interval",
    "spec.rollout.healthCheck.maxErrorRate",
    "spec.rollout.healthCheck.successThreshold",
    "spec.rollout.healthCheck.failureThreshold",
    "spec.rollout.healthCheck.minHealthyTime",
    "spec.rollout.healthCheck.deadline",
)
def test_what_is_asked_is_what_the_version_s_health_check_says() -> None:
    check = {
        "interval": "7s",
        "maxErrorRate": 0.25,
        "successThreshold": 4,
        "failureThreshold": 6,
        "deadline": "8m",
        "errorRate": COUNTED,
    }
    asked = version(1, spec=job_spec(rollout={"healthCheck": check}))
    found = fleet(versions=[asked], deployments=[deployment(1)]).judging(of(1, "app-v1"))
    assert found.criteria == Criteria(7.0, 0.25, 4, 6, None, reads_counters=True)
    assert found.deadline == 480.0
    for_long = {"minHealthyTime": "90s", "deadline": "8m", "errorRate": COUNTED}
    asked = version(1, spec=job_spec(rollout={"healthCheck": for_long}))
    found = fleet(versions=[asked], deployments=[deployment(1)]).judging(of(1, "app-v1"))
    assert found.criteria is not None
    assert (found.criteria.min_healthy_time, found.criteria.success_threshold) == (90.0, None)


def test_a_source_that_settles_is_waited_for() -> None:
    queries = {"source": "main", "errorQuery": "e[$window]", "totalQuery": "t[$window]"}
    check = {"interval": "10s", "deadline": "1m", "errorRate": {"prometheus": queries}}
    asked = version(1, spec=job_spec(rollout={"healthCheck": check}))
    found = fleet(versions=[asked], deployments=[deployment(1)]).judging(of(1, "app-v1"))
    assert found.criteria is not None
    assert (found.criteria.settling, found.criteria.shortest) == (11.0, 31.0)
    assert "--prometheus-source main=URL" in found.missing_source
    own = judged(of(2, "app-v2"), deployment(2))
    assert own.criteria is not None
    assert (own.criteria.settling, own.missing_source) == (0, "")


def test_nothing_judges_where_the_version_is_missing() -> None:
    assert judged(of(9, "app-v9")) == Judging()
