"""What a run sends, and which runs are the same as one before."""

from __future__ import annotations

import json

import pytest

from support.answering import Endpoint, Reply
from support.asking import ONCE, Asked
from support.few import created

pytestmark = pytest.mark.cluster


@pytest.mark.row("JobRun.spec.payload", "JobRun.spec.jobName")
def test_row_run_payload(asked: Asked, endpoint: Endpoint) -> None:
    """Sent as it is written, up to the longest one; what is no JSON is not sent."""
    text = '{ "b": 1.0, "a": "é \\u00e9", "a2": [] }'
    longest = json.dumps("x" * (8 * 1024 - 2))
    asked.job()
    asked.run("as-it-is", payload=text)
    asked.run("longest", payload=longest)
    asked.run("no-json", payload="{'a': 1}")
    asked.run("twice", payload='{"a": 1, "a": 2}')
    for name, body in (("as-it-is", text), ("longest", longest)):
        assert asked.ended(name)["phase"] == "Completed"
        (call,) = endpoint.of(name)
        assert call.body == body
    for name in ("no-json", "twice"):
        status = asked.ended(name)
        assert (status["phase"], status["reason"]) == ("Canceled", "PayloadInvalid")
        assert status["message"].startswith("spec.payload: ")
        assert endpoint.of(name) == []


@pytest.mark.row("HTTPJob.spec.runs.payloadSchema")
def test_row_runs_payload_schema(asked: Asked, endpoint: Endpoint) -> None:
    """A payload that does not meet it is refused, wherever it is from; an unusable one is told."""
    schema = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
    asked.job(runs={"payloadSchema": schema})
    asked.keep("ConfigMap", "mine", {"body": '{"id": "seven"}'})
    asked.run("good", payload='{"id": 7, "more": true}')
    asked.run("bad", payload='{"id": "seven"}')
    asked.run("empty")
    asked.run("kept", payloadFrom={"configMapKeyRef": {"name": "mine", "key": "body"}})
    assert asked.ended("good")["phase"] == "Completed"
    status = asked.ended("bad")
    assert (status["phase"], status["reason"]) == ("Canceled", "PayloadInvalid")
    assert status["message"] == "spec.payload.id: must be of type integer"
    for name in ("empty", "kept"):
        assert (status := asked.ended(name))["phase"] != "Completed", status
        assert "id" in status["message"]
    assert endpoint.runs() == ["good"]
    asked.job("other", runs={"payloadSchema": {"type": "text"}})
    asked.until("it is not understood", lambda: asked.of_job("other").get("state") == "Invalid")
    assert asked.of_job("other")["message"].startswith("spec.runs.payloadSchema: ")


@pytest.mark.row(
    "JobRun.spec.payloadFrom.configMapKeyRef.name", "JobRun.spec.payloadFrom.configMapKeyRef.key"
)
def test_row_run_payload_from(asked: Asked, endpoint: Endpoint) -> None:
    asked.keep("ConfigMap", "mine", {"body": '{"kept": true}'})
    asked.job()
    for name, source, key in (
        ("one", "mine", "body"),
        ("no-key", "mine", "other"),
        ("nothing", "none", "body"),
    ):
        asked.run(name, payloadFrom={"configMapKeyRef": {"name": source, "key": key}})
    assert asked.ended("one")["phase"] == "Completed"
    (call,) = endpoint.calls
    assert call.body == '{"kept": true}'
    for name, words in (
        ("no-key", "ConfigMap mine has no key other"),
        ("nothing", "ConfigMap none is not there"),
    ):
        status = asked.ended(name)
        assert (status["phase"], status["reason"]) == ("SystemFailed", "SourceUnreadable")
        assert status["message"] == words


@pytest.mark.row("JobRun.spec.replayOf", "JobRun.status.triggeredBy")
def test_row_run_replay_of(asked: Asked, endpoint: Endpoint) -> None:
    """Another run with the payload of one that has ended, which stays as it is."""
    endpoint.answer = lambda call: Reply(404 if call.run == "one" else 200)
    asked.job(runs={"retry": ONCE})
    asked.run("one", payload='{"n": 1}')
    before = asked.ended("one")
    asked.run("again", replayOf="one")
    asked.run("once-more", replayOf="again")
    for name in ("again", "once-more"):
        status = asked.ended(name)
        assert (status["phase"], status["triggeredBy"]) == ("Completed", "Replay")
    assert [call.body for call in endpoint.calls] == ['{"n": 1}'] * 3
    assert asked.of("one") == before
    assert before["triggeredBy"] == "Manual"
    asked.run("of-nothing", replayOf="none")
    status = asked.ended("of-nothing")
    assert (status["phase"], status["message"]) == ("SystemFailed", "JobRun none is not there")


