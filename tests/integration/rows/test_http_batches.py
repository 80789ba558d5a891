"""Runs that are asked for, canceled or replayed by the batch."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

import pytest

from support.answering import Endpoint, Received, Reply
from support.asking import GROUP, ONCE, Asked
from support.few import at
from support.space import Document
from wavegate.runs.batch_states import ENDED

pytestmark = pytest.mark.cluster

SCHEMA = {"type": "object", "required": ["n"]}
LATER = "2100-01-01T00:00:00Z"
KEPT = {"successfulHistoryLimit": 100, "failedHistoryLimit": 100}


def make(asked: Asked, name: str = "import", /, **spec: Any) -> None:
    """Create a batch."""
    body = {"apiVersion": GROUP, "kind": "RunBatch", "metadata": {"name": name}, "spec": spec}
    asked.space.client.request("POST", asked.space.path("RunBatch"), body)


def of(asked: Asked, name: str = "import") -> Document:
    return dict((asked.space.get("RunBatch", name) or {}).get("status", {}))


def tells(asked: Asked, state: str, reason: str, name: str = "import") -> Document:
    """Wait until the batch says so; its status then."""

    def holds() -> bool:
        return (of(asked, name).get("state"), of(asked, name).get("reason")) == (state, reason)

    asked.until(f"{name} is {state}, {reason}", holds)
    return of(asked, name)


def ended(asked: Asked, name: str = "import") -> Document:
    """Wait until the batch has ended; its status."""
    asked.until(f"{name} has ended", lambda: of(asked, name).get("state") in ENDED)
    return of(asked, name)


def items(count: int) -> list[Document]:
    return [{"key": f"k{n}", "payload": f'{{"n": {n}}}'} for n in range(count)]


def runs(asked: Asked) -> dict[str, Document]:
    """By key of its item, each run that a batch has made."""
    mark = "wavegate.dev/batch-item"
    made = [
        each
        for each in asked.space.list("JobRun")
        if mark in each["metadata"].get("annotations", {})
    ]
    return {each["metadata"]["annotations"][mark].split(" ", 2)[2]: each for each in made}


@pytest.mark.row(
    "RunBatch.spec.jobName",
    "RunBatch.spec.labels",
    "RunBatch.spec.items[].key",
    "RunBatch.spec.items[].payload",
    "RunBatch.status.counts.total",
    "RunBatch.status.counts.completed",
    "RunBatch.status.counts.failed",
    "RunBatch.status.errors[].key",
    "RunBatch.status.errors[].run",
    "RunBatch.status.errors[].reason",
    "RunBatch.status.errors[].message",
    "RunBatch.status.progress",
    "RunBatch.status.completionTime",
    "RunBatch.status.startTime",
    "RunBatch.status.updatedAt",
    "RunBatch.status.message",
    "RunBatch.status.observedGeneration",
    "RunBatch.status.conditions",
)
def test_row_batch_items(asked: Asked, endpoint: Endpoint) -> None:
    """Each item is called once, and counted though the job's history keeps but three of them."""

    def answer(call: Received) -> Reply:
        return Reply(422 if json.loads(call.body)["n"] == 7 else 200)

    endpoint.answer = answer
    asked.job(runs={"retry": ONCE, "payloadSchema": SCHEMA})
    make(asked, jobName="app", items=items(30), labels={"source": "crm"})
    status = ended(asked)
    assert (status["state"], status["reason"]) == ("Failed", "RunsFailed")
    assert status["message"] == "29 of 30 runs completed, 1 failed"
    found = {name: count for name, count in status["counts"].items() if count}
    assert found == {"total": 30, "completed": 29, "failed": 1}
    assert status["progress"] == f"{'C' * 7}F{'C' * 22}"
    assert status["observedGeneration"] == 1
    told = {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}
    assert told == {"Ready": ("False", "RunsFailed"), "Stalled": ("True", "RunsFailed")}
    (error,) = status["errors"]
    assert (error["key"], error["reason"]) == ("k7", "Rejected")
    assert error["message"] == "Failed: answered 422"
    assert at(status["startTime"]) <= at(status["completionTime"])
    assert at(status["startTime"]) <= at(status["updatedAt"])
    assert len(endpoint.calls) == len({call.run for call in endpoint.calls}) == 30
    asked.until("history limits hold", lambda: len(runs(asked)) == 4)
    kept = runs(asked)["k7"]
    assert kept["metadata"]["name"] == error["run"]
    assert kept["metadata"]["labels"]["source"] == "crm"
    assert kept["metadata"]["labels"]["wavegate.dev/batch"] == "import"
    assert kept["status"]["triggeredBy"] == "Batch"
    asked.space.delete("RunBatch", "import")
    asked.until("it is gone", lambda: asked.space.get("RunBatch", "import") is None)
    assert "k7" in runs(asked), "the job's runs stay"


