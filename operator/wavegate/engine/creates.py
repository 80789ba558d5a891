"""Creates under deterministic names, and what a name that is taken means.

A create may be repeated at any time: the name follows from what is meant, so the second one meets
AlreadyExists. That is success only if what is there is what was meant; otherwise it is ours but
different (look again), of an owner that is gone (wait: NameTaken), or a stranger's (a Refusal that
names it). A pod of ours without the label by which pods are watched is refused, too: nobody would
see it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from wavegate.api.names import LABEL_JOB
from wavegate.cache.cluster import ClusterCache
from wavegate.engine import bodies
from wavegate.engine.bodies import Document, Owner
from wavegate.engine.client import Client
from wavegate.engine.outcomes import Done, LookAgain, Outcome, Refused
from wavegate.kube.errors import AlreadyExists, NotFound
from wavegate.kube.resources import BY_KIND, CONFIG_MAPS, EXECUTIONS, PODS

NAME_TAKEN: Final = "NameTaken"
STRANGER: Final = "Stranger"

_IDENTITY: Final[Mapping[str, tuple[str, ...]]] = {
    "JobVersion": ("jobId", "version", "workloadHash"),
    "FleetDeployment": ("jobName", "type", "fromVersion", "toVersion"),
    "Execution": ("jobId", "jobVersion", "nodeName", "nodeUid", "deploymentName", "attempt"),
    "ConfigMap": (),
    "Pod": (),
}
"""Fields of spec by which two objects of a name are told apart."""

_TERMINAL: Final = {
    "FleetDeployment": (("state",), {"Completed", "Failed", "Canceled"}),
    "Execution": (("observedState", "stateType"), {"Completed", "Failed", "Stopped"}),
    "Pod": (("phase",), {"Succeeded", "Failed"}),
}


async def create(client: Client, cache: ClusterCache, body: Document) -> Outcome:
    """Create the object, or find out what stands in its place.

    ``body`` has exactly one owner reference. Raises what the client raises, AlreadyExists aside.
    """
    resource, metadata = BY_KIND[body["kind"]], body["metadata"]
    try:
        made = await client.create(resource, metadata["namespace"], body)
    except AlreadyExists:
        return await _taken(client, cache, body)
    _remember(cache, made)
    return Done()


async def find(client: Client, cache: ClusterCache, body: Document) -> Outcome | None:
    """What became of a create whose answer was lost; None where there is no such object."""
    resource, metadata = BY_KIND[body["kind"]], body["metadata"]
    try:
        there = await client.get(resource, metadata["namespace"], metadata["name"])
    except NotFound:
        return None
    return _judge(cache, body, there)


async def _taken(client: Client, cache: ClusterCache, body: Document) -> Outcome:
    outcome = await find(client, cache, body)
    name = f"{body['kind']} {body['metadata']['name']}"
    return outcome or LookAgain(f"{name} existed and is gone again")


def _judge(cache: ClusterCache, body: Document, there: Document) -> Outcome:
    meant, owner = bodies.controller(body), bodies.controller(there)
    assert meant is not None
    kind, metadata = body["kind"], there["metadata"]
    name = f"{kind} {metadata['namespace']}/{metadata['name']}"
    if owner != meant:
        return _others(cache, name, body, there, meant, owner)
    _remember(cache, there)
    if kind == PODS.kind and _job_label(there) != _job_label(body):
        label = f"{LABEL_JOB}={_job_label(body)}"
        return Refused(STRANGER, f"{name} is ours but lacks the label {label}: put it back")
    if metadata.get("deletionTimestamp"):
        return LookAgain(f"{name} is being deleted")
    if _ended(kind, there):
        return LookAgain(f"{name} has ended")
    if not _same(body, there):
        return LookAgain(f"{name} is ours, but not what was meant")
    return Done()


def _others(
    cache: ClusterCache,
    name: str,
    body: Document,
    there: Document,
    meant: Owner,
    owner: Owner | None,
) -> Outcome:
    if owner is None:
        return Refused(STRANGER, f"{name} exists already and belongs to nobody we know")
    by = f"{owner.kind} {owner.name}"
    if owner.kind != meant.kind:
        return Refused(STRANGER, f"{name} exists already and is controlled by {by}")
    if body["kind"] == PODS.kind and meant.kind == EXECUTIONS.kind:
        return _others_pod(cache, name, body, there, owner)
    if owner.name == meant.name:
        # Names are unique: an owner of our owner's name and another uid is gone or on its way.
        return Refused(NAME_TAKEN, f"{name} is still there of a former {by}; it has to go first")
    return Refused(STRANGER, f"{name} exists already and is controlled by {by}")


def _others_pod(
    cache: ClusterCache, name: str, body: Document, there: Document, owner: Owner
) -> Outcome:
    """A pod's name is one per job and node, so executions of a job follow one another under it."""
    namespace = body["metadata"]["namespace"]
    if _job_label(there) != _job_label(body):
        by = f"{EXECUTIONS.kind} {owner.name}"
        return Refused(STRANGER, f"{name} exists already and is controlled by {by} of another job")
    cache.assume(PODS.kind, there)
    if cache.execution_uid(namespace, owner.name) == owner.uid:
        return LookAgain(f"{name} is still the pod of {owner.name}")
    return Refused(NAME_TAKEN, f"{name} is still there of {owner.name}, which is gone")


def _remember(cache: ClusterCache, stored: Document) -> None:
    """Everything that is made is cached but ConfigMaps, which nobody reads again."""
    if stored["kind"] != CONFIG_MAPS.kind:
        cache.assume(stored["kind"], stored)


def _job_label(document: Document) -> Any:
    return (document["metadata"].get("labels") or {}).get(LABEL_JOB)


def _ended(kind: str, there: Document) -> bool:
    if kind not in _TERMINAL:
        return False
    path, terminal = _TERMINAL[kind]
    value: Any = there.get("status") or {}
    for part in path:
        value = value.get(part) or {}
    return isinstance(value, str) and value in terminal


def _same(body: Document, there: Document) -> bool:
    if body["kind"] == CONFIG_MAPS.kind:
        return _meaning(there.get("data") or {}) == _meaning(body["data"])
    wanted, found = body["spec"], there["spec"]
    return all(wanted.get(field) == found.get(field) for field in _IDENTITY[body["kind"]])


def _meaning(data: Mapping[str, str]) -> dict[str, str]:
    """Another release may have spelled a version's document otherwise: its lines, its blanks."""
    return {name: _one_spelling(text) for name, text in data.items()}


def _one_spelling(text: str) -> str:
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except ValueError:
        return text
