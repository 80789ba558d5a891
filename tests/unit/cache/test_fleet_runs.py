"""FleetJobs as runs see them: which are asked, what a run has made, and where the run is then."""

from __future__ import annotations

from typing import Any

import pytest

from unit.cache.documents import JOB_UID, Raw, job, meta, owned
from wavegate.cache.cluster import ClusterCache
from wavegate.cache.fleet_runs import FleetSide
from wavegate.cache.runs import RunCache
from wavegate.domain.observed import RunStands

ASKED = ("shop", "FleetJob/feed")
QUERY: Raw = {"type": "query", "config": {"command": ["look"]}}


class Both:
    """The caches of both halves, and who was woken."""

    def __init__(self) -> None:
        self.woken: set[tuple[str, str]] = set()
        self.fleet = ClusterCache(lambda _: None, clock=lambda: 0.0)
        self.cache = RunCache(
            self.woken.add, clock=lambda: 0.0, now=lambda: 0.0, fleet=FleetSide(self.fleet)
        )
        self.cache.wake_fleet = self.woken.add
        self._version = 1

    def _next(self) -> int:
        self._version += 1
        return self._version

    def job(self, name: str = "feed", run_uid: str = "", **spec: Any) -> None:
        document = job(self._next(), name=name, uid=f"{name}-job", **QUERY | spec)
        if name == "feed":
            document["metadata"]["uid"] = JOB_UID
        document["metadata"]["generation"] = self._version
        if run_uid:
            document["metadata"]["ownerReferences"] = owned("JobRun", name, run_uid)
            document["metadata"]["annotations"] = {"wavegate.dev/attempt": "2"}
        self.fleet.apply_event("FleetJob", "MODIFIED", document)

    def run(self, name: str = "one", **status: Any) -> None:
        body = {
            "metadata": meta(name, self._next()),
            "spec": {"jobKind": "FleetJob", "jobName": "feed"},
            "status": {"phase": "Executing", "reason": "Executing", "version": 3, **status},
        }
        self.cache.apply_event("JobRun", "MODIFIED", body)

    def execution(self, node: str, attempt: int, state: str, deployment: str = "one-v1") -> None:
        name = f"one-{node}-{attempt}"
        spec = {
            "jobId": "one-job",
            "jobName": "one",
            "nodeName": node,
            "attempt": attempt,
            "deploymentName": deployment,
        }
        body = {
            "metadata": meta(
                name, self._next(), ownerReferences=owned("FleetJob", "one", "one-job")
            ),
            "spec": spec,
            "status": {"observedState": {"stateType": state}},
        }
        self.fleet.apply_event("Execution", "MODIFIED", body)

    def node(self, name: str, ready: str = "True") -> None:
        condition = {"type": "Ready", "status": ready}
        body = {"metadata": {**meta(name, self._next()), "namespace": ""}, "spec": {}}
        body["status"] = {"conditions": [condition]}
        self.fleet.apply_event("Node", "MODIFIED", body)


@pytest.fixture
def both() -> Both:
    return Both()


def test_a_job_with_runs_or_a_trigger_is_asked_and_no_other(both: Both) -> None:
    both.job()
    found = both.cache.job(ASKED)
    assert found is not None
    assert (found.rolls_out, found.spec) == (True, None)
    assert both.cache.job_keys() == set()
    for section in ("runs", "trigger"):
        both.job(**{section: {}})
        found = both.cache.job(ASKED)
        assert found is not None
        assert found.spec is not None
        assert not found.rolls_out
        assert found.spec.runs.limits.max_concurrency == 1
        assert found.spec.runs.retry.max_attempts == 1
        assert both.cache.job_keys() == {ASKED}


def test_one_of_a_name_is_not_the_other_kinds(both: Both) -> None:
    both.job(runs={})
    assert both.cache.job(("shop", "feed")) is None


