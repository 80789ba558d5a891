"""What is told of a run: while it executes, and once it has ended."""

from __future__ import annotations

import hashlib
import time

import pytest

from support.answering import Endpoint, Received, Reply
from support.asking import AT_ONCE, ONCE, Asked
from support.few import at
from support.space import Document

pytestmark = pytest.mark.cluster


def conditions(status: Document) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}


@pytest.mark.row(
    "JobRun.status.observedGeneration",
    "JobRun.status.conditions",
    "JobRun.status.phase",
    "JobRun.status.reason",
    "JobRun.status.message",
    "JobRun.status.attempt",
    "JobRun.status.version",
    "JobRun.status.startTime",
    "JobRun.status.completionTime",
    "JobRun.status.holder",
    "JobRun.status.result",
    "JobRun.status.triggeredBy",
)
def test_row_status_of_a_run(asked: Asked, endpoint: Endpoint) -> None:
    endpoint.hold()
    endpoint.answer = lambda _: Reply(201, b'{"id": 7}')
    asked.job()
    asked.run("one")
    status = asked.tells("one", "Executing", "Executing")
    assert status["message"] == "attempt 1 of 3"
    assert (status["attempt"], status["version"], status["triggeredBy"]) == (1, 1, "Manual")
    assert status["observedGeneration"] == 1
    assert status["holder"]
    assert conditions(status) == {
        "Ready": ("False", "Executing"),
        "Reconciling": ("True", "Executing"),
    }
    asked.until("it is called", lambda: endpoint.calls)
    assert 0 <= endpoint.calls[0].at - at(status["startTime"]) < 2
    assert "completionTime" not in status
    begun = status["startTime"]
    endpoint.release()
    status = asked.ended("one")
    assert (status["phase"], status["reason"]) == ("Completed", "Completed")
    assert (status["message"], status["result"]) == ("answered 201", '{"id": 7}')
    assert status["startTime"] == begun
    assert at(status["completionTime"]) >= at(begun)
    assert not {"holder", "lastError", "nextRetryTime", "debug"} & status.keys()
    assert conditions(status) == {"Ready": ("True", "Completed")}
    (ready,) = status["conditions"]
    assert (ready["message"], ready["observedGeneration"]) == ("answered 201", 1)
    assert at(ready["lastTransitionTime"]) == int(at(status["completionTime"]))


@pytest.mark.row(
    "JobRun.status.lastError.class",
    "JobRun.status.lastError.httpStatus",
    "JobRun.status.lastError.message",
    "JobRun.status.conditions",
    "JobRun.status.completionTime",
)
def test_row_status_last_error(asked: Asked, endpoint: Endpoint) -> None:
    """How the last attempt failed; nothing of it is left once another one completes."""

    def answer(call: Received) -> Reply:
        if call.run == "better" and call.attempt > 1:
            return Reply()
        return Reply(503 if call.run == "better" else 422)

    endpoint.answer = answer
    asked.job(runs={"retry": AT_ONCE})
    asked.job("nobody", http={"url": "http://127.0.0.3:9/"}, runs={"retry": ONCE})
    asked.run("no")
    asked.run("better")
    asked.run("unheard", "nobody")
    status = asked.ended("no")
    error = {"class": "Rejected", "httpStatus": 422, "message": "answered 422"}
    assert status["lastError"] == error
    assert conditions(status) == {"Ready": ("False", "Rejected"), "Stalled": ("True", "Rejected")}
    status = asked.ended("better")
    assert (status["phase"], status["attempt"]) == ("Completed", 2)
    assert "lastError" not in status
    status = asked.ended("unheard")
    assert (status["phase"], status["reason"]) == ("SystemFailed", "ConnectFailed")
    assert status["lastError"] == {
        "class": "ConnectFailed",
        "message": "no connection to 127.0.0.3: Connection refused",
    }


