"""What can happen next in a state.

One successor is the quiet one, in which nothing goes wrong: a pass where one is due, else time goes
to the next moment. Where nothing is due any more, nodes that are away come back; without one of
those it is an end. All other successors spend a trouble, but the return of a node.

| step | what happens |
| --- | --- |
| quiet | a pass, or time goes on, or what is away comes back |
| crash-K | the process dies in its pass, after K writes; another begins at once |
| lost-K | the write K of a pass, from 0, is lost; the rest of its step is dropped |
| edit | the job is changed to version 2 |
| away-NODE, back-NODE | the node becomes NotReady, Ready again |
| gone-NODE | the node is deleted, with what ran there |
| bad-NODE, unreadable-NODE | the window that ends next there is so |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from search.state import Scope, State, apply, pass_time
from sim.world import ERRS, UNREADABLE
from wavegate.domain.actions import Plan

QUIET: Final = "quiet"


@dataclass(frozen=True)
class Found:
    """A successor, or what was wrong on the way to it."""

    step: str
    state: State | None
    wrong: str = ""


def successors(state: State) -> Iterator[Found]:
    """Everything that can happen next; the quiet step first, where there is one."""
    try:
        made = state.world.plan_now() if state.awake else None
    except Exception as error:
        yield Found(QUIET, None, f"the core has raised {error!r}")
        return
    for step in steps(state, made):
        yield follow(state, step, made)


def possible(state: State) -> list[str]:
    """Names of the steps from a state; the quiet one alone where the core raises in its pass."""
    try:
        return list(steps(state, state.world.plan_now() if state.awake else None))
    except Exception:
        return [QUIET]


def follow(state: State, step: str, made: Plan | None = None) -> Found:
    """The successor by one step. ``made``: what a pass decides, where that is known."""
    try:
        return Found(step, _follow(state, step, made))
    except Exception as error:
        return Found(step, None, f"{type(error).__name__}: {error}")


def steps(state: State, made: Plan | None) -> Iterator[str]:
    """Names of the steps from a state. ``made``: what a pass decides, where one is due."""
    world, left = state.world, state.left
    moment = state.next_moment
    if made is not None or moment is not None or _away(state):
        yield QUIET
    if made is not None:
        writes = sum(len(step.actions) for step in made.steps)
        if left.spend("crashes") and (writes or world.health or world.prepared):
            yield from (f"crash-{number}" for number in range(writes + 1))
        if left.spend("writes"):
            yield from (f"lost-{number}" for number in range(writes))
    elif left.spend("verdicts"):
        for node in state.judged_next:
            if world.fates.get(node) not in (ERRS, UNREADABLE):
                yield from (f"bad-{node}", f"unreadable-{node}")
    if left.spend("edits"):
        yield "edit"
    for name, node in world.nodes.items():
        if not node.ready:
            yield f"back-{name}"
        elif left.spend("away"):
            yield from (f"away-{name}", f"gone-{name}")


def _away(state: State) -> list[str]:
    return [name for name, node in state.world.nodes.items() if not node.ready]


def _follow(state: State, step: str, made: Plan | None) -> State:
    kind, _, what = step.partition("-")
    match kind:
        case "quiet":
            return _quiet(state, made)
        case "crash" | "lost":
            return _broken_pass(state, kind, int(what), made)
        case "edit":
            strategy = state.left.strategy
            return state.moved(lambda world: apply(world, 2, strategy), _spent(state, "edits"))
        case "away":
            return state.moved(
                lambda world: world.change_node(what, ready=False), _spent(state, "away")
            )
        case "back":
            return state.moved(lambda world: world.change_node(what, ready=True))
        case "gone":
            return state.moved(lambda world: world.remove_node(what), _spent(state, "away"))
        case "bad" | "unreadable":
            fate = ERRS if kind == "bad" else UNREADABLE
            return state.moved(
                lambda world: world.fates.update({what: fate}), _spent(state, "verdicts")
            )
    raise ValueError(f"no such step: {step}")


def _quiet(state: State, made: Plan | None) -> State:
    if state.awake:
        plan = made or state.world.plan_now()
        return state.moved(lambda world: world.carry_out(plan))
    if (moment := state.next_moment) is not None:
        return state.moved(lambda world: pass_time(world, moment))
    following = state.copied()
    for name in _away(state):
        following.world.change_node(name, ready=True)
    return following


def _broken_pass(state: State, kind: str, number: int, made: Plan | None) -> State:
    plan = made or state.world.plan_now()
    if kind == "lost":
        following = state.copied(_spent(state, "writes"))
        following.world.lost_write = number
        following.world.carry_out(plan)
        return following
    following = state.copied(_spent(state, "crashes"))
    following.world.carry_out(plan, lose_after=number)
    following.world.crash()
    return following


def _spent(state: State, kind: str) -> Scope:
    left = state.left.spend(kind)
    if left is None:
        raise ValueError(f"no {kind} left: {state.left}")
    return left
