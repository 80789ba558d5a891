"""Raw documents of HTTPJobs, their versions and their runs to views: decoded once, then dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from wavegate.api.canonical import http_version_key
from wavegate.api.durations import parse_duration
from wavegate.api.fleetjob import InvalidSpec, field_problems
from wavegate.api.httpjob import HEARTBEAT_TIMEOUT, HTTPJobSpec, Rate, load_http_job_spec
from wavegate.api.httpjob_status import HTTPJobStatus
from wavegate.api.jobrun import JobRunSpec, JobRunStatus
from wavegate.api.names import (
    ANNOTATION_AFTER,
    ANNOTATION_ITEM,
    ANNOTATION_RESUME,
    ANNOTATION_TICK,
    job_ref,
)
from wavegate.api.ratelimitpool import RateLimitPoolSpec
from wavegate.cache.decode import SpecReader
from wavegate.cache.fields import Meta, Raw, controller_of, integer, mapping, meta_of, strings, text
from wavegate.cache.statuses import readable
from wavegate.cache.store import Item, item_of
from wavegate.domain.times import parse_time
from wavegate.kube.resources import FLEET_JOBS, HTTP_JOBS
from wavegate.runs.callbacks import OUTCOMES, CallbackView
from wavegate.runs.naming import after_name, item_name, tick_name
from wavegate.runs.observed import AskedJobView, RunVersionView, RunView
from wavegate.runs.payload import digest
from wavegate.runs.problems import job_problems
from wavegate.runs.states import TERMINAL, TRANSITIONS
from wavegate.runs.webhooks import Delivery


class RunDecoder:
    """Decodes HTTPJob, its JobVersion and JobRun.

    Each method raises ValueError where metadata lacks name, uid or a numeric resourceVersion.
    """

    def __init__(self) -> None:
        self._specs = SpecReader(_load)

    def job(self, raw: Raw) -> Item[AskedJobView]:
        meta = meta_of(raw)
        raw_spec = mapping(raw.get("spec"))
        read, invalid = self._specs.read(meta, raw_spec)
        view = AskedJobView(
            namespace=meta.namespace,
            name=meta.name,
            uid=meta.uid,
            resource_version=meta.resource_version,
            generation=meta.generation,
            created=meta.created,
            spec=read.spec if read else None,
            raw_spec=raw_spec if read else {},
            version_key=read.version_key if read else "",
            invalid=invalid,
            deleting=meta.deleting,
            status=readable(HTTPJobStatus, raw.get("status")),
            resume=_annotation(raw, ANNOTATION_RESUME),
        )
        return item_of(meta, meta.name, view)

    def version(self, raw: Raw) -> Item[RunVersionView]:
        meta = meta_of(raw)
        spec, owner = mapping(raw.get("spec")), controller_of(raw)
        read, _ = self._specs.read(meta, mapping(spec.get("jobSpec")))
        owned = owner.kind == HTTP_JOBS.kind
        view = RunVersionView(
            name=meta.name,
            uid=meta.uid,
            resource_version=meta.resource_version,
            owner_uid=owner.uid if owned else "",
            created=meta.created,
            version=integer(spec.get("version")),
            spec=read.spec if read else None,
            version_key=read.version_key if read else "",
            deleting=meta.deleting,
        )
        return item_of(meta, owner.name if owned else "", view)

    def run(self, raw: Raw) -> Item[RunView]:
        meta = meta_of(raw)
        spec, status = mapping(raw.get("spec")), readable(JobRunStatus, raw.get("status"))
        job, phase = text(spec.get("jobName")), text(status.get("phase"))
        kind = text(spec.get("jobKind")) or HTTP_JOBS.kind
        owner = controller_of(raw)
        owned = owner.uid if owner.kind == kind and owner.name == job else ""
        facts: dict[str, Any] = {
            "namespace": meta.namespace,
            "name": meta.name,
            "uid": meta.uid,
            "resource_version": meta.resource_version,
            "owner_uid": owned,
            "created": meta.created,
            "job": job,
            "job_kind": kind,
            "phase": phase if phase in TRANSITIONS else "Queued",
            "generation": meta.generation,
            "deleting": meta.deleting,
            "concurrency_key": text(spec.get("concurrencyKey")),
            "idempotency_key": text(spec.get("idempotencyKey")),
            "payload_digest": _digest(spec, kind),
            "scheduled": _tick(raw, meta, job, owned),
            "after": _after(raw, meta, job, owned),
            "labels": _labels(raw),
            "asked_by": _asked_by(spec),
            "lineage_depth": integer(status.get("lineageDepth")),
            **_of_batch(raw, meta, job, status),
            "attempt": integer(status.get("attempt")),
            "version": integer(status.get("version")),
            "started": parse_time(status.get("startTime")),
            "completed": parse_time(status.get("completionTime")),
            "rate_clock": parse_time(status.get("rateClock")),
            "pool_clocks": _clocks(status.get("poolClocks")),
            "callback": _callback(mapping(status.get("callback"))),
        }
        if phase not in TERMINAL:
            facts |= _of_active(spec, status)
        else:
            facts["delivery"] = _delivery(mapping(status.get("webhook")))
        return item_of(meta, job_ref(kind, job), RunView(**facts))


@dataclass(frozen=True, slots=True)
class _Read:
    spec: HTTPJobSpec
    version_key: str


def _load(raw_spec: Raw) -> _Read:
    spec = load_http_job_spec(raw_spec)
    if found := job_problems(spec):
        raise InvalidSpec(found)
    return _Read(spec, http_version_key(spec))


def decode_pool(raw: Raw) -> Item[Rate | str]:
    """A RateLimitPool's rate, or what of its spec is not understood."""
    meta = meta_of(raw)
    try:
        spec = RateLimitPoolSpec.model_validate(dict(mapping(raw.get("spec"))))
    except ValidationError as error:
        return item_of(meta, "", "; ".join(field_problems(error, "spec")))
    return item_of(meta, "", Rate(max=spec.max, window=spec.window))


