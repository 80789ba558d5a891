"""Rollouts that are judged by a source of numbers: one that answers, is down, or is not there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.invariants import Invariants
from sim.test_rollouts import on_image, stable_on, waves
from sim.world import CRASHES, ERRS, FINE, NEVER_READY, UNREADABLE, World, fleet, spec
from wavegate.domain.observed import PlanSettings

MAIN = PlanSettings(prometheus_sources=frozenset({"main"}))
NONE = PlanSettings()
DEADLINE = 60.0


def by_source(image: str, name: str = "main", **check: Any) -> dict[str, Any]:
    """The job of ``spec``, its error rate from a source."""
    queries = {"source": name, "errorQuery": "e[$window]", "totalQuery": "t[$window]"}
    rate = {"errorRate": {"prometheus": queries}}
    return spec(image, healthCheck={"interval": "5s", "deadline": "1m", **rate, **check})


def settled(size: int = 5, settings: PlanSettings = MAIN, **first: Any) -> World:
    world = fleet(size, settings=settings)
    world.watchers.append(Invariants(2))
    world.apply(first or by_source("app:1"))
    world.until(lambda w: stable_on(w, 1))
    return world


def condition(world: World, kind: str) -> dict[str, Any]:
    assert world.job is not None
    found = [each for each in world.job.status["conditions"] if each["type"] == kind]
    return dict(found[0]) if found else {}


def of_rollout(world: World, name: str, kind: str) -> dict[str, Any]:
    status = world.deployments[name].status
    return dict(next((each for each in status["conditions"] if each["type"] == kind), {}))


def configure(world: World, settings: PlanSettings) -> None:
    """The administrator restarts the operator with other sources."""
    world.settings = settings
    world.crash()


@pytest.mark.row("spec.rollout.healthCheck.errorRate.prometheus.source")
def test_a_version_is_judged_by_what_its_source_says() -> None:
    world = settled()
    world.apply(by_source("app:2"))
    world.until(lambda w: stable_on(w, 2))
    assert waves(world, "app-v2") == [1, 2, 2, 3, 3]


def test_a_bad_one_is_refused_at_the_canary_with_its_numbers() -> None:
    world = settled()
    world.fate = on_image("app:2", ERRS)
    world.apply(by_source("app:2"))
    world.until(lambda w: w.deployment_state("app-v2-rollback") == "Completed")
    assert [wave for wave in waves(world, "app-v2") if wave] == [1]
    failure = world.deployments["app-v2"].status["failures"][0]
    assert failure["reason"] == "ErrorRateExceeded"
    assert failure["window"]["rate"] == pytest.approx(0.5, abs=0.02)


def test_a_deadline_as_short_as_a_source_can_be_is_enough() -> None:
    world = settled()
    world.apply(by_source("app:2", deadline="20s"))
    world.until(lambda w: stable_on(w, 2))


def test_a_source_that_is_down_holds_and_is_named_and_takes_nothing_back() -> None:
    world = settled()
    world.sources_down.add("main")
    world.apply(by_source("app:2"))
    world.until(lambda w: 1 in waves(w, "app-v2"))
    world.settle(2 * DEADLINE + 30)
    assert world.deployments["app-v2"].reason == "MetricsUnreadable"
    assert condition(world, "Reconciling")["reason"] == "MetricsUnreadable"
    assert "source main: cannot connect" in condition(world, "Reconciling")["message"]
    assert sorted(world.live().values()) == [1, 1, 1, 1, 2]
    world.settle(2 * DEADLINE)
    assert world.deployment_state("app-v2") == "Failed"
    assert world.deployments["app-v2"].reason == "MetricsUnreadable"
    world.settle(600)
    assert sorted(world.live().values()) == [1, 1, 1, 1, 2], "no ready node is taken back"
    assert "app-v2-rollback" not in world.deployments


def test_a_source_that_is_down_says_nothing_of_a_version_that_comes_to_it() -> None:
    world = settled(5, MAIN, **spec("app:1"))
    world.sources_down.add("main")
    world.apply(by_source("app:2"))
    world.until(lambda w: 1 in waves(w, "app-v2"))
    world.settle(2 * DEADLINE + 30)
    assert world.deployments["app-v2"].reason == "MetricsUnreadable"
    world.sources_down.clear()
    world.until(lambda w: stable_on(w, 2))


def test_a_source_that_goes_down_in_mid_wave_costs_time_and_no_verdict() -> None:
    world = settled()
    world.apply(by_source("app:2"))
    world.until(lambda w: waves(w, "app-v2") == [1, 2, 2])
    world.sources_down.add("main")
    world.settle(2 * DEADLINE)
    assert waves(world, "app-v2") == [1, 2, 2]
    world.sources_down.clear()
    world.until(lambda w: stable_on(w, 2))
    assert world.deployments["app-v2"].status["failedNodes"] == 0


def test_pods_that_alone_are_not_scraped_are_the_version_s_fault() -> None:
    world = settled()
    world.fate = on_image("app:2", UNREADABLE)
    world.apply(by_source("app:2"))
    world.until(lambda w: w.deployment_state("app-v2-rollback") == "Completed")
    assert world.deployments["app-v2"].reason == "CanaryFailed"


@pytest.mark.parametrize("fate", [CRASHES, NEVER_READY])
def test_a_version_that_does_not_run_fails_although_its_source_is_down(fate: Any) -> None:
    world = settled()
    world.sources_down.add("main")
    world.fate = on_image("app:2", fate)
    world.apply(by_source("app:2"))
    world.until(lambda w: w.deployment_state("app-v2") == "Failed")
    assert world.deployments["app-v2"].reason == "CanaryFailed"


def test_a_network_policy_that_denies_everything_holds_and_says_so() -> None:
    """Policies are not enforced here: what they do is that every pod's address times out."""
    world = settled(5, NONE, **spec("app:1"))
    world.apply(spec("app:2"))
    world.until(lambda w: waves(w, "app-v2") == [1, 2, 2])
    world.fate = lambda _node, _image: UNREADABLE
    world.settle(2 * DEADLINE)
    assert world.deployments["app-v2"].reason == "MetricsUnreadable"
    assert "http://[::1]:8080/metrics: timed out" in condition(world, "Reconciling")["message"]
    assert waves(world, "app-v2") == [1, 2, 2]
    world.fate = lambda _node, _image: FINE
    world.until(lambda w: stable_on(w, 2))
    assert world.deployments["app-v2"].status["failedNodes"] == 0


