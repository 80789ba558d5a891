"""Call backs: who may, what is answered, and nothing is answered 2xx before it is on record."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from support.called_back import JOB, SPEC, TOKEN, Bench, run, settled
from support.runs_world import NOW
from wavegate.dispatch.keeping import Body
from wavegate.kube.errors import ServerError
from wavegate.runner import callbacks as rules
from wavegate.runner.callbacks import LOOKS, BodyRefused, CallBack, Reply


async def under_way(bench: Bench, **more: Any) -> asyncio.Task[Reply]:
    task = asyncio.create_task(bench.call_back(**more))
    await settled()
    return task


async def test_it_is_answered_once_it_is_on_record() -> None:
    bench = Bench()
    task = await under_way(bench, body=b"done")
    answer = bench.callbacks.answers(JOB)["one-uid"]
    assert (answer.outcome, answer.result, answer.called_back) == ("Completed", "done", "Completed")
    assert (bench.woken, task.done()) == ([JOB], False)
    await bench.recorded()
    assert (await task).status == 200
    assert bench.callbacks.answers(JOB) == {}
    assert not bench.callbacks.is_open
    assert bench.took == ["Taken"]
    assert (await bench.call_back()).code == "Repeated"
    assert (await bench.call_back("fail")).code == "Conflict"


@pytest.mark.parametrize(
    ("headers", "outcome", "retryable", "after"),
    [
        pytest.param({}, "Unavailable", True, None, id="as 500"),
        pytest.param({"Retry-After": "7"}, "Unavailable", True, 7.0, id="later"),
        pytest.param({"X-Run-Non-Retryable": "true"}, "Rejected", False, None, id="never"),
    ],
)
async def test_to_fail_is_what_500_is(
    headers: dict[str, str], outcome: str, retryable: bool, after: float | None
) -> None:
    bench = Bench()
    task = await under_way(bench, verb="fail", headers=headers)
    answer = bench.callbacks.answers(JOB)["one-uid"]
    assert (answer.outcome, answer.retryable, answer.retry_after) == (outcome, retryable, after)
    await bench.recorded("fail", "Queued")
    assert (await task).status == 200


async def test_of_two_at_once_the_first_counts_and_both_of_one_word_are_answered() -> None:
    bench = Bench()
    first = await under_way(bench)
    same, other = await under_way(bench), await under_way(bench, verb="fail")
    assert (await other).code == "Conflict"
    await bench.recorded()
    assert [(await each).status for each in (first, same)] == [200, 200]


async def test_what_cannot_be_put_on_record_is_not_answered_2xx(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules, "RECORDED_WITHIN", 0.01)
    bench = Bench()
    reply = await bench.call_back()
    assert (reply.status, reply.code, reply.retry_after) == (503, "NotRecorded", 1.0)
    assert bench.callbacks.answers(JOB), "it may be put on record still"
    await bench.recorded()
    assert (await bench.call_back()).code == "Repeated"


@pytest.mark.parametrize(
    ("becomes", "code"),
    [
        pytest.param(run(phase="Canceled"), "Over", id="canceled"),
        pytest.param(run(phase="Completed", outcome="Failed"), "Conflict", id="failed"),
        pytest.param(run(attempt=2), "Over", id="another attempt"),
    ],
)
async def test_what_became_of_the_run_meanwhile_is_told(becomes: Any, code: str) -> None:
    bench = Bench()
    task = await under_way(bench)
    bench.know(becomes)
    assert bench.callbacks.answers(JOB) == {}
    assert (await task).code == code


async def test_a_run_that_was_deleted_meanwhile_is_over() -> None:
    bench = Bench()
    task = await under_way(bench)
    bench.cache.forget("JobRun", "shop", "one", "one-uid")
    assert bench.callbacks.answers(JOB) == {}
    assert (await task).code == "Over"


async def test_who_does_not_lead_takes_none() -> None:
    bench = Bench()
    bench.leading = False
    assert {(await bench.call_back(verb)).code for verb in ("complete", "heartbeat")} == {
        "NotLeading"
    }
    bench.leading = True
    bench.callbacks.stop()
    assert (await bench.call_back()).code == "NotLeading"
    assert not bench.callbacks.is_open
    assert bench.asked == []


async def test_who_leads_no_more_when_the_body_is_there_takes_none() -> None:
    bench = Bench()

    async def read() -> Body:
        bench.leading = False
        return Body()

    call = CallBack("shop", "one", 1, "complete", TOKEN, {}, read)
    assert (await bench.callbacks.take(call)).code == "NotLeading"


async def test_nothing_is_read_of_who_has_no_token() -> None:
    bench = Bench()

    async def read() -> Body:
        raise AssertionError

    for token, attempt in (("wrong", 1), (TOKEN, 2)):
        call = CallBack("shop", "one", attempt, "complete", token, {}, read)
        assert (await bench.callbacks.take(call)).code == "Refused"


async def test_a_body_that_is_not_taken_is_told_and_may_come_again() -> None:
    bench = Bench()

    async def read() -> Body:
        raise BodyRefused("TooLarge", "it is longer")

    reply = await bench.callbacks.take(CallBack("shop", "one", 1, "complete", TOKEN, {}, read))
    assert (reply.status, reply.message) == (413, "it is longer")
    assert not bench.callbacks.is_open


async def test_a_fault_of_ours_says_to_come_again_and_is_logged_without_what_came(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()

    async def read() -> Body:
        raise RuntimeError(TOKEN)

    reply = await bench.callbacks.take(CallBack("shop", "one", 1, "complete", TOKEN, {}, read))
    assert reply.status == 503
    assert "RuntimeError" in caplog.text
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(CallBack("shop", "one", 1, "complete", TOKEN, {}, read))


# What this process may not have heard of yet.


async def test_a_run_that_is_not_known_yet_is_looked_for() -> None:
    bench = Bench()
    bench.stored["shop", "two"] = run("two")
    assert (await bench.call_back("heartbeat", name="two")).code == "Taken"
    assert bench.asked == ["jobruns/shop/two"]
    newer = run(attempt=2)
    newer["metadata"]["resourceVersion"] = "99"
    bench.stored["shop", "one"] = newer
    assert (await bench.call_back("heartbeat", attempt=2)).code == "Taken"


@pytest.mark.parametrize(
    ("known", "attempt"),
    [
        pytest.param(run(), 1, id="its token is known"),
        pytest.param(run(attempt=2), 1, id="another attempt has begun"),
        pytest.param(run(phase="Completed"), 2, id="it has ended"),
    ],
)
async def test_nobody_is_asked_where_all_is_known(known: Any, attempt: int) -> None:
    bench = Bench()
    bench.know(known)
    assert (await bench.call_back(token="wrong", attempt=attempt)).code == "Refused"
    assert bench.asked == []


async def test_strangers_make_few_requests() -> None:
    bench = Bench()
    codes = [(await bench.call_back(name=f"r{number}")).code for number in range(LOOKS + 2)]
    assert codes == ["Refused"] * LOOKS + ["Busy"] * 2
    assert (await bench.call_back("heartbeat")).code == "Taken", "who has a token is none"
    bench.now += 1.0
    assert (await bench.call_back(name="r0")).code == "Refused"


async def test_while_the_api_server_does_not_answer_nobody_is_refused() -> None:
    bench = Bench()
    bench.stored["shop", "two"] = ServerError(500)
    assert (await bench.call_back(name="two")).code == "NotRecorded"


async def test_what_is_not_looked_after_is_not_asked_for() -> None:
    bench = Bench(namespaces=["shop"])
    bench.stored["bank", "two"] = run("two")
    assert (await bench.call_back(name="two", namespace="bank")).code == "Refused"
    assert bench.asked == []


# Heartbeats.


async def test_heartbeats_are_kept_as_long_as_their_attempt_executes() -> None:
    bench = Bench()
    bench.now += 5
    assert (await bench.call_back("heartbeat")).code == "Taken"
    assert bench.callbacks.heartbeats(JOB) == {"one-uid": NOW + 5}
    assert bench.woken == [], "it is not put on record"
    bench.now += 15
    await bench.call_back("heartbeat")
    assert bench.woken == [JOB]
    bench.know(run(attempt=2))
    assert bench.callbacks.heartbeats(JOB) == {}
    assert bench.callbacks._heartbeats == {}
    assert (await bench.call_back("heartbeat")).code == "Refused"


# What is kept.

WITH_SECRET = {"http": {**SPEC["http"], "headers": [{"name": "X-Key", "valueFrom": {}}]}}
WITH_SECRET["http"]["headers"][0]["valueFrom"] = {"secretKeyRef": {"name": "s", "key": "k"}}  # type: ignore[index]


async def test_no_secret_and_no_token_is_kept() -> None:
    bench = Bench(WITH_SECRET)
    bench.stored["shop", "s"] = {"data": {"k": base64.b64encode(b"pearl").decode()}}
    await under_way(bench, body=f"pearl {TOKEN}".encode())
    assert bench.callbacks.answers(JOB)["one-uid"].result == "*** ***"


async def test_where_it_is_not_known_what_is_secret_no_text_is_kept() -> None:
    bench = Bench(WITH_SECRET)
    await under_way(bench, body=b"pearl")
    answer = bench.callbacks.answers(JOB)["one-uid"]
    assert (answer.result, answer.result_size, len(answer.result_hash)) == (None, 5, 64)


@pytest.mark.parametrize("body", [b"x" * 8193, b"\xff\xfe"])
async def test_of_what_is_large_or_no_text_size_and_hash_are_kept(body: bytes) -> None:
    bench = Bench()
    await under_way(bench, body=body)
    answer = bench.callbacks.answers(JOB)["one-uid"]
    assert (answer.result, answer.result_size) == (None, len(body))


# The end of the process.


async def test_a_process_that_ends_waits_until_they_are_on_record() -> None:
    bench = Bench()
    task = await under_way(bench)
    draining = asyncio.create_task(bench.callbacks.drain())
    await bench.recorded()
    await draining
    assert (await task).code == "Taken"


async def test_a_process_that_ends_still_knows_since_when_it_led() -> None:
    """Its last passes would otherwise take what another one heard for silence."""
    bench = Bench()
    bench.callbacks.stop()
    assert bench.callbacks.leads_since == NOW


async def test_what_is_not_on_record_at_its_end_is_not_answered_2xx(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules, "DRAIN_TIMEOUT", 0.01)
    bench = Bench()
    task = await under_way(bench)
    await bench.callbacks.drain()
    assert (await task).code == "NotRecorded"
