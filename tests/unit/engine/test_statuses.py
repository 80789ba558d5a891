"""Status writes: guarded, paced, on proof."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from unit.engine.support import Engine, FakeApi, claim, now, path_of
from wavegate.api.names import API_VERSION
from wavegate.domain.actions import Note, Proof, SetStatus, Verdict
from wavegate.domain.observed import JobView
from wavegate.engine.outcomes import Done, Failed, LookAgain, TooSoon
from wavegate.engine.pace import PACE, TOGETHER
from wavegate.kube.errors import ApiError, ServerError, Uncertain

pytestmark = pytest.mark.looptime

POD = "/api/v1/namespaces/web/pods/edge-a"


def status_of(engine: Engine, name: str = "edge", **state: Any) -> SetStatus:
    job = engine.cache.job(("web", name))
    return SetStatus("FleetJob", name, job.uid, job.resource_version, state)


async def execution_status(engine: Engine, job: JobView, proof: Proof | None) -> SetStatus:
    await engine.executor.execute(job, claim("a"))
    view = engine.cache.executions.get("web", "edge-a-1")
    state = {"observedState": {"stateType": "Failed"}}
    return SetStatus("Execution", view.name, view.uid, view.resource_version, state, proof)


async def test_a_status_replaces_nothing_but_the_status(api: FakeApi, engine: Engine):
    job = engine.make_job()
    spec = api.objects[path_of("fleetjobs", "edge")]["spec"]
    assert await engine.executor.execute(job, status_of(engine, revision=1)) == Done()
    stored = api.objects[path_of("fleetjobs", "edge")]
    assert stored["status"] == {"revision": 1}
    assert stored["spec"] == spec
    assert engine.cache.job(job.key).status == {"revision": 1}
    (request,) = api.writes()
    assert request.path.endswith("/fleetjobs/edge/status")
    assert set(request.body["metadata"]) == {"name", "namespace", "uid", "resourceVersion"}


async def test_a_late_status_of_a_former_leader_is_refused(api: FakeApi, engine: Engine):
    job = engine.make_job()
    late = status_of(engine, revision=1)
    path = path_of("fleetjobs", "edge")
    api.put(path, {**api.objects[path], "status": {"revision": 9}})
    assert isinstance(await engine.executor.execute(job, late), LookAgain)
    assert api.objects[path]["status"] == {"revision": 9}


async def test_a_status_for_an_object_made_anew_is_refused(api: FakeApi, engine: Engine):
    job = engine.make_job()
    stale = replace(status_of(engine, revision=1), uid="uid-of-the-former")
    assert isinstance(await engine.executor.execute(job, stale), LookAgain)


async def test_a_jobs_status_is_written_at_most_once_a_second(api: FakeApi, engine: Engine):
    job = engine.make_job()
    await engine.executor.execute(job, status_of(engine, revision=1))
    outcome = await engine.executor.execute(job, status_of(engine, revision=2))
    assert outcome == TooSoon(pytest.approx(now() + 1.0, abs=0.01))
    await asyncio.sleep(1.0)
    assert await engine.executor.execute(job, status_of(engine, revision=2)) == Done()
    assert len(api.writes()) == 2


async def test_a_status_that_ends_something_is_written_at_once_but_only_the_first(
    api: FakeApi, engine: Engine
):
    job = engine.make_job()
    await engine.executor.execute(job, status_of(engine, revision=1))
    ended = {"state": {"stateType": "RolloutFailed"}}
    assert await engine.executor.execute(job, status_of(engine, **ended)) == Done()
    again = status_of(engine, revision=3, **ended)
    assert isinstance(await engine.executor.execute(job, again), TooSoon)


async def test_one_jobs_pace_is_not_anothers(engine: Engine):
    first, second = engine.make_job("edge"), engine.make_job("other")
    assert await engine.executor.execute(first, status_of(engine, "edge", revision=1)) == Done()
    assert await engine.executor.execute(second, status_of(engine, "other", revision=1)) == Done()


def going_on(engine: Engine, name: str, reason: str = "Progressing", nodes: int = 1) -> SetStatus:
    state = {"stateType": "InProgress", "details": {"reason": reason}}
    return status_of(engine, name, state=state, nodes={"updated": nodes})


async def hundreds(engine: Engine) -> dict[str, JobView]:
    """Three hundred jobs, of each of which it was just told how far it has come."""
    jobs = {f"job-{number}": engine.make_job(f"job-{number}") for number in range(300)}
    for name, job in jobs.items():
        assert await engine.executor.execute(job, going_on(engine, name)) == Done()
    return jobs


async def test_of_hundreds_of_jobs_each_tells_less_often_how_far_it_has_come(engine: Engine):
    jobs = await hundreds(engine)
    further = going_on(engine, "job-299", nodes=2)
    outcome = await engine.executor.execute(jobs["job-299"], further)
    assert outcome == TooSoon(pytest.approx(now() + 300 / TOGETHER, abs=0.01))


async def test_that_a_job_has_another_reason_is_told_after_a_second_however_many_there_are(
    engine: Engine,
):
    jobs = await hundreds(engine)
    waits = going_on(engine, "job-299", "MetricsUnreadable")
    outcome = await engine.executor.execute(jobs["job-299"], waits)
    assert outcome == TooSoon(pytest.approx(now() + PACE, abs=0.01))
    await asyncio.sleep(PACE)
    assert await engine.executor.execute(jobs["job-299"], waits) == Done()


async def test_of_a_deployment_likewise(api: FakeApi, engine: Engine):
    jobs = await hundreds(engine)
    path = "/apis/wavegate.dev/v1alpha1/namespaces/web/fleetdeployments/edge-v1"

    def told(**status: Any) -> SetStatus:
        its = api.objects[path]["metadata"]
        return SetStatus(
            "FleetDeployment", "edge-v1", its["uid"], its["resourceVersion"], {**status}
        )

    api.put(path, {"kind": "FleetDeployment", "spec": {"jobName": "edge"}})
    job, going = jobs["job-0"], {"state": "InProgress", "reason": "Progressing"}
    assert await engine.executor.execute(job, told(**going)) == Done()
    outcome = await engine.executor.execute(job, told(**going, updatedNodes=2))
    assert outcome == TooSoon(pytest.approx(now() + 301 / TOGETHER, abs=0.01))
    outcome = await engine.executor.execute(job, told(state="InProgress", reason="Paused"))
    assert outcome == TooSoon(pytest.approx(now() + PACE, abs=0.01))
    assert await engine.executor.execute(job, told(state="Completed", reason="Completed")) == Done()


async def test_jobs_that_were_told_of_long_ago_do_not_slow_down_the_others(engine: Engine):
    jobs = await hundreds(engine)
    await asyncio.sleep(60)
    job = jobs["job-0"]
    assert await engine.executor.execute(job, going_on(engine, "job-0", nodes=2)) == Done()
    outcome = await engine.executor.execute(job, going_on(engine, "job-0", nodes=3))
    assert outcome == TooSoon(pytest.approx(now() + PACE, abs=0.01))


async def test_executions_have_no_pace(engine: Engine):
    job = engine.make_job()
    action = await execution_status(engine, job, None)
    assert await engine.executor.execute(job, action) == Done()
    view = engine.cache.executions.get("web", "edge-a-1")
    again = replace(action, resource_version=view.resource_version)
    assert await engine.executor.execute(job, again) == Done()


async def test_a_verdict_on_a_pod_that_changed_is_dropped_and_the_pod_is_known(
    api: FakeApi, engine: Engine
):
    job = engine.make_job()
    pod = api.put(POD, {"kind": "Pod", "metadata": {"labels": {"wavegate.dev/job": "edge"}}})
    proof = Proof("edge-a", pod["metadata"]["uid"], pod["metadata"]["resourceVersion"])
    action = await execution_status(engine, job, proof)
    api.put(POD, {**api.objects[POD], "status": {"phase": "Running"}})
    assert isinstance(await engine.executor.execute(job, action), LookAgain)
    assert engine.cache.pods.get("web", "edge-a").phase == "Running"
    assert not api.writes("/status")


async def test_a_verdict_on_a_pod_as_it_was_seen_is_written(api: FakeApi, engine: Engine):
    job = engine.make_job()
    pod = api.put(POD, {"kind": "Pod", "metadata": {}})
    proof = Proof("edge-a", pod["metadata"]["uid"], pod["metadata"]["resourceVersion"])
    action = await execution_status(engine, job, proof)
    assert await engine.executor.execute(job, action) == Done()


@pytest.mark.parametrize(("whose", "written"), [("", True), ("its", False), ("other", True)])
async def test_a_verdict_that_rests_on_no_pod_needs_there_to_be_none_of_its_own(
    api: FakeApi, engine: Engine, whose: str, written: bool
):
    job = engine.make_job()
    action = await execution_status(engine, job, Proof("edge-a", "", ""))
    if whose:
        uid = action.uid if whose == "its" else "uid-of-another"
        owner = {"apiVersion": API_VERSION, "kind": "Execution", "name": "edge-a-1", "uid": uid}
        owner["controller"] = True
        api.put(POD, {"kind": "Pod", "metadata": {"ownerReferences": [owner]}})
    outcome = await engine.executor.execute(job, action)
    assert (outcome == Done()) is written


async def test_a_verdict_on_a_pod_that_is_gone_is_dropped(api: FakeApi, engine: Engine):
    job = engine.make_job()
    pod = api.put(POD, {"kind": "Pod", "metadata": {"labels": {"wavegate.dev/job": "edge"}}})
    engine.cache.assume("Pod", pod)
    proof = Proof("edge-a", pod["metadata"]["uid"], pod["metadata"]["resourceVersion"])
    action = await execution_status(engine, job, proof)
    del api.objects[POD]
    assert isinstance(await engine.executor.execute(job, action), LookAgain)
    assert engine.cache.pods.get("web", "edge-a") is None


async def test_a_version_is_not_stamped_stable_once_its_rollout_has_changed(
    api: FakeApi, engine: Engine
):
    job = engine.make_job()
    path = "/apis/wavegate.dev/v1alpha1/namespaces/web/fleetdeployments/edge-v1"
    seen = api.put(path, {"kind": "FleetDeployment", "spec": {"jobName": "edge"}})["metadata"]
    proof = Proof("edge-v1", seen["uid"], seen["resourceVersion"], kind="FleetDeployment")
    action = await execution_status(engine, job, proof)
    canceled = {"jobName": "edge", "canceled": True}
    api.put(path, {**api.objects[path], "spec": canceled})
    assert isinstance(await engine.executor.execute(job, action), LookAgain)
    known = engine.cache.deployments.get("web", "edge-v1")
    assert known is not None
    assert known.canceled, "and the next pass sees it"


@pytest.mark.row("Blame")
async def test_a_verdict_is_counted_once_its_write_has_succeeded(api: FakeApi, engine: Engine):
    job = engine.make_job()
    note = Note("ExecutionFailed", "bad", counted=Verdict("failed", "ErrorRateExceeded"))
    action = replace(await execution_status(engine, job, None), notes=(note,))
    counted = 'wavegate_verdicts_total{outcome="failed",reason="ErrorRateExceeded"}'
    api.fail("PUT", "/executions", ServerError(503))
    assert not isinstance(await engine.executor.execute(job, action), Done)
    assert f"{counted} 0.0" in engine.metrics.render().decode()
    assert await engine.executor.execute(job, action) == Done()
    assert f"{counted} 1.0" in engine.metrics.render().decode()


@pytest.mark.parametrize("error", [Uncertain("no answer in time"), ServerError(504)], ids=str)
async def test_a_write_that_was_applied_without_an_answer_is_told_all_the_same(
    api: FakeApi, engine: Engine, error: ApiError
):
    """The pass that follows sees it on record, and would never tell of it."""
    job = engine.make_job()
    teller = asyncio.create_task(engine.events.run())
    action = replace(status_of(engine, revision=1), notes=(Note("Running", "v1 runs"),))
    api.fail("PUT", "/fleetjobs", error, applied=True)
    assert await engine.executor.execute(job, action) == Done()
    assert engine.cache.job(job.key).status == {"revision": 1}
    await asyncio.sleep(1)
    assert [event.body["note"] for event in api.writes("/events")] == ["v1 runs"]
    teller.cancel()


async def test_a_write_that_nobody_can_find_is_told_when_it_has_succeeded(
    api: FakeApi, engine: Engine
):
    """It was not applied, it was and nobody answers, or what is there is somebody else's."""
    job = engine.make_job()
    teller = asyncio.create_task(engine.events.run())
    action = replace(status_of(engine, revision=1), notes=(Note("Running", "v1 runs"),))
    path = path_of("fleetjobs", "edge")
    api.fail("PUT", "/fleetjobs", Uncertain("no answer in time"))
    assert isinstance(await engine.executor.execute(job, action), Failed)
    api.fail("PUT", "/fleetjobs", Uncertain("no answer in time"), applied=True)
    api.fail("GET", "/fleetjobs", Uncertain("no answer in time"))
    assert isinstance(await engine.executor.execute(job, action), Failed)
    api.put(path, {**api.objects[path], "metadata": {"uid": "another", "namespace": "web"}})
    api.fail("PUT", "/fleetjobs", Uncertain("no answer in time"))
    assert isinstance(await engine.executor.execute(job, action), Failed)
    await asyncio.sleep(1)
    assert not api.writes("/events")
    teller.cancel()
