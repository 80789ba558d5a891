"""Each oracle of a run with real processes sees what it is there for."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from real.history import Event, Replay
from real.proxy import Answer, Passed
from real.storm import GRAIN, Storm
from real.strangers import _EXECUTION, _VERSION
from real.writes import foreign
from support.jobs import container
from wavegate.api.names import API_VERSION

JOB = "11111111-1111-1111-1111-111111111111"
OURS = "/apis/wavegate.dev/v1alpha1/namespaces/x"
CORE = "/api/v1/namespaces/x"
OWNED = {"metadata": {"name": "a", "ownerReferences": [{"uid": JOB, "controller": True}]}}
SEEN = {"preconditions": {"uid": "u", "resourceVersion": "1"}}


def passed(method: str, path: str, body: Any = None, **query: str) -> Passed:
    return Passed(method, path, query, body, "wavegate", time.monotonic())


@pytest.mark.parametrize(
    ("request_", "is_foreign"),
    [
        (passed("GET", f"{CORE}/secrets"), False),
        (passed("POST", f"{CORE}/pods", OWNED), False),
        (passed("POST", f"{CORE}/pods", {"metadata": {"name": "a"}}), True),
        (passed("POST", f"{CORE}/pods", {"metadata": {"name": "a"}}, dryRun="All"), False),
        (passed("POST", f"{CORE}/secrets", OWNED), True),
        (passed("POST", f"{OURS}/fleetjobs", OWNED), True),
        (passed("PUT", f"{OURS}/fleetjobs/a", OWNED), True),
        (passed("PUT", f"{OURS}/fleetjobs/a/status", OWNED), True),
        (
            passed("PUT", f"{OURS}/fleetjobs/a/status", {"metadata": {"resourceVersion": "1"}}),
            False,
        ),
        (passed("PATCH", "/api/v1/nodes/a", {}), True),
        (passed("DELETE", f"{CORE}/pods/a", SEEN), False),
        (passed("DELETE", f"{CORE}/pods/a", {"preconditions": {"uid": "u"}}), True),
        (passed("DELETE", f"{CORE}/pods/a"), True),
        (passed("DELETE", f"{OURS}/fleetjobs/a", SEEN), True),
    ],
    ids=lambda value: str(value) if isinstance(value, Passed) else "",
)
def test_a_write_of_what_is_not_ours_or_without_its_guard_is_seen(
    request_: Passed, is_foreign: bool
) -> None:
    assert foreign(request_) is is_foreign


def event(revision: int, kind: str, name: str, owner: str = JOB, **more: Any) -> Event:
    metadata = {
        "name": name,
        "namespace": "x",
        "uid": more.pop("uid", f"uid-{name}"),
        "resourceVersion": str(revision),
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"wavegate.dev/job": "app", "wavegate.dev/version": "1"},
        "ownerReferences": [
            {"kind": "Execution", "name": "app-h-1", "uid": owner, "controller": True}
        ],
    }
    document = {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, **more}
    return Event(revision, 1_800_000_000.0 + revision, kind, document, gone=False)


def job() -> Event:
    return event(1, "FleetJob", "app", "", uid=JOB, spec=container())


def execution(revision: int, state: str, wave: int = 0) -> Event:
    spec = {**_EXECUTION, "jobId": JOB, "attempt": 1, "rolloutWave": wave}
    status = {"observedState": {"stateType": state}}
    return event(revision, "Execution", "app-h-1", spec=spec, status=status)


def pod(revision: int, name: str) -> Event:
    spec = {"nodeName": "sim-001", "containers": [{"name": "main", "image": "app:1"}]}
    return event(revision, "Pod", name, "uid-app-h-1", spec=spec, status={"phase": "Running"})


def replay(*events: Event) -> None:
    Replay([], bad=(), places=2, launches=[]).read([job(), *events])


def test_two_pods_on_a_node_are_seen() -> None:
    replay(execution(2, "Pending"), pod(3, "app-h"))
    with pytest.raises(AssertionError, match="two pods on a node"):
        replay(execution(2, "Pending"), pod(3, "app-h"), pod(4, "app-i"))


def test_a_terminal_state_that_changes_is_seen() -> None:
    replay(execution(2, "Pending"), execution(3, "Failed"))
    with pytest.raises(AssertionError, match="Failed became Running"):
        replay(execution(2, "Pending"), execution(3, "Failed"), execution(4, "Running"))


def test_a_node_that_is_taken_by_a_rollout_that_has_not_begun_is_seen() -> None:
    version = event(2, "JobVersion", "app-v1", spec={**_VERSION, "jobId": JOB, "version": 1})
    spec = {"jobName": "app", "type": "Create", "toVersion": 1}
    made = event(3, "FleetDeployment", "app-v1", spec=spec, status={"state": "Pending"})
    claim = execution(4, "Pending", wave=2)
    claim.document["spec"]["deploymentName"] = "app-v1"
    with pytest.raises(AssertionError, match="takes before it is pinned"):
        replay(version, made, claim)


class Asked:
    """An exchange that the server accepts."""

    def __init__(self, came: float) -> None:
        self.passed = passed("PUT", f"{OURS}/fleetjobs/a/status")
        self.passed.came = came

    async def forward(self) -> Answer:
        return Answer(200, b"{}")


@pytest.mark.parametrize("early", [False, True])
def test_a_request_that_comes_again_too_soon_is_seen(early: bool) -> None:
    storm = Storm(3600, seed=3)

    async def ask(at: float) -> Answer:
        return await storm.handle(Asked(at))  # type: ignore[arg-type]

    async def until_refused() -> float:
        at = time.monotonic()
        while (answer := await ask(at)).accepted:
            pass
        return at + float(answer.headers["Retry-After"])

    async def again() -> None:
        allowed = await until_refused()
        await ask(allowed - 0.5 if early else allowed + GRAIN)

    asyncio.run(again())
    assert bool(storm.early) is early
