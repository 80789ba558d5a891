"""What is wrong with a document, without a cluster: what the API server and the operator would say.

| rule | by |
| --- | --- |
| fields, types, bounds, defaults | the CRD's schema |
| rules over several fields | the CRD's CEL |
| the document of a job's type, its size | the operator's own drivers |
| cron expressions, time zones, payloads and their schemas | the operator's own rules of runs |

Advice is about what is allowed and may not be what is meant.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Final

from wavegate.api.crds import KINDS, crd
from wavegate.api.defaults import effective_rollout
from wavegate.api.fleetjob import (
    MAX_CONFIG_BYTES,
    InvalidSpec,
    config_size,
    load_job_spec,
)
from wavegate.api.httpjob import load_http_job_spec
from wavegate.api.names import API_VERSION
from wavegate.api.runbatch import BatchItem
from wavegate.cli.assumed import directories_of
from wavegate.cli.cel import broken_rules
from wavegate.cli.sight import Document, at
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.driver import DocumentError, driver_for
from wavegate.runs.batch_items import problem_of, twice
from wavegate.runs.payload import problems as payload_problems
from wavegate.runs.problems import job_problems
from wavegate.simulation.schema import Schema

KNOWN: Final = {kind.kind: kind for kind in KINDS}
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z")
_LONGEST_NAME: Final = 253
_SOME_IMAGE: Final = "some-image"
"""Of an operator that has one for each type."""
_METADATA: Final = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def problems(document: Document) -> list[str]:
    """What is wrong with it: ``field: what is wrong``; empty where all is well."""
    found = refusals(document)
    if not found and document["kind"] in _BY_OPERATOR:
        found += _BY_OPERATOR[document["kind"]](document)
    return found


def refusals(document: Document) -> list[str]:
    """What the API server would refuse."""
    kind = document.get("kind")
    if kind not in KNOWN:
        return [f"kind: {kind} is not of {API_VERSION}"]
    if document.get("apiVersion") != API_VERSION:
        return [f"apiVersion: must be {API_VERSION}"]
    name = at(document, "metadata", "name")
    if not isinstance(name, str) or not _NAME.match(name) or len(name) > _LONGEST_NAME:
        return ["metadata.name: is required and must be a DNS name (a-z, 0-9, - and .)"]
    raw, schema = _schemas(str(kind))
    filled = copy.deepcopy(document)
    unknown = schema.prune(filled)
    found = [f"{path}: is not known; is it spelled as in the reference?" for path in unknown]
    schema.default(filled)
    found += [_plain(each) for each in schema.errors(filled)]
    return found or list(dict.fromkeys(broken_rules(filled, raw)))


def advice(document: Document) -> list[str]:
    """What has no effect as it is; of a FleetJob that has no problem."""
    if document.get("kind") != "FleetJob":
        return []
    spec = load_job_spec(document["spec"])
    strategy = str(effective_rollout(spec).strategy)
    given = at(document, "spec", "rollout") or {}
    return [
        f"spec.rollout.{field}: has no effect with strategy {strategy}"
        for field in _WITHOUT_EFFECT.get(strategy, ())
        if given.get(field) not in (None, False, {}, [])
    ]


_CANARY: Final = ("canaryCount", "canaryPercent", "canarySelector", "autoPromote")
_WITHOUT_EFFECT: Final = {
    "Immediate": (*_CANARY, "maxParallel", "healthCheck", "spreadBy", "prePull"),
    "Rolling": _CANARY,
}


@cache
def _schemas(kind: str) -> tuple[Document, Schema]:
    raw = crd(KNOWN[kind])["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    whole = {**raw, "properties": {**raw["properties"], "metadata": _METADATA}}
    return whole, Schema(whole)


def _plain(error: str) -> str:
    """Without the server's classes of errors, which say nothing to who reads the rest."""
    return error.replace(": Invalid value: ", ": ")


def _of_job(document: Document) -> Iterator[str]:
    """What the operator would say of a spec that the API server takes."""
    try:
        spec = load_job_spec(document["spec"])
    except InvalidSpec as error:
        yield from error.problems
        return
    if (size := config_size(spec)) > MAX_CONFIG_BYTES:
        yield f"spec.config: has {size} bytes, and {MAX_CONFIG_BYTES} are allowed"
        return
    driver = driver_for(spec.type)
    settings = PlanSettings(
        query_image=_SOME_IMAGE,
        update_image=_SOME_IMAGE,
        config_image=_SOME_IMAGE,
        config_directories=directories_of(spec),
    )
    try:
        driver.document(spec, driver.image(settings), settings)
    except DocumentError as error:
        yield str(error)


def _of_http_job(document: Document) -> list[str]:
    try:
        return job_problems(load_http_job_spec(document["spec"]))
    except InvalidSpec as error:
        return list(error.problems)


def _of_run(document: Document) -> list[str]:
    payload = at(document, "spec", "payload")
    words = payload_problems(payload, None) if payload is not None else ""
    return [f"spec.{words}"] if words else []


def _of_batch(document: Document) -> Iterator[str]:
    """Of its items: whether they are JSON; the schema is the job's."""
    items = [BatchItem.model_validate(each) for each in at(document, "spec", "items") or ()]
    for place, words in twice(items):
        yield f"spec.items[{place}].{words}"
    for place, item in enumerate(items):
        if (problem := problem_of(item, None)) is not None:
            yield f"spec.items[{place}].{problem.message}"


_BY_OPERATOR: Final[Mapping[str, Callable[[Document], Iterable[str]]]] = {
    "FleetJob": _of_job,
    "HTTPJob": _of_http_job,
    "JobRun": _of_run,
    "RunBatch": _of_batch,
}
