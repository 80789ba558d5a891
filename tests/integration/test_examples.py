"""Every example is taken by the real API server, and the operator acts on it as it says.

Simulated nodes with the labels that the example's selector asks for; what a user sees shortly after
``kubectl apply`` is asserted: a version, an accepted rollout that takes nodes, and no complaint.
Jobs that are HTTP calls reach an endpoint of the test's own, in the place of the example's.
"""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

import wavelab
from integration.conftest import NAMESPACE, Api
from support import shared
from support.answering import HOST, Endpoint, Received, Reply
from support.examples import ROOT, Example, example_files, shown_in_readme, shown_on_pages
from support.operator_process import OperatorProcess
from support.receiver import receiving
from support.secrets import allow_secrets
from support.space import Space

pytestmark = pytest.mark.cluster

EXAMPLES = example_files()
JOBS = {job["metadata"]["name"]: job for example in EXAMPLES for job in example.jobs}
ON_NODES = [each for each in EXAMPLES if not each.of("HTTPJob")]
CALLING = {each.source: each for each in EXAMPLES if each.of("HTTPJob")}
SHOWN = [*EXAMPLES, *shown_in_readme(), *shown_on_pages()]
STRICT = "fieldValidation=Strict&fieldManager=example"


def test_there_are_examples_and_the_readme_shows_a_job() -> None:
    assert {"pipeline.yaml", "container.yaml"} <= {each.source for each in EXAMPLES}
    assert [job["metadata"]["name"] for each in shown_in_readme() for job in each.jobs]


@pytest.mark.parametrize("example", SHOWN, ids=lambda each: each.source)
def test_the_server_takes_it_with_strict_validation(example: Example, api: Api) -> None:
    for each in example.objects:
        own = {**each, "metadata": {**each["metadata"], "namespace": NAMESPACE}}
        code, answer = api.create(own, dry=True)
        assert code == 201, answer.get("message")
        assert _lost(each["spec"], answer["spec"], "spec") == []


def _lost(given: Any, stored: Any, path: str) -> list[str]:
    """Paths whose value the server does not keep; what it adds are defaults."""
    if isinstance(given, dict) and isinstance(stored, dict):
        return [
            lost
            for key, value in given.items()
            for lost in _lost(value, stored.get(key), f"{path}.{key}")
        ]
    return [] if given == stored else [path]


@pytest.fixture
def matching_nodes(example: Example, cluster: wavelab.Cluster) -> Iterator[list[str]]:
    """Three simulated nodes with the labels that the example's jobs, or those named, select by."""
    labels: dict[str, str] = {}
    for job in [*example.jobs, *(job for job in JOBS.values() if _names(example, job))]:
        canaries = job["spec"].get("rollout", {}).get("canarySelector", {})
        for selector in (job["spec"].get("selector", {}), canaries):
            labels |= selector.get("matchLabels", {})
    names = [f"example-{shared.worker()}-{number}" for number in range(3)]
    cluster.add_simulated(names, labels)
    yield names
    for name in names:
        cluster.remove_node(name)


@pytest.mark.parametrize("example", ON_NODES, ids=lambda each: each.source)
def test_it_is_rolled_out_and_nothing_is_wrong_with_it(
    example: Example, matching_nodes: list[str], space: Space, operator: OperatorProcess
) -> None:
    acted_on = [job for job in JOBS.values() if job not in example.jobs and _names(example, job)]
    for job in acted_on:
        at_once = {**job["spec"], "rollout": {"strategy": "Immediate"}}
        _apply(space, {**job, "spec": at_once})
        name = job["metadata"]["name"]
        space.wait("the job is there to be acted on", lambda n=name: _completed(space, n))
    for each in example.objects:
        _apply(space, each)
    for each in example.objects:
        name = each["metadata"]["name"]
        if example.needs and each["kind"] == "FleetJob":
            space.wait("what it needs is named", lambda n=name: _asks_for(space, n, example.needs))
            continue
        if each["spec"].get("runs") or each["spec"].get("trigger"):
            _is_asked(space, name)
            continue
        rollout = f"{name}-v1" if each["kind"] == "FleetJob" else name
        space.wait("its rollout goes on", lambda n=rollout: _goes_on(space, n))
        if each["kind"] == "FleetJob":
            space.wait("it is on its nodes", lambda n=name: _is_placed(space, n))
            assert space.get("JobVersion", f"{name}-v1"), space.story()
            assert not space.condition(name, "Stalled"), space.condition(name, "Stalled")
    for job in [*acted_on, *example.jobs]:
        space.delete("FleetJob", job["metadata"]["name"])
    space.wait("nothing is left of it", lambda: not space.list("Pod"))


