"""Which nodes a wave takes: canarySelector and spreadBy, from the first apply to the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sim.invariants import Invariants
from sim.world import FINE, NEVER_READY, Fate, World, spec
from wavegate.api.fleetdeployment import RolloutOverride
from wavegate.domain.actions import CreateExecution

CANARY_SELECTOR = pytest.mark.row("spec.rollout.canarySelector.matchLabels")
SPREAD_BY = pytest.mark.row("spec.rollout.spreadBy")
TIER = {"tier": "canary"}
ABLE = {"canarySelector": {"matchLabels": TIER}}


def world_of(**labels: dict[str, str]) -> World:
    """A world of nodes with these labels."""
    world = World()
    world.watchers.append(Invariants(3))
    for name, each in labels.items():
        world.add_node(name, **each)
    return world


def zones(**sizes: int) -> dict[str, dict[str, str]]:
    return {
        f"{zone}{number}": {"zone": zone} for zone, size in sizes.items() for number in range(size)
    }


def tiers(size: int, *able: int) -> dict[str, dict[str, str]]:
    return {f"n{n}": TIER if n in able else {"tier": "other"} for n in range(size)}


def roll_out(world: World, version: int, **rollout: Any) -> list[list[str]]:
    """Apply the next version and wait for its end: the nodes of each wave."""
    world.apply(spec(f"app:{version}", **rollout))
    name = f"app-v{version}"
    world.until(lambda w: w.deployment_state(name) == "Completed")
    return waves(world, name)


def waves(world: World, deployment: str) -> list[list[str]]:
    made: dict[int, list[str]] = {}
    for _, action in world.writes:
        if isinstance(action, CreateExecution) and action.deployment == deployment and action.wave:
            made.setdefault(action.wave, []).append(action.node)
    return [sorted(made[wave]) for wave in sorted(made)]


def stalled(world: World) -> dict[str, str]:
    """The job's condition Stalled."""
    assert world.job is not None
    conditions = world.job.status.get("conditions") or []
    return next((dict(c) for c in conditions if c["type"] == "Stalled"), {})


def waits_for_a_canary(world: World) -> bool:
    found = stalled(world)
    return (found.get("status"), found.get("reason")) == ("True", "NoCanary")


@CANARY_SELECTOR
def test_canaries_are_the_nodes_that_the_selector_matches_from_version_to_version() -> None:
    world = world_of(**tiers(8, 5, 6))
    rollout = {"canaryCount": 2, "maxParallel": 3, **ABLE}
    for version in (1, 2):
        first, *later = roll_out(world, version, **rollout)
        assert first == ["n5", "n6"]
        assert [len(wave) for wave in later] == [3, 3]
        assert world.deployments[f"app-v{version}"].status["canaryNodes"] == ["n5", "n6"]


@CANARY_SELECTOR
def test_without_a_node_that_may_be_a_canary_the_wave_waits_and_says_who_can_help() -> None:
    world = world_of(**tiers(4))
    world.apply(spec("app:1", **ABLE))
    world.until(waits_for_a_canary)
    message = stalled(world)["message"]
    assert "spec.rollout.canarySelector.matchLabels (tier=canary) matches none of" in message
    assert "label a node" in message
    world.settle(600)
    assert waves(world, "app-v1") == []
    assert world.deployment_state("app-v1") == "InProgress"
    world.change_node("n2", labels=TIER)
    world.until(lambda w: w.deployment_state("app-v1") == "Completed")
    assert waves(world, "app-v1")[0] == ["n2"]
    assert stalled(world).get("status") != "True"


@CANARY_SELECTOR
def test_a_rollout_that_waits_for_a_canary_goes_on_once_the_field_is_changed() -> None:
    world = world_of(**tiers(4))
    roll_out(world, 1)
    world.apply(spec("app:2", **ABLE))
    world.until(waits_for_a_canary)
    world.apply(spec("app:2", canarySelector={"matchLabels": {"tier": "other"}}))
    world.until(lambda w: w.deployment_state("app-v3") == "Completed")
    assert world.deployments["app-v2"].reason == "Superseded"
    assert set(world.live().values()) == {3}


