"""CRDs that are older than the operator keep it from beginning; nothing else does."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from wavegate.engine.crds import CrdCheck
from wavegate.kube.errors import ApiError, Forbidden, NotFound, ServerError
from wavegate.simulation.kinds import PUBLISHED

pytestmark = pytest.mark.looptime

PREVIOUS = Path(__file__).parents[2] / "fixtures" / "previous" / "crds"


class Published:
    """An API server that publishes schemas alone."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer or {"components": {"schemas": copy.deepcopy(PUBLISHED)}}
        self.asked = 0
        self.check = CrdCheck(self)  # type: ignore[arg-type]

    async def request(self, method: str, path: str, **_: Any) -> dict[str, Any]:
        assert (method, path) == ("GET", "/openapi/v3/apis/wavegate.dev/v1alpha1")
        self.asked += 1
        if isinstance(self.answer, ApiError):
            raise self.answer
        return dict(self.answer)

    def part(self, kind: str, part: str) -> Any:
        return self.answer["components"]["schemas"][kind]["properties"][part]["properties"]


async def test_its_own_let_it_begin() -> None:
    server = Published()
    await server.check.passed()
    assert (server.check.outdated, server.asked) == ("", 1)


@pytest.mark.parametrize("answer", [NotFound(404), Forbidden(403), ServerError(503), {"a": 1}])
async def test_what_cannot_be_read_stops_nobody(answer: Any) -> None:
    server = Published(answer)
    await server.check.passed()
    assert server.check.outdated == ""


async def test_older_ones_are_named_until_they_are_replaced(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Published()
    removed = server.part("FleetJob", "status").pop("lastAccepted")
    del server.part("FleetJob", "spec")["rollout"]["properties"]["prePull"]
    waiting = asyncio.create_task(server.check.passed())
    await asyncio.sleep(60)
    assert not waiting.done()
    assert "lack FleetJob spec.rollout.prePull, FleetJob status.lastAccepted: apply" in (
        server.check.outdated
    )
    assert [each.message for each in caplog.records] == [server.check.outdated], "said once"
    server.part("FleetJob", "status")["lastAccepted"] = removed
    await asyncio.sleep(5)
    assert "lack FleetJob spec.rollout.prePull: apply" in server.check.outdated
    server.answer = {"components": {"schemas": copy.deepcopy(PUBLISHED)}}
    await asyncio.wait_for(waiting, 5)
    assert server.check.outdated == ""


async def test_a_field_of_a_list_s_items_is_missed_too() -> None:
    server = Published()
    del server.part("FleetDeployment", "status")["failures"]["items"]["properties"]["exitCode"]
    waiting = asyncio.create_task(server.check.passed())
    await asyncio.sleep(1)
    assert "lack FleetDeployment status.failures.exitCode: apply" in server.check.outdated
    waiting.cancel()


async def test_newer_ones_are_no_hindrance() -> None:
    server = Published()
    server.part("FleetJob", "status")["ofLater"] = {"type": "string"}
    await server.check.passed()
    assert server.check.outdated == ""


async def test_those_of_the_previous_release_are_told_apart() -> None:
    schemas = {}
    for path in PREVIOUS.glob("*.yaml"):
        found = yaml.safe_load(path.read_text())["spec"]
        kind = found["names"]["kind"]
        schemas[kind] = {
            **found["versions"][0]["schema"]["openAPIV3Schema"],
            "x-kubernetes-group-version-kind": [{"kind": kind}],
        }
    assert "FleetJob" in schemas
    server = Published({"components": {"schemas": schemas}})
    waiting = asyncio.create_task(server.check.passed())
    await asyncio.sleep(1)
    assert "lack HTTPJob, JobRun, RateLimitPool and 14 more" in server.check.outdated
    waiting.cancel()
