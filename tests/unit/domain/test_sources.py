"""Where an execution's error rate comes from."""

from __future__ import annotations

from typing import Any

from unit.domain.builders import job_spec
from wavegate.domain.sources import source_of

CHECK = {"interval": "5s", "deadline": "1m"}
PIPELINE: dict[str, Any] = {"type": "pipeline", "template": None, "config": {"input": {}}}


def test_a_container_has_no_counters_of_its_own() -> None:
    assert source_of(job_spec(rollout={"healthCheck": CHECK})) is None


def test_a_pipeline_s_own_counters_are_the_default() -> None:
    source = source_of(job_spec(**PIPELINE, rollout={"healthCheck": CHECK}))
    assert source is not None
    assert source.errors == ("processor_error", "output_error")


def test_those_that_the_job_names_win() -> None:
    metrics = {"port": 9000, "path": "/m", "format": "JSON", "errors": ["bad"], "total": ["all"]}
    named = {**CHECK, "errorRate": {"podMetrics": metrics}}
    source = source_of(job_spec(**PIPELINE, rollout={"healthCheck": named}))
    assert source is not None
    assert (source.port, source.path, source.format) == (9000, "/m", "JSON")
    assert (source.errors, source.total) == (("bad",), ("all",))


def test_without_a_health_check_the_driver_s_own_are_known_but_not_asked_for() -> None:
    immediate = {"strategy": "Immediate", "healthCheck": None, "autoPromote": None}
    assert source_of(job_spec(rollout=immediate)) is None
