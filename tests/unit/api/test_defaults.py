"""Defaults that are applied in code."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.api.defaults import (
    effective_rollout,
    fill_rollout,
    override_rollout,
    resolve_count,
    strip_rollout,
)
from wavegate.api.fleetdeployment import RolloutOverride
from wavegate.api.fleetjob import FleetJobSpec
from wavegate.api.rollout import CanarySelector, HealthCheck, Rollout, RolloutSettings, Strategy


def job(**rollout: Any) -> FleetJobSpec:
    return FleetJobSpec(type="pipeline", config={}, rollout=Rollout(**rollout))


def test_a_wave_is_a_tenth_and_a_rollback_goes_by_waves() -> None:
    full = effective_rollout(job())
    assert (full.max_parallel, full.rollback_parallel) == ("10%", "10%")


@pytest.mark.row("spec.rollout.strategy")
def test_all_at_once_unless_something_else_is_given() -> None:
    assert effective_rollout(job()).strategy == "Immediate"
    assert effective_rollout(job(strategy="Rolling")).strategy == "Rolling"


@pytest.mark.row("spec.rollout.strategy", "spec.rollout.maxParallel")
def test_an_update_takes_one_node_after_the_other_unless_told_otherwise() -> None:
    def update(**rollout: Any) -> Rollout:
        spec = FleetJobSpec(type="update", config={}, rollout=Rollout(**rollout))
        return effective_rollout(spec)

    assert (update().strategy, update().max_parallel) == ("Rolling", 1)
    assert update(max_parallel="20%").max_parallel == "20%"
    assert update(strategy="Immediate").strategy == "Immediate"
    written = Rollout(strategy="Rolling", max_parallel=1)
    assert strip_rollout(written, "update") == Rollout()
    assert strip_rollout(written, "query") == written


def test_what_is_never_rolled_back_has_no_places_for_it() -> None:
    spec = FleetJobSpec(type="query", config={}, rollout=Rollout(max_parallel=3))
    assert effective_rollout(spec).rollback_parallel is None


def test_a_rollback_follows_the_wave_that_was_given() -> None:
    assert effective_rollout(job(max_parallel=7)).rollback_parallel == 7
    assert (
        effective_rollout(job(max_parallel=7, rollback_parallel="50%")).rollback_parallel == "50%"
    )


@pytest.mark.parametrize(
    ("given_", "count", "percent"),
    [
        ({"strategy": "Canary"}, 1, None),
        ({"strategy": "Canary", "canary_percent": 5}, None, 5),
        ({"strategy": "Canary", "canary_count": 3}, 3, None),
        ({"strategy": "Canary", "canary_count": 3, "canary_percent": 5}, 3, 5),
        ({"strategy": "Rolling"}, None, None),
        ({"strategy": "Immediate"}, None, None),
    ],
)
def test_one_canary_only_where_no_size_is_given(
    given_: dict[str, Any], count: int | None, percent: int | None
) -> None:
    full = effective_rollout(job(**given_))
    assert (full.canary_count, full.canary_percent) == (count, percent)


@pytest.mark.parametrize(
    ("health", "threshold"),
    [
        ({}, 2),
        ({"success_threshold": 5}, 5),
        ({"min_healthy_time": 30.0}, None),
    ],
)
def test_two_good_windows_unless_a_time_is_given(
    health: dict[str, Any], threshold: int | None
) -> None:
    full = effective_rollout(job(health_check=HealthCheck(**health))).health_check
    assert full is not None
    assert full.success_threshold == threshold


def test_a_health_check_is_never_invented() -> None:
    assert effective_rollout(job()).health_check is None


def test_filling_in_changes_neither_the_argument_nor_the_type() -> None:
    given_ = RolloutSettings(strategy="Canary", health_check=HealthCheck())
    full = fill_rollout(given_, "pipeline")
    assert given_ == RolloutSettings(strategy="Canary", health_check=HealthCheck())
    assert type(full) is RolloutSettings
    assert fill_rollout(full, "pipeline") == full


@pytest.mark.parametrize("strategy", ["Immediate", "Rolling", "Canary"])
def test_a_default_written_down_is_taken_out_again(strategy: Strategy) -> None:
    bare = Rollout(strategy=strategy, health_check=HealthCheck(deadline=60.0))
    assert strip_rollout(fill_rollout(bare, "pipeline"), "pipeline") == strip_rollout(
        bare, "pipeline"
    )


@pytest.mark.parametrize(
    ("value", "total", "nodes"),
    [
        (3, 100, 3),
        (3, 2, 3),
        ("10%", 30, 3),
        ("10%", 31, 4),
        ("10%", 0, 1),
        ("1%", 5000, 50),
        ("7%", 100, 7),
        ("29%", 100, 29),
        ("58%", 50, 29),
        ("100%", 7, 7),
    ],
)
def test_a_share_is_rounded_up_and_never_nothing(value: int | str, total: int, nodes: int) -> None:
    assert resolve_count(value, total) == nodes


@given(st.integers(1, 100), st.integers(0, 100_000))
def test_a_share_is_exact(share: int, total: int) -> None:
    assert resolve_count(f"{share}%", total) == max(1, math.ceil(Fraction(share, 100) * total))


@pytest.mark.parametrize("value", ["", "10", "10 %", "-1%", "1.5%", "%"])
def test_neither_a_number_nor_a_share(value: str) -> None:
    with pytest.raises(ValueError, match="neither a number nor a share"):
        resolve_count(value, 10)


BASE = Rollout(
    strategy="Canary",
    max_parallel=3,
    canary_count=2,
    max_failed_nodes=0,
    health_check=HealthCheck(deadline=60.0, interval=5.0),
    paused=True,
)


def own(**fields: Any) -> RolloutOverride:
    return RolloutOverride.model_validate(fields)


def test_a_deployment_without_settings_has_those_of_its_version() -> None:
    expected = RolloutSettings(**{k: getattr(BASE, k) for k in RolloutSettings.model_fields})
    assert override_rollout(BASE, None) == override_rollout(BASE, own()) == expected


def test_what_a_deployment_does_not_give_is_as_in_the_version() -> None:
    settings = override_rollout(BASE, own(maxParallel=7))
    assert (settings.strategy, settings.max_parallel, settings.max_failed_nodes) == ("Canary", 7, 0)


@pytest.mark.row("FleetDeployment.spec.rollout")
@pytest.mark.parametrize(
    "given",
    [
        {"strategy": "Rolling"},
        {"maxParallel": "7%"},
        {"rollbackParallel": 7},
        {"canaryCount": 7},
        {"canaryPercent": 7},
        {"autoPromote": True},
        {"maxFailedNodes": 7},
        {"maxFailedNodesPercent": 7},
        {"noAutoRollback": True},
    ],
    ids=str,
)
def test_each_setting_that_a_deployment_gives_counts(given: dict[str, Any]) -> None:
    (alias,) = given
    before, after = override_rollout(BASE, None), override_rollout(BASE, own(**given))
    assert after.to_dict()[alias] == given[alias] != before.to_dict().get(alias)


def test_a_default_that_a_deployment_gives_counts() -> None:
    settings = override_rollout(BASE, own(strategy="Immediate", maxFailedNodes=10))
    assert (settings.strategy, settings.max_failed_nodes) == ("Immediate", 10)


def test_a_canary_size_replaces_both() -> None:
    settings = override_rollout(BASE, own(canaryPercent=20))
    assert (settings.canary_count, settings.canary_percent) == (None, 20)


def test_a_health_check_is_replaced_as_a_whole() -> None:
    settings = override_rollout(BASE, own(healthCheck={"deadline": "2m"}))
    assert settings.health_check == HealthCheck(deadline=120.0)


@pytest.mark.row("spec.rollout.canarySelector.matchLabels", "spec.rollout.spreadBy")
def test_a_deployment_s_own_choice_of_nodes_replaces_that_of_its_version_or_ends_it() -> None:
    tier = CanarySelector(match_labels={"tier": "canary"})
    base = BASE.model_copy(update={"canary_selector": tier, "spread_by": ["zone"]})
    other = {"canarySelector": {"matchLabels": {"pool": "spare"}}, "spreadBy": ["arch"]}
    settings = override_rollout(base, own(**other))
    assert settings.canary_selector.match_labels == {"pool": "spare"}
    assert settings.spread_by == ["arch"]
    settings = override_rollout(base, own(canarySelector={}, spreadBy=[]))
    assert (settings.canary_selector.match_labels, settings.spread_by) == ({}, [])
    kept = override_rollout(base, own(maxParallel=7))
    assert (kept.canary_selector, kept.spread_by) == (tier, ["zone"])
