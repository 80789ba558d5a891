"""A pass looks anew only at nodes of which something has changed that rules read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.domain.builders import (
    NOW,
    deployment,
    execution,
    job,
    job_spec,
    node,
    observed,
    pod,
    settings,
    version,
)
from wavegate.domain import plan as planning
from wavegate.domain.finding import Question, find
from wavegate.domain.fleet import Fleet
from wavegate.domain.health import PodState, begin
from wavegate.domain.memory import Memory
from wavegate.domain.observed import Changes, NodeView, Observed
from wavegate.domain.plan import plan

NAMES = ("n1", "n2", "n3")
V1 = version(1, stable=True)
CLAIMS = tuple(execution(1, "Running", stable=True, node=name) for name in NAMES)
PODS = tuple(pod(each, uid=f"pod-{each.node}") for each in CLAIMS)
AT_REST = observed(
    nodes=[node(name) for name in NAMES],
    versions=[version(1, stable=True)],
    deployments=[deployment(1, "Completed")],
    executions=CLAIMS,
    pods=PODS,
)
BUSY = replace(
    AT_REST,
    job=job(job_spec("app:2")),
    versions=[version(1, stable=True), version(2)],
    deployments=[deployment(1, "Completed"), deployment(2, total=3, wave_size=1)],
)

Change = Callable[[Observed], Observed]


def nodes(seen: Observed, **changed: NodeView) -> dict[str, NodeView]:
    return {**seen.nodes, **changed}


def claims(seen: Observed, *made: Any, without: str = "") -> tuple[Any, ...]:
    kept = [each for each in seen.executions if each.node not in {without, *(m.node for m in made)}]
    return (*kept, *made)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the nodes that were looked at."""
    names: set[str] = set()

    def noticed(asked: Question, name: str) -> Any:
        names.add(name)
        return find(asked, name)

    monkeypatch.setattr(planning, "find", noticed)
    return names


@pytest.mark.parametrize("seen", [AT_REST, BUSY], ids=["at rest", "in a rollout"])
@pytest.mark.parametrize(
    ("change", "anew"),
    [
        pytest.param(lambda seen: seen, "", id="nothing"),
        pytest.param(lambda seen: replace(seen, now=NOW + 600), "", id="only the time"),
        pytest.param(
            lambda seen: replace(seen, executions=claims(seen, replace(CLAIMS[0], generation=2))),
            "n1",
            id="a claim",
        ),
        pytest.param(
            lambda seen: replace(seen, executions=claims(seen, without="n2"), pods=seen.pods[::2]),
            "n2",
            id="a claim and its pod go",
        ),
        pytest.param(
            lambda seen: replace(seen, pods=(*seen.pods[:2], replace(PODS[2], restarts=1))),
            "n3",
            id="a pod",
        ),
        pytest.param(
            lambda seen: replace(seen, nodes=nodes(seen, n2=node("n2", unschedulable=True))),
            "n2",
            id="a node",
        ),
        pytest.param(
            lambda seen: replace(seen, nodes=nodes(seen, n4=node("n4"))), "n4", id="a node comes"
        ),
        pytest.param(
            lambda seen: replace(seen, nodes=dict(seen.nodes)), "", id="the same nodes, told again"
        ),
        pytest.param(
            lambda seen: replace(seen, still_there={PODS[0].uid: NOW}), "n1", id="a live read"
        ),
        pytest.param(
            lambda seen: replace(
                seen, health={PODS[1].uid: begin(PODS[1].uid, PodState(True, NOW, 0), None, NOW)}
            ),
            "n2",
            id="a health record",
        ),
        pytest.param(
            lambda seen: replace(
                seen, versions=[*seen.versions[:-1], replace(seen.versions[-1], stable_at=NOW)]
            ),
            "n1 n2 n3",
            id="a version",
        ),
        pytest.param(
            lambda seen: replace(
                seen,
                deployments=[*seen.deployments[:-1], replace(seen.deployments[-1], paused=True)],
            ),
            "n1 n2 n3",
            id="a deployment",
        ),
        pytest.param(
            lambda seen: replace(
                seen,
                deployments=[
                    *seen.deployments[:-1],
                    replace(seen.deployments[-1], resource_version="2", status={"message": "so"}),
                ],
            ),
            "",
            id="only what is said of a deployment",
        ),
        pytest.param(
            lambda seen: replace(
                seen,
                job=replace(seen.job, spec=job_spec("app:3")),
                versions=[*seen.versions, version(3)],
            ),
            "",
            id="a version that nothing asks for yet",
        ),
        pytest.param(
            lambda seen: replace(seen, job=replace(seen.job, spec=job_spec("app:2", suspend=True))),
            "n1 n2 n3",
            id="the job is suspended",
        ),
        pytest.param(
            lambda seen: replace(
                seen, job=replace(seen.job, run="asked", run_uid="run-1"), run_stands="Stops"
            ),
            "n1 n2 n3",
            id="the run that has made it stops",
        ),
        pytest.param(
            lambda seen: replace(seen, now=NOW - 60), "n1 n2 n3", id="the clock goes back"
        ),
        pytest.param(
            lambda seen: replace(seen, job=replace(seen.job, uid="another")),
            "n1 n2 n3",
            id="another job of the name",
        ),
    ],
)
def test_who_is_looked_at_anew(
    seen: Observed, change: Change, anew: str, looked_at: set[str]
) -> None:
    memory = Memory()
    plan(seen, memory)
    assert looked_at == set(NAMES)
    looked_at.clear()
    later = change(seen)
    made = plan(later, memory)
    assert looked_at == set(anew.split())
    assert made == plan(later)


