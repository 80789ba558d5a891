"""Webhooks of HTTPJobs by whole operator processes, in virtual time: also when these are killed."""

from __future__ import annotations

import asyncio
import base64
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import Any, Final

import pytest
from standardwebhooks import Webhook

from sim.test_runs import ROLES, World
from wavegate.api.names import ANNOTATION_RESUME, API_VERSION
from wavegate.dispatch.call import Call, Heard
from wavegate.domain.times import parse_time
from wavegate.kube.resources import BY_KIND
from wavegate.runner.hooks import OF_ONE_RECEIVER, TIMEOUT
from wavegate.runs.states import TERMINAL
from wavegate.runs.webhooks import DELAYS, EVENT_OF, READ_AGAIN
from wavegate.simulation.cluster import SimulatedCluster, TroubleOf
from wavegate.simulation.endpoints import Told
from wavegate.simulation.loop import VirtualLoop
from wavegate.simulation.rights import Administrator
from wavegate.simulation.transport import Request, Untroubled

KEYS: Final = tuple("whsec_" + base64.b64encode(bytes([each]) * 32).decode() for each in (1, 2))
MAY_READ_SECRETS: Final[dict[str, Any]] = {
    "kind": "ClusterRole",
    "metadata": {"name": "secrets"},
    "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"]}],
}
HOOK: Final[dict[str, Any]] = {
    "url": "http://hook.example/runs",
    "secretRefs": [{"name": "keys", "key": "new"}],
}
RUNS: Final = 30
KILLS: Final = 6
HELD: Final = ("WebhookHeld", "WebhookFailed")


class HookWorld(World):
    """A job ``app`` with a webhook, and the Secret that signs it."""

    def keep_keys(self) -> None:
        texts = dict(zip(("new", "old"), KEYS, strict=True))
        data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "data": data}
        body["metadata"]["namespace"] = "default"
        path = "/api/v1/namespaces/default/secrets"
        self.cluster.server.request(Administrator(), "POST", path, body=body)

    def owned(self, name: str, job: Mapping[str, Any]) -> None:
        """Ask for a run that the job owns, so that it removes it."""
        metadata = job["metadata"]
        owner = {"apiVersion": API_VERSION, "kind": "HTTPJob", "controller": True}
        owner |= {"name": metadata["name"], "uid": metadata["uid"]}
        body = {
            "apiVersion": API_VERSION,
            "kind": "JobRun",
            "metadata": {"name": name, "namespace": "default", "ownerReferences": [owner]},
            "spec": {"jobName": metadata["name"]},
        }
        path = BY_KIND["JobRun"].collection("default")
        self.cluster.server.request(Administrator(), "POST", path, body=body)

    def hooked(self, name: str = "app", /, runs: Any = None, **hook: Any) -> None:
        kept = {"successfulHistoryLimit": 1000, "failedHistoryLimit": 1000, **(runs or {})}
        self.job(name, runs={**kept, "webhook": {**HOOK, **hook}})

    @property
    def told(self) -> list[Told]:
        return self.endpoints.told

    def deliveries(self) -> dict[str, Mapping[str, Any]]:
        """By name of the run, its status.webhook."""
        return {name: status.get("webhook") or {} for name, status in self.runs().items()}

    def of_job(self, name: str = "app") -> Mapping[str, Any]:
        return dict((self.cluster.get("HTTPJob", name) or {}).get("status") or {})

    def events(self) -> list[tuple[str, str]]:
        found = [each for each in self.cluster.list("Event") if each["reason"] in HELD]
        return [(each["reason"], each["note"]) for each in found]

    async def delivered(self, number: int) -> None:
        def are() -> bool:
            phases = Counter(each.get("phase") for each in self.deliveries().values())
            return phases["Delivered"] == number

        await self.until(are, every=1.0)  # there may be hours between two attempts


def play(
    story: Callable[[HookWorld], Awaitable[None]],
    seed: int = 0,
    trouble: TroubleOf | None = None,
    *,
    secrets: bool = True,
) -> None:
    async def whole() -> None:
        cluster = SimulatedCluster([*ROLES, MAY_READ_SECRETS], seed)
        cluster.settings = replace(cluster.settings, read_secrets=secrets)
        cluster.keep_running(trouble)
        try:
            await story(HookWorld(cluster))
        finally:
            await cluster.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(whole())


