"""Documents as large as they may be, and larger: a rollout converges, or spec.config is named."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from hostile.meter import MILLISECONDS, Costs, without_garbage_collection, wrapped
from sim.world import COMPLETES
from support.told import Stage, roles
from wavegate.api.fleetjob import MAX_CONFIG_BYTES, MAX_VALUES
from wavegate.engine.passes import Passes
from wavegate.settings import Settings
from wavegate.simulation.cluster import SimulatedCluster
from wavegate.simulation.fates import Fate
from wavegate.simulation.loop import VirtualLoop

NODES: Final = ("n00", "n01", "n02")
KIB: Final = 1024
SETTINGS: Final = Settings(
    identity="", config_image="sh:1", config_directories=("/etc/app",), query_image="sh:1"
)
GOOD: Final = Fate(page='{"input_received": 100, "processor_error": 0}')
HEALTH: Final = {"interval": "5s", "deadline": "2m"}


def _config(content: Any) -> dict[str, Any]:
    files = [{"path": "/etc/app/a.conf", "content": content}]
    rollout = {"strategy": "Rolling", "maxParallel": "100%", "healthCheck": {"deadline": "2m"}}
    return {"type": "config", "config": {"files": files}, "rollout": rollout}


def _pipeline(content: Any) -> dict[str, Any]:
    rollout = {"strategy": "Rolling", "maxParallel": "100%", "healthCheck": HEALTH}
    return {"type": "pipeline", "config": {"input": {"a": content}}, "rollout": rollout}


TYPES: Final = {"config": _config, "pipeline": _pipeline}


def _nested(depth: int, inner: Any) -> Any:
    for _ in range(depth):
        inner = {"a": inner}
    return inner


TAKEN: Final = {
    "200 KiB": "x" * 200 * KIB,
    "256 KiB": "x" * (256 * KIB - 100),
    "of quotes": '"' * 120 * KIB,
    "of faces": "💥" * 60 * KIB,
    "of line ends": "\n" * 120 * KIB,
}
"""Contents with which either type is rolled out."""
REFUSED: Final = {
    "300 KiB": ("x" * 300 * KIB, f"at most {MAX_CONFIG_BYTES} are allowed"),
    "1 MiB": ("x" * 1024 * KIB, f"at most {MAX_CONFIG_BYTES} are allowed"),
    "300 KiB of line ends": ("\n" * 150 * KIB, f"at most {MAX_CONFIG_BYTES} are allowed"),
}
MANY: Final = f"holds more than {MAX_VALUES} values"
ONLY_PIPELINE: Final = {
    "19,900 numbers": ([1] * 19_900, ""),
    "9,950 objects": ([{"a": 1}] * 9_950, ""),
    "19,900 words": (["10.0.0.1"] * 19_900, ""),
    "125,000 numbers": ([1] * 125_000, MANY),
    "30,000 objects": ([{"a": 1}] * 30_000, MANY),
    "450,000 numbers": ([1] * 450_000, MANY),
    "numbers, 80 levels deep": (_nested(80, [1] * 19_900), ""),
    "95 levels": (_nested(95, 1), ""),
    "120 levels": (_nested(120, 1), "is nested more than 100 levels deep"),
}


def _play(story: Callable[[Stage], Awaitable[None]]) -> Costs:
    """What the passes of it cost."""

    async def run() -> None:
        cluster = SimulatedCluster(roles(), settings=SETTINGS)
        cluster.fleet.fate = lambda _, image: COMPLETES if image == "sh:1" else GOOD
        for name in NODES:
            cluster.fleet.add(name)
        cluster.keep_running()
        try:
            await story(Stage(cluster))
        finally:
            await cluster.close()

    costs = Costs(memory=False)
    passed = wrapped(Passes.reconcile, costs, lambda _, key: key[1], "a pass")
    with (
        pytest.MonkeyPatch.context() as patch,
        without_garbage_collection(),
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        patch.setattr(Passes, "reconcile", passed)
        runner.run(run())
    return costs


async def _first(stage: Stage, job_type: str) -> None:
    stage.cluster.apply("app", TYPES[job_type]("first"))
    await stage.ended("app-v1")


def _stalled(stage: Stage) -> str:
    found = stage.job().get("status", {}).get("conditions") or ()
    return next((each["message"] for each in found if each["type"] == "Stalled"), "")


async def _is_rolled_out(stage: Stage, job_type: str, content: Any) -> None:
    await _first(stage, job_type)
    stage.cluster.apply("app", TYPES[job_type](content))
    await stage.ended("app-v2")
    pods = stage.cluster.list("Pod")
    versions = {each["metadata"]["labels"]["wavegate.dev/version"] for each in pods}
    assert versions == {"2"}
    assert stage.cluster.get("ConfigMap", "app-v2") is not None


async def _is_rolled_out_and_changed(stage: Stage, job_type: str, content: Any) -> None:
    """The next one is as large: what is compared costs twice."""
    await _is_rolled_out(stage, job_type, content)
    stage.cluster.apply("app", TYPES[job_type]({"changed": content}))
    await stage.ended("app-v3")


async def _is_refused(stage: Stage, job_type: str, content: Any, says: str) -> None:
    """What runs stays, and the next document is rolled out."""
    await _first(stage, job_type)
    pods = {each["metadata"]["uid"] for each in stage.cluster.list("Pod")}
    stage.cluster.apply("app", TYPES[job_type](content))
    await stage.until("it is named", lambda: says in _stalled(stage))
    assert _stalled(stage).startswith("spec.config: ")
    await asyncio.sleep(600)
    assert {each["metadata"]["uid"] for each in stage.cluster.list("Pod")} == pods
    stage.cluster.apply("app", TYPES[job_type]("next"))
    await stage.until("the next one runs", lambda: _newest(stage).get("state") == "Completed")
    await stage.until("all is well", lambda: not _stalled(stage))


def _newest(stage: Stage) -> dict[str, Any]:
    found = [each for each in stage.cluster.list("FleetDeployment") if _number(each) > 1]
    newest = max(found, key=_number, default={})
    spec = {"status": {"state": ""}} | newest
    return dict(spec["status"])


def _number(deployment: dict[str, Any]) -> int:
    return int(deployment["spec"]["toVersion"])


@pytest.mark.parametrize("job_type", TYPES)
@pytest.mark.parametrize("content", TAKEN.values(), ids=TAKEN)
def test_a_document_of_up_to_256_kib_is_rolled_out(job_type: str, content: Any) -> None:
    _play(lambda stage: _is_rolled_out(stage, job_type, content))


@pytest.mark.parametrize("job_type", TYPES)
@pytest.mark.parametrize(("content", "says"), REFUSED.values(), ids=REFUSED)
def test_a_larger_one_is_refused_by_its_field(job_type: str, content: Any, says: str) -> None:
    _play(lambda stage: _is_refused(stage, job_type, content, says))


@pytest.mark.parametrize(("content", "says"), ONLY_PIPELINE.values(), ids=ONLY_PIPELINE)
def test_one_of_many_values_or_levels_keeps_nobody_waiting(
    content: Any, says: str, measured: Callable[[str], None], request: pytest.FixtureRequest
) -> None:
    if says:
        costs = _play(lambda stage: _is_refused(stage, "pipeline", content, says))
    else:
        costs = _play(lambda stage: _is_rolled_out_and_changed(stage, "pipeline", content))
    [(milliseconds, _, _)] = costs.worst(1)
    what = request.node.callspec.id
    measured(f"{what}, {'refused' if says else 'rolled out'}: a pass takes {milliseconds:.1f} ms")
    assert milliseconds < MILLISECONDS