def _digest(spec: Raw, kind: str) -> str:
    """Of its own payload. A pass over nodes has none, so that each is like the other."""
    if kind == FLEET_JOBS.kind:
        return digest("")
    return digest(text(spec.get("payload"))) if "payload" in spec else ""


def _asked_by(spec: Raw) -> tuple[str, ...]:
    named = (text(spec.get(field)) for field in ("parentRun", "continuationOf"))
    return tuple(name for name in named if name)


def _delivery(webhook: Raw) -> Delivery | None:
    if webhook.get("phase") != "Pending":
        return None
    return Delivery(integer(webhook.get("attempts")), parse_time(webhook.get("nextTime")) or 0.0)


def _annotation(raw: Raw, name: str) -> str:
    return text(mapping(mapping(raw.get("metadata")).get("annotations")).get(name))


def _clocks(value: Any) -> dict[str, float]:
    times = ((name, parse_time(time)) for name, time in strings(value).items())
    return {name: time for name, time in times if time is not None}


def _callback(said: Raw) -> CallbackView | None:
    if not said:
        return None
    try:
        silence = parse_duration(text(said.get("heartbeatTimeout")))
    except ValueError:
        silence = HEARTBEAT_TIMEOUT
    return CallbackView(
        token_hash=text(said.get("tokenHash")),
        heartbeat_timeout=silence,
        deadline=parse_time(said.get("deadline")),
        accepted=parse_time(said.get("acceptedTime")),
        heartbeat=parse_time(said.get("heartbeatTime")),
        outcome=next((each for each in OUTCOMES.values() if each == said.get("outcome")), None),
    )


def _tick(raw: Raw, meta: Meta, job: str, owner_uid: str) -> float | None:
    """The tick that the run was made for; its name has to be the one that follows from it."""
    tick = parse_time(_annotation(raw, ANNOTATION_TICK))
    if tick is None or not owner_uid or meta.name != tick_name(job, owner_uid, tick):
        return None
    return tick


def _after(raw: Raw, meta: Meta, job: str, owner_uid: str) -> dict[str, float]:
    """By job, the ends that the run was made for; its name has to be the one that follows."""
    told = _annotation(raw, ANNOTATION_AFTER).split()
    ends = _clocks(dict(part.split("=", 1) for part in told if "=" in part))
    named = bool(ends) and bool(owner_uid) and meta.name == after_name(job, owner_uid, ends)
    return ends if named else {}


def _of_batch(raw: Raw, meta: Meta, job: str, status: Raw) -> dict[str, Any]:
    """Which item of which batch the run is; its name has to be the one that follows."""
    batch, number, key = (*_annotation(raw, ANNOTATION_ITEM).split(" ", 2), "", "")[:3]
    if not number.isdecimal() or meta.name != item_name(job, batch, key):
        return {}
    facts = {"batch": batch, "number": int(number[:9]), "item": key}
    return {**facts, **{name: text(status.get(name)) for name in ("reason", "message")}}


def _labels(raw: Raw) -> Mapping[str, str]:
    return _shared(tuple(sorted(strings(mapping(raw.get("metadata")).get("labels")).items())))


@lru_cache(maxsize=4096)
def _shared(labels: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """Most runs of a job have the same ones."""
    return dict(labels)


def _of_active(spec: Raw, status: Raw) -> dict[str, Any]:
    """What is read only of a run that has not ended."""
    try:
        request = JobRunSpec.model_validate(dict(spec))
    except ValidationError as error:
        return {"invalid": "\n".join(field_problems(error, "spec")), "status": status}
    return {
        "priority": request.priority,
        "not_before": parse_time(request.not_before),
        "canceled": request.canceled,
        "payload": request.payload,
        "payload_from": request.payload_from,
        "replay_of": request.replay_of or "",
        "ttl": request.ttl,
        "overrides": request.overrides,
        "debug": request.debug,
        "metadata": request.metadata,
        "next_retry": parse_time(status.get("nextRetryTime")),
        "holder": text(status.get("holder")),
        "status": status,
    }