@pytest.mark.parametrize(
    ("kind", "name"),
    [("HTTPJob", "FleetJob/feed"), ("FleetJob", "x/feed"), ("Other", "feed"), ("HTTPJob", "/feed")],
)
def test_a_name_with_a_slash_names_no_job(both: Both, kind: str, name: str) -> None:
    both.job(runs={})
    body = {
        "metadata": meta("one", 1000),
        "spec": {"jobKind": kind, "jobName": name},
        "status": {"phase": "Queued"},
    }
    both.cache.apply_event("JobRun", "ADDED", body)
    run = both.cache.runs.get("shop", "one")
    assert run is not None
    assert run.job_key != ASKED
    assert both.cache.job(run.job_key) is None


def test_what_a_run_has_made_is_asked_by_nobody(both: Both) -> None:
    both.job("one", run_uid="one-uid", runs={})
    found = both.cache.job(("shop", "FleetJob/one"))
    assert found is not None
    assert found.rolls_out
    assert both.cache.job_keys() == set()


def test_an_expression_that_is_none_is_said_where_the_job_says_what_is_wrong(both: Both) -> None:
    both.job(trigger={"schedule": {"cron": "61 * * * *"}})
    view = both.fleet.job(("shop", "feed"))
    assert view is not None
    assert view.spec is None
    assert "spec.trigger.schedule.cron" in view.invalid


@pytest.mark.parametrize(
    ("status", "stands"),
    [
        ({}, "Executes"),
        ({"reason": "TemplateRefused"}, "Executes"),
        ({"reason": "Canceling"}, "Stops"),
        ({"reason": "Replacing"}, "Stops"),
        ({"phase": "Queued", "reason": "RetryBackoff"}, "Waits"),
        ({"phase": "Canceled", "reason": "Canceled"}, "Stops"),
        ({"phase": "Completed"}, "Ended"),
        ({"phase": "Failed"}, "Ended"),
    ],
)
def test_where_the_run_is_that_has_made_a_job(both: Both, status: Raw, stands: RunStands) -> None:
    both.run(**status)
    both.job("one", run_uid="one-uid")
    made = both.fleet.job(("shop", "one"))
    assert made is not None
    assert both.cache.run_stands(made) == stands


def test_without_its_run_or_of_another_run_of_the_name_it_stops(both: Both) -> None:
    both.job("one", run_uid="one-uid")
    made = both.fleet.job(("shop", "one"))
    assert made is not None
    assert both.cache.run_stands(made) == "Stops"
    both.run()
    both.job("one", run_uid="former")
    former = both.fleet.job(("shop", "one"))
    assert former is not None
    assert both.cache.run_stands(former) == "Stops"


def test_a_run_sees_what_it_has_made_and_what_is_at_work_on_nodes_that_are_there(
    both: Both,
) -> None:
    both.run(attempt=2)
    both.job("one", run_uid="one-uid")
    for name, ready in (("a", "True"), ("b", "False")):
        both.node(name, ready)
    for name in ("a", "b", "gone"):
        both.execution(name, 1, "Running")
    both.execution("c", 1, "Failed")
    both.execution("c", 2, "Completed")
    found = both.cache.observed(ASKED, identity="me", slots=1, tidy=False)
    assert found is not None
    made = found.passes["one-uid"]
    assert (made.is_own, made.attempt, made.working) == (True, 2, 1)
    assert {each.name for each in made.executions} == {
        "one-a-1",
        "one-b-1",
        "one-gone-1",
        "one-c-2",
    }


def test_of_a_further_attempt_only_its_own_executions_count(both: Both) -> None:
    both.run(attempt=3)
    both.job("one", run_uid="one-uid")
    both.execution("a", 1, "Completed")
    both.execution("a", 2, "Failed", "one-retry-3")
    found = both.cache.observed(ASKED, identity="me", slots=1, tidy=False)
    assert found is not None
    assert [each.name for each in found.passes["one-uid"].executions] == ["one-a-2"]


