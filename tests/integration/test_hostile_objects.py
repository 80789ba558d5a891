"""Jobs nested as deeply as the real API server takes keep the operator from nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from support.jobs import container
from support.operator_process import OperatorProcess
from support.rollouts import settled_on
from support.space import GROUP, Space
from wavegate.kube.reading import admit_deep_documents

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(
        sys.version_info[:2] != (3, 11), reason="of later interpreters' limits see kube.reading"
    ),
]

DEPTHS = (300, 1500, 9900)
"""Beyond what the fast parser reads, what the standard one reads by default, and nearly all."""

LONG = 900.0
POLL = 2.0
"""Seconds. A write of the deepest takes an idle server 1.6 s, by the square of its depth, and
others wait for it. On a busy one it is more than the 5 s after which the operator gives a write up,
and tries it ever less often. Reads of it are no help to such a server either."""


@pytest.fixture(autouse=True)
def _admitted() -> Iterator[None]:
    """This process, too, reads and writes them."""
    before = sys.getrecursionlimit()
    admit_deep_documents()
    yield
    sys.setrecursionlimit(before)


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        inner = {"not": inner}
    return inner


@pytest.mark.alone
def test_a_job_of_ten_thousand_levels_is_refused_by_its_field_and_the_others_go_on(
    space: Space, operator: OperatorProcess, second_operator: OperatorProcess
) -> None:
    for depth in DEPTHS:
        deep = {**container("app:1"), "config": nested(depth)}
        _create(space, "FleetJob", f"deep-{depth}", deep)
        http = {"url": "http://echo.example/"}
        runs = {"payloadSchema": nested(depth)}
        _create(space, "HTTPJob", f"deep-{depth}", {"http": http, "runs": runs})
    space.apply("app", container("app:1", strategy="Rolling", maxParallel="100%"))
    space.wait("a neighbour runs", lambda: settled_on(space, 1))
    for depth in DEPTHS:
        for kind, field in (("FleetJob", "spec.config"), ("HTTPJob", "spec.runs")):
            _is_named(space, kind, f"deep-{depth}", field)
    second_operator.launch()
    second_operator.wait_for_log("ready after")
    assert operator.running
    assert second_operator.running


def _is_named(space: Space, kind: str, name: str, field: str) -> None:
    says = f"{field}: is nested more than 100 levels deep"
    space.wait(f"{kind} {name}: {says}", lambda: _says(space, kind, name) == says, LONG, POLL)


def _create(space: Space, kind: str, name: str, spec: dict[str, Any]) -> None:
    metadata = {"name": name, "namespace": space.name}
    body = {"apiVersion": GROUP.removeprefix("/apis/"), "kind": kind, "metadata": metadata}
    space.client.request("POST", space.path(kind), {**body, "spec": spec})


def _says(space: Space, kind: str, name: str) -> str:
    found = space.get(kind, name) or {}
    conditions = found.get("status", {}).get("conditions", ())
    return next((each["message"] for each in conditions if each["type"] == "Ready"), "")
