"""Cordons against an API server: whose a node is, and what is said where the right is missing."""

from __future__ import annotations

from typing import Any

import pytest

from unit.engine.support import Engine, FakeApi
from wavegate.domain.actions import CordonNode, UncordonNode
from wavegate.domain.observed import Cordon, JobView
from wavegate.engine.outcomes import Done, LookAgain, Refused
from wavegate.kube.errors import Conflict, Forbidden

pytestmark = [pytest.mark.looptime, pytest.mark.row("Cordon")]

NODE = "/api/v1/nodes/n1"
KEY = "wavegate.dev/cordoned-by"
BY = Cordon("web", "edge", "uid-1", "edge-n1-2")
OLDER = Cordon("web", "edge", "uid-1", "edge-n1-1")
OTHER = Cordon("web", "other", "uid-9", "other-n1-1")


def put(api: FakeApi, by: Cordon | None = None, *, closed: bool = False) -> None:
    metadata: dict[str, Any] = {"uid": "uid-n1", "labels": {"zone": "a"}, "annotations": {"a": "b"}}
    if by is not None:
        metadata["annotations"][KEY] = by.text
    spec = {"podCIDR": "10.0.0.0/24", **({"unschedulable": True} if closed else {})}
    api.put(NODE, {"kind": "Node", "metadata": metadata, "spec": spec, "status": {}})


def state(api: FakeApi) -> tuple[bool, str | None]:
    """Whether the node is closed, and what is written of by whom; the rest must be untouched."""
    node = api.objects[NODE]
    assert node["metadata"]["labels"] == {"zone": "a"}
    assert node["metadata"]["annotations"]["a"] == "b"
    assert node["spec"]["podCIDR"] == "10.0.0.0/24"
    return node["spec"].get("unschedulable", False), node["metadata"]["annotations"].get(KEY)


CORDON, UNCORDON = CordonNode("n1", "uid-n1", BY), UncordonNode("n1", BY)


async def test_closing_and_opening_are_one_write_each_and_known_at_once(
    api: FakeApi, engine: Engine, job: JobView
):
    put(api)
    assert await engine.executor.execute(job, CORDON) == Done()
    assert state(api) == (True, BY.text)
    view = engine.cache.nodes.get("", "n1")
    assert view is not None
    assert (view.unschedulable, view.cordoned_by) == (True, BY)
    assert await engine.executor.execute(job, UNCORDON) == Done()
    assert state(api) == (False, None)
    assert len(api.writes("nodes")) == 2


@pytest.mark.parametrize("by", [None, OTHER], ids=["a person", "another job"])
async def test_what_somebody_else_closed_is_left_alone(
    api: FakeApi, engine: Engine, job: JobView, by: Cordon | None
):
    put(api, by, closed=True)
    assert isinstance(await engine.executor.execute(job, CORDON), LookAgain)
    assert isinstance(await engine.executor.execute(job, UNCORDON), LookAgain)
    assert state(api) == (True, by.text if by else None)
    assert not api.writes("nodes")
    view = engine.cache.nodes.get("", "n1")
    assert view is not None
    assert view.unschedulable, "the next pass knows"


async def test_the_same_again_is_no_write_and_its_jobs_older_one_is_taken_over(
    api: FakeApi, engine: Engine, job: JobView
):
    put(api, OLDER, closed=True)
    assert await engine.executor.execute(job, CORDON) == Done()
    assert await engine.executor.execute(job, CORDON) == Done()
    assert state(api) == (True, BY.text)
    assert len(api.writes("nodes")) == 1


async def test_a_node_that_a_person_opened_meanwhile_loses_the_annotation_only(
    api: FakeApi, engine: Engine, job: JobView
):
    put(api, BY, closed=False)
    assert await engine.executor.execute(job, UNCORDON) == Done()
    assert state(api) == (False, None)


async def test_a_newer_cordon_is_not_undone_by_a_late_write(
    api: FakeApi, engine: Engine, job: JobView
):
    put(api, BY, closed=True)
    late = UncordonNode("n1", OLDER)
    assert isinstance(await engine.executor.execute(job, late), LookAgain)
    assert state(api) == (True, BY.text)


async def test_another_node_of_the_name_is_not_closed(api: FakeApi, engine: Engine, job: JobView):
    put(api)
    other = CordonNode("n1", "uid-of-the-former", BY)
    assert isinstance(await engine.executor.execute(job, other), LookAgain)
    assert not api.writes("nodes")


async def test_a_node_that_moved_on_is_looked_at_again(api: FakeApi, engine: Engine, job: JobView):
    put(api)
    api.fail("PATCH", NODE, Conflict(409, "Conflict", "modified"))
    assert isinstance(await engine.executor.execute(job, CORDON), LookAgain)
    (request,) = api.writes("nodes")
    assert request.body["metadata"]["resourceVersion"]


@pytest.mark.parametrize(
    ("action", "way_out"),
    [(CORDON, "spec.config"), (UNCORDON, "kubectl uncordon n1")],
    ids=["closing", "opening"],
)
async def test_without_the_right_the_manifest_is_named(
    api: FakeApi, engine: Engine, job: JobView, action: CordonNode | UncordonNode, way_out: str
):
    put(api, BY if action is UNCORDON else None, closed=action is UNCORDON)
    api.fail("PATCH", NODE, Forbidden(403, "Forbidden", 'cannot patch resource "nodes"'))
    outcome = await engine.executor.execute(job, action)
    assert isinstance(outcome, Refused)
    assert outcome.reason == "CordonForbidden"
    assert "manifests/optional/cordon.yaml" in outcome.message
    assert way_out in outcome.message
