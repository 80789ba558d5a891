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