@pytest.mark.row("RunBatch.status.state", "RunBatch.status.reason")
def test_row_batch_is_refused_as_a_whole(asked: Asked, endpoint: Endpoint) -> None:
    """It waits for its job; one item that does not meet the schema, and nothing is made."""
    wrong = [*items(20), {"key": "bad", "payload": '{"m": 1}'}]
    make(asked, jobName="app", items=wrong)
    status = tells(asked, "Pending", "JobMissing")
    assert status["message"] == "there is no HTTPJob app"
    asked.job(runs={"payloadSchema": SCHEMA})
    status = tells(asked, "Refused", "ItemsInvalid")
    assert status["message"].startswith("1 of 21 runs cannot be made, so none is: bad: payload")
    assert status["errors"][0]["key"] == "bad"
    make(asked, "right", jobName="app", items=items(1))
    assert ended(asked, "right")["state"] == "Completed"
    assert len(endpoint.calls) == 1


@pytest.mark.row(
    "RunBatch.spec.items[].priority",
    "RunBatch.spec.items[].notBefore",
    "RunBatch.spec.items[].metadata",
    "RunBatch.spec.items[].concurrencyKey",
    "RunBatch.spec.items[].ttl",
    "RunBatch.spec.items[].idempotencyKey",
    "RunBatch.status.counts.duplicates",
)
def test_row_batch_item_becomes_a_run(asked: Asked, endpoint: Endpoint) -> None:
    """What an item says, its run says; by key, another batch asks for nothing again."""
    asked.job(runs=KEPT)
    asked_for = {
        "payload": '{"n": 1}',
        "idempotencyKey": "order-7",
        "priority": 3,
        "metadata": {"order": "7"},
        "concurrencyKey": "shop",
        "ttl": "10m",
    }
    make(asked, jobName="app", items=[{"key": "a", **asked_for}])
    ended(asked)
    spec = runs(asked)["a"]["spec"]
    assert {name: spec[name] for name in asked_for} == asked_for
    make(asked, "again", jobName="app", items=[{"key": "b", **asked_for}])
    status = ended(asked, "again")
    assert (status["state"], status["counts"]["duplicates"]) == ("Completed", 1)
    assert len(endpoint.calls) == 1
    make(asked, "later", jobName="app", items=[{"key": "c", "notBefore": LATER}])
    asked.until("it is made", lambda: "c" in runs(asked))
    asked.tells(runs(asked)["c"]["metadata"]["name"], "Delayed", "Scheduled")


@pytest.mark.row(
    "RunBatch.spec.itemsFrom.configMapKeyRef.name",
    "RunBatch.spec.itemsFrom.configMapKeyRef.key",
    "RunBatch.status.itemsHash",
)
def test_row_batch_items_from(asked: Asked, endpoint: Endpoint) -> None:
    """Lines of a ConfigMap, which may come later."""
    asked.job(runs={**KEPT, "payloadSchema": SCHEMA})
    make(asked, jobName="app", itemsFrom={"configMapKeyRef": {"name": "lines", "key": "l"}})
    assert tells(asked, "Pending", "ItemsMissing")["message"] == "there is no ConfigMap lines"
    lines = '{"payload": {"n": 1}}\n\n{"key": "b", "payload": "{\\"n\\": 2.0}"}\n'
    asked.keep("ConfigMap", "lines", {"l": lines})
    status = ended(asked)
    assert (status["state"], status["counts"]["total"]) == ("Completed", 2)
    assert status["itemsHash"] == f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
    assert {key: run["spec"]["payload"] for key, run in runs(asked).items()} == {
        "line-00001": '{"n":1}',
        "b": '{"n": 2.0}',
    }


