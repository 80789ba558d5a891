"""Actions against an API server: what is sent, and what each answer means."""

from __future__ import annotations

from dataclasses import replace

import pytest

from unit.engine.support import Engine, FakeApi, claim, path_of
from wavegate.api.names import pod_name
from wavegate.domain.actions import (
    CreateDeployment,
    CreatePod,
    CreatePull,
    CreateVersion,
    DeletePod,
    DeleteRecord,
    SetStatus,
)
from wavegate.domain.observed import JobView
from wavegate.engine.outcomes import Done, Failed, LookAgain, Refused
from wavegate.kube.errors import Conflict, TooManyRequests

pytestmark = pytest.mark.looptime

NAME = pod_name("edge", "a")
POD = f"/api/v1/namespaces/web/pods/{NAME}"


@pytest.fixture(autouse=True)
async def _version(engine: Engine, job: JobView) -> None:
    engine.make_version(job)


ITS_POD = CreatePod(execution="edge-a-1", node="a", version=1, deployment="edge-v1")


async def test_a_claim_carries_owner_labels_and_identity(
    api: FakeApi, engine: Engine, job: JobView
):
    assert await engine.executor.execute(job, claim("a")) == Done()
    stored = api.objects[path_of("executions", "edge-a-1")]
    assert stored["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "wavegate.dev/v1alpha1",
            "kind": "FleetJob",
            "name": "edge",
            "uid": job.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    assert stored["metadata"]["labels"] == {
        "team": "red",
        "wavegate.dev/job": "edge",
        "wavegate.dev/version": "1",
        "wavegate.dev/deployment": "edge-v1",
    }
    assert stored["spec"] == {
        "jobId": job.uid,
        "jobName": "edge",
        "jobType": "container",
        "jobVersion": 1,
        "nodeName": "a",
        "nodeUid": "uid-of-a",
        "evalId": "e1",
        "rolloutWave": 1,
        "deploymentName": "edge-v1",
        "attempt": 1,
        "workloadHash": "h1:0",
    }
    assert engine.cache.execution_uid("web", "edge-a-1") == stored["metadata"]["uid"]


async def test_a_claim_repeated_after_it_succeeded_is_success(
    api: FakeApi, engine: Engine, job: JobView
):
    await engine.executor.execute(job, claim("a"))
    assert await engine.executor.execute(job, claim("a")) == Done()
    assert len([path for path in api.objects if "/executions/" in path]) == 1


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("another version", {"version": 2}),
        ("another node", {"node_uid": "uid-of-another"}),
        ("another deployment", {"deployment": "edge-v2"}),
        ("another attempt", {"attempt": 2}),
    ],
)
async def test_a_claim_of_ours_for_something_else_is_looked_at_again(
    engine: Engine, job: JobView, what: str, change: dict[str, object]
):
    await engine.executor.execute(job, claim("a"))
    other = replace(claim("a"), **change)
    assert isinstance(await engine.executor.execute(job, other), LookAgain), what


async def test_a_claim_that_has_ended_or_is_being_deleted_is_no_success(
    api: FakeApi, engine: Engine, job: JobView
):
    path = path_of("executions", "edge-a-1")
    await engine.executor.execute(job, claim("a"))
    there = api.objects[path]
    api.put(path, {**there, "status": {"observedState": {"stateType": "Failed"}}})
    assert isinstance(await engine.executor.execute(job, claim("a")), LookAgain)
    assert engine.cache.executions.get("web", "edge-a-1").terminal
    there["metadata"]["deletionTimestamp"] = "2023-11-14T22:15:00Z"
    api.put(path, {**there, "status": {}})
    assert isinstance(await engine.executor.execute(job, claim("a")), LookAgain)


