"""HTTPJob's model: bounds that its schema has from it."""

from __future__ import annotations

from typing import Any

import pytest

from wavegate.api.fleetjob import InvalidSpec
from wavegate.api.httpjob import load_http_job_spec

HTTP = {"url": "http://echo.example/"}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"revisionHistoryLimit": 1001}, "spec.revisionHistoryLimit"),
        ({"revisionHistoryLimit": -1}, "spec.revisionHistoryLimit"),
        ({"runs": {"successfulHistoryLimit": 10_001}}, "spec.runs.successfulHistoryLimit"),
        ({"runs": {"failedHistoryLimit": 10_001}}, "spec.runs.failedHistoryLimit"),
    ],
    ids=str,
)
def test_what_is_kept_is_bounded(spec: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidSpec, match=field):
        load_http_job_spec({"http": HTTP, **spec})


def test_a_spec_of_more_than_a_hundred_levels_is_refused() -> None:
    inner: dict[str, Any] = {}
    for _ in range(101):
        inner = {"a": inner}
    with pytest.raises(InvalidSpec) as caught:
        load_http_job_spec({"http": HTTP, "runs": inner})
    assert caught.value.problems == ["spec.runs: is nested more than 100 levels deep"]
