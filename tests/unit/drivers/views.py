"""Specs, and views of jobs and versions, for the drivers' tests."""

from __future__ import annotations

from typing import Any

from wavegate.api.fleetjob import FleetJobSpec, load_job_spec
from wavegate.domain.observed import JobView, VersionView

CONFIG = {"input": {"generate": {"mapping": "root = {}"}}, "output": {"drop": {}}}


def pipeline(template: dict[str, Any] | None = None, **spec: Any) -> FleetJobSpec:
    raw = {"type": "pipeline", "config": CONFIG, "template": template, **spec}
    return load_job_spec(raw)


def container(pod: dict[str, Any] | None = None, **spec: Any) -> FleetJobSpec:
    main = {"name": "main", "image": "registry.example/app:1"}
    template = {"spec": {"containers": [main], **(pod or {})}}
    return load_job_spec({"type": "container", "template": template, **spec})


def job() -> JobView:
    return JobView("web", "edge", "job-uid", "5", 1, 0.0, None, {})


def version(spec: FleetJobSpec | None, image: str = "", number: int = 3) -> VersionView:
    name = f"edge-v{number}"
    return VersionView(name, "v-uid", "5", "job-uid", 0.0, number, spec, {}, "h1:0", image, "1")