@CANARY_SELECTOR
def test_a_canary_that_is_away_is_waited_for() -> None:
    world = world_of(**tiers(4, 1))
    assert roll_out(world, 1, **ABLE)[0] == ["n1"]
    world.change_node("n1", ready=False)
    world.advance(5)
    world.apply(spec("app:2", **ABLE))
    world.until(waits_for_a_canary)
    assert (
        "matches 1 of the job's 4 nodes, no target now (n1 NotReady)" in stalled(world)["message"]
    )
    world.change_node("n1", ready=True)
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    assert waves(world, "app-v2")[0] == ["n1"]


@CANARY_SELECTOR
def test_the_only_canary_evicted_in_its_turn_goes_on_and_its_judgement_counts() -> None:
    world = world_of(**tiers(5, 3))
    roll_out(world, 1, **ABLE)
    world.apply(spec("app:2", autoPromote=False, **ABLE))
    world.until(lambda w: any(e.version == 2 and e.pod_uid for e in w.executions.values()))
    world.remove_pod(next(pod.name for pod in world.pods.values() if pod.node == "n3"))
    world.until(lambda w: w.deployments["app-v2"].reason == "AwaitingPromotion")
    assert waves(world, "app-v2") == [["n3"]], "nobody else may be a canary"
    world.change_deployment("app-v2", promoted=True)
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    assert set(world.live().values()) == {2}


@CANARY_SELECTOR
def test_a_workload_that_its_canaries_still_run_is_tried_again_from_the_second_wave() -> None:
    once = {"noAutoRollback": True, "maxFailedNodes": 0, **ABLE}
    world = world_of(**tiers(4, 3))
    roll_out(world, 1, **once)

    def fate(node: str, image: str) -> Fate:
        return NEVER_READY if image == "app:2" and node != "n3" else FINE

    world.fate = fate
    world.apply(spec("app:2", **once))
    world.until(lambda w: w.deployment_state("app-v2") == "Failed")
    world.settle(120)
    world.fate = lambda _node, _image: FINE
    world.apply(spec("app:2", **{**once, "maxFailedNodes": 1}))
    world.until(lambda w: w.deployment_state("app-v3") == "Completed")
    assert [len(wave) for wave in waves(world, "app-v3")] == [2, 1]
    assert all("n3" not in wave for wave in waves(world, "app-v3"))
    claims = [
        (at, action.wave)
        for at, action in world.writes
        if isinstance(action, CreateExecution) and action.deployment == "app-v3"
    ]
    assert len(set(claims)) == 2, "as many places as the second wave has nodes"
    assert world.live() == dict.fromkeys(("n0", "n1", "n2", "n3"), 2) | {
        name: 3 for wave in waves(world, "app-v3") for name in wave
    }


@pytest.mark.row("spec.rollout.canarySelector.matchLabels", "spec.rollout.spreadBy")
def test_a_change_of_the_choice_alone_makes_a_version_that_restarts_nothing() -> None:
    world = world_of(**tiers(4, 1))
    roll_out(world, 1)
    running = dict(world.pods)
    for version, choice in ((2, ABLE), (3, {**ABLE, "spreadBy": ["zone"]})):
        world.apply(spec("app:1", **choice))
        world.until(lambda w, v=version: w.deployment_state(f"app-v{v}") == "Completed")
        assert waves(world, f"app-v{version}") == []
    assert world.pods == running


@pytest.mark.row("spec.rollout.canarySelector.matchLabels", "spec.rollout.spreadBy")
def test_a_deployment_s_own_choice_stands_over_that_of_its_version() -> None:
    labels = zones(a=3, b=3)
    for number, name in enumerate(labels):
        labels[name] = {**labels[name], "tier": "canary" if number == 4 else "other"}
    world = world_of(**labels)
    roll_out(world, 1, maxParallel=3, **ABLE)
    world.apply(spec("app:2", canaryCount=2, maxParallel=2, **ABLE))
    world.until(lambda w: "app-v2" in w.deployments)
    own = RolloutOverride.model_validate({"canarySelector": {}, "spreadBy": ["zone"]})
    world.change_deployment("app-v2", rollout=own)
    world.until(lambda w: w.deployment_state("app-v2") == "Completed")
    assert [[name[0] for name in wave] for wave in waves(world, "app-v2")] == [["a", "b"]] * 3
    resolved = world.deployments["app-v2"].status["resolved"]["rollout"]
    assert resolved["canarySelector"] == {"matchLabels": {}}
    assert resolved["spreadBy"] == ["zone"]