async def test_the_name_of_a_job_that_is_gone_is_waited_for(
    api: FakeApi, engine: Engine, job: JobView
):
    await engine.executor.execute(replace(job, uid="uid-before"), claim("a"))
    outcome = await engine.executor.execute(job, claim("a"))
    assert isinstance(outcome, Refused)
    assert outcome.reason == "NameTaken"
    assert "Execution web/edge-a-1" in outcome.message


async def test_a_strangers_object_is_named_in_the_refusal(
    api: FakeApi, engine: Engine, job: JobView
):
    api.put(path_of("fleetdeployments", "edge-v1"), {"kind": "FleetDeployment", "spec": {}})
    action = CreateDeployment("edge-v1", "Create", 0, 1, {})
    outcome = await engine.executor.execute(job, action)
    assert isinstance(outcome, Refused)
    assert outcome.reason == "Stranger"
    assert "FleetDeployment web/edge-v1" in outcome.message


async def test_a_strangers_pod_is_named_with_its_controller(
    api: FakeApi, engine: Engine, job: JobView
):
    await engine.executor.execute(job, claim("a"))
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "shop-1", "uid": "u"}
    owners = [{**owner, "controller": True}]
    api.put(POD, {"kind": "Pod", "metadata": {"ownerReferences": owners}, "spec": {}})
    outcome = await engine.executor.execute(job, ITS_POD)
    assert isinstance(outcome, Refused)
    assert outcome.reason == "Stranger"
    assert f"Pod web/{NAME}" in outcome.message
    assert "ReplicaSet (apps/v1) shop-1" in outcome.message


async def test_an_execution_of_another_group_is_a_stranger_whatever_uid_it_claims(
    api: FakeApi, engine: Engine, job: JobView
):
    await engine.executor.execute(job, claim("a"))
    uid = engine.cache.execution_uid("web", "edge-a-1")
    owner = {"apiVersion": "work.example/v1", "kind": "Execution", "name": "edge-a-1", "uid": uid}
    metadata = {
        "labels": {"wavegate.dev/job": "edge"},
        "ownerReferences": [{**owner, "controller": True}],
    }
    api.put(POD, {"kind": "Pod", "metadata": metadata, "spec": {}})
    outcome = await engine.executor.execute(job, ITS_POD)
    assert isinstance(outcome, Refused)
    assert "Execution (work.example/v1) edge-a-1" in outcome.message


async def test_a_pod_is_owned_by_its_execution(api: FakeApi, engine: Engine, job: JobView):
    await engine.executor.execute(job, claim("a"))
    assert await engine.executor.execute(job, ITS_POD) == Done()
    (owner,) = api.objects[POD]["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("Execution", "edge-a-1")
    assert owner["uid"] == engine.cache.execution_uid("web", "edge-a-1")


async def test_a_pod_of_ours_that_has_lost_its_label_is_named_and_not_taken_for_made(
    api: FakeApi, engine: Engine, job: JobView
):
    await engine.executor.execute(job, claim("a"))
    await engine.executor.execute(job, ITS_POD)
    bare = api.objects[POD]
    api.put(POD, {**bare, "metadata": {**bare["metadata"], "labels": {}}})
    outcome = await engine.executor.execute(job, ITS_POD)
    assert isinstance(outcome, Refused)
    assert outcome.reason == "Stranger"
    assert "wavegate.dev/job=edge: put it back" in outcome.message


PULL = "/api/v1/namespaces/web/pods/edge-a-pull-v2"


def pull(uid: str = "uid-of-v2") -> CreatePull:
    labels = {"wavegate.dev/pull": "edge"}
    return CreatePull(
        version_name="edge-v2",
        version_uid=uid,
        node="a",
        manifest={
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "edge-a-pull-v2", "labels": labels},
            "spec": {"nodeName": "a", "containers": [{"name": "pull-0", "image": "a:1"}]},
        },
    )


