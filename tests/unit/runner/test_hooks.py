"""Webhooks as a process calls them: receivers that misbehave, slots, turns, and who leads."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from standardwebhooks import Webhook

from support.endpoints import LOOPBACK, OK, Handler, drips, says
from support.runs_world import NOW, job, run
from wavegate.dispatch.addresses import AddressPolicy
from wavegate.dispatch.call import Call, Heard, make
from wavegate.engine.client import Client
from wavegate.kube.errors import ApiError, NotFound, ServerError
from wavegate.kube.resources import Resource
from wavegate.runner import hooks as hooks_module
from wavegate.runner.hooks import AT_A_TIME, OF_ONE_RECEIVER, TROUBLED, Hooks
from wavegate.runner.sources import Sources
from wavegate.runs.observed import AskedJobView, RunView
from wavegate.runs.webhooks import READ_AGAIN, Deliveries, Delivery, message_id

KEY = "whsec_" + base64.b64encode(b"k" * 32).decode()


def hooked(url: str = "http://hook.example/", name: str = "app") -> AskedJobView:
    webhook = {"url": url, "secretRefs": [{"name": "keys", "key": "one"}]}
    return replace(job(runs={"webhook": webhook}), name=name)


def pending(name: str = "one", attempts: int = 0) -> RunView:
    return run(name, phase="Completed", delivery=Delivery(attempts, NOW))


class Objects:
    """A Secret with this key, and every run that is asked for."""

    def __init__(self, key: str = KEY) -> None:
        self.key = key
        self.trouble: ApiError | None = None
        self.uid = ""

    async def get(self, resource: Resource, namespace: str, name: str) -> Any:
        if resource.kind == "Secret":
            return {"data": {"one": base64.b64encode(self.key.encode()).decode()}}
        if self.trouble is not None:
            raise self.trouble
        return {
            "metadata": {"name": name, "namespace": namespace, "uid": self.uid or f"uid-{name}"},
            "spec": {"jobName": "app"},
            "status": {"phase": "Completed", "reason": "Completed", "attempt": 1, "junk": 1},
        }


class Bench:
    """Hooks, and what becomes of them."""

    def __init__(
        self,
        call: Callable[..., Any] = make,
        *,
        policy: AddressPolicy = LOOPBACK,
        leading: bool = True,
        secrets: bool = True,
    ) -> None:
        self.objects = Objects()
        self.ended: list[tuple[str, str]] = []
        self.attempted: list[str] = []
        self.forgotten: list[str] = []
        self.end = asyncio.Event()
        client = cast("Client", self.objects)
        self.hooks = Hooks(
            client,
            Sources(client, read_secrets=secrets),
            policy,
            call,
            leading=lambda: leading,
            now=lambda: NOW,
            ended=self._ended,
            attempted=lambda result, _: self.attempted.append(result),
            forget=lambda run: self.forgotten.append(run.name),
        )

    def _ended(self, key: tuple[str, str]) -> None:
        self.ended.append(key)
        self.end.set()

    async def tell(self, of: AskedJobView, run: RunView | None = None) -> Deliveries:
        """What is known once the run has been told of."""
        run = run or pending()
        self.end.clear()
        self.hooks.begin(of, run)
        await self.end.wait()
        return self.hooks.known(of.key, of, {run.uid: run})


@asynccontextmanager
async def receiver(handler: Handler) -> Any:
    requests: list[bytes] = []
    tasks: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            requests.append(head + await reader.readexactly(length))
            await handler(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/hook", requests
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


NONE = b"Content-Length: 0\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS = CHUNKED + (b"400\r\n" + b"a" * 1024 + b"\r\n") * 3000
"""More than is read."""


@pytest.mark.parametrize(
    ("handler", "result", "error"),
    [
        pytest.param(says(OK + NONE), "Delivered", None, id="well"),
        pytest.param(says(b"HTTP/1.1 204 No Content\r\n\r\n"), "Delivered", None, id="204"),
        pytest.param(says(OK + ENDLESS), "Delivered", None, id="endless, 200"),
        pytest.param(drips(OK + CHUNKED, b"1\r\na\r\n"), "Delivered", None, id="drips, 200"),
        pytest.param(
            says(OK + b"Content-Length: 9\r\n\r\nabc", then="resets"),
            "Delivered",
            None,
            id="resets after 200",
        ),
        pytest.param(says(then="hangs"), "Failed", ("TimedOut", None), id="hangs"),
        pytest.param(says(then="resets"), "Failed", ("Reset", None), id="resets"),
        pytest.param(says(b"HTTP/1.1 500 Oh\r\n" + NONE), "Failed", ("Unavailable", 500), id="500"),
        pytest.param(
            says(b"HTTP/1.1 500 Oh\r\n" + ENDLESS),
            "Failed",
            ("AnswerTooLarge", 500),
            id="endless, 500",
        ),
        pytest.param(
            says(b"HTTP/1.1 307 There\r\nLocation: http://127.0.0.1:1/\r\n" + NONE),
            "Failed",
            ("Rejected", 307),
            id="a redirect",
        ),
        pytest.param(says(b"HTTP/1.1 404 No\r\n" + NONE), "Failed", ("Rejected", 404), id="404"),
        pytest.param(says(b"no HTTP at all\r\n\r\n"), "Failed", ("BadAnswer", None), id="no HTTP"),
        pytest.param(says(b"HTTP/1.1 410 Gone\r\n" + NONE), "Gone", None, id="410"),
        pytest.param(
            says(b"HTTP/1.1 410 Gone\r\n" + ENDLESS),
            "Gone",
            None,
            id="endless, 410",
        ),
    ],
)
async def test_what_comes_of_a_receiver(
    handler: Handler, result: str, error: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks_module, "TIMEOUT", 0.5)
    async with receiver(handler) as (url, requests):
        bench = Bench()
        known = await bench.tell(hooked(url))
        assert len(requests) == 1, "no redirect is followed"
    assert known.said is not None
    assert (known.said.result, bench.attempted) == (result, [result])
    attempts = list(known.attempts.values())
    assert [each.result for each in attempts] == ([] if result == "Gone" else [result])
    for each in attempts:
        found = (each.error["class"], each.error.get("httpStatus")) if each.error else None
        assert (each.number, found) == (1, error)
        assert dict(each.status) == {
            "phase": "Completed",
            "reason": "Completed",
            "attempt": 1,
            "junk": 1,
        }


async def test_what_is_sent_can_be_verified_and_holds_no_key(caplog: Any) -> None:
    async with receiver(says(b"HTTP/1.1 503 " + KEY.encode() + b"\r\n" + NONE)) as (url, requests):
        bench = Bench()
        known = await bench.tell(hooked(url), pending(attempts=2))
    head, _, body = requests[0].decode().partition("\r\n\r\n")
    lines = [line.partition(": ") for line in head.split("\r\n")[1:]]
    headers = {name.lower(): value for name, _, value in lines}
    assert headers["webhook-id"] == message_id("uid-one", "Completed")
    assert headers["webhook-timestamp"] == str(int(NOW))
    assert headers["content-type"] == "application/json"
    when = datetime.fromtimestamp(NOW, UTC)
    assert headers["webhook-signature"] == Webhook(KEY).sign(headers["webhook-id"], when, body)
    assert json.loads(body)["data"]["run"] == "one"
    (attempt,) = known.attempts.values()
    assert attempt.number == 3
    assert KEY not in f"{attempt}{known}{caplog.text}{requests[0]!r}"


async def test_an_address_that_is_refused_for_calls_is_for_webhooks() -> None:
    known = await Bench(policy=AddressPolicy()).tell(hooked("http://169.254.169.254/latest"))
    (attempt,) = known.attempts.values()
    assert (attempt.error or {})["class"] == "AddressRefused"


async def test_who_does_not_lead_tells_nobody() -> None:
    made: list[Call] = []

    async def never(call: Call, *_: Any, **__: Any) -> Heard:
        made.append(call)
        return Heard(http_status=200)

    bench = Bench(never, leading=False)
    known = await bench.tell(hooked())
    assert (made, dict(known.attempts), known.said, bench.attempted) == ([], {}, None, [])
    assert not bench.hooks.is_open


@pytest.mark.parametrize(
    ("secrets", "key", "words"),
    [
        pytest.param(False, KEY, "this operator reads no Secrets", id="not allowed"),
        pytest.param(True, "whsec_!", "signing key 1 is not base64", id="no key"),
    ],
)
async def test_a_key_that_cannot_be_had_is_no_attempt(secrets: bool, key: str, words: str) -> None:
    bench = Bench(secrets=secrets)
    bench.objects.key = key
    known = await bench.tell(hooked())
    assert known.said is not None
    assert known.said.result == "SecretUnreadable"
    assert words in known.said.message
    assert (dict(known.attempts), known.not_before) == ({}, NOW + READ_AGAIN)
    assert bench.attempted == ["SecretUnreadable"]


async def test_another_webhook_waits_for_no_secret_of_the_one_before() -> None:
    bench, of = Bench(secrets=False), hooked()
    assert (await bench.tell(of)).not_before == NOW + READ_AGAIN
    for other in (replace(of, resume="now"), hooked("http://other.example/")):
        assert bench.hooks.known(of.key, other, {"uid-one": pending()}).not_before == 0.0


async def test_a_run_that_is_gone_is_forgotten_and_one_that_is_not_read_is_read_again() -> None:
    bench = Bench()
    bench.objects.trouble = NotFound(404, "NotFound", "no")
    await bench.tell(hooked())
    bench.objects.trouble = None
    bench.objects.uid = "of another run with that name"
    await bench.tell(hooked())
    assert bench.forgotten == ["one", "one"]
    bench.objects.trouble = ServerError(500)
    known = await bench.tell(hooked())
    assert (known.not_before, dict(known.attempts)) == (NOW + TROUBLED, {})
    assert bench.attempted == []


async def test_a_defect_of_ours_ends_no_process_and_is_no_hot_loop(caplog: Any) -> None:
    async def broken(*_: Any, **__: Any) -> Heard:
        raise RuntimeError

    bench = Bench(broken)
    known = await bench.tell(hooked())
    assert (known.not_before, dict(known.attempts)) == (NOW + TROUBLED, {})
    assert "the webhook of run shop/one broke" in caplog.text


async def test_an_attempt_is_forgotten_once_it_is_on_record() -> None:
    async def fails(*_: Any, **__: Any) -> Heard:
        return Heard(http_status=500)

    bench, of = Bench(fails), hooked()
    known = await bench.tell(of)
    assert set(known.attempts) == {"uid-one"}
    again = bench.hooks.known(of.key, of, {"uid-one": pending(attempts=1)})
    assert dict(again.attempts) == {}
    await bench.tell(of)
    assert bench.hooks.is_open
    assert dict(bench.hooks.known(of.key, job(), {"uid-one": pending()}).attempts) == {}
    assert not bench.hooks.is_open


async def test_a_pause_stays_whatever_comes_back_after_it() -> None:
    answers = iter((410, 200))

    async def answer(*_: Any, **__: Any) -> Heard:
        return Heard(http_status=next(answers))

    bench, of = Bench(answer), hooked()
    await bench.tell(of)
    known = await bench.tell(of, pending("two"))
    assert known.said is not None
    assert known.said.result == "Gone"
    assert [each.result for each in known.attempts.values()] == ["Delivered"]


class Hanging:
    """Receivers that answer when they are let."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, *_: Any, **__: Any) -> Heard:
        await self.open.wait()
        return Heard(http_status=200)