def answers(*statuses: int) -> Callable[[Call], Awaitable[Heard]]:
    """One after the other, the last one again and again."""
    left = list(statuses)

    async def answer(_: Call) -> Heard:
        return Heard(http_status=left.pop(0) if len(left) > 1 else left[0])

    return answer


def test_a_run_that_has_ended_is_told_of_signed_with_both_keys() -> None:
    async def story(world: HookWorld) -> None:
        world.keep_keys()
        refs = [{"name": "keys", "key": key} for key in ("new", "old")]
        world.hooked(secretRefs=refs)
        world.ask("one", payload='{"a": 1}')
        await world.delivered(1)
        (told,) = world.told
        assert told.body["type"] == "jobrun.completed"
        data = told.body["data"]
        assert (data["run"], data["job"], data["namespace"]) == ("one", "app", "default")
        assert (data["phase"], data["result"], data["attempts"]) == ("Completed", "{}", 1)
        assert told.body["timestamp"] == world.runs()["one"]["completionTime"]
        assert len(told.call.headers["webhook-signature"].split()) == 2
        when = datetime.fromtimestamp(int(told.call.headers["webhook-timestamp"]), UTC)
        for key in KEYS:
            # To verify, the library compares with the time of the machine.
            signed = Webhook(key).sign(told.id, when, told.call.body)
            assert signed in told.call.headers["webhook-signature"].split()
        record = world.deliveries()["one"]
        assert (record["phase"], record["attempts"]) == ("Delivered", 1)
        assert world.phases() == {"one": "Completed"}

    play(story)


def test_it_is_tried_again_with_the_same_id_and_body_and_given_up_in_the_end() -> None:
    async def story(world: HookWorld) -> None:
        world.endpoints.receive = answers(500)
        world.keep_keys()
        world.hooked()
        world.ask("one")
        await asyncio.sleep(sum(DELAYS) + 60)
        gaps = [after.began - before.began for before, after in pairwise(world.told)]
        assert gaps == pytest.approx(DELAYS, abs=1.0)
        assert len({(told.id, told.call.body) for told in world.told}) == 1
        stamps = [told.call.headers["webhook-timestamp"] for told in world.told]
        assert len(set(stamps)) == len(stamps)
        record = world.deliveries()["one"]
        assert record["attempts"] == len(DELAYS) + 1
        error = {"class": "Unavailable", "httpStatus": 500, "message": "answered 500"}
        assert record["lastError"] == error
        assert world.phases() == {"one": "Completed"}
        await asyncio.sleep(5)
        words = "the webhook is not told of one: answered 500"
        assert world.events() == [("WebhookFailed", words)]
        (process,) = world.cluster.living
        text = process.operator.metrics.render().decode()
        assert 'wavegate_webhook_deliveries_total{phase="Failed"} 1.0' in text
        assert 'wavegate_webhook_attempt_seconds_count{result="Failed"} 8.0' in text

    play(story)


def test_each_phase_has_its_event_and_only_those_asked_for_are_told() -> None:
    async def story(world: HookWorld) -> None:
        async def by_run(call: Call) -> Heard:
            return Heard(http_status=404 if call.headers["X-Run-Id"] == "bad" else 200)

        world.endpoints.answer = by_run
        world.keep_keys()
        world.hooked(events=["jobrun.failed", "jobrun.canceled"])
        world.ask("good")
        world.ask("bad")
        world.ask("off", canceled=True)
        await world.delivered(2)
        await asyncio.sleep(10)
        types = {told.run: told.body["type"] for told in world.told}
        assert types == {"bad": "jobrun.failed", "off": "jobrun.canceled"}
        assert world.deliveries()["good"] == {}

    play(story)


