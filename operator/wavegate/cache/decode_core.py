"""Pods and nodes to views. Others write them, so nothing in them is believed.

A field that is missing or of an odd type counts as not set; only an object without name, uid or a
numeric resourceVersion raises ValueError, since nothing could be done with it.
"""

from __future__ import annotations

from typing import Final

from wavegate.api.names import ANNOTATION_CORDONED_BY, LABEL_JOB, LABEL_PULL, MAIN_CONTAINER
from wavegate.cache.fields import (
    Raw,
    condition,
    controller_of,
    flag,
    integer,
    mapping,
    mappings,
    meta_of,
    strings,
    text,
)
from wavegate.cache.store import Item, item_of
from wavegate.domain.observed import Cordon, Exit, NodeView, PodView, PullView, Taint
from wavegate.domain.times import parse_time

_DEFAULT_GRACE: Final = 30
_ORDINARY_WAITS: Final = ("ContainerCreating", "PodInitializing")


def decode_node(raw: Raw) -> Item[NodeView]:
    """A node, as far as targets are decided by it: its heartbeats leave the view as it is."""
    meta = meta_of(raw)
    spec, status = mapping(raw.get("spec")), mapping(raw.get("status"))
    annotations = mapping(mapping(raw.get("metadata")).get("annotations"))
    ready = condition(status, "Ready")
    view = NodeView(
        name=meta.name,
        uid=meta.uid,
        labels=strings(mapping(raw.get("metadata")).get("labels")),
        created=meta.created,
        ready=ready.get("status") == "True",
        ready_changed=parse_time(ready.get("lastTransitionTime")) or meta.created,
        unschedulable=flag(spec.get("unschedulable")),
        cordoned_by=Cordon.parse(annotations.get(ANNOTATION_CORDONED_BY)),
        pressure=_pressure(status),
        taints=tuple(
            Taint(text(taint.get("key")), text(taint.get("value")), text(taint.get("effect")))
            for taint in mappings(spec.get("taints"))
        ),
    )
    return item_of(meta, "", view)


def decode_pod(raw: Raw) -> Item[PodView]:
    """A pod with our job label."""
    meta = meta_of(raw)
    metadata = mapping(raw.get("metadata"))
    spec, status = mapping(raw.get("spec")), mapping(raw.get("status"))
    owner = controller_of(raw)
    ready, scheduled = condition(status, "Ready"), condition(status, "PodScheduled")
    is_scheduled = scheduled.get("status") == "True" or bool(text(spec.get("nodeName")))
    waiting = _waiting(status)
    view = PodView(
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        resource_version=meta.resource_version,
        job=strings(metadata.get("labels")).get(LABEL_JOB, ""),
        node=text(spec.get("nodeName")) or _affinity_node(spec),
        owner_kind=owner.kind,
        owner_name=owner.name,
        owner_uid=owner.uid,
        created=meta.created,
        deletion=_deletion(metadata),
        grace=float(integer(spec.get("terminationGracePeriodSeconds"), _DEFAULT_GRACE)),
        phase=text(status.get("phase")) or "Pending",
        ready=ready.get("status") == "True",
        ready_changed=parse_time(ready.get("lastTransitionTime")),
        restarts=sum(integer(entry.get("restartCount")) for entry in _containers(status)),
        ip=text(status.get("podIP")),
        scheduled=is_scheduled,
        scheduling_message="" if is_scheduled else text(scheduled.get("message")),
        waiting_reason=text(waiting.get("reason")),
        waiting_message=text(waiting.get("message")),
        exit=_exit(status),
        main=_main_exit(status),
        disruption=_disruption(status),
        reason=text(status.get("reason")),
        message=text(status.get("message")),
    )
    return item_of(meta, view.job, view)