def _names(example: Example, job: dict[str, Any]) -> bool:
    """Whether a deployment of the example acts on this job of another one."""
    return any(each["spec"].get("jobName") == job["metadata"]["name"] for each in example.objects)


def _apply(space: Space, each: dict[str, Any]) -> None:
    path = f"{space.path(each['kind'], each['metadata']['name'])}?{STRICT}"
    space.client.request("PATCH", path, each, content="application/apply-patch+yaml")


def _is_asked(space: Space, name: str) -> None:
    """It rolls nothing out, and a run of it is on its nodes."""
    space.wait("it can be asked", lambda: space.condition(name).get("reason") == "AskedOnly")
    run = {
        "apiVersion": "wavegate.dev/v1alpha1",
        "kind": "JobRun",
        "metadata": {"name": f"{name}-now"},
        "spec": {"jobKind": "FleetJob", "jobName": name},
    }
    _apply(space, run)
    space.wait("a run of it is on its nodes", lambda: _is_placed(space, f"{name}-now"))
    space.delete("JobRun", f"{name}-now")
    assert not space.condition(name, "Stalled"), space.condition(name, "Stalled")


def _goes_on(space: Space, deployment: str) -> bool:
    """Whether a deployment is carried out; AssertionError where it was refused or has failed."""
    state = space.deployment(deployment).get("state")
    assert state not in ("Failed", "Canceled"), space.story()
    return state in ("InProgress", "Completed")


def _completed(space: Space, job: str) -> bool:
    return space.deployment(f"{job}-v1").get("state") == "Completed"


def _is_placed(space: Space, job: str) -> bool:
    """Whether the first version has claimed nodes and a pod is there."""
    return bool(space.executions(job, 1)) and bool(space.list("Pod"))


def _asks_for(space: Space, job: str, needs: tuple[str, ...]) -> bool:
    """Whether the job is stalled and names what it needs."""
    said = str(space.condition(job, "Stalled").get("message", ""))
    return all(need in said for need in needs)


def test_each_example_that_calls_has_a_test() -> None:
    tested = ("async", "batch", "chain", "nightly", "pool", "retry", "webhook")
    assert set(CALLING) == {f"httpjob-{name}.yaml" for name in tested}


def test_the_nightly_one_has_its_next_tick_and_runs_begin_in_its_window(
    space: Space, operator: OperatorProcess, endpoint: Endpoint
) -> None:
    (job,) = CALLING["httpjob-nightly.yaml"].objects
    name = job["metadata"]["name"]
    _apply(space, _calling(job, endpoint))
    space.wait("it has a version", lambda: _status(space, "HTTPJob", name).get("version") == 1)
    status = _status(space, "HTTPJob", name)
    assert status["state"] == "Active", space.story()
    # 02:30 in Berlin, whether the clock is put forward or not.
    assert status["schedule"]["nextTickTime"].endswith(("T00:30:00Z", "T01:30:00Z"))
    assert space.get("JobVersion", f"{name}-h1"), space.story()
    _apply(space, _run("by-hand", name))
    space.wait("it waits, or it is night", lambda: _told_of_the_window(space, "by-hand"))
    space.patch("HTTPJob", name, {"trigger": {"windows": None}})
    space.wait("it is called", lambda: _phase(space, "by-hand") == "Completed")
    (call,) = (each for each in endpoint.calls if each.run == "by-hand")
    assert (call.path, call.body) == ("/nightly", "{}")
    assert call.headers["x-job-name"] == name
    _remove(space, job)