def test_410_pauses_the_hook_across_processes_until_it_is_resumed() -> None:
    async def story(world: HookWorld) -> None:
        world.endpoints.receive = answers(200, 410)
        world.keep_keys()
        world.hooked()
        for name in ("one", "two", "three"):
            world.ask(name)
            await world.until(lambda name=name: world.phases()[name] in TERMINAL)
            await asyncio.sleep(5)
        assert [told.run for told in world.told] == ["one", "two"]
        paused = world.of_job()["webhook"]
        assert (paused["phase"], paused["reason"]) == ("Paused", "Gone")
        conditions = {each["type"]: each for each in world.of_job()["conditions"]}
        assert conditions["WebhookHeld"]["reason"] == "Gone"
        assert conditions["Ready"]["status"] == "True"
        assert [reason for reason, _ in world.events()] == ["WebhookHeld"]
        for process in world.cluster.living:
            process.kill()
        await asyncio.sleep(3600)
        assert len(world.told) == 2
        assert world.of_job()["webhook"] == paused
        for change in (
            {"metadata": {"annotations": {ANNOTATION_RESUME: "again"}}},
            {"spec": {"runs": {"webhook": {"url": "http://other.example/"}}}},
        ):
            before = len(world.told)
            world.cluster.patch("HTTPJob", "app", change)
            await world.until(lambda before=before: len(world.told) > before)
            await asyncio.sleep(5)
            assert world.of_job()["webhook"]["hook"] != paused["hook"], "the new one is paused"
        assert world.told[-1].call.url == "http://other.example/"
        world.endpoints.receive = answers(200)
        world.cluster.patch(
            "HTTPJob", "app", {"metadata": {"annotations": {ANNOTATION_RESUME: ""}}}
        )
        await world.delivered(3)
        await world.until(lambda: "webhook" not in world.of_job())
        assert "WebhookHeld" not in {each["type"] for each in world.of_job()["conditions"]}
        assert {each["attempts"] for each in world.deliveries().values()} == {1}

    play(story)


def test_a_secret_that_is_missing_is_waited_for_by_one_attempt_at_a_time() -> None:
    async def story(world: HookWorld) -> None:
        world.hooked()
        for number in range(20):
            world.ask(f"r{number:02}")
        await world.ended()
        await world.until(lambda: bool(world.of_job().get("webhook")))
        held = world.of_job()["webhook"]
        assert (held["phase"], held["reason"]) == ("Waiting", "SecretUnreadable")
        assert held["message"] == "Secret keys is not there"
        await asyncio.sleep(10 * READ_AGAIN)
        assert world.told == []
        (process,) = world.cluster.living
        text = process.operator.metrics.render().decode()
        (count,) = re.findall(r'seconds_count{result="SecretUnreadable"} (.*)', text)
        assert 10 <= float(count) <= 16, "not one for each run"
        assert {each["attempts"] for each in world.deliveries().values()} == {0}
        world.keep_keys()
        await world.delivered(20)
        await world.until(lambda: "webhook" not in world.of_job())

    play(story)


def test_where_the_administrator_allows_no_secrets_deliveries_wait_and_say_so() -> None:
    async def story(world: HookWorld) -> None:
        world.keep_keys()
        world.hooked()
        world.ask("one")
        await world.until(lambda: bool(world.of_job().get("webhook")))
        assert "this operator reads no Secrets" in world.of_job()["webhook"]["message"]
        assert world.deliveries()["one"]["phase"] == "Pending"
        assert world.phases() == {"one": "Completed"}

    play(story, secrets=False)


def test_a_receiver_that_hangs_delays_neither_calls_nor_other_receivers() -> None:
    async def story(world: HookWorld) -> None:
        async def by_host(call: Call) -> Heard:
            if "hangs" in call.url:
                await asyncio.sleep(TIMEOUT)
                return Heard(failure="TimedOut", message="no answer within 15 s")
            return Heard(http_status=200)

        world.endpoints.receive = by_host
        world.keep_keys()
        for number in range(20):
            world.hooked(f"bad-{number}", url="http://hangs.example/")
            for each in range(10):
                world.ask(f"b{number}-{each}", f"bad-{number}")
        world.hooked("good")
        await world.until(lambda: len(world.told) >= OF_ONE_RECEIVER)
        for number in range(20):
            world.ask(f"good-{number}", "good")
        await world.until(lambda: len([t for t in world.told if t.run.startswith("good")]) == 20)
        good = [told for told in world.told if told.run.startswith("good")]
        ended = {
            each["metadata"]["name"]: each["status"]["completionTime"]
            for each in world.cluster.list("JobRun")
        }
        for told in good:
            assert told.began - (parse_time(ended[told.run]) or 0.0) < 2.0
        hanging = [told for told in world.told if "hangs" in told.call.url]
        assert at_once(hanging) == OF_ONE_RECEIVER
        assert world.endpoints.calls[-1].began - world.endpoints.calls[0].began < 10
        await asyncio.sleep(20 * TIMEOUT)
        told = [told for told in world.told if "hangs" in told.call.url]
        # The first had it for itself.
        jobs = Counter(each.body["data"]["job"] for each in told[OF_ONE_RECEIVER:][:40])
        assert set(jobs.values()) == {2}, "jobs take turns at a receiver"

    play(story)