def decode_pull(raw: Raw) -> Item[PullView]:
    """A pod that pulls images for the job that its label names.

    Whether it has done so nobody asks: an image that is not there is pulled in its turn.
    """
    meta = meta_of(raw)
    metadata, spec = mapping(raw.get("metadata")), mapping(raw.get("spec"))
    view = PullView(
        name=meta.name,
        uid=meta.uid,
        resource_version=meta.resource_version,
        node=text(spec.get("nodeName")) or _affinity_node(spec),
        owner_uid=controller_of(raw).uid,
        deleting=_deletion(metadata) is not None,
    )
    return item_of(meta, strings(metadata.get("labels")).get(LABEL_PULL, ""), view)


def _pressure(status: Raw) -> tuple[str, ...]:
    return tuple(
        sorted(
            text(entry.get("type"))
            for entry in mappings(status.get("conditions"))
            if entry.get("status") == "True" and text(entry.get("type")).endswith("Pressure")
        )
    )


def _deletion(metadata: Raw) -> float | None:
    """A time that cannot be read still means that it is being deleted: at the latest, now."""
    if metadata.get("deletionTimestamp") is None:
        return None
    return parse_time(metadata.get("deletionTimestamp")) or 0.0


def _affinity_node(spec: Raw) -> str:
    """The node that required node affinity names by matchFields, as DaemonSet pods are bound."""
    affinity = mapping(mapping(spec.get("affinity")).get("nodeAffinity"))
    required = mapping(affinity.get("requiredDuringSchedulingIgnoredDuringExecution"))
    for term in mappings(required.get("nodeSelectorTerms")):
        for field in mappings(term.get("matchFields")):
            names = field.get("values")
            named = field.get("key") == "metadata.name" and field.get("operator") == "In"
            if named and isinstance(names, list) and len(names) == 1:
                return text(names[0])
    return ""


def _init_containers(status: Raw) -> list[Raw]:
    return mappings(status.get("initContainerStatuses"))


def _main_containers(status: Raw) -> list[Raw]:
    return mappings(status.get("containerStatuses"))


def _containers(status: Raw) -> list[Raw]:
    """Main containers before init containers."""
    return _main_containers(status) + _init_containers(status)


def _waiting(status: Raw) -> Raw:
    """Why it does not start: the first wait that is not mere preparation, else the first."""
    states = (
        mapping(mapping(entry.get("state")).get("waiting"))
        for entry in _init_containers(status) + _main_containers(status)
    )
    waits = [state for state in states if state.get("reason")]
    unusual = [state for state in waits if state.get("reason") not in _ORDINARY_WAITS]
    return next(iter(unusual or waits), {})


def _exit(status: Raw) -> Exit | None:
    """A failure that is there now, else one that was restarted, else a good end.

    A good end of an init container says nothing and is left out.
    """
    ends = [
        (entry, end, now) for entry in _containers(status) for end, now in [_last_end(entry)] if end
    ]
    failures = [(entry, end, now) for entry, end, now in ends if integer(end.get("exitCode"))]
    failures.sort(key=lambda found: not found[2])
    init = _init_containers(status)
    good = [found for found in ends if found[0] not in init]
    for entry, end, _ in failures or good:
        return _exit_of(entry, end)
    return None


def _main_exit(status: Raw) -> Exit | None:
    """How the container main ended, while it is terminated."""
    for entry in _main_containers(status):
        end = mapping(mapping(entry.get("state")).get("terminated"))
        if end and entry.get("name") == MAIN_CONTAINER:
            return _exit_of(entry, end)
    return None


def _exit_of(entry: Raw, end: Raw) -> Exit:
    return Exit(
        container=text(entry.get("name")),
        reason=text(end.get("reason")),
        exit_code=integer(end.get("exitCode")),
        message=text(end.get("message")),
        at=parse_time(end.get("finishedAt")) or 0.0,
    )


def _last_end(entry: Raw) -> tuple[Raw, bool]:
    """A container's latest termination, and whether it is terminated now."""
    if current := mapping(mapping(entry.get("state")).get("terminated")):
        return current, True
    return mapping(mapping(entry.get("lastState")).get("terminated")), False


def _disruption(status: Raw) -> str:
    found = condition(status, "DisruptionTarget")
    if found.get("status") != "True":
        return ""
    return text(found.get("reason")) or "DisruptionTarget"
