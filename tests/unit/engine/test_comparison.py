"""Jobs and deployments as a list of our own has them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from unit.engine.support import Engine, FakeApi
from wavegate.engine.comparison import INTERVAL, PAGE, JobComparison
from wavegate.kube.errors import ApiError, Gone, ServerError, TooManyRequests
from wavegate.kube.resources import FLEET_DEPLOYMENTS, FLEET_JOBS, Resource

pytestmark = pytest.mark.looptime


class Lists(FakeApi):
    """Answers lists of jobs, in pages."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.version = 1000

    async def request(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, **other: Any
    ) -> dict[str, Any]:
        assert query is not None
        await super().request(method, self._known(path), query=query, **other)
        begin = int(query.get("continue", 0))
        names = self.names if "/fleetjobs" in path else []
        page, rest = names[begin : begin + PAGE], names[begin + PAGE :]
        return {
            "metadata": {
                "resourceVersion": str(self.version),
                "continue": str(begin + PAGE) if rest else "",
            },
            "items": [self._job(name) for name in page],
        }

    def _known(self, path: str) -> str:
        """The fake needs something at a path to answer its GET."""
        if path not in self.objects:
            self.put(path, {})
        return path

    def _job(self, name: str) -> dict[str, Any]:
        metadata = {"name": name, "namespace": "web", "uid": f"u-{name}", "resourceVersion": "900"}
        return {"kind": "FleetJob", "metadata": metadata, "spec": {"type": "container"}}


class Bench:
    def __init__(self, namespaces: tuple[str, ...] = ()) -> None:
        self.api = Lists()
        self.engine = Engine(self.api)
        self.errors: list[tuple[Resource, ApiError]] = []
        self.comparison = JobComparison(
            self.api,
            {FLEET_DEPLOYMENTS: self.engine.cache, FLEET_JOBS: self.engine.cache},
            namespaces,
            lambda *error: self.errors.append(error),
        )
        self.task = asyncio.create_task(self.comparison.run())

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def known(self) -> set[str]:
        return {name for _, name in self.engine.cache.job_keys()}


@pytest.fixture
async def bench():
    made = Bench()
    yield made
    await made.stop()


async def test_all_pages_are_known_before_it_is_synced(bench: Bench):
    bench.api.names = [f"job-{number}" for number in range(2 * PAGE + 1)]
    await asyncio.wait_for(bench.comparison.synced.wait(), 1)
    assert len(bench.known()) == 2 * PAGE + 1


async def test_a_job_that_vanished_unseen_is_gone_after_a_few_minutes(bench: Bench):
    bench.api.names = ["stays", "goes"]
    await asyncio.wait_for(bench.comparison.synced.wait(), 1)
    bench.api.names = ["stays"]
    await asyncio.sleep(INTERVAL + 1)
    assert bench.known() == {"stays"}


async def test_a_list_that_fails_is_made_again_and_never_ends_the_process(bench: Bench):
    bench.api.fail("GET", "/fleetjobs", ServerError(503), times=3)
    bench.api.names = ["edge"]
    await asyncio.sleep(1)
    assert not bench.comparison.synced.is_set()
    await asyncio.wait_for(bench.comparison.synced.wait(), 10)
    assert bench.known() == {"edge"}
    assert len(bench.errors) == 3


async def test_a_list_that_is_too_much_is_made_again_no_sooner_than_it_may(bench: Bench):
    bench.api.fail("GET", "/fleetjobs", TooManyRequests(429, retry_after=5.0))
    await asyncio.wait_for(bench.comparison.synced.wait(), 10)
    refused, again = (each.at for each in bench.api.requests if "/fleetjobs" in each.path)
    assert again - refused >= 5.0


async def test_pages_that_became_too_old_begin_again(bench: Bench):
    bench.api.names = [f"job-{number}" for number in range(PAGE + 1)]
    bench.api.fail("GET", "/fleetjobs", Gone(410))
    await asyncio.wait_for(bench.comparison.synced.wait(), 10)
    assert len(bench.known()) == PAGE + 1


async def test_only_the_given_namespaces_are_listed():
    bench = Bench(("web", "shop"))
    await asyncio.wait_for(bench.comparison.synced.wait(), 1)
    assert {request.path.split("/")[5] for request in bench.api.requests} == {"web", "shop"}
    await bench.stop()
