"""Deletes, grace periods, finalizers and what is collected."""

from __future__ import annotations

from conformance.subject import (
    Subject,
    case,
    config_map,
    execution,
    owned,
    pod,
    refused,
    status,
    version_of,
)
from wavegate.kube.errors import Conflict, NotFound
from wavegate.kube.resources import CONFIG_MAPS, EXECUTIONS, PODS


@case
async def a_deleted_object_is_gone(s: Subject):
    await s.create(execution())
    answer = await s.delete(EXECUTIONS, "one")
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    with refused(NotFound, 404, "NotFound"):
        await s.get(EXECUTIONS, "one")


@case
async def a_delete_of_nothing_is_not_found(s: Subject):
    with refused(NotFound, 404, "NotFound"):
        await s.delete(EXECUTIONS, "one")


@case
async def a_delete_of_another_uid_is_a_conflict(s: Subject):
    await s.create(execution())
    with refused(Conflict, 409, "Conflict"):
        await s.delete(EXECUTIONS, "one", preconditions={"uid": "another"})


@case
async def a_delete_of_a_stale_version_is_a_conflict(s: Subject):
    made = await s.create(execution())
    await s.put({**made, "status": status()}, status=True)
    seen = {"uid": made["metadata"]["uid"]}
    seen["resourceVersion"] = made["metadata"]["resourceVersion"]
    with refused(Conflict, 409, "Conflict"):
        await s.delete(EXECUTIONS, "one", preconditions=seen)


@case
async def a_delete_of_what_was_seen_is_done(s: Subject):
    made = (await s.create(execution()))["metadata"]
    seen = {"uid": made["uid"], "resourceVersion": made["resourceVersion"]}
    await s.delete(EXECUTIONS, "one", preconditions=seen)
    assert await s.names(EXECUTIONS) == []


@case
async def a_pod_on_a_node_is_given_its_time(s: Subject):
    await s.create(pod())
    answer = await s.delete(PODS, "one")
    assert answer["kind"] == "Pod"
    assert answer["metadata"]["deletionGracePeriodSeconds"] == 30
    assert (await s.get(PODS, "one"))["metadata"]["deletionTimestamp"]


@case
async def a_pods_own_time_counts(s: Subject):
    body = pod()
    body["spec"]["terminationGracePeriodSeconds"] = 7
    await s.create(body)
    assert (await s.delete(PODS, "one"))["metadata"]["deletionGracePeriodSeconds"] == 7


@case
async def a_pod_on_no_node_goes_at_once(s: Subject):
    body = pod()
    del body["spec"]["nodeName"]
    body["spec"]["nodeSelector"] = {"no": "such"}
    await s.create(body)
    await s.delete(PODS, "one")
    await s.gone(PODS, "one")


@case
async def a_pod_that_has_ended_goes_at_once(s: Subject):
    made = await s.create(pod())
    await s.put({**made, "status": {"phase": "Failed"}}, status=True)
    await s.delete(PODS, "one")
    assert await s.names(PODS) == []


@case
async def a_kubelet_ends_a_pod_with_no_grace(s: Subject):
    await s.create(pod())
    await s.delete(PODS, "one")
    await s.delete(PODS, "one", gracePeriodSeconds=0)
    assert await s.names(PODS) == []


@case
async def a_second_delete_changes_nothing(s: Subject):
    await s.create(pod())
    first = await s.delete(PODS, "one")
    assert version_of(await s.delete(PODS, "one")) == version_of(first)


@case
async def a_finalizer_holds_an_object(s: Subject):
    await s.create(execution(finalizers=["example.com/hold"]))
    answer = await s.delete(EXECUTIONS, "one")
    assert answer["metadata"]["deletionTimestamp"]
    held = await s.get(EXECUTIONS, "one")
    assert held["metadata"]["deletionGracePeriodSeconds"] == 0
    assert held["metadata"]["generation"] == 2
    await s.patch(EXECUTIONS, "one", {"metadata": {"finalizers": None}})
    await s.gone(EXECUTIONS, "one")


@case
async def a_pod_that_its_kubelet_has_ended_is_held_by_a_finalizer(s: Subject):
    await s.create(pod(finalizers=["example.com/hold"]))
    await s.delete(PODS, "one", gracePeriodSeconds=0)
    held = await s.get(PODS, "one")
    assert held["metadata"]["deletionGracePeriodSeconds"] == 0
    await s.patch(PODS, "one", {"metadata": {"finalizers": None}})
    await s.gone(PODS, "one")


@case
async def a_pod_that_stops_is_there_although_its_finalizer_goes(s: Subject):
    await s.create(pod(finalizers=["example.com/hold"]))
    await s.delete(PODS, "one")
    await s.patch(PODS, "one", {"metadata": {"finalizers": None}})
    assert (await s.get(PODS, "one"))["metadata"]["deletionGracePeriodSeconds"] == 30


@case
async def what_goes_with_its_owner_is_collected(s: Subject):
    owner = await s.create(execution())
    await s.create(config_map(ownerReferences=owned(owner)))
    await s.delete(EXECUTIONS, "one")
    await s.gone(CONFIG_MAPS, "one")


@case
async def collecting_goes_on_to_the_children_of_children(s: Subject):
    owner = await s.create(execution())
    child = await s.create(execution("two", ownerReferences=owned(owner)))
    await s.create(config_map("three", ownerReferences=owned(child)))
    await s.delete(EXECUTIONS, "one")
    await s.gone(EXECUTIONS, "two")
    await s.gone(CONFIG_MAPS, "three")


@case
async def who_has_another_owner_stays(s: Subject):
    first, second = await s.create(execution()), await s.create(execution("two"))
    both = [*owned(first), {**owned(second)[0], "controller": False}]
    await s.create(config_map(ownerReferences=both))
    await s.create(config_map("witness", ownerReferences=owned(first)))
    await s.delete(EXECUTIONS, "one")
    await s.gone(CONFIG_MAPS, "witness")
    assert await s.names(CONFIG_MAPS, labelSelector="") != []
    assert (await s.get(CONFIG_MAPS, "one"))["metadata"]["uid"]


@case
async def an_owner_of_the_name_but_another_uid_is_none(s: Subject):
    former = await s.create(execution())
    await s.delete(EXECUTIONS, "one")
    await s.create(execution())
    await s.create(config_map(ownerReferences=owned(former)))
    await s.gone(CONFIG_MAPS, "one")