@pytest.mark.row("Pre-pull")
async def test_a_pod_that_pulls_is_owned_by_its_version_and_known_at_once(
    api: FakeApi, engine: Engine, job: JobView
):
    assert await engine.executor.execute(job, pull()) == Done()
    (owner,) = api.objects[PULL]["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("JobVersion", "edge-v2", "uid-of-v2")
    assert owner["controller"]
    (known,) = engine.cache.pulls.of_job(job.key)
    assert (known.node, known.owner_uid) == ("a", "uid-of-v2")
    assert engine.cache.pods.of_job(job.key) == []


@pytest.mark.row("Pre-pull")
async def test_one_that_is_there_is_known_from_then_on_in_whatever_state(
    api: FakeApi, engine: Engine, job: JobView
):
    await engine.executor.execute(job, pull())
    known = engine.cache.pulls.get("web", "edge-a-pull-v2")
    assert known is not None
    there = api.objects[PULL]
    api.put(PULL, {**there, "status": {"phase": "Failed"}})
    engine.cache.pulls.discard("web", "edge-a-pull-v2")
    assert isinstance(await engine.executor.execute(job, pull()), LookAgain)
    assert engine.cache.pulls.get("web", "edge-a-pull-v2") is not None
    action = DeletePod("edge-a-pull-v2", known.uid, "1", "NoLongerPulls")
    assert isinstance(await engine.executor.execute(job, action), LookAgain), "it has changed"


@pytest.mark.row("Pre-pull")
async def test_one_of_a_former_version_of_the_name_is_waited_for(engine: Engine, job: JobView):
    await engine.executor.execute(job, pull("uid-before"))
    outcome = await engine.executor.execute(job, pull())
    assert isinstance(outcome, Refused)
    assert outcome.reason == "NameTaken"
    assert "former JobVersion edge-v2" in outcome.message


async def test_a_pod_is_rendered_of_its_version_when_it_is_written(
    api: FakeApi, engine: Engine, job: JobView
):
    await engine.executor.execute(job, claim("a"))
    await engine.executor.execute(job, ITS_POD)
    made = api.objects[POD]
    assert made["metadata"]["labels"] == {
        "wavegate.dev/job": "edge",
        "wavegate.dev/version": "1",
        "wavegate.dev/deployment": "edge-v1",
    }
    assert made["spec"]["containers"][0]["image"] == "a:1"


async def test_no_pod_is_made_of_a_version_that_is_not_known(
    api: FakeApi, engine: Engine, job: JobView
):
    await engine.executor.execute(job, claim("a"))
    outcome = await engine.executor.execute(job, replace(ITS_POD, version=2))
    assert outcome == LookAgain("version edge-v2 is gone")
    assert POD not in api.objects


async def test_no_pod_is_made_for_an_execution_that_is_not_known(
    api: FakeApi, engine: Engine, job: JobView
):
    assert isinstance(await engine.executor.execute(job, ITS_POD), LookAgain)
    assert not api.writes()


async def test_the_pod_of_an_execution_before_it_is_still_there(
    api: FakeApi, engine: Engine, job: JobView
):
    await engine.executor.execute(job, claim("a"))
    await engine.executor.execute(job, ITS_POD)
    await engine.executor.execute(job, claim("a", attempt=2))
    following = replace(ITS_POD, execution="edge-a-2")
    assert isinstance(await engine.executor.execute(job, following), LookAgain)


async def test_a_pod_of_an_execution_that_is_gone_is_waited_for(
    api: FakeApi, engine: Engine, job: JobView
):
    await engine.executor.execute(job, claim("a"))
    await engine.executor.execute(job, ITS_POD)
    await engine.executor.execute(job, claim("a", attempt=2))
    gone = engine.cache.execution_uid("web", "edge-a-1")
    engine.cache.forget("Execution", "web", "edge-a-1", gone)
    outcome = await engine.executor.execute(job, replace(ITS_POD, execution="edge-a-2"))
    assert isinstance(outcome, Refused)
    assert outcome.reason == "NameTaken"


async def test_a_delete_names_uid_and_version_and_keeps_the_pods_grace(
    api: FakeApi, engine: Engine, job: JobView
):
    await engine.executor.execute(job, claim("a"))
    await engine.executor.execute(job, ITS_POD)
    pod = engine.cache.pods.get("web", NAME)
    action = DeletePod(pod.name, pod.uid, pod.resource_version, "replaced")
    assert await engine.executor.execute(job, action) == Done()
    (request,) = api.writes("/pods/")
    assert request.body == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": pod.uid, "resourceVersion": pod.resource_version},
    }
    assert engine.cache.pods.get("web", NAME).deletion is not None


