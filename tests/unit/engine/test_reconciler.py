"""The pass: what it hands over, and what it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

import pytest

from unit.engine.support import EPOCH, Engine, FakeApi, claim, now, path_of
from wavegate.cache.store import JobKey
from wavegate.domain.actions import (
    CreatePull,
    DeletePod,
    Look,
    Plan,
    Probe,
    SetStatus,
    Step,
    Urgency,
)
from wavegate.domain.health import Criteria, HealthRecord
from wavegate.domain.memory import Memory
from wavegate.domain.observed import Observed, PlanSettings
from wavegate.engine.reconciler import Reconciler
from wavegate.engine.writer import Writer
from wavegate.kube.errors import ServerError
from wavegate.kube.resources import PODS

pytestmark = pytest.mark.looptime

EDGE = ("web", "edge")
Planner = Callable[[Observed], Plan]


class NoWindows:
    def __init__(self) -> None:
        self.kept: dict[JobKey, Sequence[Probe]] = {}

    def keep(self, key: JobKey, probes: Sequence[Probe]) -> None:
        self.kept[key] = probes

    def records(self, key: JobKey) -> Mapping[str, HealthRecord]:
        return {}


class Bench:
    def __init__(self, api: FakeApi) -> None:
        self.api = api
        self.engine = Engine(api)
        self.windows = NoWindows()
        self.seen: list[Observed] = []
        self.memories: list[Memory] = []
        self.plan: Planner = lambda _: Plan()
        self.writer = Writer(
            self.engine.executor,
            self.engine.queue,
            self.engine.bucket,
            self.engine.metrics,
            now=now,
            rng=Random(1),
        )
        self.kind_gone = False
        self.reconciler = Reconciler(
            self._observe,
            self.engine.cache,
            self.engine.queue,
            self.writer,
            self.windows,
            self.engine.preparations,
            self.engine.live,
            self.engine.live_pods,
            self.engine.metrics,
            settings=PlanSettings(lost_after=7.0),
            now=now,
            new_id=lambda: f"e{len(self.seen)}",
            kind_gone=lambda: self.kind_gone,
        )
        self._tasks = [
            asyncio.create_task(self.writer.run()),
            asyncio.create_task(self.reconciler.lead(EPOCH)),
        ]

    def _observe(self, observed: Observed, memory: Memory) -> Plan:
        self.memories.append(memory)
        self.seen.append(observed)
        return self.plan(observed)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.writer.close()
        await self.engine.live.close()
        await self.engine.live_pods.close()

    def passes(self, result: str) -> float:
        value = self.engine.metrics.registry.get_sample_value(
            "controller_runtime_reconcile_total", {"controller": "fleetjob", "result": result}
        )
        assert value is not None
        return value


@pytest.fixture
async def bench():
    made = Bench(FakeApi(latency=0.01))
    yield made
    await made.stop()


def one(*actions: object, key: str = "node/a") -> Plan:
    return Plan(steps=(Step(key, Urgency.CREATE, actions),))


def claim_once(observed: Observed) -> Plan:
    return Plan() if observed.executions else one(claim("a"))


async def test_a_change_becomes_a_plan_and_the_plan_writes(bench: Bench):
    bench.plan = claim_once
    bench.engine.make_job()
    await asyncio.sleep(5)
    assert path_of("executions", "edge-a-1") in bench.api.objects
    assert len(bench.api.writes()) == 1
    first = bench.seen[0]
    assert first.job.name == "edge"
    assert first.settings.lost_after == 7.0
    assert first.operator_started == EPOCH
    assert first.eval_id == "e0"


async def test_nothing_that_happens_is_no_pass(bench: Bench):
    bench.engine.make_job()
    await asyncio.sleep(600)
    assert len(bench.seen) == 1
    assert not bench.api.requests


async def test_a_job_is_read_live_before_anything_is_made_for_it_and_once_for_all_its_nodes(
    bench: Bench,
):
    def claim_some(observed: Observed) -> Plan:
        missing = {"a", "b", "c"} - {view.node for view in observed.executions}
        names = sorted(missing)[:1]
        return Plan(tuple(Step(f"node/{n}", Urgency.CREATE, (claim(n),)) for n in names))

    bench.plan = claim_some
    bench.engine.make_job()
    await asyncio.sleep(10)
    methods = [request.method for request in bench.api.requests]
    assert methods == ["GET", "POST", "POST", "POST"]


@pytest.mark.row("Pre-pull")
async def test_a_job_is_read_live_before_images_are_pulled_for_it(bench: Bench):
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "labels": {"wavegate.dev/pull": "edge"}},
        "spec": {},
    }
    pull = CreatePull("edge-v2", "uid-of-v2", "a", manifest)
    bench.plan = lambda _: one(pull)
    bench.engine.make_job()
    await asyncio.sleep(1)
    assert [request.method for request in bench.api.requests][:2] == ["GET", "POST"]


async def test_nothing_is_made_for_a_job_that_was_deleted_unseen(bench: Bench):
    bench.plan = claim_once
    bench.engine.make_job()
    del bench.api.objects[path_of("fleetjobs", "edge")]
    await asyncio.sleep(10)
    assert not bench.api.writes()


async def test_nothing_is_made_while_the_job_cannot_be_read(bench: Bench):
    bench.plan = claim_once
    bench.api.fail("GET", "/fleetjobs/", ServerError(503), times=1000)
    bench.engine.make_job()
    await asyncio.sleep(60)
    assert not bench.api.writes()
    assert 25 <= len(bench.api.requests) <= 31


async def test_what_a_vanished_job_has_left_is_not_deleted_before_it_is_certain(bench: Bench):
    def clean_up(observed: Observed) -> Plan:
        if observed.job.uid:
            return Plan()
        pods = [pod for pod in observed.pods if pod.deletion is None]
        return Plan(
            tuple(
                Step(
                    f"node/{p.name}",
                    Urgency.REMOVE,
                    (DeletePod(p.name, p.uid, p.resource_version, "gone"),),
                )
                for p in pods
            )
        )

    bench.plan = clean_up
    path = "/api/v1/namespaces/web/pods/edge-a"
    pod = bench.api.put(path, {"kind": "Pod", "metadata": {"labels": {"wavegate.dev/job": "edge"}}})
    bench.engine.make_job()
    bench.engine.cache.assume("Pod", pod)
    bench.engine.cache.jobs.discard(*EDGE)
    await asyncio.sleep(5)
    assert not bench.api.writes()
    job = bench.engine.cache.job(EDGE)
    assert job is not None
    del bench.api.objects[path_of("fleetjobs", "edge")]
    bench.engine.cache.forget("FleetJob", *EDGE, job.uid)
    await asyncio.sleep(5)
    assert [request.method for request in bench.api.writes()] == ["DELETE"]


async def test_a_status_alone_needs_no_live_read(bench: Bench):
    def report(observed: Observed) -> Plan:
        job = observed.job
        if job.status.get("revision"):
            return Plan()
        return one(
            SetStatus("FleetJob", job.name, job.uid, job.resource_version, {"revision": 1}),
            key="FleetJob/edge",
        )

    bench.plan = report
    bench.engine.make_job()
    await asyncio.sleep(5)
    assert [request.method for request in bench.api.requests] == ["PUT"]


async def test_it_looks_again_when_the_plan_says(bench: Bench):
    bench.plan = lambda observed: Plan(wake_at=observed.now + 30)
    bench.engine.make_job()
    await asyncio.sleep(100)
    assert [round(observed.now - EPOCH) for observed in bench.seen] == [0, 30, 60, 90]


async def test_between_two_passes_everybody_else_gets_a_turn(bench: Bench):
    for number in range(20):
        bench.engine.make_job(f"job-{number}")
    turns: list[int] = []
    for _ in range(100):
        turns.append(len(bench.seen))
        await asyncio.sleep(0)
    assert set(turns) >= set(range(1, 21)), "many jobs are due at once"


async def test_a_step_that_waits_for_its_back_off_is_looked_at_when_it_ends(bench: Bench):
    bench.plan = claim_once
    bench.api.fail("POST", "/executions", ServerError(503), times=5)
    bench.engine.make_job()
    await asyncio.sleep(120)
    assert path_of("executions", "edge-a-1") in bench.api.objects


async def test_steps_under_way_are_shown_to_the_plan(bench: Bench):
    bench.plan = claim_once
    bench.api.latency = 1.0
    bench.engine.make_job()
    await asyncio.sleep(1.5)
    bench.engine.queue.add(EDGE)
    await asyncio.sleep(0.3)
    assert bench.seen[-1].busy == {"node/a"}
    assert bench.seen[-1].executions[0].assumed


async def test_a_plan_that_breaks_is_counted_and_backed_off_and_other_jobs_go_on(
    bench: Bench, caplog: pytest.LogCaptureFixture
):
    def break_for_edge(observed: Observed) -> Plan:
        if observed.job.name == "edge":
            raise RuntimeError("broken")
        return Plan()

    bench.plan = break_for_edge
    bench.engine.make_job("edge")
    bench.engine.make_job("other")
    await asyncio.sleep(60)
    assert {observed.job.name for observed in bench.seen} == {"edge", "other"}
    assert 5 <= bench.passes("error") <= 7
    said = caplog.records[0]
    assert said.fields == {"job": "web/edge", "evalId": "e0"}  # type: ignore[attr-defined]
    assert "RuntimeError: broken" in caplog.text


async def test_a_jobs_passes_share_a_memory_that_ends_with_the_job_or_with_a_defect(bench: Bench):
    bench.engine.make_job("edge")
    await asyncio.sleep(1)
    bench.engine.queue.add(EDGE)
    await asyncio.sleep(1)
    first, second = bench.memories[:2]
    assert first is second
    bench.engine.make_job("other")
    await asyncio.sleep(1)
    assert bench.memories[-1] is not first, "it is another job's"

    def break_once(_: Observed) -> Plan:
        bench.plan = lambda _: Plan()
        raise RuntimeError("broken")

    bench.plan = break_once
    bench.engine.queue.add(EDGE)
    await asyncio.sleep(5)
    broken, after = bench.memories[-2:]
    assert broken is first
    assert after is not first, "what broke off may have left it half done"


async def test_passes_are_counted_by_what_came_of_them(bench: Bench):
    bench.plan = lambda observed: replace(claim_once(observed), wake_at=now() + 1000)
    bench.engine.make_job()
    await asyncio.sleep(5)
    assert bench.passes("requeue") == 1, "its job is read live first"
    assert bench.passes("requeue_after") >= 1
    before = bench.passes("success")
    bench.plan = lambda _: Plan()
    bench.engine.queue.add(EDGE)
    await asyncio.sleep(1)
    assert bench.passes("success") == before + 1
    assert bench.passes("error") == 0


async def test_the_windows_of_the_plan_are_kept_and_end_with_the_job(bench: Bench):
    criteria = Criteria(10.0, 0.1, 2, 3, None, reads_counters=False)
    probe = Probe("web", "edge-a", "u", criteria, None)
    bench.plan = lambda _: Plan(probes=(probe,))
    job = bench.engine.make_job()
    await asyncio.sleep(1)
    assert bench.windows.kept[EDGE] == (probe,)
    bench.engine.cache.forget("FleetJob", *EDGE, job.uid)
    await asyncio.sleep(1)
    assert bench.windows.kept[EDGE] == ()


async def test_pods_that_the_plan_doubts_are_read_and_the_next_pass_sees_what_was_found(
    bench: Bench,
):
    raw = bench.api.put(PODS.object("web", "edge-a"), {"metadata": {"labels": {}}})
    uid = raw["metadata"]["uid"]
    bench.plan = lambda observed: Plan(looks=(Look("web", "edge-a", uid, EPOCH),))
    job = bench.engine.make_job()
    await asyncio.sleep(1)
    assert [dict(each.still_there).keys() for each in bench.seen] == [set(), {uid}]
    bench.engine.cache.forget("FleetJob", *EDGE, job.uid)
    await asyncio.sleep(1)
    assert not bench.engine.live_pods.found(EDGE), "it ends with the job"