def test_a_source_that_is_not_configured_is_stalled_before_any_node_is_taken() -> None:
    world = settled()
    world.apply(by_source("app:2", "mian"))
    world.settle(10 * DEADLINE)
    assert waves(world, "app-v2") == []
    assert world.deployments["app-v2"].started is None
    for found in (condition(world, "Stalled"), of_rollout(world, "app-v2", "Stalled")):
        assert (found["status"], found["reason"]) == ("True", "SourceNotConfigured")
        assert found["message"].startswith("spec.rollout.healthCheck.errorRate.prometheus.source:")
        assert 'no source "mian" (configured: main)' in found["message"]
    assert condition(world, "Ready")["status"] == "False"
    assert condition(world, "Available")["status"] == "True"
    assert set(world.live().values()) == {1}
    world.apply(by_source("app:2", "main"))
    world.until(lambda w: stable_on(w, 3))
    assert "app-v2-rollback" not in world.deployments


def test_a_first_version_waits_too_and_goes_on_once_its_source_is_configured() -> None:
    world = fleet(3)
    world.apply(by_source("app:1"))
    world.settle(60)
    assert world.executions == {}
    assert condition(world, "Stalled")["reason"] == "SourceNotConfigured"
    configure(world, MAIN)
    world.until(lambda w: stable_on(w, 1))
    assert not condition(world, "Stalled")


def test_a_source_taken_away_in_mid_rollout_never_becomes_a_rollback() -> None:
    world = settled()
    world.apply(by_source("app:2"))
    world.until(lambda w: waves(w, "app-v2") == [1, 2, 2])
    configure(world, NONE)
    world.settle(DEADLINE)
    assert condition(world, "Stalled")["reason"] == "SourceNotConfigured"
    world.settle(20 * DEADLINE)
    assert sorted(world.live().values()) == [1, 1, 2, 2, 2]
    assert "app-v2-rollback" not in world.deployments
    assert not [each for each in world.executions.values() if each.observed == "Failed"]


