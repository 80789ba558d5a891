"""Defaults that the operator fills in are found by letting it fill them in."""

from __future__ import annotations

import pytest

from wavegate.api import defaults
from wavegate.reference.filled import filled_defaults


def test_what_is_filled_in_and_what_it_depends_on() -> None:
    found = filled_defaults()
    assert found["spec.rollout.maxParallel"].startswith(f"`{defaults.MAX_PARALLEL}`")
    assert found["spec.rollout.rollbackParallel"] == "as `spec.rollout.maxParallel`"
    assert found["spec.rollout.canaryCount"] == (
        "`1` with strategy `Canary` unless `spec.rollout.canaryPercent` is given"
    )
    assert found["spec.rollout.healthCheck.successThreshold"] == (
        "`2` unless `spec.rollout.healthCheck.minHealthyTime` is given"
    )


def test_it_is_not_typed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defaults, "MAX_PARALLEL", "23%")
    assert "`23%`" in filled_defaults()["spec.rollout.maxParallel"]