async def test_a_late_delete_of_a_former_leader_is_refused(
    api: FakeApi, engine: Engine, job: JobView
):
    await engine.executor.execute(job, claim("a"))
    await engine.executor.execute(job, ITS_POD)
    pod = engine.cache.pods.get("web", NAME)
    api.put(POD, api.objects[POD])
    action = DeletePod(pod.name, pod.uid, pod.resource_version, "replaced")
    assert isinstance(await engine.executor.execute(job, action), LookAgain)
    assert "deletionTimestamp" not in api.objects[POD]["metadata"]
    found = engine.cache.pods.get("web", NAME).resource_version
    assert found == api.objects[POD]["metadata"]["resourceVersion"], "what it met is known"


async def test_what_a_refused_write_met_is_read_and_one_that_is_gone_forgotten(
    api: FakeApi, engine: Engine, job: JobView
):
    await engine.executor.execute(job, claim("a"))
    view, path = engine.cache.executions.get("web", "edge-a-1"), path_of("executions", "edge-a-1")
    changed = api.put(path, api.objects[path])["metadata"]["resourceVersion"]
    stale = SetStatus("Execution", view.name, view.uid, view.resource_version, {})
    assert isinstance(await engine.executor.execute(job, stale), LookAgain)
    assert engine.cache.executions.get("web", "edge-a-1").resource_version == changed
    del api.objects[path]
    api.fail("PUT", "edge-a-1", Conflict(409))
    assert isinstance(await engine.executor.execute(job, stale), LookAgain)
    assert engine.cache.executions.get("web", "edge-a-1") is None


async def test_what_is_gone_already_is_deleted(api: FakeApi, engine: Engine, job: JobView):
    await engine.executor.execute(job, claim("a"))
    view = engine.cache.executions.get("web", "edge-a-1")
    del api.objects[path_of("executions", "edge-a-1")]
    action = DeleteRecord("Execution", view.name, view.uid, view.resource_version)
    assert await engine.executor.execute(job, action) == Done()
    assert engine.cache.executions.get("web", "edge-a-1") is None


async def test_a_429_slows_everything_down(api: FakeApi, engine: Engine, job: JobView):
    api.fail("POST", "executions", TooManyRequests(429, retry_after=9.0))
    assert isinstance(await engine.executor.execute(job, claim("a")), Failed)
    await engine.executor.execute(job, claim("b"))
    assert api.requests[-1].at == pytest.approx(9, abs=0.1)


async def test_a_version_keeps_the_jobs_status_of_its_time(
    api: FakeApi, engine: Engine, job: JobView
):
    action = CreateVersion(
        "edge-v1", 1, job.raw_spec, "h1:0", "", "1", {"state": {"stateType": "Pending"}}
    )
    assert await engine.executor.execute(job, action) == Done()
    stored = api.objects[path_of("jobversions", "edge-v1")]
    assert stored["spec"] == {
        "jobId": job.uid,
        "version": 1,
        "jobSpec": job.raw_spec,
        "workloadHash": "h1:0",
        "driver": {"revision": "1"},
    }
    assert stored["status"] == {"job": {"state": {"stateType": "Pending"}}}
    assert await engine.executor.execute(job, action) == Done()
    assert len(api.writes("/status")) == 1
