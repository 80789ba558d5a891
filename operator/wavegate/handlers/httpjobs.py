"""Where the runs of an HTTPJob begin: decode, cache; the cache enqueues its key."""

from __future__ import annotations

from typing import Any

import kopf

from wavegate.cache.runs import RunCache
from wavegate.kube.resources import HTTP_JOBS


def watch_http_jobs(registry: kopf.OperatorRegistry, cache: RunCache) -> None:
    """Feed HTTPJobs into the cache."""

    @kopf.on.event(HTTP_JOBS.group, HTTP_JOBS.version, HTTP_JOBS.plural, registry=registry)
    async def http_job_changed(event: Any, **_: Any) -> None:
        cache.apply_event(HTTP_JOBS.kind, event["type"], event["object"])
