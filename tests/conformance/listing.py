"""Lists, their pages and selectors."""

from __future__ import annotations

import base64
import json

from conformance.subject import Subject, case, execution, lease, pod, refused, version_of
from wavegate.kube.errors import Gone
from wavegate.kube.resources import EXECUTIONS, LEASES, PODS


@case
async def a_list_is_not_behind_its_items(s: Subject):
    for name in ("a", "b", "c"):
        await s.create(execution(name))
    answer = await s.list(EXECUTIONS)
    assert version_of(answer) >= max(version_of(each) for each in answer["items"])
    assert answer["kind"] == "ExecutionList"


@case
async def items_of_our_kinds_say_what_they_are(s: Subject):
    await s.create(execution())
    assert [each["kind"] for each in (await s.list(EXECUTIONS))["items"]] == ["Execution"]


@case
async def items_of_other_kinds_do_not(s: Subject):
    await s.create(pod())
    assert ["kind" in each for each in (await s.list(PODS))["items"]] == [False]


@case
async def a_list_comes_in_pages(s: Subject):
    for number in range(5):
        await s.create(execution(f"ex-{number}"))
    first = await s.list(EXECUTIONS, limit=2)
    second = await s.list(EXECUTIONS, limit=2, **{"continue": first["metadata"]["continue"]})
    third = await s.list(EXECUTIONS, limit=2, **{"continue": second["metadata"]["continue"]})
    assert not third["metadata"].get("continue")
    pages = [
        [each["metadata"]["name"] for each in page["items"]] for page in (first, second, third)
    ]
    assert pages == [["ex-0", "ex-1"], ["ex-2", "ex-3"], ["ex-4"]]


@case
async def all_pages_are_of_one_moment(s: Subject):
    for number in range(3):
        await s.create(execution(f"ex-{number}"))
    first = await s.list(EXECUTIONS, limit=2)
    await s.create(execution("ex-9"))
    await s.delete(EXECUTIONS, "ex-2")
    rest = await s.list(EXECUTIONS, limit=2, **{"continue": first["metadata"]["continue"]})
    assert [each["metadata"]["name"] for each in rest["items"]] == ["ex-2"]
    assert version_of(rest) == version_of(first)


@case
async def a_page_of_a_time_that_is_forgotten_is_gone(s: Subject):
    for number in range(3):
        await s.create(execution(f"ex-{number}"))
    first = await s.list(EXECUTIONS, limit=2)
    await s.compact()
    token = json.loads(base64.urlsafe_b64decode(first["metadata"]["continue"] + "=="))
    assert token["rv"] == version_of(first)
    former = base64.urlsafe_b64encode(json.dumps({**token, "rv": 1}).encode()).decode()
    with refused(Gone, 410, "Expired"):
        await s.list(EXECUTIONS, limit=2, **{"continue": former.rstrip("=")})


@case
async def a_label_selects(s: Subject):
    await s.create(pod("with", labels={"wavegate.dev/job": "x"}))
    await s.create(pod("without"))
    assert await s.names(PODS, labelSelector="wavegate.dev/job") == ["with"]
    assert await s.names(PODS, labelSelector="wavegate.dev/job=x") == ["with"]
    assert await s.names(PODS, labelSelector="wavegate.dev/job=y") == []
    assert await s.names(PODS, labelSelector="wavegate.dev/job!=x") == ["without"]
    assert await s.names(PODS, labelSelector="wavegate.dev/job!=y") == ["with", "without"]


@case
async def a_name_selects(s: Subject):
    await s.create(lease("a"))
    await s.create(lease("b"))
    assert await s.names(LEASES, fieldSelector="metadata.name=b") == ["b"]
