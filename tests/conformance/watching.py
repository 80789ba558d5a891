"""Watches, bookmarks and ends."""

from __future__ import annotations

import pytest

from conformance.subject import (
    Subject,
    case,
    config_map,
    execution,
    lease,
    pod,
    status,
    version_of,
)
from wavegate.kube.resources import CONFIG_MAPS, EXECUTIONS, LEASES, PODS


@case
async def a_watch_tells_what_came_changed_and_went(s: Subject):
    since = await s.list(EXECUTIONS)
    async with s.watching(EXECUTIONS, since) as following:
        made = await s.create(execution())
        await s.put({**made, "status": status()}, status=True)
        await s.delete(EXECUTIONS, "one")
        events = [await following() for _ in range(3)]
    assert [each["type"] for each in events] == ["ADDED", "MODIFIED", "DELETED"]
    versions = [version_of(each["object"]) for each in events]
    assert versions == sorted(set(versions))
    assert events[1]["object"]["status"] == status()


@case
async def a_watch_tells_what_was_before_it(s: Subject):
    since = await s.list(EXECUTIONS)
    await s.create(execution("a"))
    await s.create(execution("b"))
    async with s.watching(EXECUTIONS, since) as following:
        events = [await following() for _ in range(2)]
    assert [each["object"]["metadata"]["name"] for each in events] == ["a", "b"]


@case
async def a_watch_does_not_tell_what_was_seen(s: Subject):
    made = await s.create(execution("a"))
    async with s.watching(EXECUTIONS, made) as following:
        await s.create(execution("b"))
        assert (await following())["object"]["metadata"]["name"] == "b"


@case
async def who_loses_the_label_is_told_as_gone(s: Subject):
    since = await s.list(CONFIG_MAPS)
    label = "wavegate.dev/job"
    async with s.watching(CONFIG_MAPS, since, labelSelector=label) as following:
        await s.create(config_map("without"))
        await s.create(config_map(labels={label: "x"}))
        await s.patch(CONFIG_MAPS, "one", {"metadata": {"labels": {label: None}}})
        await s.patch(CONFIG_MAPS, "one", {"metadata": {"labels": {label: "y"}}})
        events = [await following() for _ in range(3)]
    assert [each["type"] for each in events] == ["ADDED", "DELETED", "ADDED"]
    assert {each["object"]["metadata"]["name"] for each in events} == {"one"}


@case
async def who_gets_the_value_that_is_left_out_is_told_as_gone(s: Subject):
    since = await s.list(CONFIG_MAPS)
    key = "wavegate.dev/job-kind"
    async with s.watching(CONFIG_MAPS, since, labelSelector=f"{key}!=HTTPJob") as following:
        await s.create(config_map())
        await s.patch(CONFIG_MAPS, "one", {"metadata": {"labels": {key: "HTTPJob"}}})
        await s.patch(CONFIG_MAPS, "one", {"metadata": {"labels": {key: "FleetJob"}}})
        events = [await following() for _ in range(3)]
    assert [each["type"] for each in events] == ["ADDED", "DELETED", "ADDED"]


@case
async def a_lease_is_watched_by_its_name(s: Subject):
    await s.create(lease("other"))
    made = await s.create(lease())
    async with s.watching(LEASES, made, fieldSelector="metadata.name=one") as following:
        await s.delete(LEASES, "other")
        await s.put({**made, "spec": {**made["spec"], "holderIdentity": "you"}})
        event = await following()
    assert (event["type"], event["object"]["spec"]["holderIdentity"]) == ("MODIFIED", "you")


@case
async def a_pods_end_is_told_twice(s: Subject):
    since = await s.create(pod())
    async with s.watching(PODS, since) as following:
        await s.delete(PODS, "one")
        await s.delete(PODS, "one", gracePeriodSeconds=0)
        events = [await following()]
        while events[-1]["type"] != "DELETED":
            events.append(await following())
    assert events[0]["type"] == "MODIFIED"
    assert events[0]["object"]["metadata"]["deletionTimestamp"]


@case
async def bookmarks_bring_a_version(s: Subject):
    since = await s.create(execution())
    marks = {"allowWatchBookmarks": "true", "timeoutSeconds": 15}
    async with s.watching(EXECUTIONS, since, **marks) as following:
        event = await following()
    assert event["type"] == "BOOKMARK"
    assert event["object"]["kind"] == "Execution"
    assert version_of(event["object"]) >= version_of(since)


@case
async def a_watch_ends_when_it_was_to(s: Subject):
    since = await s.create(execution())
    async with s.watching(EXECUTIONS, since, timeoutSeconds=1) as following:
        with pytest.raises(StopAsyncIteration):
            await following()


@case
async def a_watch_from_a_time_that_is_forgotten_says_so(s: Subject):
    async with s.watching(EXECUTIONS, "1") as following:
        event = await following()
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
    assert event["object"]["reason"] == "Expired"
