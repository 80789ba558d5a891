"""When a change of the spec makes a version, and when a version gets a rollout."""

from __future__ import annotations

from typing import Any

import pytest

from sim.world import spec
from unit.domain.builders import deployment, fleet, job, settings, version
from wavegate.api.fleetjob import load_job_spec
from wavegate.domain.actions import CreateDeployment, CreateVersion, Urgency
from wavegate.domain.observed import JobView
from wavegate.domain.versions import new_deployment, new_version

pytestmark = pytest.mark.row("Versions")

V1 = version(1, stable=True, spec=load_job_spec(spec("app:1")))


def applied(raw: dict[str, Any], **fields: Any) -> JobView:
    return job(load_job_spec(raw), raw_spec=raw, **fields)


def made_version(raw: dict[str, Any], **fields: Any) -> CreateVersion | None:
    step = new_version(fleet(**{"job": applied(raw), "versions": [V1], **fields}))
    if step is None:
        return None
    action = step.actions[0]
    assert isinstance(action, CreateVersion)
    return action


@pytest.mark.parametrize(
    ("change", "makes"),
    [
        pytest.param({}, False, id="an identical apply"),
        pytest.param({"meta": {"wavegate.dev/note": "x"}}, False, id="reserved meta"),
        pytest.param({"suspend": True}, False, id="suspend"),
        pytest.param({"description": "words"}, False, id="description"),
        pytest.param({"priority": 70}, False, id="priority"),
        pytest.param({"revisionHistoryLimit": 2}, False, id="revisionHistoryLimit"),
        pytest.param({"priority": 50, "suspend": False, "labels": {}}, False, id="defaults"),
        pytest.param({"meta": {"note": "x"}}, True, id="meta of the user's own"),
        pytest.param({"labels": {"a": "b"}}, True, id="labels"),
        pytest.param({"selector": {"matchLabels": {"a": "b"}}}, True, id="the selector"),
        pytest.param({"restartPolicy": "Always"}, True, id="restartPolicy"),
    ],
)
def test_which_changes_make_a_version(change: dict[str, Any], makes: bool) -> None:
    assert (made_version({**spec("app:1"), **change}) is not None) is makes


def test_pausing_the_rollout_makes_no_version_but_another_setting_does() -> None:
    assert made_version(spec("app:1", paused=True)) is None
    assert made_version(spec("app:1", maxParallel=1)) is not None


def test_a_version_is_one_above_the_highest_among_status_and_children() -> None:
    first = made_version(spec("app:2"), versions=[])
    assert first is not None
    assert (first.name, first.version) == ("app-v1", 1)
    known = applied(spec("app:2"), status={"version": 7})
    after_status = made_version(spec("app:2"), job=known)
    assert after_status is not None
    assert after_status.version == 8
    after_child = made_version(spec("app:2"), versions=[V1, version(9)])
    assert after_child is not None
    assert after_child.version == 10


def test_a_version_keeps_the_spec_as_written_and_the_status_of_that_moment() -> None:
    raw = spec("app:2")
    made = made_version(raw, job=applied(raw, status={"revision": 3}))
    assert made is not None
    assert (made.raw_spec, made.job_status) == (raw, {"revision": 3})


def test_words_do_not_change_the_workload_but_the_image_does() -> None:
    words = made_version({**spec("app:1"), "meta": {"note": "x"}}, versions=[])
    same, other = made_version(spec("app:1"), versions=[]), made_version(spec("app:2"), versions=[])
    assert words is not None
    assert same is not None
    assert other is not None
    assert words.workload_hash == same.workload_hash != other.workload_hash


def test_a_job_that_is_born_suspended_has_no_version_yet() -> None:
    assert made_version({**spec(), "suspend": True}, versions=[]) is None


def test_a_config_that_is_too_large_makes_no_version_and_no_deployment() -> None:
    large = {**spec("app:1"), "config": {"a": "x" * 256 * 1024}}
    assert made_version(large, versions=[]) is None
    assert made_version(large) is None
    assert made_deployment(job=applied(large)) is None
    assert made_deployment(raw=large) is None, "also where an older release has made its version"


