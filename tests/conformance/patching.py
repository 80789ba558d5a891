"""Merge patches."""

from __future__ import annotations

from conformance.subject import Document, Subject, case, config_map, document, job, refused
from wavegate.kube.errors import Conflict
from wavegate.kube.resources import CONFIG_MAPS, FLEET_JOBS, NODES


@case
async def a_merge_patch_merges(s: Subject):
    await s.create(config_map(labels={"a": "1"}))
    after = await s.patch(CONFIG_MAPS, "one", {"metadata": {"labels": {"b": "2"}}})
    assert after["metadata"]["labels"] == {"a": "1", "b": "2"}


@case
async def a_null_in_a_merge_patch_removes(s: Subject):
    await s.create(config_map(annotations={"a": "1", "b": "2"}))
    after = await s.patch(CONFIG_MAPS, "one", {"metadata": {"annotations": {"a": None}}})
    assert after["metadata"]["annotations"] == {"b": "2"}


@case
async def a_merge_patch_of_a_stale_version_is_a_conflict(s: Subject):
    made = await s.create(config_map())
    await s.patch(CONFIG_MAPS, "one", {"data": {"key": "other"}})
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}}
    with refused(Conflict, 409, "Conflict"):
        await s.patch(CONFIG_MAPS, "one", {**stale, "data": {"key": "third"}})


@case
async def a_whole_number_of_a_merge_patch_may_be_written_as_a_fraction(s: Subject):
    await s.create(job(priority=60))
    after = await s.patch(FLEET_JOBS, "one", {"spec": {"priority": 70.0}})
    assert after["spec"]["priority"] == 70
    assert isinstance(after["spec"]["priority"], int)


@case
async def a_node_is_cordoned_by_a_merge_patch(s: Subject):
    name = f"node-{s.namespace}"
    s.made.append(NODES.object(None, name))
    await s.create(document(NODES, name))

    async def cordon(now: Document) -> Document:
        metadata = {
            "resourceVersion": now["metadata"]["resourceVersion"],
            "annotations": {"wavegate.dev/cordoned-by": "x"},
        }
        return await s.patch(NODES, name, {"metadata": metadata, "spec": {"unschedulable": True}})

    after = await s.edited(NODES, name, cordon)
    assert after["spec"]["unschedulable"] is True
    change = {"metadata": {"annotations": {"wavegate.dev/cordoned-by": None}}}
    after = await s.patch(NODES, name, {**change, "spec": {"unschedulable": None}})
    assert "unschedulable" not in after["spec"]
    assert "wavegate.dev/cordoned-by" not in after["metadata"].get("annotations", {})