def last_deployment(seen: Observed, **fields: Any) -> Observed:
    *before, last = seen.deployments
    return replace(seen, deployments=[*before, replace(last, **fields)])


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        pytest.param(
            lambda seen: last_deployment(seen, state="Completed", completed=NOW),
            True,
            id="a rollout has ended",
        ),
        pytest.param(
            lambda seen: replace(
                seen, versions=[*seen.versions[:-1], replace(seen.versions[-1], stable_at=NOW)]
            ),
            True,
            id="a version is stable",
        ),
        pytest.param(
            lambda seen: replace(seen, job=replace(seen.job, spec=job_spec("app:2", suspend=True))),
            True,
            id="the job is suspended",
        ),
        pytest.param(
            lambda seen: last_deployment(seen, rollout=settings(healthCheck={})),
            False,
            id="the settings of a rollout",
        ),
        pytest.param(
            lambda seen: last_deployment(seen, from_version=2, to_version=1),
            False,
            id="to which version they apply",
        ),
        pytest.param(
            lambda seen: replace(seen, settings=replace(seen.settings, stable_after=99.0)),
            False,
            id="settings",
        ),
        pytest.param(
            lambda seen: replace(seen, versions=seen.versions[1:]), False, id="a version goes"
        ),
        pytest.param(lambda seen: replace(seen, now=NOW - 60), False, id="the clock goes back"),
    ],
)
def test_chains_and_standings_are_made_anew_only_where_what_they_rest_on_changes(
    change: Change, kept: bool
) -> None:
    running = tuple(execution(1, "Running", node=name, updated=NOW - 60) for name in NAMES)
    seen = replace(BUSY, executions=running, pods=tuple(map(pod, running)))
    memory = Memory()
    assert plan(seen, memory) == plan(seen)
    before, standing = dict(memory._chains), memory._standings[V1.uid]
    later = change(seen)
    assert plan(later, memory) == plan(later)
    assert all((memory._chains[name] is before[name]) is kept for name in NAMES)
    assert (memory._standings.get(V1.uid) is standing) is kept


def test_a_node_that_goes_leaves_nothing_in_what_is_counted() -> None:
    memory = Memory()
    assert plan(BUSY, memory) == plan(BUSY)
    fewer = {name: each for name, each in BUSY.nodes.items() if name != "n3"}
    gone = replace(BUSY, nodes=fewer, executions=CLAIMS[:2], pods=PODS[:2])
    assert plan(gone, memory) == plan(gone)
    assert set(memory.lineup.stances) == {"n1", "n2"}
    assert sum(memory.census.values()) == 2


def test_nor_does_one_that_goes_in_the_moment_in_which_its_rollout_is_paused() -> None:
    seen, memory = replace(BUSY, executions=[*CLAIMS, execution(2, version=2)]), Memory()
    assert plan(seen, memory) == plan(seen)
    assert memory.holding == {"n1"}
    fewer = {name: each for name, each in BUSY.nodes.items() if name != "n1"}
    gone = replace(seen, nodes=fewer, executions=CLAIMS[1:], pods=PODS[1:])
    paused = last_deployment(gone, paused=True)
    assert plan(paused, memory) == plan(paused)
    assert memory.holding == set()
    assert set(memory.lineup.stances) == {"n2", "n3"}


@pytest.mark.parametrize(
    ("ready", "later", "holds"),
    [
        pytest.param(True, 0, True, id="a target"),
        pytest.param(True, 3600, True, id="after its deadline, too"),
        pytest.param(False, 0, True, id="no target any more"),
        pytest.param(False, 3600, False, id="nor after its deadline"),
    ],
)
def test_who_holds_a_place_follows_its_node_and_the_time(
    ready: bool, later: float, holds: bool
) -> None:
    taken = replace(
        execution(1, "Stopped", stable=True, details={"reason": "Replaced"}), created=NOW - 99
    )
    seen = replace(BUSY, executions=[*CLAIMS[1:], taken, execution(2, version=2)], pods=PODS[1:])
    memory = Memory()
    assert plan(seen, memory) == plan(seen)
    assert memory.holding == {"n1"}
    changed = {**seen.nodes, "n1": node("n1", ready=ready, ready_changed=NOW)}
    for at in (NOW, NOW + later):
        after = replace(seen, now=at, nodes=changed)
        assert plan(after, memory) == plan(after)
    assert memory.holding == ({"n1"} if holds else set())


_NODES = st.none() | st.builds(
    node,
    ready=st.booleans(),
    unschedulable=st.booleans(),
    labels=st.sampled_from([{"pool": "edge"}, {}]),
)
_MOVES = st.lists(st.tuples(st.sampled_from(NAMES), _NODES, st.booleans()), max_size=12)


