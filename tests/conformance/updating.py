"""Updates of specs and statuses, and what they count."""

from __future__ import annotations

from conformance.subject import (
    Document,
    Subject,
    case,
    config_map,
    deployment,
    document,
    execution,
    lease,
    refused,
    status,
    version_of,
)
from wavegate.kube.errors import Conflict, Invalid, NotFound
from wavegate.kube.resources import EXECUTIONS, FLEET_DEPLOYMENTS


@case
async def revisions_rise_over_all_kinds(s: Subject):
    made = [await s.create(each) for each in (execution(), deployment(), config_map(), lease())]
    versions = [version_of(each) for each in made]
    assert versions == sorted(set(versions))


@case
async def an_update_moves_the_version(s: Subject):
    made = await s.create(lease())
    after = await s.put({**made, "spec": {**made["spec"], "holderIdentity": "you"}})
    assert version_of(after) > version_of(made)
    assert after["spec"]["holderIdentity"] == "you"


@case
async def an_update_that_changes_nothing_is_none(s: Subject):
    made = await s.create(lease())
    assert version_of(await s.put(made)) == version_of(made)


@case
async def a_stale_update_is_a_conflict(s: Subject):
    made = await s.create(lease())
    await s.put({**made, "spec": {**made["spec"], "holderIdentity": "you"}})
    with refused(Conflict, 409, "Conflict"):
        await s.put(made)


@case
async def an_update_has_to_name_its_version(s: Subject):
    made = await s.create(deployment())
    del made["metadata"]["resourceVersion"]
    with refused(Invalid, 422, "Invalid"):
        await s.put(made)


@case
async def so_has_the_update_of_a_lease(s: Subject):
    made = await s.create(lease())
    del made["metadata"]["resourceVersion"]
    with refused(Invalid, 422, "Invalid"):
        await s.put(made)


@case
async def an_update_of_nothing_is_not_found(s: Subject):
    made = await s.create(deployment())
    await s.delete(FLEET_DEPLOYMENTS, "one")
    with refused(NotFound, 404, "NotFound"):
        await s.put(made)


@case
async def an_update_of_another_uid_is_a_conflict(s: Subject):
    made = await s.create(deployment())
    made["metadata"]["uid"] = "another"
    with refused(Conflict, 409, "Conflict"):
        await s.put(made)


@case
async def a_spec_does_not_come_by_the_status(s: Subject):
    await s.create(deployment())

    async def cancel(now: Document) -> Document:
        changed = {**now, "spec": {**now["spec"], "paused": True}, "status": {"state": "Canceled"}}
        return await s.put(changed, status=True)

    after = await s.edited(FLEET_DEPLOYMENTS, "one", cancel)
    assert after["status"]["state"] == "Canceled"
    assert not after["spec"].get("paused")


@case
async def a_status_does_not_come_by_the_spec(s: Subject):
    await s.create(deployment())

    async def pause(now: Document) -> Document:
        spec = {**now["spec"], "paused": True}
        return await s.put({**now, "spec": spec, "status": {"state": "Canceled"}})

    after = await s.edited(FLEET_DEPLOYMENTS, "one", pause)
    assert after["spec"]["paused"] is True
    assert after.get("status", {}).get("state") != "Canceled"


@case
async def generation_counts_changes_of_spec(s: Subject):
    made = await s.create(deployment())

    async def pause(now: Document) -> Document:
        return await s.put({**now, "spec": {**now["spec"], "paused": True}})

    after = await s.edited(FLEET_DEPLOYMENTS, "one", pause)
    assert (made["metadata"]["generation"], after["metadata"]["generation"]) == (1, 2)


@case
async def generation_does_not_count_statuses(s: Subject):
    made = await s.create(execution())
    after = await s.put({**made, "status": status()}, status=True)
    assert after["metadata"]["generation"] == 1
    assert version_of(after) > version_of(made)


@case
async def generation_does_not_count_labels(s: Subject):
    await s.create(execution())
    after = await s.patch(EXECUTIONS, "one", {"metadata": {"labels": {"a": "b"}}})
    assert after["metadata"]["generation"] == 1


@case
async def a_status_is_replaced_and_not_merged(s: Subject):
    made = await s.create(execution())
    first = await s.put({**made, "status": status(podUid="uid")}, status=True)
    second = await s.put({**first, "status": status("Running")}, status=True)
    assert second["status"] == status("Running")


@case
async def a_status_of_a_stale_version_is_a_conflict(s: Subject):
    made = await s.create(execution())
    await s.put({**made, "status": status()}, status=True)
    with refused(Conflict, 409, "Conflict"):
        await s.put({**made, "status": status("Running")}, status=True)


@case
async def the_operators_short_status_body_is_enough(s: Subject):
    made = (await s.create(execution()))["metadata"]
    metadata = {key: made[key] for key in ("name", "namespace", "uid", "resourceVersion")}
    body = document(EXECUTIONS, "one", metadata=metadata, status=status())
    path = EXECUTIONS.status(s.namespace, "one")
    after = await s.operator.request("PUT", path, body=body)
    assert after["status"] == status()
    assert after["spec"] == execution()["spec"]


@case
async def an_update_does_not_touch_what_is_the_servers(s: Subject):
    made = await s.create(deployment())

    async def pause(now: Document) -> Document:
        metadata = {**now["metadata"], "generation": 99, "creationTimestamp": None}
        return await s.put({**now, "spec": {**now["spec"], "paused": True}, "metadata": metadata})

    after = await s.edited(FLEET_DEPLOYMENTS, "one", pause)
    assert after["metadata"]["generation"] == 2
    assert after["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"]