def made_deployment(*deployments: Any, image: str = "app:2", **fields: Any) -> Any:
    raw = fields.pop("raw", spec(image))
    newest = version(2, spec=load_job_spec(raw), raw_spec=raw)
    values = {"job": applied(raw), "versions": [V1, newest], **fields}
    step = new_deployment(fleet(deployments=deployments, **values))
    if step is None:
        return None
    action = step.actions[0]
    assert isinstance(action, CreateDeployment)
    return action, step.urgency


DONE = deployment(1, "Completed")
FAILED = deployment(2, "Failed", reason="CanaryFailed")


def test_the_first_version_is_created_and_a_later_one_an_update() -> None:
    first, _ = made_deployment(versions=[V1], raw=spec("app:1"))
    assert (first.name, first.type, first.to_version) == ("app-v1", "Create", 1)
    update, urgency = made_deployment(DONE)
    assert (update.name, update.type, update.from_version) == ("app-v2", "Update", 1)
    assert urgency is Urgency.CREATE


def test_a_rollout_is_made_once() -> None:
    assert made_deployment(DONE, deployment(2)) is None


def test_a_version_that_is_no_longer_what_the_spec_says_gets_none() -> None:
    assert made_deployment(DONE, job=applied(spec("app:3"))) is None


def test_a_suspended_job_gets_none() -> None:
    assert made_deployment(DONE, job=applied({**spec("app:2"), "suspend": True})) is None


def test_the_job_s_pause_is_not_copied_into_the_deployment() -> None:
    made, _ = made_deployment(DONE, raw=spec("app:2", paused=True))
    assert made.paused is False
    assert "paused" not in made.rollout


def test_a_failed_update_is_followed_by_its_rollback_first_of_all() -> None:
    made, urgency = made_deployment(DONE, FAILED)
    assert (made.name, made.type) == ("app-v2-rollback", "Rollback")
    assert (made.from_version, made.to_version) == (2, 1)
    assert urgency is Urgency.REMOVE


def test_a_paused_rollout_s_rollback_begins_paused() -> None:
    made, _ = made_deployment(DONE, deployment(2, "Failed", paused=True))
    assert made.paused is True


def test_a_new_version_waits_for_an_open_rollback() -> None:
    back = deployment(3, name="app-v2-rollback", type="Rollback", to_version=1)
    raw = spec("app:3")
    newer = version(3, spec=load_job_spec(raw), raw_spec=raw)
    versions = [V1, version(2), newer]
    waiting = fleet(job=applied(raw), versions=versions, deployments=[DONE, FAILED, back])
    assert new_deployment(waiting) is None
    over = deployment(3, "Completed", name="app-v2-rollback", type="Rollback", to_version=1)
    ended = fleet(job=applied(raw), versions=versions, deployments=[DONE, FAILED, over])
    step = new_deployment(ended)
    assert step is not None
    assert step.key == "FleetDeployment/app-v3"


def test_settings_of_the_failed_rollout_are_those_of_its_rollback_but_not_its_health_check() -> (
    None
):
    resolved = settings(maxParallel=1).to_dict()
    failed = deployment(2, "Failed", status={"resolved": {"rollout": resolved}})
    made, _ = made_deployment(DONE, failed)
    assert "healthCheck" in resolved
    assert made.rollout == {k: v for k, v in resolved.items() if k != "healthCheck"}


def test_a_held_version_gets_no_rollout() -> None:
    raw = {**spec("app:2"), "meta": {"a": "b"}}
    again = version(3, spec=load_job_spec(raw), raw_spec=raw, workload_hash="w2")
    tried = version(2, spec=load_job_spec(spec("app:2")))
    back = deployment(3, "Completed", name="app-v2-rollback", type="Rollback", workload_hash="w1")
    view = fleet(job=applied(raw), versions=[V1, tried, again], deployments=[DONE, FAILED, back])
    assert new_deployment(view) is None