@given(_MOVES)
def test_what_nodes_are_to_a_version_is_what_it_is_when_all_are_gone_through(moves: Any) -> None:
    edge = {"matchLabels": {"pool": "edge"}}
    of_edge = version(1, spec=job_spec("app:1", selector=edge))
    memory, there = Memory(), {name: node(name) for name in NAMES}
    for name, here, is_asked in moves:
        there.pop(name, None)
        if here is not None:
            there[name] = replace(here, name=name)
        seen = observed(nodes=there.values(), versions=[of_edge])
        assert seen.job.spec is not None
        remembered, anew = (Fleet(seen, seen.job.spec, of) for of in (memory, Memory()))
        if is_asked:
            assert remembered.standing(of_edge) == anew.standing(of_edge)


def test_changes_of_nodes_do_not_gather_for_a_version_that_nobody_asks_for() -> None:
    memory = Memory()
    for number in range(50):
        seen = replace(AT_REST, nodes=nodes(AT_REST, spot=node("spot", uid=f"spot-{number}")))
        assert seen.job.spec is not None
        here = Fleet(seen, seen.job.spec, memory)
        here.standing(V1)
        if number == 0:
            here.standing(version(2))
    assert memory._standings.keys() == {V1.uid}
    assert memory._moved == {}


def test_what_is_filled_after_it_was_seen_is_a_change(looked_at: set[str]) -> None:
    found: dict[str, float] = {}
    seen, memory = replace(AT_REST, still_there=found), Memory()
    plan(seen, memory)
    looked_at.clear()
    found[PODS[2].uid] = NOW
    plan(seen, memory)
    assert looked_at == {"n3"}


def test_only_what_has_changed_since_the_snapshot_before_is_compared(looked_at: set[str]) -> None:
    memory, there = Memory(), {each.node: [each] for each in CLAIMS}

    def told(serial: int, *names: str) -> Observed:
        """A snapshot that can be asked only of these nodes."""

        def on(name: str) -> Any:
            assert name in names
            return there[name], [each for each in PODS if each.node == name]

        of = [each for claims in there.values() for each in claims]
        return replace(AT_REST, executions=of, changes=Changes(serial, frozenset(names), on))

    plan(told(1, *NAMES), memory)
    looked_at.clear()
    there["n2"] = [replace(CLAIMS[1], generation=2)]
    plan(told(2, "n2"), memory)
    assert looked_at == {"n2"}
    looked_at.clear()
    there["n1"] = [replace(CLAIMS[0], generation=2)]
    plan(told(4, "n3"), memory)
    assert looked_at == {"n1"}, "a snapshot was left out: all is compared"


def test_what_time_alone_changes_is_looked_at_when_its_time_has_come(looked_at: set[str]) -> None:
    lost = node("n1", ready=False, ready_changed=NOW - 3500)
    seen, memory = replace(AT_REST, nodes=nodes(AT_REST, n1=lost)), Memory()
    plan(seen, memory)
    looked_at.clear()
    plan(replace(seen, now=NOW + 99), memory)
    assert looked_at == set()
    made = plan(replace(seen, now=NOW + 100), memory)
    assert looked_at == {"n1"}
    assert [each.key for each in made.steps if each.key.startswith("node/")] == ["node/n1"]


def test_a_versions_time_that_is_over_has_all_nodes_looked_at(looked_at: set[str]) -> None:
    limited = version(1, stable=True, spec=job_spec("app:1", timeouts={"total": "1h"}))
    done = deployment(1, "Completed", accepted=NOW - 3500)
    seen, memory = replace(AT_REST, versions=[limited], deployments=[done]), Memory()
    assert plan(seen, memory) == plan(seen)
    looked_at.clear()
    plan(replace(seen, now=NOW + 99), memory)
    assert looked_at == set()
    over = replace(seen, now=NOW + 100)
    made = plan(over, memory)
    assert looked_at == set(NAMES)
    assert {each.key for each in made.steps} >= {f"node/{name}" for name in NAMES}
    assert made == plan(over)


def test_names_of_nodes_that_went_are_forgotten() -> None:
    memory, names = Memory(), [f"spot-{number}" for number in range(50)]
    for name in names:
        here = {**AT_REST.nodes, name: node(name)}
        seen = replace(AT_REST, nodes=here)
        assert plan(seen, memory) == plan(seen)
    assert len(memory._positions) <= len(NAMES) + 1


def test_what_is_to_be_written_names_the_second_in_which_it_was_decided(
    looked_at: set[str],
) -> None:
    ended = replace(PODS[0], phase="Failed", ready=False)
    seen, memory = replace(AT_REST, pods=(ended, *PODS[1:])), Memory()
    first = plan(seen, memory)
    looked_at.clear()
    assert plan(replace(seen, now=NOW + 0.9), memory).steps == first.steps
    assert looked_at == set()
    later = plan(replace(seen, now=NOW + 1), memory)
    assert looked_at == {"n1"}
    assert later.steps != first.steps