@SPREAD_BY
def test_canaries_cover_the_zones_and_stay_while_they_can() -> None:
    world = world_of(**zones(a=4, b=2, c=1))
    rollout = {"canaryCount": 3, "maxParallel": 3, "spreadBy": ["zone"]}
    first = roll_out(world, 1, **rollout)[0]
    assert [name[0] for name in first] == ["a", "b", "c"]
    assert roll_out(world, 2, **rollout)[0] == first
    world.remove_node(first[0])
    world.add_node("d0", zone="d")
    after = roll_out(world, 3, **rollout)[0]
    assert len(set(first[1:]) - set(after)) <= 1, "at most one gives way to the new zone"
    assert len({name[0] for name in after}) == 3
    world.remove_node("d0")
    assert set(first[1:]) <= set(roll_out(world, 4, **rollout)[0])


@SPREAD_BY
def test_canaries_cover_combinations_and_later_waves_the_first_key() -> None:
    labels = {
        f"{zone}{arch}{n}": {"zone": zone, "arch": arch}
        for zone in "ab"
        for arch in "xy"
        for n in range(3)
    }
    world = world_of(**labels)
    rollout = {"canaryCount": 4, "maxParallel": 2, "spreadBy": ["zone", "arch"]}
    first, *later = roll_out(world, 1, **rollout)
    assert [name[:2] for name in first] == ["ax", "ay", "bx", "by"]
    assert [[name[0] for name in wave] for wave in later] == [["a", "b"]] * 4


@SPREAD_BY
def test_no_wave_sits_in_one_zone_while_others_are_left() -> None:
    world = world_of(**zones(a=7, b=3, c=2))
    rolling = {"strategy": "Rolling", "autoPromote": None, "maxParallel": 3}
    assert [
        [name[0] for name in wave] for wave in roll_out(world, 1, **rolling, spreadBy=["zone"])
    ] == [
        ["a", "b", "c"],
        ["a", "b", "c"],
        ["a", "a", "b"],
        ["a", "a", "a"],
    ]


@SPREAD_BY
def test_a_crash_in_the_middle_of_a_wave_does_not_change_whom_it_takes() -> None:
    def taken(*, crash: bool) -> list[list[str]]:
        world = world_of(**zones(a=3, b=3, c=3))
        world.apply(spec("app:1", canaryCount=3, maxParallel=3, spreadBy=["zone"]))
        while world.deployment_state("app-v1") != "Completed":
            actions = [action for step in world.plan_now().steps for action in step.actions]
            claims = [n for n, each in enumerate(actions) if isinstance(each, CreateExecution)]
            world.pass_once(lose_after=claims[0] + 1 if crash and len(claims) > 1 else None)
            world.advance(1.0)
            assert world.now < world.job_created + 3000, world.story()
        return waves(world, "app-v1")

    undisturbed = taken(crash=False)
    assert [[name[0] for name in wave] for wave in undisturbed] == [["a", "b", "c"]] * 3
    assert taken(crash=True) == undisturbed


@SPREAD_BY
def test_a_node_that_moves_to_another_zone_in_mid_wave_counts_where_it_is() -> None:
    world = world_of(**zones(a=2, b=2))
    rollout = {"strategy": "Rolling", "autoPromote": None, "maxParallel": 2, "spreadBy": ["zone"]}
    assert [[name[0] for name in wave] for wave in roll_out(world, 1, **rollout)] == [
        ["a", "b"]
    ] * 2
    world.nodes["a0"] = replace(world.nodes["a0"], labels={"zone": "b"})
    for wave in roll_out(world, 2, **rollout)[:1]:
        assert sorted("b" if name == "a0" else name[0] for name in wave) == ["a", "b"]
