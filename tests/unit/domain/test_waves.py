"""How a rollout's progress is told by its executions alone, and whom it takes next."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.domain.builders import (
    JOB_UID,
    NOW,
    deployment,
    execution,
    fleet,
    job_spec,
    node,
    progress,
    settings,
    version,
)
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import ExecutionView, NodeView
from wavegate.domain.stance import lineage
from wavegate.domain.waves import Progress, next_takes

pytestmark = pytest.mark.row("Waves")

V1 = version(1, stable=True)
V2 = version(2)
NAMES = ("n1", "n2", "n3", "n4")


def run_of(*executions: ExecutionView, **fields: Any) -> tuple[Fleet, Progress]:
    """The open update to v2 on four nodes, waves of two."""
    rollout = fields.pop("rollout", settings(maxParallel=2))
    own = deployment(2, rollout=rollout, total=fields.pop("total", 4), wave_size=2)
    own = replace(own, **fields.pop("own", {}))
    view = fleet(
        nodes=fields.pop("nodes", [node(name) for name in NAMES]),
        versions=[V1, V2],
        deployments=[deployment(1, "Completed"), own],
        executions=executions,
        **fields,
    )
    return view, progress(view, own, V2)


def new(name: str, observed: str = "Running", wave: int = 1, **fields: Any) -> ExecutionView:
    return execution(2, observed, node=name, version=2, wave=wave, **fields)


def old(name: str) -> ExecutionView:
    return execution(1, node=name, stable=True)


def test_before_its_first_node_all_targets_are_candidates_in_a_stable_order() -> None:
    view, run = run_of(*(old(name) for name in NAMES))
    assert list(run.candidates) == view.ordered(NAMES)
    assert (run.current, run.filled, run.judged) == (0, False, False)


def test_what_was_pinned_counts_not_what_the_settings_come_to_now() -> None:
    _, run = run_of(own={"wave_size": 3, "total": 9})
    assert (run.sizes.total, run.sizes.wave) == (9, 3)


def test_a_wave_is_judged_when_each_member_is_stable_or_failed() -> None:
    _, open_ = run_of(new("n1", stable=True), new("n2"))
    _, ended = run_of(new("n1", stable=True), new("n2", "Failed"))
    assert (open_.filled, open_.judged) == (True, False)
    assert (ended.filled, ended.judged) == (True, True)
    assert ended.updated == {"n1"}
    assert set(ended.failed) == {("n2", "uid-n2")}


@given(
    st.lists(
        st.sampled_from(
            [
                (),
                (new("n1"),),
                (new("n1", wave=2),),
                (new("n1", wave=0),),
                (new("n1", "Failed"),),
                (new("n1", stable=True),),
                # It was stable in its wave, lost its pod, and is tried again.
                (new("n1", "Failed", stable=True), execution(3, version=2)),
                (new("n1", "Failed", stable=True, wave=2), execution(3, version=2)),
            ]
        ),
        min_size=4,
        max_size=4,
    )
)
def test_the_current_wave_waits_for_its_members_that_have_no_verdict(claims: Any) -> None:
    placed = [
        replace(each, node=name, node_uid=f"uid-{name}", name=f"app-{name}-{each.attempt}")
        for name, taken in zip(NAMES, claims, strict=True)
        for each in taken
    ]
    _, run = run_of(*placed)
    members = {each.node for each in run.members.get(run.current, ())}
    assert run.in_wave == members & run.unsettled.keys()


def test_a_wave_that_is_not_full_is_not_judged() -> None:
    _, run = run_of(new("n1", stable=True))
    assert (run.vacancies(), run.filled, run.judged) == (1, False, False)


def test_a_withdrawn_member_is_not_counted_and_is_replaced() -> None:
    away = new("n2", details={"withdrawn": "PodDeleted"})
    view, run = run_of(new("n1", stable=True), away, old("n3"), old("n4"))
    assert run.vacancies() == 1
    takes = list(next_takes(view, run, may_advance=True, free_places=2))
    assert [take.wave for take in takes] == [1]


def test_a_failure_stays_a_failure_whatever_runs_there_later() -> None:
    again = execution(3, node="n1", version=2, wave=0, stable=True)
    _, run = run_of(new("n1", "Failed"), again)
    assert set(run.failed) == {("n1", "uid-n1")}
    assert "n1" not in run.updated


def test_a_failure_on_a_node_that_was_replaced_still_counts_but_the_new_node_is_a_target() -> None:
    other = [node(name) for name in NAMES[1:]] + [node("n1", uid="another")]
    _, run = run_of(new("n1", "Failed"), nodes=other)
    assert set(run.failed) == {("n1", "uid-n1")}
    assert "n1" in run.candidates


def test_the_next_wave_begins_only_where_it_may() -> None:
    members = (new("n1", stable=True), new("n2", stable=True), old("n3"), old("n4"))
    view, run = run_of(*members)
    assert list(next_takes(view, run, may_advance=False, free_places=2)) == []
    taken = list(next_takes(view, run, may_advance=True, free_places=2))
    assert [take.wave for take in taken] == [2, 2]


def test_what_is_stable_needs_a_place_and_what_is_empty_does_not() -> None:
    view, run = run_of(old("n1"), old("n2"), rollout=settings(maxParallel=4), own={"wave_size": 4})
    taken = list(next_takes(view, run, may_advance=True, free_places=1))
    assert len(taken) == 3
    assert len({take.node for take in taken} & {"n1", "n2"}) == 1


def test_immediate_takes_everybody_at_once() -> None:
    view, run = run_of(*(old(name) for name in NAMES), rollout=settings(strategy="Immediate"))
    taken = list(next_takes(view, run, may_advance=False, free_places=None))
    assert sorted(take.node for take in taken) == list(NAMES)
    assert {take.wave for take in taken} == {1}


@pytest.mark.parametrize(
    ("rollout", "kind", "taken"),
    [
        pytest.param({"strategy": "Immediate"}, "Update", ["n4"], id="Immediate"),
        pytest.param({}, "Rollback", ["n4"], id="a rollback"),
        pytest.param({"maxParallel": "100%"}, "Update", [], id="a wave of all"),
    ],
)
def test_one_that_comes_when_all_are_taken_is_taken_too_unless_there_are_waves(
    rollout: dict[str, Any], kind: str, taken: list[str]
) -> None:
    own = {"type": kind, "wave_size": 3}
    claims = [*(new(name) for name in NAMES[:3]), old("n4")]
    view, run = run_of(*claims, rollout=settings(**rollout), total=3, own=own)
    found = list(next_takes(view, run, may_advance=False, free_places=1))
    assert [(take.node, take.wave) for take in found] == [(name, 1) for name in taken]


@pytest.mark.parametrize(
    ("changed", "waited_for"),
    [
        pytest.param(NOW - 10, True, id="NotReady since after the start"),
        pytest.param(NOW - 2000, False, id="NotReady since before the start"),
    ],
)
def test_an_absent_node_is_waited_for_only_if_it_left_after_the_start(
    changed: float, waited_for: bool
) -> None:
    nodes = [node("n1", ready=False, ready_changed=changed), node("n2")]
    _, run = run_of(nodes=nodes)
    assert (list(run.absent) == ["n1"]) is waited_for
    assert list(run.candidates) == ["n2"]


def test_a_node_is_waited_for_no_longer_than_lost_after() -> None:
    started = NOW - 5000
    away = [node("n1", ready=False, ready_changed=NOW - 3600)]
    _, run = run_of(nodes=away, own={"started": started})
    assert list(run.absent) == []
    away = [node("n1", ready=False, ready_changed=NOW - 3599)]
    _, run = run_of(nodes=away, own={"started": started})
    assert list(run.absent) == ["n1"]


def test_a_cordoned_node_is_neither_taken_nor_waited_for() -> None:
    _, run = run_of(nodes=[node("n1", unschedulable=True), node("n2")])
    assert (list(run.candidates), list(run.absent)) == (["n2"], [])


def test_joiners_come_last_and_do_not_change_the_total() -> None:
    late = [node(name) for name in NAMES] + [node("a-late", created=NOW - 5)]
    view, run = run_of(*(old(name) for name in NAMES), nodes=late)
    assert run.joiners == {"a-late"}
    assert list(run.candidates)[-1] == "a-late"
    assert run.sizes.total == 4
    assert list(run.candidates) == [*view.ordered(NAMES), "a-late"]


def test_an_up_to_date_node_is_no_candidate_whoever_updated_it() -> None:
    _, run = run_of(new("n1", deployment="another", stable=True), *(old(n) for n in NAMES[1:]))
    assert run.updated == {"n1"}
    assert "n1" not in run.candidates
    assert run.current == 0, "it is no member of a wave"


def test_a_rollback_takes_what_runs_something_else_and_leaves_empty_nodes_to_fallback() -> None:
    back = deployment(3, type="Rollback", to_version=1, rollout=settings(), total=3)
    view = fleet(
        nodes=[node(name) for name in NAMES],
        versions=[V1, V2],
        deployments=[deployment(2, "Failed"), back],
        executions=[new("n1", stable=True), new("n2", "Failed"), old("n3")],
    )
    run = progress(view, back, V1)
    assert list(run.candidates) == ["n1"]
    assert run.updated == {"n3"}


@pytest.mark.row("Rollback")
@pytest.mark.parametrize(
    ("tries", "owner", "left_out"),
    [
        pytest.param([("Failed", False)], JOB_UID, True, id="failed"),
        pytest.param([("Stopped", False), ("Failed", False)], JOB_UID, True, id="failed at last"),
        pytest.param([("Failed", False), ("Stopped", False)], JOB_UID, False, id="tried again"),
        pytest.param([("Stopped", True), ("Failed", False)], JOB_UID, False, id="once stable"),
        pytest.param([("Failed", True)], JOB_UID, False, id="failed after it was stable"),
        pytest.param([("Failed", False)], "", False, id="a user wants it"),
    ],
)
def test_whom_a_rollback_leaves_out_for_what_a_node_did_with_the_version_before(
    tries: list[tuple[str, bool]], owner: str, *, left_out: bool
) -> None:
    back = deployment(3, type="Rollback", to_version=1, rollout=settings(), owner_uid=owner)
    before = [execution(n, state, stable=stable) for n, (state, stable) in enumerate(tries, 1)]
    live = execution(9, version=2, stable=True)
    view = fleet(
        nodes=[node()],
        versions=[V1, V2],
        deployments=[deployment(1, "Completed"), deployment(2, "Failed"), back],
        executions=[*before, live],
    )
    run = progress(view, replace(back, name="app-v2-rollback"), V1)
    assert list(run.candidates) == ([] if left_out else ["n1"])
    assert list(run.failed.values()) == ([before[-1]] if left_out else [])


def test_a_version_with_the_workload_of_the_one_it_superseded_takes_its_executions_over() -> None:
    first = deployment(2, "Canceled", reason="Superseded")
    second = deployment(3, workload_hash="w2")
    third = version(3, workload_hash="w2")
    view = fleet(versions=[V1, V2, third], deployments=[deployment(1, "Completed"), first, second])
    assert lineage(view, second) == {"app-v2", "app-v3"}


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(deployment(2, "Canceled", reason="Canceled"), id="a person canceled it"),
        pytest.param(deployment(2, "Failed", reason="CanaryFailed"), id="it failed"),
        pytest.param(
            deployment(2, "Canceled", reason="Superseded", workload_hash="other"), id="other work"
        ),
    ],
)
def test_nothing_is_taken_over_from_any_other(first: Any) -> None:
    third = version(3, workload_hash="w2")
    second = deployment(3, workload_hash="w2")
    view = fleet(versions=[V1, V2, third], deployments=[first, second])
    assert lineage(view, second) == {"app-v3"}


CANARIES = {"strategy": "Canary", "canaryCount": 2, "maxParallel": 2}
TIER = {"tier": "canary"}
ABLE = {**CANARIES, "canarySelector": {"matchLabels": TIER}}


def zoned(**zones: str) -> list[NodeView]:
    return [node(name, labels={"zone": zone}) for name, zone in zones.items()]


def tiers(*able: str) -> list[NodeView]:
    return [node(name, labels=TIER if name in able else {}) for name in NAMES]


def taken(view: Fleet, run: Progress, *, advance: bool = True) -> list[tuple[str, int]]:
    found = list(next_takes(view, run, may_advance=advance, free_places=None))
    return sorted((take.node, take.wave) for take in found)


@pytest.mark.row("spec.rollout.canarySelector.matchLabels")
@pytest.mark.parametrize("able", [("n1", "n3"), ("n2", "n4"), ("n2",)], ids=str)
def test_canaries_are_those_that_the_selector_matches_though_they_be_fewer(
    able: tuple[str, ...],
) -> None:
    view, run = run_of(nodes=tiers(*able), rollout=settings(**ABLE))
    assert taken(view, run) == [(name, 1) for name in able]
    assert run.sizes.waves == (2 if len(able) == 2 else 3), "2 and 2, or 1, 2 and 1"


@pytest.mark.row("spec.rollout.canarySelector.matchLabels")
def test_the_other_nodes_come_in_the_later_waves() -> None:
    canary = new("n2", stable=True)
    view, run = run_of(canary, nodes=tiers("n2"), rollout=settings(**ABLE))
    assert (run.filled, run.judged) == (True, True), "no other may be a canary"
    assert taken(view, run, advance=False) == []
    assert [wave for _, wave in taken(view, run)] == [2, 2]
    assert run.sizes.waves == 3
    _, run = run_of(canary, new("n1", wave=2), nodes=tiers("n2"), rollout=settings(**ABLE))
    assert run.sizes.waves == 3
    view, run = run_of(replace(canary, stable_at=None), nodes=tiers("n2"), rollout=settings(**ABLE))
    assert (run.filled, run.judged) == (True, False)


@pytest.mark.row("spec.rollout.canarySelector.matchLabels")
def test_a_canary_is_replaced_by_one_that_may_be_one() -> None:
    away = new("n2", details={"withdrawn": "PodDeleted"})
    view, run = run_of(away, nodes=tiers("n2", "n3"), rollout=settings(**ABLE))
    assert taken(view, run) == [("n3", 1)]


@pytest.mark.row("spec.rollout.canarySelector.matchLabels")
def test_without_the_strategy_canary_the_selector_means_nothing() -> None:
    rolling = settings(**{**ABLE, "strategy": "Rolling"})
    plain, run = run_of(nodes=tiers(), rollout=settings(maxParallel=2))
    view, other = run_of(nodes=tiers(), rollout=rolling)
    assert taken(view, other) == taken(plain, run) != []


@pytest.mark.row("spec.rollout.canarySelector.matchLabels")
def test_the_second_wave_follows_a_stand_in_whose_gate_was_passed_though_it_has_left() -> None:
    stand_in = new("n2", wave=0, deployment="another", stable=True)
    rollout = settings(**ABLE)
    view, run = run_of(stand_in, nodes=tiers("n2"), rollout=rollout)
    assert (run.current, run.judged) == (0, True)
    assert [wave for _, wave in taken(view, run)] == [2, 2]
    passed = {"promoted_gate": True}
    view, run = run_of(stand_in, nodes=tiers(), rollout=rollout, own=passed)
    assert [wave for _, wave in taken(view, run)] == [2, 2]
    view, run = run_of(stand_in, nodes=tiers(), rollout=rollout)
    assert taken(view, run) == []


@pytest.mark.row("spec.rollout.spreadBy")
def test_a_canary_is_replaced_by_one_of_its_own_zone() -> None:
    rollout = settings(**CANARIES, spreadBy=["zone"])
    away = new("n1", details={"withdrawn": "PodDeleted"})
    nodes = zoned(n1="a", n2="b", n3="a", n4="b")
    view, run = run_of(away, new("n2"), nodes=nodes, rollout=rollout)
    assert taken(view, run) == [("n3", 1)]


@pytest.mark.row("spec.rollout.spreadBy")
@pytest.mark.parametrize("other", NAMES[1:])
def test_a_wave_that_was_begun_is_completed_from_the_other_zones(other: str) -> None:
    zones = {**dict.fromkeys(NAMES, "a"), other: "b"}
    rollout = settings(maxParallel=2, spreadBy=["zone", "ignored-in-later-waves"])
    view, run = run_of(new("n1"), nodes=zoned(**zones), rollout=rollout)
    assert taken(view, run) == [(other, 1)]


@pytest.mark.row("spec.rollout.spreadBy")
def test_what_the_wave_has_counts_before_what_the_rollout_has() -> None:
    earlier = [new("n1", stable=True), new("n2", stable=True)]
    nodes = zoned(n1="a", n2="a", n3="b", n4="a", n5="b")
    rollout = settings(maxParallel=2, spreadBy=["zone"])
    view, run = run_of(*earlier, new("n3", wave=2), nodes=nodes, rollout=rollout)
    assert taken(view, run) == [("n4", 2)]


@pytest.mark.row("spec.rollout.spreadBy")
def test_a_new_node_that_the_selector_does_not_match_is_no_joiner() -> None:
    narrow = version(2, spec=job_spec(selector={"matchLabels": {"pool": "edge"}}))
    edge = {"pool": "edge"}
    nodes = [node(name, labels=edge) for name in NAMES]
    late = [node("theirs", created=NOW - 5), node("ours", created=NOW - 5, labels=edge)]
    view = fleet(nodes=[*nodes, *late], versions=[V1, narrow], deployments=[deployment(2)])
    assert progress(view, deployment(2, started=NOW - 60), narrow).joiners == {"ours"}


def test_joiners_come_last_whatever_their_zone() -> None:
    nodes = [*zoned(n1="a", n2="a"), node("late", labels={"zone": "b"}, created=NOW - 5)]
    for rollout in (settings(**CANARIES, spreadBy=["zone"]), settings(spreadBy=["zone"])):
        view, run = run_of(nodes=nodes, rollout=rollout, total=2)
        assert [name for name, _ in taken(view, run)] == ["n1", "n2"]


@pytest.mark.row("spec.rollout.spreadBy")
def test_members_on_nodes_that_are_gone_count_for_no_zone() -> None:
    gone = new("n9", stable=True)
    again = new("n4", stable=True, node_uid="another")
    rollout = settings(maxParallel=4, spreadBy=["zone"])
    nodes = zoned(n1="a", n2="a", n3="b", n4="b")
    view, run = run_of(gone, again, nodes=nodes, rollout=rollout, own={"wave_size": 4})
    assert run.vacancies() == 2
    zones = {node.name: node.labels["zone"] for node in nodes}
    assert sorted(zones[name] for name, _ in taken(view, run)) == ["a", "b"]
