"""When two states are the same: what can happen after one can happen after the other.

A state is written out as a text, in which

- uids are numbered in the order of their appearance, and resourceVersions, revisions and the times
  of conditions are left out: no rule reads more of them than whether they are the same;
- a time that has passed is its rank among all such times: rules compare it with other times, and no
  more, but for the clocks of `_clocks`, which stand apart with their distance from now, up to the
  longest that a rule asks for;
- a time to come is its distance from now.

`test_search.py` tries this: of two worlds that are taken for one, both go on alike.

Nodes are not interchangeable, although all begin alike. Whom a wave takes is decided by a hash of
the node's name, so that names are places in a line, and a state with two nodes changed about can go
on differently. What is left of the symmetry is that the line is all that names decide: any other
names are this world again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from search.state import DEADLINE, LOST_AFTER, SmallWorld, State
from wavegate.domain.evidence import WINDOWS
from wavegate.domain.health import HealthRecord
from wavegate.domain.observed import (
    DeploymentView,
    ExecutionView,
    JobView,
    NodeView,
    PodView,
    VersionView,
)
from wavegate.domain.sizes import SETTLING
from wavegate.domain.times import parse_time

_GRACE: Final = 30.0
_HELD: Final = _GRACE + 3 * DEADLINE + 1
"""No rule asks how long ago an execution began beyond that: it is given up then."""

_BACK_OFF: Final = 81.0
_NOTICED: Final = 3.0
_STOPPED: Final = 61.0

_MARKS: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\b1[67]\d{8}(?:\.\d+)?\b"
    r"|\b(?:node-n\d+|jv|fd|ex|pod)-\d+\b)"
)
"""Times and uids."""
_LEFT_OUT: Final = (
    "conditions",
    "revision",
    "updatedAt",
    "resolved",
    # How long it waited for a person is told, and decides nothing.
    "waitingSince",
    "waitedSeconds",
)
_OF_AN_OPEN_ONE: Final = ("healthCheckDeadline", "healthyDeadline", "lastProgressTime")
"""Of a deployment that has ended nobody reads these again, and they are never written again."""


class _Uid(str):
    """A uid within a text."""


_Pieces = tuple[str | float, ...]
"""A text, cut at its times (seconds) and uids."""


def key(state: State) -> bytes:
    """The same for two states that are the same."""
    return hashlib.blake2b(text(state).encode(), digest_size=12).digest()


def text(state: State) -> str:
    """The state written out."""
    pieces = list(_pieces(state))
    now = state.world.now
    past = sorted({each for each in pieces if type(each) is float and each <= now})
    ranks = {at: f"#{rank}" for rank, at in enumerate(past)}
    names: dict[str, str] = {}
    told: list[str] = []
    for each in pieces:
        if type(each) is float:
            told.append(ranks.get(each) or f"+{each - now:g}")
        elif type(each) is _Uid:
            told.append(names.setdefault(each, f"@{len(names)}"))
        else:
            told.append(str(each))
    return "".join([f"{list(_clocks(state.world))}", *told])


def _pieces(state: State) -> Iterator[str | float]:
    world, memory = state.world, state.invariants
    assert world.job is not None
    yield from _cut(f"{state.left} {world.now} {world.stirred} {world.wake_at}")
    yield from _written(world.job)
    groups: tuple[Mapping[str, Any], ...] = (
        world.nodes,
        world.versions,
        world.deployments,
        world.executions,
        world.pods,
    )
    for views in groups:
        for name in sorted(views):
            yield from _written(views[name])
    names = {pod.uid: pod.name for pod in world.pods.values()}
    for uid in sorted(world.health, key=lambda uid: names.get(uid, "")):
        yield from _written(world.health[uid])
    there = {node.uid for node in world.nodes.values()}
    stable_on = {
        workload: (bool(nodes), sorted(nodes & there))
        for workload, nodes in sorted(memory.stable_on.items())
    }
    yield from _cut(
        f"{sorted(world.prepared)} {sorted(each.pod_name for each in world.probes)}"
        f" {sorted(world.fates.items())} {sorted(_disturbed(world).items())}"
        f" {sorted(memory.leaving.items())} {stable_on}\n"
    )


def _disturbed(world: SmallWorld) -> dict[str, float]:
    """When nodes were disturbed, as far as an invariant compares that with a claim of the node."""
    settled = {node for node, each in _newest(world).items() if each.stable_at}
    return {
        node: at
        for node, at in world.disturbed.items()
        if node in world.nodes and (node not in settled or at == world.now)
    }


def _newest(world: SmallWorld) -> dict[str, ExecutionView]:
    """The claim that counts, by node, in the order of their names."""
    every = sorted(world.executions.values(), key=lambda each: (each.node, each.attempt))
    return {each.node: each for each in every}


_WRITTEN: dict[int, tuple[Any, _Pieces]] = {}
"""By id of a view: the view, kept so that the id stays its own, and its text."""
_MOST_WRITTEN: Final = 100_000


def _written(view: Any) -> _Pieces:
    known = _WRITTEN.get(id(view))
    if known is not None:
        return known[1]
    if len(_WRITTEN) >= _MOST_WRITTEN:
        _WRITTEN.clear()
    made = _cut(f"{_write(view)}\n")
    _WRITTEN[id(view)] = (view, made)
    return made


def _cut(told: str) -> _Pieces:
    pieces: list[str | float] = []
    for number, each in enumerate(_MARKS.split(told)):
        if number % 2 == 0:
            pieces.append(each)
        elif each.endswith("Z") or each[0].isdigit():
            pieces.append(_seconds(each))
        else:
            pieces.append(_Uid(each))
    return tuple(pieces)


def _seconds(told: str) -> float:
    at = parse_time(told) if told.endswith("Z") else float(told)
    assert at is not None
    return at


def _write(view: Any) -> str:
    match view:
        case HealthRecord():
            return repr(view)
        case JobView():
            return f"{view.generation} {_kept(view.status)}"
        case NodeView():
            away_since = None if view.ready else view.ready_changed
            return f"{view.name} {view.uid} {view.created} {away_since}"
        case VersionView():
            made = f"{view.name} {view.uid} {view.created} {view.workload_hash}"
            return f"{made} {view.stable_at} {_kept(view.status)}"
        case DeploymentView():
            left_out = _OF_AN_OPEN_ONE if view.terminal else ()
            goes = f"{view.type} {view.from_version} {view.to_version} {view.paused}"
            made = f"{view.name} {view.uid} {view.created}"
            return f"{made} {goes} {_kept(view.status, *left_out)}"
        case ExecutionView():
            claim = f"{view.version} {view.wave} {view.deployment} {view.node_uid} {view.created}"
            return f"{view.name} {view.uid} {claim} {view.observed} {_said(view)}"
        case PodView():
            stands = f"{view.deletion} {view.phase} {view.ready}"
            return f"{view.name} {view.uid} {view.owner_uid} {stands}"
    raise TypeError(view)


def _said(view: ExecutionView) -> str:
    """What an execution says that a rule may read; of one that has ended that is not much."""
    if not view.terminal:
        return _kept(view.status)
    told = view.status["observedState"]
    ended = view.updated if view.observed == "Failed" else None
    marks = [view.details.get(name) for name in ("reason", "withdrawn")]
    words = told.get("message"), "nextExecution" in view.status, view.stable_at is not None
    return f"{ended} {marks} {words}"


def _kept(status: Mapping[str, Any], *left_out: str) -> str:
    kept = {name: status[name] for name in sorted(status) if name not in (*_LEFT_OUT, *left_out)}
    if "details" in kept:
        # Its windows are told with its verdict, and read by no rule.
        facts = kept["details"]
        kept["details"] = {name: facts[name] for name in facts if name != WINDOWS}
    conditions = [
        f"{each['type']} {each['status']} {each['reason']}" for each in status.get("conditions", ())
    ]
    return f"{kept} {conditions}"


def _clocks(world: SmallWorld) -> Iterator[tuple[str, float]]:
    """By object: how long ago something was, where a rule asks for that."""

    def ago(moment: float, most: float) -> float:
        return min(world.now - moment, most)

    newest = _newest(world).values()
    judged = {each.uid: each for each in newest if not (each.terminal or each.stable_at)}
    for each in newest:
        if each.observed == "Failed":
            yield each.name, ago(each.updated, _BACK_OFF)
        elif each.uid in judged:
            yield each.name, ago(each.created, _HELD)
    for name, started in _not_begun(world):
        yield name, ago(started, SETTLING)
    for pod in sorted(world.pods.values(), key=lambda pod: pod.name):
        for moment, most in _clocks_of_pod(pod, pod.owner_uid in judged):
            yield pod.name, ago(moment, most)
    for name in sorted(world.nodes):
        if not world.nodes[name].ready:
            yield name, ago(world.nodes[name].ready_changed, LOST_AFTER)
    for record in world.health.values():
        since = record.readable_since
        yield "window", world.now - record.window_start
        yield "first window", ago(record.first_window, _HELD)
        yield "readable", ago(since, _HELD) if since is not None else -1.0
    if any(each.created < world.operator_started for each in judged.values()):
        yield "process", ago(world.operator_started, _HELD)


def _not_begun(world: SmallWorld) -> Iterator[tuple[str, float]]:
    """Rollouts that have made nothing yet, and when they started."""
    begun = {each.deployment for each in world.executions.values()}
    for each in world.deployments.values():
        if each.started is not None and each.name not in begun:
            yield each.name, each.started


def _clocks_of_pod(pod: PodView, judged: bool) -> Iterator[tuple[float, float]]:
    """Moments of a pod that count, and for how long they do."""
    changed = pod.ready_changed or pod.created
    if pod.deletion is not None:
        yield pod.deletion, _STOPPED
    if judged:
        yield pod.created, _HELD
        yield changed, _HELD
    elif not pod.ready:
        yield changed, _NOTICED
