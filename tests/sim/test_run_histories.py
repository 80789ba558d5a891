"""Generated histories of runs: whatever people do, however calls end, whenever the process dies.

No limit is exceeded at any write, every run ends or says why it waits, and ticks are neither
doubled nor lost. What is asked at each write is in `run_world`.
"""

from __future__ import annotations

from typing import Any, Final

from hypothesis import given, note, settings
from hypothesis import strategies as st

from sim.run_world import RunWorld, moment
from wavegate.runs.states import TERMINAL

WAITS: Final = {
    "Scheduled",
    "RetryBackoff",
    "ConcurrencyLimit",
    "KeyConcurrencyLimit",
    "RateLimited",
    "CircuitOpen",
}

_LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "maxConcurrency": st.integers(1, 4),
        "maxConcurrencyPerKey": st.integers(1, 2),
        "rate": st.fixed_dictionaries(
            {"max": st.integers(1, 4), "window": st.sampled_from(["2s", "10s", "60s"])},
            optional={"onLimit": st.just("Reject")},
        ),
        "maxQueued": st.integers(1, 5),
    },
)
_RETRY = st.fixed_dictionaries(
    {"maxAttempts": st.integers(1, 4)},
    optional={
        "strategy": st.sampled_from(["Fixed", "Linear", "Exponential"]),
        "initialDelay": st.sampled_from(["0s", "1s", "20s"]),
        "maxDelay": st.just("30s"),
    },
)
_RUNS = st.fixed_dictionaries(
    {"limits": _LIMITS, "retry": _RETRY},
    optional={"dedupWindow": st.just("1m"), "ttl": st.sampled_from(["5s", "1m"])},
)
_ASK = st.fixed_dictionaries(
    {"concurrencyKey": st.sampled_from(["a", "a", "b", ""])},
    optional={
        "priority": st.integers(0, 10),
        "idempotencyKey": st.sampled_from(["k", "l"]),
        "ttl": st.sampled_from(["3s", "2m"]),
        "payload": st.sampled_from(['{"a": 1}', "[]"]),
        "delay": st.sampled_from([1.0, 30.0]),
    },
)
_EVENT = st.one_of(
    st.tuples(st.just("ask"), _ASK),
    st.tuples(st.just("ask"), _ASK),
    st.tuples(st.just("cancel"), st.integers(0, 20)),
    st.tuples(st.just("suspend"), st.booleans()),
    st.tuples(st.just("limit"), _LIMITS),
    st.tuples(st.just("version"), st.integers(0, 3)),
)
_PAUSE = st.sampled_from([0.0, 0.5, 2.0, 15.0, 100.0])
_CRASH = st.one_of(st.none(), st.integers(0, 6))
"""At which write after the event the process dies."""
_EVENTS = st.lists(st.tuples(_EVENT, _PAUSE, _CRASH), min_size=1, max_size=25)


def happen(world: RunWorld, event: tuple[str, Any], number: int) -> None:
    match event:
        case "ask", spec:
            asked = {field: value for field, value in spec.items() if value and field != "delay"}
            if "delay" in spec:
                asked["notBefore"] = moment(world.now + spec["delay"])
            world.ask(f"r{number:02}", **asked)
        case "cancel", which:
            world.cancel(f"r{which:02}")
        case "suspend", value:
            world.edit("suspend", value)
        case "limit", limits:
            world.limit(**limits)
        case "version", which:
            world.edit("http", {"url": "http://echo.example/", "timeout": f"{which + 1}m"})


def play(seed: int, spec: dict[str, Any], events: list[Any]) -> RunWorld:
    world = RunWorld(seed, spec)
    world.advance(1.0)
    try:
        for number, (event, pause, crash_at) in enumerate(events):
            happen(world, event, number)
            world.advance(pause, crash_at)
        if "suspend" in world.spec:
            world.edit("suspend", None)
        world.advance(4 * 3600.0)
    except AssertionError:
        note("\n".join(world.story[-60:]))
        raise
    return world


@settings(max_examples=settings.default.max_examples // 2)
@given(seed=st.integers(0, 2**16), runs=_RUNS, events=_EVENTS)
def test_no_limit_is_exceeded_and_every_run_ends(
    seed: int, runs: dict[str, Any], events: list[Any]
) -> None:
    world = play(seed, {"runs": runs}, events)
    left = {
        name: world.reason(name) for name, phase in world.phases().items() if phase not in TERMINAL
    }
    note("\n".join(world.story[-60:]))
    assert not left, "hours after the last of it everything has ended"
    assert not world.left_out(), "each end counts in the job's health"


@settings(max_examples=settings.default.max_examples // 3)
@given(
    seed=st.integers(0, 2**16),
    policy=st.sampled_from(["Allow", "Forbid", "Replace", "Queue"]),
    catch_up=st.sampled_from(["Latest", "None", "All"]),
    runs=_RUNS,
    events=_EVENTS,
)
def test_ticks_are_neither_doubled_nor_lost(
    seed: int, policy: str, catch_up: str, runs: dict[str, Any], events: list[Any]
) -> None:
    schedule = {"cron": "*/5 * * * *", "concurrencyPolicy": policy, "catchUp": catch_up}
    kept = [each for each in events if each[0][0] != "suspend"]
    world = play(seed, {"trigger": {"schedule": schedule}, "runs": runs}, kept)
    note("\n".join(world.story[-60:]))
    due = world.due(300.0)
    assert world.ticks <= due
    assert world.job is not None
    told = world.job["status"]["schedule"]
    assert len(world.ticks) + told["missedTicks"] + told["skippedTicks"] == len(due)
    assert len(due) >= 4 * 12 - 1
    assert not world.left_out(), "each end counts, whatever history has removed"
    for name, phase in world.phases().items():
        assert phase in TERMINAL or phase == "Executing" or world.reason(name) in WAITS
