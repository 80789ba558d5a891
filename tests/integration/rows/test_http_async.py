"""Calls that are answered 202 and are over once the endpoint has called back."""

from __future__ import annotations

import hashlib
import time

import pytest

from support.answering import Endpoint, Received, Reply
from support.asking import AT_ONCE, ONCE, Asked
from support.calling_back import ASYNC, accept, call_back
from support.few import at
from support.operator_process import OperatorProcess

pytestmark = pytest.mark.cluster


def called(asked: Asked, endpoint: Endpoint, run: str = "one", attempt: int = 1) -> Received:
    """The call of that attempt, once its 202 is on record."""
    asked.until(
        f"attempt {attempt} of {run} is to be called back",
        lambda: (
            asked.told(run) == ("Executing", "CallbackPending")
            and asked.of(run)["attempt"] == attempt
        ),
    )
    (call,) = (each for each in endpoint.of(run) if each.attempt == attempt)
    return call


@pytest.mark.row(
    "HTTPJob.spec.http.completion",
    "JobRun.status.callback.tokenHash",
    "JobRun.status.callback.acceptedTime",
    "JobRun.status.callback.deadline",
    "JobRun.status.callback.heartbeatTimeout",
    "JobRun.status.callback.outcome",
)
def test_row_http_completion(asked: Asked, endpoint: Endpoint, operator: OperatorProcess) -> None:
    """It executes until it is called back; what is answered 2xx is on record, and said once."""
    endpoint.answer = accept
    asked.job(http={**ASYNC, "heartbeatTimeout": "90s", "completionTimeout": "2h"})
    asked.run("one", debug=True)
    call = called(asked, endpoint)
    status, token = asked.of("one"), str(call.headers["X-Callback-Token"])
    assert status["message"] == "attempt 1 of 3: answered 202; to be called back"
    uid = call.headers["Idempotency-Key"]
    known = status["callback"]
    assert known["tokenHash"] == hashlib.sha256(f"{uid}/1/{token}".encode()).hexdigest()
    assert known["heartbeatTimeout"] == "1m30s"
    assert at(known["deadline"]) == pytest.approx(at(status["startTime"]) + 7200, abs=0.01)
    assert 0 <= at(known["acceptedTime"]) - at(status["startTime"]) < 5
    assert status["debug"]["requestHeaders"]["X-Callback-Token"] == "***"
    assert "holder" not in status
    assert call_back(call, "complete", token="guessed") == (
        403,
        {
            "code": "Refused",
            "message": "nobody waits for this attempt with this token: it is over, or the token is"
            " another one's; stop the work",
        },
    )
    assert call_back(call, "heartbeat")[0] == 200
    assert call_back(call, "complete", f"7 rows, {token}".encode())[0] == 200
    status = asked.of("one")
    assert (status["phase"], status["reason"]) == ("Completed", "Completed")
    assert (status["message"], status["result"]) == ("called back: complete", "7 rows, ***")
    assert status["callback"]["outcome"] == "Completed"
    assert status["debug"], "of the call that was answered 202"
    assert call_back(call, "complete")[1]["code"] == "Repeated"
    assert call_back(call, "fail")[0] == 409
    assert call_back(call, "heartbeat")[0] == 410
    assert token not in str(asked.space.list("JobRun")) + operator.log() + operator.metrics()


@pytest.mark.row("HTTPJob.spec.http.completion")
def test_row_http_completion_fail(asked: Asked, endpoint: Endpoint) -> None:
    """To fail is what 500 is: it is tried again, unless the endpoint says that this is no use."""
    endpoint.answer = accept
    asked.job(http=ASYNC, runs={"retry": AT_ONCE})
    asked.run("one")
    first = called(asked, endpoint)
    assert call_back(first, "fail", b"disk full")[0] == 200
    second = called(asked, endpoint, attempt=2)
    assert asked.of("one")["lastError"] == {
        "class": "Unavailable",
        "message": "called back: fail",
    }
    assert call_back(first, "complete")[0] == 403, "it is late"
    final = {"X-Run-Non-Retryable": "true"}
    assert call_back(second, "fail", b"no such order", headers=final)[0] == 200
    status = asked.of("one")
    assert (status["phase"], status["reason"]) == ("Failed", "Rejected")
    assert (status["result"], status["callback"]["outcome"]) == ("no such order", "Failed")