def test_the_one_that_is_tried_again_ends_as_a_dead_letter_and_can_be_replayed(
    space: Space, operator: OperatorProcess, endpoint: Endpoint
) -> None:
    job, run = CALLING["httpjob-retry.yaml"].objects
    name = run["metadata"]["name"]
    endpoint.answer = lambda _: Reply(503)
    for each in (_calling(job, endpoint), run):
        _apply(space, each)
    space.wait("its attempts are used up", lambda: _phase(space, name) == "DeadLetter")
    status = _status(space, "JobRun", name)
    assert status["attempt"] == job["spec"]["runs"]["retry"]["maxAttempts"] == len(endpoint.calls)
    assert status["lastError"]["httpStatus"] == 503
    assert [call.attempt for call in endpoint.calls] == [1, 2, 3]
    assert {call.body for call in endpoint.calls} == {run["spec"]["payload"]}
    assert len({call.headers["idempotency-key"] for call in endpoint.calls}) == 1
    endpoint.answer = _echo
    _apply(space, _run(f"{name}-again", job["metadata"]["name"], replayOf=name))
    space.wait("it is done again", lambda: _phase(space, f"{name}-again") == "Completed")
    assert _status(space, "JobRun", f"{name}-again")["result"] == run["spec"]["payload"]
    assert _phase(space, name) == "DeadLetter"
    same = {**run, "metadata": {"name": "order-42-twice"}}
    _apply(space, same)
    # The first of that key ended badly, so that this one takes its place.
    space.wait("it is done", lambda: _phase(space, "order-42-twice") == "Completed")
    _apply(space, {**run, "metadata": {"name": "order-42-thrice"}})
    space.wait("its key is used", lambda: _phase(space, "order-42-thrice") == "Canceled")
    refused = _status(space, "JobRun", "order-42-thrice")
    assert (refused["reason"], refused["duplicateOf"]) == ("DuplicateKey", "order-42-twice")
    _remove(space, job)