def test_what_is_pending_is_kept_beyond_the_limits_and_removed_once_it_is_told() -> None:
    async def story(world: HookWorld) -> None:
        world.endpoints.receive = answers(500)
        world.keep_keys()
        kept = {"successfulHistoryLimit": 1, "finishedTTL": "1m"}
        world.hooked(runs=kept)
        app = world.cluster.get("HTTPJob", "app") or {}
        for number in range(5):
            world.owned(f"r{number}", app)
        await world.ended()
        await asyncio.sleep(600)
        assert len(world.runs()) == 5
        world.endpoints.receive = answers(200)
        await world.until(lambda: not world.runs())
        assert len({told.run for told in world.told if told.heard == Heard(http_status=200)}) == 5

    play(story)


def test_hooks_of_a_suspended_job_still_go_out() -> None:
    async def story(world: HookWorld) -> None:
        world.endpoints.receive = answers(503, 200)
        world.keep_keys()
        world.hooked()
        world.ask("one")
        await world.until(lambda: len(world.told) == 1)
        world.cluster.patch("HTTPJob", "app", {"spec": {"suspend": True}})
        await world.delivered(1)
        assert world.of_job()["state"] == "Suspended"

    play(story)


class Dying(Untroubled):
    """The process dies at one of its writes, before it is carried out or after it."""

    def __init__(self, process: Any, write: int, *, after: bool) -> None:
        self._process = process
        self._left = write
        self._after = after

    async def sending(self, request: Request) -> None:
        if request.method != "GET" and "/leases/" not in request.path:
            self._left -= 1
            if not self._left and not self._after:
                self._process.kill()

    async def answered(self, *_: Any) -> None:
        if self._left <= 0 and self._after:
            self._process.kill()


WRITES: Final = 10
"""So many a process has at least that tells of two runs, of one of them twice."""


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", range(1, WRITES + 1))
def test_a_kill_at_any_write_loses_nothing(write: int, after: bool) -> None:
    async def story(world: HookWorld) -> None:
        world.endpoints.receive = answers(503, 200)
        world.keep_keys()
        world.hooked(runs={"retry": {"initialDelay": "1s"}})
        for name in ("one", "two"):
            world.ask(name)
        await world.ended()
        await world.delivered(2)
        assert len(world.cluster.processes) == 2
        taken = {each.run for each in world.told if each.heard and each.heard.http_status == 200}
        assert taken == {"one", "two"}

    lives = iter([True])

    def trouble(process: Any) -> Untroubled:
        return Dying(process, write, after=after) if next(lives, False) else Untroubled()

    play(story, trouble=trouble)


@pytest.mark.parametrize("seed", range(3))
def test_no_delivery_is_lost_whichever_write_a_process_dies_at(seed: int) -> None:
    async def story(world: HookWorld) -> None:
        chance = Random(f"{seed} receiver")

        async def moody(_: Call) -> Heard:
            await asyncio.sleep(chance.uniform(0, 2))
            return Heard(http_status=chance.choice((200, 200, 200, 500, 503)))

        world.endpoints.receive = moody
        world.keep_keys()
        world.hooked()
        for number in range(RUNS):
            world.ask(f"r{number:02}")
        await world.ended()
        await world.delivered(RUNS)
        assert len(world.cluster.processes) == KILLS + 1
        well = Counter(
            told.run for told in world.told if told.heard and told.heard.http_status == 200
        )
        assert well.keys() == world.runs().keys()
        ids = {(told.run, told.id, told.call.body) for told in world.told}
        assert len(ids) == RUNS, "each attempt at one delivery has the same id and body"
        assert {told.body["type"] for told in world.told} <= set(EVENT_OF.values())

    chance, lives = Random(f"{seed} kills"), iter(range(KILLS))

    def trouble(process: Any) -> Untroubled:
        if next(lives, None) is None:
            return Untroubled()
        return Dying(process, chance.randint(1, 30), after=chance.random() < 0.5)

    play(story, seed, trouble)


def at_once(told: list[Told]) -> int:
    moments = [(each.began, 1) for each in told]
    moments += [(each.ended, -1) for each in told if each.ended is not None]
    most = now = 0
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    return most