@pytest.mark.parametrize(("owner", "going"), [("", False), ("former", True)])
def test_a_job_of_its_name_may_be_anothers(both: Both, owner: str, going: bool) -> None:
    both.run()
    both.job("one", run_uid=owner)
    found = both.cache.observed(ASKED, identity="me", slots=1, tidy=False)
    assert found is not None
    made = found.passes["one-uid"]
    assert (made.is_own, made.is_going) == (False, going)


def test_a_run_that_is_deleted_keeps_its_place_until_nothing_of_it_is_at_work(both: Both) -> None:
    """And is remembered no longer, whatever has become of its job."""
    both.job(runs={})
    both.run()
    both.job("one", run_uid="one-uid")
    both.node("a")
    both.execution("a", 1, "Running")
    both.cache.apply_event("JobRun", "DELETED", {"metadata": meta("one", both._next())})

    def leaving() -> list[str]:
        found = both.cache.observed(ASKED, identity="me", slots=1, tidy=False)
        return [run.name for run in found.leaving] if found is not None else []

    assert leaving() == ["one"]
    assert list(both.cache.fleet_changed(("shop", "one"))) == [ASKED]
    assert list(both.cache.fleet_changed(("shop", "other"))) == []
    both.fleet.apply_event("FleetJob", "DELETED", {"metadata": meta("feed", both._next())})
    both.execution("a", 1, "Failed")
    assert leaving() == []
    assert list(both.cache.fleet_changed(("shop", "one"))) == [ASKED], "its place is free"
    assert list(both.cache.fleet_changed(("shop", "one"))) == []


def test_a_run_of_which_nothing_is_at_work_leaves_no_place_behind(both: Both) -> None:
    both.job(runs={})
    both.run()
    both.cache.apply_event("JobRun", "DELETED", {"metadata": meta("one", both._next())})
    assert list(both.cache.fleet_changed(("shop", "one"))) == []


def test_versions_by_which_runs_execute_are_known_to_the_fleet(both: Both) -> None:
    both.run()
    assert both.cache.asked_versions(("shop", "feed")) == {3}
    both.run(phase="Completed")
    assert both.cache.asked_versions(("shop", "feed")) == frozenset()


def test_only_those_are_looked_at_to_whom_a_change_of_the_fleet_may_matter(both: Both) -> None:
    key = ("shop", "feed")
    both.job()
    assert list(both.cache.fleet_changed(key)) == []
    both.job(runs={})
    assert list(both.cache.fleet_changed(key)) == [ASKED]
    both.job("one", run_uid="one-uid")
    assert list(both.cache.fleet_changed(("shop", "one"))) == []
    both.run()
    assert list(both.cache.fleet_changed(("shop", "one"))) == [ASKED]
    assert ("shop", "one") in both.woken, "the fleet looks at it when its run has changed"


def test_jobs_that_depend_on_one_are_woken_by_it_and_know_it(both: Both) -> None:
    gate = {"dependsOn": [{"jobKind": "FleetJob", "jobName": "feed"}]}
    http = {"http": {"url": "http://echo.example/"}, "trigger": gate}
    body = {"metadata": meta("call", 1000), "spec": http, "status": {}}
    both.cache.apply_event("HTTPJob", "ADDED", body)
    both.job()
    found = both.cache.observed(("shop", "call"), identity="me", slots=1, tidy=False)
    assert found is not None
    assert found.upstreams["FleetJob/feed"].rolls_out
    both.job(runs={})
    assert ("shop", "call") in both.cache.fleet_changed(("shop", "feed"))
    found = both.cache.observed(("shop", "call"), identity="me", slots=1, tidy=False)
    assert found is not None
    upstream = found.upstreams["FleetJob/feed"]
    assert (upstream.exists, upstream.rolls_out, upstream.latest) == (True, False, None)


def test_of_a_large_config_only_a_hash_is_remembered() -> None:
    def key(text: str, **spec: Any) -> str:
        both = Both()
        both.job(runs={}, config={"command": [text * 200_000]}, **spec)
        seen = FleetSide(both.fleet).job(ASKED)
        assert seen is not None
        return seen.version_key

    assert len(key("x")) < 64
    assert key("x") == key("x", suspend=True) != key("y")