def test_the_one_that_is_called_back_is_worked_for_by_the_worker_beside_it(
    space: Space, operator: OperatorProcess
) -> None:
    (job,) = CALLING["httpjob-async.yaml"].objects
    worker = ROOT / "examples" / "httpjob-async-worker.py"
    command = [sys.executable, str(worker), "--bind", f"{HOST}:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().split()[-1]
        try:
            http = {**job["spec"]["http"], "url": f"http://{HOST}:{port}/render"}
            _apply(space, {**job, "spec": {**job["spec"], "http": http}})
            _apply(space, _run("good", "render", payload='{"seconds": 2}'))
            _apply(space, _run("bad", "render", payload='{"seconds": "two"}'))
            space.wait(
                "it is to be called back",
                lambda: _status(space, "JobRun", "good").get("reason") == "CallbackPending",
                poll=0.05,
            )
            space.wait("it is done", lambda: _phase(space, "good") == "Completed")
            space.wait("it has failed", lambda: _phase(space, "bad") == "DeadLetter")
        finally:
            process.terminate()
    assert _status(space, "JobRun", "good")["result"] == '{"slept": 2.0}'
    status = _status(space, "JobRun", "bad")
    assert (status["attempt"], status["callback"]["outcome"]) == (3, "Failed")
    assert status["result"].startswith("ValueError: could not convert")
    _remove(space, job)


def test_those_that_share_a_pool_wait_for_it_and_then_call(
    space: Space, operator: OperatorProcess, endpoint: Endpoint
) -> None:
    pool, *jobs = CALLING["httpjob-pool.yaml"].objects
    runs = [f"{job['metadata']['name']}-1" for job in jobs]
    for job, run in zip(jobs, runs, strict=True):
        _apply(space, _calling(job, endpoint))
        _apply(space, _run(run, job["metadata"]["name"]))

    def reasons() -> set[str]:
        return {str(_status(space, "JobRun", run).get("reason")) for run in runs}

    space.wait("both wait", lambda: reasons() == {"PoolMissing"})
    _apply(space, pool)
    space.wait("both are called", lambda: reasons() == {"Completed"})
    for run in runs:
        assert list(_status(space, "JobRun", run)["poolClocks"]) == ["partner"]
    space.delete("RateLimitPool", "partner")
    space.delete("HTTPJob", jobs[0]["metadata"]["name"])
    _remove(space, jobs[1])


def test_those_of_a_chain_are_called_one_after_another(
    space: Space, operator: OperatorProcess, endpoint: Endpoint
) -> None:
    jobs = CALLING["httpjob-chain.yaml"].objects
    names = [job["metadata"]["name"] for job in jobs]
    for job in jobs:
        _apply(space, _calling(job, endpoint))
    for name in names[1:]:
        space.wait(
            "its dependency counts from now on",
            lambda name=name: _status(space, "HTTPJob", name).get("dependencies"),
        )
    _apply(space, _run("by-hand", names[0]))
    space.wait("the last one has Completed", lambda: _phase_of(space, names[-1]) == ["Completed"])
    assert [call.headers["x-job-name"] for call in endpoint.calls] == names
    assert [call.path for call in endpoint.calls] == [f"/{name}" for name in names]
    for job in jobs[:-1]:
        space.delete("HTTPJob", job["metadata"]["name"])
    _remove(space, jobs[-1])


def test_a_batch_makes_its_runs_no_faster_than_its_pool_allows(
    space: Space, operator: OperatorProcess, endpoint: Endpoint
) -> None:
    pool, job, batch = CALLING["httpjob-batch.yaml"].objects
    for each in (pool, batch, _calling(job, endpoint)):
        _apply(space, each)
    name = batch["metadata"]["name"]
    space.wait("it has ended", lambda: "completionTime" in _status(space, "RunBatch", name))
    status = _status(space, "RunBatch", name)
    assert (status["state"], status["counts"]["completed"]) == ("Completed", 2)
    assert sorted(call.body for call in endpoint.calls) == [
        item["payload"] for item in batch["spec"]["items"]
    ]
    for run in space.list("JobRun"):
        assert run["metadata"]["labels"]["source"] == "crm"
        assert list(run["status"]["poolClocks"]) == ["crm"]
    space.delete("RunBatch", name)
    space.delete("RateLimitPool", "crm")
    _remove(space, job)


def test_the_one_with_a_webhook_tells_the_receiver_beside_it(
    space: Space, operator: OperatorProcess, endpoint: Endpoint
) -> None:
    (job,) = CALLING["httpjob-webhook.yaml"].objects
    name, (ref,) = job["metadata"]["name"], job["spec"]["runs"]["webhook"]["secretRefs"]
    key = "whsec_" + base64.b64encode(b"k" * 32).decode()
    allow_secrets(space)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": ref["name"]}}
    path = f"/api/v1/namespaces/{space.name}/secrets"
    space.client.request("POST", path, {**secret, "stringData": {ref["key"]: key}})
    with receiving(key) as receiver:
        job["spec"]["runs"]["webhook"]["url"] = f"http://{HOST}:{receiver.port}/runs"
        _apply(space, _calling(job, endpoint))
        _apply(space, _run("by-hand", name))
        space.wait(
            "it is told",
            lambda: (
                _status(space, "JobRun", "by-hand").get("webhook", {}).get("phase") == "Delivered"
            ),
        )
        assert receiver.line().endswith(f"jobrun.completed: {space.name}/by-hand")
    _remove(space, job)


def _phase_of(space: Space, job: str) -> list[str]:
    runs = [each for each in space.list("JobRun") if each["spec"]["jobName"] == job]
    return [str(each.get("status", {}).get("phase", "")) for each in runs]


def _calling(job: dict[str, Any], endpoint: Endpoint) -> dict[str, Any]:
    """The example's job, with the test's endpoint in place of its own."""
    http = job["spec"]["http"]
    http = {**http, "url": urljoin(endpoint.url, urlsplit(http["url"]).path)}
    return {**job, "spec": {**job["spec"], "http": http}}


def _echo(call: Received) -> Reply:
    return Reply(body=call.body.encode())


def _run(name: str, job: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "wavegate.dev/v1alpha1",
        "kind": "JobRun",
        "metadata": {"name": name},
        "spec": {"jobName": job, **spec},
    }


def _status(space: Space, kind: str, name: str) -> dict[str, Any]:
    return dict((space.get(kind, name) or {}).get("status", {}))


def _phase(space: Space, run: str) -> str:
    return str(_status(space, "JobRun", run).get("phase", ""))


def _told_of_the_window(space: Space, run: str) -> bool:
    return _status(space, "JobRun", run).get("reason") in ("OutsideWindow", "Completed")


def _remove(space: Space, job: dict[str, Any]) -> None:
    """The job, and the runs that nobody owns."""
    space.delete("HTTPJob", job["metadata"]["name"])
    for run in space.list("JobRun"):
        space.delete("JobRun", run["metadata"]["name"])
    space.wait("nothing is left of it", lambda: not space.list("JobVersion"))
