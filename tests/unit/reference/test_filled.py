"""Defaults that the operator fills in are found by letting it fill them in."""

from __future__ import annotations

import pytest

from wavegate.api import defaults
from wavegate.api.defaults import effective_rollout
from wavegate.api.fleetjob import FleetJobSpec
from wavegate.api.rollout import Rollout
from wavegate.reference import filled
from wavegate.reference.filled import filled_defaults


def test_what_is_filled_in_and_what_it_depends_on() -> None:
    found = filled_defaults()
    assert found["spec.rollout.maxParallel"].startswith(f"`{defaults.MAX_PARALLEL}`")
    assert "as `spec.rollout.maxParallel`" in found["spec.rollout.rollbackParallel"]
    assert found["spec.rollout.strategy"] == "`Immediate`; `Rolling` for type `update`"
    assert found["spec.rollout.canaryCount"] == (
        "`1` with strategy `Canary` unless `spec.rollout.canaryPercent` is given"
    )
    assert found["spec.rollout.healthCheck.successThreshold"] == (
        "`2` unless `spec.rollout.healthCheck.minHealthyTime` is given"
    )


def test_it_is_not_typed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defaults, "MAX_PARALLEL", "23%")
    assert "`23%`" in filled_defaults()["spec.rollout.maxParallel"]


def test_a_type_with_a_default_of_its_own_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_at_a_time(spec: FleetJobSpec) -> Rollout:
        full = effective_rollout(spec)
        return full.model_copy(update={"max_parallel": 1}) if spec.type == "pipeline" else full

    monkeypatch.setattr(filled, "effective_rollout", one_at_a_time)
    words = filled_defaults()["spec.rollout.maxParallel"]
    assert "`1` for type `pipeline`" in words or words.startswith("`1`; ")
    assert "`10%`" in words