def slots(bench: Bench, of: AskedJobView) -> int:
    return bench.hooks.known(of.key, of, {"uid-x": pending("x")}).slots


async def test_a_receiver_has_few_slots_and_takes_none_of_another() -> None:
    answer = Hanging()
    bench, bad, other = Bench(answer), hooked("http://hangs/"), hooked("http://well/", "other")
    same = hooked("http://hangs/else", "same")
    for number in range(OF_ONE_RECEIVER):
        assert slots(bench, same) == OF_ONE_RECEIVER - number
        bench.hooks.begin(bad, pending(f"r{number}"))
    assert (slots(bench, bad), slots(bench, same), slots(bench, other)) == (0, 0, OF_ONE_RECEIVER)
    answer.open.set()
    await bench.hooks.close()


async def test_there_are_not_more_than_so_many_in_all() -> None:
    bench = Bench(Hanging())
    for number in range(AT_A_TIME):
        bench.hooks.begin(hooked(f"http://r{number}/"), pending(f"r{number}"))
    assert slots(bench, hooked("http://another/")) == 0
    await bench.hooks.close()


async def test_jobs_that_wait_for_a_receiver_take_turns_and_are_looked_at_in_order() -> None:
    bench = Bench(Hanging())
    a, b, c = (hooked("http://same/", name) for name in "abc")
    for of in (a, b, c):
        bench.hooks.passed(of.key, of, begun=False, wanting=True)
    assert [slots(bench, of) for of in (a, b, c)] == [1, 1, 1]
    for number in range(OF_ONE_RECEIVER - 1):
        bench.hooks.begin(a, pending(f"r{number}"))
    assert [slots(bench, of) for of in (a, b, c)] == [1, 0, 0], "one is left, and it is a's turn"
    bench.hooks.passed(a.key, a, begun=True, wanting=True)
    assert [slots(bench, of) for of in (a, b, c)] == [0, 1, 0]
    bench.ended.clear()
    bench.hooks.passed(b.key, b, begun=False, wanting=False)
    assert bench.ended == [c.key], "what one does not want the next one gets"
    bench.hooks.forget(c.key)
    assert [slots(bench, of) for of in (a, b, c)] == [1, 0, 0]
    await bench.hooks.close()


async def test_who_closes_begins_nothing_and_waits_for_what_is_under_way() -> None:
    answer = Hanging()
    bench, of = Bench(answer), hooked()
    bench.hooks.begin(of, pending())
    draining = asyncio.create_task(bench.hooks.drain())
    await asyncio.sleep(0)
    assert slots(bench, of) == 0
    answer.open.set()
    await bench.end.wait()
    assert not draining.done(), "it is not on record yet"
    bench.hooks.known(of.key, of, {})
    await draining
