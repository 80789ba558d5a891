"""The table of wavegate.domain.spread, and what must hold of any fleet, drawn through a rollout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.domain.builders import deployment, execution, fleet, node, progress, settings, version
from wavegate.domain.observed import ExecutionView
from wavegate.domain.spread import group_of, in_turn
from wavegate.domain.waves import Take, next_takes

pytestmark = pytest.mark.row("spec.rollout.spreadBy")

ZONES = {"n1": "a", "n2": "a", "n3": "a", "n4": "b", "n5": "b", "n6": "c"}
LOPSIDED = {**dict.fromkeys(("n1", "n2", "n3", "n4", "n5"), "a"), "n6": "b"}
ARCHS = {"n1": "a/arm", "n2": "a/arm", "n3": "a/x86", "n4": "b/x86", "n5": "b/x86", "n6": "b/x86"}


@pytest.mark.parametrize(
    ("groups", "canaries"),
    [
        pytest.param(dict.fromkeys(ZONES, ""), ["n1", "n2", "n3"], id="none"),
        pytest.param(ZONES, ["n1", "n4", "n6"], id="zone"),
        pytest.param(LOPSIDED, ["n1", "n6", "n2"], id="fewer zones than canaries"),
        pytest.param({**LOPSIDED, "n6": None}, ["n1", "n6", "n2"], id="no label is a value too"),
        pytest.param(ARCHS, ["n1", "n3", "n4"], id="zone, arch"),
    ],
)
def test_which_nodes_are_the_canaries(
    groups: Mapping[str, str | None], canaries: list[str]
) -> None:
    nodes = {name: (value,) for name, value in groups.items()}
    assert in_turn(nodes, {}, {})[:3] == canaries


@pytest.mark.parametrize(
    ("in_wave", "in_rollout", "first"),
    [
        pytest.param({}, {}, ["n1", "n4", "n6"], id="nothing taken yet"),
        pytest.param({("a",): 1}, {("a",): 1}, ["n4", "n6", "n1"], id="the wave has one of a"),
        pytest.param({}, {("a",): 1}, ["n4", "n6", "n1"], id="an earlier wave ended with a"),
        pytest.param({("b",): 1}, {("a",): 3, ("b",): 1}, ["n6", "n1", "n4"], id="the wave first"),
        pytest.param({("d",): 5}, {("d",): 5}, ["n1", "n4", "n6"], id="of a zone that is gone"),
    ],
)
def test_the_turn_goes_on_from_what_was_taken(
    in_wave: dict[Any, int], in_rollout: dict[Any, int], first: list[str]
) -> None:
    nodes = {name: (zone,) for name, zone in ZONES.items()}
    assert in_turn(nodes, in_wave, in_rollout)[:3] == first


def test_a_label_that_is_empty_is_not_a_label_that_is_missing() -> None:
    assert group_of(node(labels={"zone": ""}), ["zone"]) == ("",)
    assert group_of(node(labels={}), ["zone"]) == (None,)


KEYS = ["zone", "arch"]
Fleet = dict[str, dict[str, str]]
"""Labels of nodes, by name."""

_labels = st.fixed_dictionaries(
    {}, optional={"zone": st.sampled_from("abcd"), "arch": st.sampled_from(("arm", "x86"))}
)
_fleets = st.dictionaries(st.integers(0, 60).map("n{:02}".format), _labels, min_size=2, max_size=14)
V1, V2 = version(1, stable=True), version(2)


def takes(labels: Fleet, executions: list[ExecutionView], **rollout: Any) -> list[Take]:
    """Whom an update to v2 takes next, each wave judged as soon as it is filled."""
    chosen = settings(spreadBy=KEYS, **rollout)
    wave = int(rollout.get("maxParallel", 1))
    own = deployment(2, rollout=chosen, total=len(labels), wave_size=wave, promoted_gate=True)
    view = fleet(
        nodes=[node(name, labels=each) for name, each in labels.items()],
        versions=[V1, V2],
        deployments=[deployment(1, "Completed"), own],
        executions=executions,
    )
    return list(next_takes(view, progress(view, own, V2), may_advance=True, free_places=None))


def canaries(labels: Fleet, count: int) -> set[str]:
    return {take.node for take in takes(labels, [], strategy="Canary", canaryCount=count)}


def combinations(labels: Fleet, names: set[str]) -> set[tuple[str | None, ...]]:
    return {tuple(labels[name].get(key) for key in KEYS) for name in names}


@given(_fleets, st.integers(1, 14))
def test_canaries_cover_as_many_combinations_as_their_number_allows(
    labels: Fleet, count: int
) -> None:
    drawn = canaries(labels, count)
    assert len(drawn) == min(count, len(labels))
    assert len(combinations(labels, drawn)) == min(count, len(combinations(labels, set(labels))))


@given(_fleets, st.integers(1, 6), st.data())
def test_the_same_nodes_are_drawn_in_whatever_order_they_are_seen(
    labels: Fleet, count: int, data: st.DataObject
) -> None:
    shuffled = {name: labels[name] for name in data.draw(st.permutations(list(labels)))}
    assert canaries(shuffled, count) == canaries(labels, count)


@given(_fleets, st.integers(1, 6), st.data())
def test_canaries_stay_when_a_node_leaves_and_at_most_one_gives_way_to_a_joiner(
    labels: Fleet, count: int, data: st.DataObject
) -> None:
    other = data.draw(st.sampled_from(sorted(labels)))
    fewer = {name: each for name, each in labels.items() if name != other}
    with_it, without_it = canaries(labels, count), canaries(fewer, count)
    assert with_it - {other} <= without_it
    if other not in with_it:
        assert without_it == with_it
    assert len(without_it - with_it) <= 1


def rolled_out(labels: Fleet, **rollout: Any) -> list[list[str]]:
    """The nodes of each wave, in order."""
    waves: dict[int, list[str]] = {}
    executions: list[ExecutionView] = []
    while taken := takes(labels, executions, **rollout):
        for take in taken:
            waves.setdefault(take.wave, []).append(take.node)
            executions.append(execution(2, node=take.node, version=2, wave=take.wave, stable=True))
    assert sorted(name for wave in waves.values() for name in wave) == sorted(labels)
    return [waves[number] for number in sorted(waves)]


def uneven(labels: Fleet, taken: list[str], left: set[str]) -> bool:
    """Whether a zone has had two nodes more than another that still had some left."""
    counts = Counter(labels[name].get("zone") for name in taken)
    still = {labels[name].get("zone") for name in left}
    return any(counts[more] > counts[fewer] + 1 for more in counts for fewer in still)


@given(_fleets, st.integers(1, 6), st.booleans())
def test_a_later_wave_takes_from_the_zones_in_turn_as_far_as_they_last(
    labels: Fleet, size: int, canary: bool
) -> None:
    first = {"strategy": "Canary", "canaryCount": 2} if canary else {}
    waves = rolled_out(labels, maxParallel=size, **first)
    left = set(labels)
    for number, wave in enumerate(waves, start=1):
        left -= set(wave)
        assert (canary and number == 1) or not uneven(labels, wave, left), waves


@given(_fleets, st.integers(1, 6))
def test_the_turn_goes_on_from_wave_to_wave(labels: Fleet, size: int) -> None:
    taken: list[str] = []
    for wave in rolled_out(labels, maxParallel=size):
        taken += wave
        assert not uneven(labels, taken, set(labels) - set(taken))