@pytest.mark.row(
    "RunBatch.spec.canceled",
    "RunBatch.status.counts.pending",
    "RunBatch.status.counts.open",
    "RunBatch.status.counts.canceled",
    "RunBatch.status.counts.deleted",
)
def test_row_batch_canceled(asked: Asked, endpoint: Endpoint) -> None:
    """In portions, as maxQueued has room; canceled, the rest is never made."""
    endpoint.hold()
    asked.job(runs={**KEPT, "limits": {"maxConcurrency": 1, "maxQueued": 10}})
    make(asked, jobName="app", items=items(30))
    tells(asked, "Running", "MaxQueued")
    asked.until("ten are made", lambda: of(asked)["counts"]["open"] == 10)
    waiting = [run for run in runs(asked).values() if run["status"]["phase"] == "Queued"]
    asked.space.delete("JobRun", waiting[0]["metadata"]["name"])
    asked.until("it is counted", lambda: of(asked)["counts"]["deleted"] == 1)
    asked.space.patch("RunBatch", "import", {"canceled": True})
    status = tells(asked, "Canceled", "Canceled")
    assert status["counts"]["open"] == 0
    assert status["counts"]["pending"] >= 18
    assert sum(status["counts"].values()) == 60
    assert {run["status"]["phase"] for run in runs(asked).values()} == {"Canceled"}
    assert len(endpoint.calls) == 1


@pytest.mark.row(
    "RunBatch.spec.cancel.matchLabels",
    "RunBatch.spec.cancel.matchExpressions",
    "RunBatch.spec.cancel.phases",
)
def test_row_batch_cancel(asked: Asked, endpoint: Endpoint) -> None:
    """What matches and has not ended, of all jobs of the namespace; nothing else."""
    endpoint.hold()
    for name in ("app", "other"):
        asked.job(name, runs={**KEPT, "limits": {"maxConcurrency": 1}})
        for source in ("a", "b", "c"):
            made = [{"key": f"{source}{number}"} for number in range(3)]
            make(asked, f"{name}-{source}", jobName=name, labels={"source": source}, items=made)
    asked.until("all are made", lambda: len(asked.space.list("JobRun")) == 18)
    asked.until("one of each is called", lambda: len(endpoint.calls) == 2)
    chosen = {"matchLabels": {"source": "a"}, "matchExpressions": ["wavegate.dev/job!=other"]}
    make(asked, "first", cancel={**chosen, "phases": ["Queued", "Executing"]})
    assert ended(asked, "first")["message"].startswith("3 runs matched: source=a, ")
    make(asked, "second", jobName="other", cancel={"matchExpressions": ["source in (b,c)"]})
    assert ended(asked, "second")["counts"]["total"] == 6
    make(asked, "none", cancel={"matchLabels": {"source": "z"}})
    assert ended(asked, "none")["reason"] == "NoneMatched"
    left = Counter(
        (run["spec"]["jobName"], run["metadata"]["labels"]["source"])
        for run in asked.space.list("JobRun")
        if run["status"]["phase"] != "Canceled"
    )
    assert left == {("app", "b"): 3, ("app", "c"): 3, ("other", "a"): 3}
    endpoint.release()


@pytest.mark.row(
    "RunBatch.spec.replay.matchLabels",
    "RunBatch.spec.replay.matchExpressions",
    "RunBatch.spec.replay.phases",
    "RunBatch.status.runs",
)
def test_row_batch_replay(asked: Asked, endpoint: Endpoint) -> None:
    """What ended badly, or as is said, once; each as another run with the same payload."""
    well: list[bool] = []

    def answer(call: Received) -> Reply:
        return Reply(200 if well or json.loads(call.body)["n"] < 3 else 422)

    endpoint.answer = answer
    asked.job(runs={**KEPT, "retry": ONCE})
    make(asked, jobName="app", items=items(5), labels={"source": "crm"})
    assert ended(asked)["counts"]["failed"] == 2
    failed = {runs(asked)[key]["metadata"]["name"] for key in ("k3", "k4")}
    well.append(True)
    make(asked, "again", replay={"matchLabels": {"source": "crm"}})
    status = ended(asked, "again")
    assert (status["state"], set(status["runs"])) == ("Completed", failed)
    assert {run["spec"]["replayOf"] for key, run in runs(asked).items() if key in failed} == failed
    assert Counter(call.body for call in endpoint.calls)['{"n": 4}'] == 2
    chosen = {"phases": ["Completed"], "matchExpressions": ["source"]}
    make(asked, "all", jobName="app", replay=chosen)
    assert ended(asked, "all")["counts"]["completed"] == 3


@pytest.mark.row("RunBatch.spec.finishedTTL")
def test_row_batch_finished_ttl(asked: Asked, endpoint: Endpoint) -> None:
    """It goes once its time is over; its runs are the job's."""
    asked.job(runs=KEPT)
    make(asked, jobName="app", items=items(3), finishedTTL="1s")
    asked.until("it is removed", lambda: asked.space.get("RunBatch", "import") is None)
    assert len(endpoint.calls) == 3
    assert len(asked.space.list("JobRun")) == 3