def test_it_goes_on_when_the_source_is_back() -> None:
    world = settled()
    world.apply(by_source("app:2"))
    world.until(lambda w: waves(w, "app-v2") == [1, 2, 2])
    configure(world, NONE)
    world.settle(2 * DEADLINE)
    configure(world, MAIN)
    world.until(lambda w: stable_on(w, 2))


def test_nodes_behind_are_not_brought_to_a_version_whose_source_is_gone() -> None:
    world = settled(4)
    world.apply(by_source("app:2"))
    world.change_node("n03", ready=False)
    world.until(lambda w: w.deployment_state("app-v2") == "InProgress")
    world.settings = PlanSettings(prometheus_sources=frozenset({"main"}), lost_after=30.0)
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    configure(world, PlanSettings(lost_after=30.0))
    world.change_node("n03", ready=True)
    world.settle(60)
    assert world.live()["n03"] == 1
    assert condition(world, "Stalled")["reason"] == "SourceNotConfigured"
    configure(world, MAIN)
    world.until(lambda w: stable_on(w, 2))


def test_a_job_that_has_nothing_to_do_is_well_without_its_source() -> None:
    world = settled(3)
    configure(world, NONE)
    world.settle(60)
    assert condition(world, "Ready")["status"] == "True"
    assert not condition(world, "Stalled")


def test_an_operator_that_is_started_again_leaves_a_source_the_time_to_settle() -> None:
    world = settled(3)
    world.apply(by_source("app:2", deadline="20s"))
    world.until(lambda w: waves(w, "app-v2") == [1])
    world.settle(15)
    assert not any(each.stable_at for each in world.executions.values() if each.version == 2)
    world.crash()
    world.until(lambda w: stable_on(w, 2))


def test_an_empty_node_gets_the_stable_version_whatever_its_source() -> None:
    world = settled(3)
    configure(world, NONE)
    world.add_node("n99")
    world.until(lambda w: w.live().get("n99") == 1)


def test_a_rollback_begins_although_the_stable_version_s_source_is_gone() -> None:
    world = settled(3)
    configure(world, NONE)
    world.fate = on_image("app:2", ERRS)
    world.apply(spec("app:2"))
    world.until(lambda w: w.deployment_state("app-v2") == "Failed")
    world.until(lambda w: set(w.live().values()) == {1})


def test_immediate_reads_nothing_and_needs_no_source() -> None:
    world = fleet(3)
    world.apply({**by_source("app:1"), "rollout": immediate()})
    world.until(lambda w: stable_on(w, 1))


def immediate() -> dict[str, Any]:
    return {**by_source("app:1")["rollout"], "strategy": "Immediate"}


_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(("down", "up", "gone", "there", "crash", "node")) | st.integers(1, 3),
        st.sampled_from((0, 1, 3, 8, 20, 60)),
    ),
    max_size=10,
)


@given(events=_EVENTS, by_pods=st.frozensets(st.integers(1, 3)))
def test_whatever_becomes_of_its_source_a_version_that_works_is_never_judged_failed(
    events: list[tuple[str | int, int]], by_pods: frozenset[int]
) -> None:
    """Pods are well and can be read; the source is down or not configured for a while, or two."""
    world = fleet(4, settings=MAIN)
    world.watchers.append(Invariants(2))
    world.apply(by_source("app:1", deadline="20s"))
    for number, (event, seconds) in enumerate(events):
        if event == "down":
            world.sources_down.add("main")
        elif event == "up":
            world.sources_down.clear()
        elif event in ("gone", "there"):
            configure(world, MAIN if event == "there" else NONE)
        elif event == "crash":
            world.pass_once(lose_after=1)
        elif event == "node":
            world.add_node(f"n{90 + number}")
        else:
            image = f"app:{event}"
            check = by_source(image, deadline="20s")
            world.apply(spec(image) if event in by_pods else check)
        world.pass_by(seconds)
    world.pass_by(600)
    failed = [each for each in world.executions.values() if each.observed == "Failed"]
    assert not failed, world.story()
    assert not [each for each in world.deployments.values() if each.type == "Rollback"]