@pytest.mark.row("JobRun.spec.idempotencyKey", "JobRun.status.duplicateOf")
def test_row_run_idempotency_key(asked: Asked, endpoint: Endpoint) -> None:
    """One of a key; after one that failed the next is tried, and another payload is told."""
    endpoint.answer = lambda call: Reply(404 if call.run == "a1" else 200)
    asked.job(runs={"retry": ONCE})
    asked.run("a1", idempotencyKey="a")
    assert asked.ended("a1")["phase"] == "Failed"
    asked.run("a2", idempotencyKey="a")
    assert asked.ended("a2")["phase"] == "Completed"
    asked.run("a3", idempotencyKey="a")
    asked.run("a4", idempotencyKey="a", payload='{"other": 1}')
    asked.run("b1", idempotencyKey="b")
    for name, reason, words in (
        ("a3", "DuplicateKey", "a2 has the same key"),
        ("a4", "KeyReused", "its key was used by a2 with another payload"),
    ):
        status = asked.ended(name)
        assert (status["phase"], status["reason"]) == ("Canceled", reason)
        assert (status["message"], status["duplicateOf"]) == (words, "a2")
    assert asked.ended("b1")["phase"] == "Completed"
    assert endpoint.runs() == ["a1", "a2", "b1"]


@pytest.mark.row("HTTPJob.spec.runs.dedupWindow", "JobRun.status.duplicateOf")
def test_row_runs_dedup_window(asked: Asked, endpoint: Endpoint) -> None:
    """The same payload of the same key is called once within the window, and again after it."""
    asked.job(runs={"dedupWindow": "3s"})
    same = {"payload": '{"n": 1}'}
    asked.run("a", **same)
    asked.run("b", **same)
    asked.run("c", **same, concurrencyKey="k")
    asked.run("d", payload='{"n": 2}')
    status = asked.ended("b")
    assert (status["phase"], status["reason"]) == ("Canceled", "Duplicate")
    assert status["duplicateOf"] == "a"
    assert status["message"].startswith("a has the same payload and was asked for ")
    for name in ("a", "c", "d"):
        assert asked.ended(name)["phase"] == "Completed"
    first = asked.space.get("JobRun", "a")
    assert first is not None
    asked.until(
        "its window is over", lambda: asked.passed(first["metadata"]["creationTimestamp"], 4)
    )
    asked.run("e", **same)
    assert asked.ended("e")["phase"] == "Completed"
    last = asked.space.get("JobRun", "e")
    assert last is not None
    assert created(last) - created(first) >= 3
    assert "b" not in endpoint.runs()


@pytest.mark.row(
    "HTTPJob.spec.runs.defaultMetadata", "JobRun.spec.metadata", "JobRun.status.metadata"
)
def test_row_run_metadata(asked: Asked) -> None:
    """The job's and the run's own, which counts where both say something."""
    asked.job(runs={"defaultMetadata": {"team": "shop", "tier": "2"}})
    asked.run("one", metadata={"tier": "1", "order": "77"})
    asked.run("plain")
    assert asked.ended("one")["metadata"] == {"team": "shop", "tier": "1", "order": "77"}
    assert asked.ended("plain")["metadata"] == {"team": "shop", "tier": "2"}


@pytest.mark.row(
    "JobRun.spec.parentRun",
    "JobRun.spec.continuationOf",
    "JobRun.status.lineageDepth",
    "JobRun.status.triggeredBy",
)
def test_row_run_lineage(asked: Asked, endpoint: Endpoint) -> None:
    """Ten runs deep, of two jobs; the next one is refused, and one that names what is gone not."""
    asked.job("app")
    asked.job("other")
    asked.run("run-0")
    assert asked.ended("run-0")["triggeredBy"] == "Manual"
    for number in range(1, 12):
        field = "parentRun" if number % 2 else "continuationOf"
        job = "other" if number % 2 else "app"
        asked.run(f"run-{number}", job, **{field: f"run-{number - 1}"})
        status = asked.ended(f"run-{number}")
        if number <= 10:
            told = (status["phase"], status["triggeredBy"], status["lineageDepth"])
            assert told == ("Completed", "API", number)
    assert (status["phase"], status["reason"]) == ("Canceled", "LineageTooDeep")
    assert "lineageDepth" not in status
    asked.run("of-none", parentRun="gone")
    assert asked.ended("of-none")["lineageDepth"] == 1
    assert endpoint.runs() == [*(f"run-{number}" for number in range(11)), "of-none"]