@pytest.mark.row("HTTPJob.spec.http.completion")
def test_row_http_completion_sync(asked: Asked, endpoint: Endpoint) -> None:
    """Without Async, 202 completes, and no address is told; with it, 200 does."""
    endpoint.answer = accept
    asked.job()
    asked.run("sync")
    assert asked.ended("sync")["phase"] == "Completed"
    assert "X-Callback-Url" not in endpoint.of("sync")[0].headers
    endpoint.answer = lambda _: Reply(200, b"done before")
    asked.job("async", http=ASYNC)
    asked.run("async", "async")
    status = asked.ended("async")
    assert (status["phase"], status["result"]) == ("Completed", "done before")


@pytest.mark.row("HTTPJob.spec.http.completion")
def test_row_http_completion_canceled(asked: Asked, endpoint: Endpoint) -> None:
    """A run that waits holds its place; once it is canceled its endpoint is told to stop."""
    endpoint.answer = accept
    asked.job(http=ASYNC, runs={"limits": {"maxConcurrency": 1}})
    asked.run("one")
    call = called(asked, endpoint)
    asked.run("two")
    asked.tells("two", "Queued", "ConcurrencyLimit")
    asked.space.patch("JobRun", "one", {"canceled": True})
    asked.ended("one")
    for verb in ("heartbeat", "complete"):
        assert call_back(call, verb)[0] == 410  # type: ignore[arg-type]
    called(asked, endpoint, "two")


@pytest.mark.row(
    "HTTPJob.spec.http.heartbeatTimeout",
    "JobRun.status.callback.heartbeatTime",
    "JobRun.status.phase",
)
def test_row_http_heartbeat_timeout(asked: Asked, endpoint: Endpoint) -> None:
    """Silence is a crash; heartbeats hold it off, and now and then one is put on record."""
    endpoint.answer = accept
    asked.job(http={**ASYNC, "heartbeatTimeout": "3s"}, runs={"retry": ONCE})
    asked.run("silent")
    asked.run("beats")
    call = called(asked, endpoint, "beats")
    end = time.monotonic() + 13
    while time.monotonic() < end:
        assert call_back(call, "heartbeat")[0] == 200
        time.sleep(0.5)
    status = asked.of("silent")
    assert (status["phase"], status["reason"]) == ("Crashed", "Crashed")
    assert status["message"] == "no call back and no heartbeat within 3s"
    assert 2.5 <= at(status["completionTime"]) - at(status["startTime"]) < 6
    status = asked.of("beats")
    assert status["phase"] == "Executing"
    assert at(status["callback"]["heartbeatTime"]) >= at(status["callback"]["acceptedTime"]) + 9
    assert asked.ended("beats")["phase"] == "Crashed"
    assert call_back(call, "heartbeat")[0] == 410


@pytest.mark.row("HTTPJob.spec.http.completionTimeout")
def test_row_http_completion_timeout(asked: Asked, endpoint: Endpoint) -> None:
    """An attempt ends, whatever its heartbeats say."""
    endpoint.answer = accept
    http = {**ASYNC, "heartbeatTimeout": "4s", "completionTimeout": "5s"}
    asked.job(http=http, runs={"retry": ONCE})
    asked.run("one")
    call = called(asked, endpoint)
    while asked.of("one")["phase"] == "Executing":
        call_back(call, "heartbeat")
        time.sleep(0.3)
    status = asked.of("one")
    assert (status["phase"], status["reason"]) == ("TimedOut", "TimedOut")
    assert status["message"].startswith("not called back by 2")
    assert 4.5 <= at(status["completionTime"]) - at(status["startTime"]) < 8