@pytest.mark.row("JobRun.status.result", "JobRun.status.resultSize", "JobRun.status.resultHash")
def test_row_status_result(asked: Asked, endpoint: Endpoint) -> None:
    """Text of 8 KiB is kept; of what is longer, or no text, its size and hash are."""
    answers = {"kept": b"x" * 8192, "long": b"x" * 8193, "binary": b"\xff\x00", "empty": b""}
    endpoint.answer = lambda call: Reply(body=answers[call.run])
    asked.job()
    for name in answers:
        asked.run(name)
    status = asked.ended("kept")
    assert status["result"] == answers["kept"].decode()
    assert not {"resultSize", "resultHash"} & status.keys()
    for name in ("long", "binary"):
        status = asked.ended(name)
        assert status["phase"] == "Completed"
        assert "result" not in status
        assert status["resultSize"] == len(answers[name])
        assert status["resultHash"] == hashlib.sha256(answers[name]).hexdigest()
    assert not {"result", "resultSize", "resultHash"} & asked.ended("empty").keys()


@pytest.mark.row(
    "JobRun.status.trace.queueWaitMs",
    "JobRun.status.trace.connectMs",
    "JobRun.status.trace.ttfbMs",
    "JobRun.status.trace.transferMs",
    "JobRun.status.trace.dispatchMs",
    "JobRun.status.trace.totalMs",
)
def test_row_status_trace(asked: Asked, endpoint: Endpoint) -> None:
    """Where the time went; here most of it in the answer, and before that in the queue."""
    endpoint.hold()
    asked.job(runs={"limits": {"maxConcurrency": 1}})
    asked.run("a")
    asked.until("it is called", lambda: endpoint.calls)
    asked.run("b")
    asked.tells("b", "Queued", "ConcurrencyLimit")
    begun, held = endpoint.calls[0].at, time.time() - endpoint.calls[0].at
    endpoint.release()
    first, second = asked.ended("a")["trace"], asked.ended("b")["trace"]
    called = 1000 * (endpoint.calls[1].at - begun)
    for trace in (first, second):
        parts = ("queueWaitMs", "dispatchMs", "connectMs", "ttfbMs", "transferMs")
        assert trace.keys() == {*parts, "totalMs"}
        assert min(trace.values()) >= 0
        assert sum(trace[part] for part in parts) <= trace["totalMs"] + len(parts)
    assert 1000 * held - 100 <= first["ttfbMs"] <= called + 100
    assert second["queueWaitMs"] >= 900, "it is told after a second of waiting"
    assert second["totalMs"] >= second["queueWaitMs"]


@pytest.mark.row(
    "JobRun.spec.debug",
    "JobRun.status.debug.requestHeaders",
    "JobRun.status.debug.requestBody",
    "JobRun.status.debug.responseHeaders",
    "JobRun.status.debug.responseBody",
)
def test_row_status_debug(asked: Asked, endpoint: Endpoint) -> None:
    """The last call with its answer, 4 KiB of a body; what says who one is stays hidden."""
    answer = Reply(404, b"y" * 5000, {"X-Seen": "yes", "Set-Cookie": "a=b"})
    endpoint.answer = lambda _: answer
    headers = [{"name": "X-Team", "value": "shop"}, {"name": "X-Api-Key", "value": "no-secret"}]
    asked.job(http={"headers": headers}, runs={"retry": ONCE})
    payload = f'"{"x" * 5000}"'
    asked.run("one", debug=True, payload=payload)
    asked.run("silent")
    debug = asked.ended("one")["debug"]
    sent, heard = debug["requestHeaders"], debug["responseHeaders"]
    assert (sent["X-Team"], sent["X-Api-Key"], sent["X-Run-Id"]) == ("shop", "***", "one")
    assert (heard["x-seen"], heard["set-cookie"]) == ("yes", "***")
    assert debug["requestBody"] == payload[:4096]
    assert debug["responseBody"] == "y" * 4096
    assert "debug" not in asked.ended("silent")
