"""The table of wavegate.runs.order, and what holds of any runs that wait."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.runs.observed import RunView
from wavegate.runs.order import effective_priority, ordered

NOW = 1_700_000_000.0
HOUR = 3600.0
MINUTE = 60.0


def run(name: str, waits: float = 0.0, **fields: Any) -> RunView:
    """A run that was asked for so many seconds ago; the first letter of its name is its key."""
    values: dict[str, Any] = {
        "namespace": "default",
        "uid": f"uid-{name}",
        "resource_version": "1",
        "owner_uid": "job-uid",
        "created": NOW - waits,
        "job": "app",
        "concurrency_key": name[0],
    }
    return RunView(name=name, **{**values, **fields})


def names(
    runs: list[RunView],
    executing: dict[str, int] | None = None,
    last_start: dict[str, float] | None = None,
) -> list[str]:
    placed = ordered(runs, NOW, executing or {}, last_start or {})
    assert placed == ordered(reversed(runs), NOW, executing or {}, last_start or {})
    return [each.name for each in placed]


TABLE = [
    run("a1", 50 * MINUTE),
    run("a2", 40 * MINUTE),
    run("a3", 30 * MINUTE),
    run("b1", 20 * MINUTE),
    run("b2", 10 * MINUTE),
    run("a4", priority=5),
]


def test_the_table() -> None:
    executing, last_start = {"b": 1}, {"b": NOW - MINUTE}
    assert names(TABLE, executing, last_start) == ["a4", "b1", "a1", "b2", "a2", "a3"]
    older = [run("a1", HOUR), *TABLE[1:]]
    assert names(older, executing, last_start)[:2] == ["a4", "a1"]


@pytest.mark.parametrize(
    ("fields", "priority"),
    [
        pytest.param({"waits": 0}, 0, id="just asked for"),
        pytest.param({"waits": HOUR - 1}, 0, id="not yet an hour"),
        pytest.param({"waits": HOUR}, 1, id="an hour"),
        pytest.param({"waits": 5.5 * HOUR, "priority": 3}, 8, id="whole hours"),
        pytest.param({"waits": 1000 * HOUR}, 1000, id="without end"),
        pytest.param({"waits": 9 * HOUR, "not_before": NOW - HOUR}, 1, id="from notBefore"),
        pytest.param({"waits": HOUR, "not_before": NOW - 9 * HOUR}, 1, id="notBefore had passed"),
        pytest.param({"waits": 9 * HOUR, "next_retry": NOW - 2 * HOUR}, 2, id="from the retry"),
        pytest.param({"waits": 0, "not_before": NOW + 9 * HOUR, "priority": 4}, 4, id="ahead"),
    ],
)
def test_priority_rises_by_one_an_hour(fields: dict[str, Any], priority: int) -> None:
    assert effective_priority(run("a", **fields), NOW) == priority


@pytest.mark.parametrize(
    ("runs", "executing", "last_start", "order"),
    [
        pytest.param([], {}, {}, "", id="none"),
        pytest.param([run("a1", 1), run("a2", 2)], {}, {}, "a2 a1", id="the oldest first"),
        pytest.param([run("a2", 1), run("a1", 1)], {}, {}, "a1 a2", id="then by name"),
        pytest.param(
            [run("a1", priority=1), run("a2", 50 * MINUTE)], {}, {}, "a1 a2", id="by priority"
        ),
        pytest.param(
            [run("a1", 9), run("a2", 8), run("a3", 7), run("b1", 1), run("c1", 2)],
            {},
            {},
            "a1 c1 b1 a2 a3",
            id="keys take turns",
        ),
        pytest.param(
            [run("a1", 9), run("a2", 8), run("b1", 1), run("b2", 0)],
            {"a": 1},
            {},
            "b1 a1 b2 a2",
            id="first the key with fewest executing",
        ),
        pytest.param(
            [run("a1", 9), run("a2", 8), run("b1", 1)],
            {"b": 9},
            {},
            "a1 b1 a2",
            id="no key twice before another once, whatever executes",
        ),
        pytest.param(
            [run("a1", 9), run("b1", 8), run("c1", 7)],
            {},
            {"a": NOW - 1, "b": NOW - 2},
            "c1 b1 a1",
            id="then the key whose last start is longest ago",
        ),
        pytest.param(
            [run("a1", 9), run("b1", 8)],
            {"a": 1, "b": 2},
            {"a": NOW - 1, "b": NOW - 2},
            "a1 b1",
            id="executing counts before the last start",
        ),
        pytest.param(
            [run("a1", priority=1), run("a2", 9), run("b1", 1)],
            {},
            {},
            "a1 b1 a2",
            id="what goes first takes a turn of the others too",
        ),
        pytest.param(
            [run("a1", priority=1), run("a2", 9), run("b1", 1)],
            {"b": 1},
            {"b": NOW - 1},
            "a1 b1 a2",
            id="and has started last",
        ),
        pytest.param(
            [run("x1", 9, concurrency_key=""), run("x2", 8, concurrency_key=""), run("b1", 1)],
            {},
            {},
            "x1 b1 x2",
            id="no key is one key",
        ),
    ],
)
def test_the_order(
    runs: list[RunView], executing: dict[str, int], last_start: dict[str, float], order: str
) -> None:
    assert " ".join(names(runs, executing, last_start)) == order


KEYS = "abcd"
WAITING = st.lists(
    st.builds(
        lambda key, waits, priority, ahead: {
            "key": key,
            "waits": float(waits),
            "priority": priority,
            "not_before": NOW - waits + ahead,
        },
        st.sampled_from(KEYS),
        st.integers(0, 20) | st.integers(0, 15 * 3600),
        st.just(0) | st.integers(0, 10),
        st.integers(0, 2 * 3600),
    ).filter(lambda each: each["not_before"] <= NOW),
    max_size=40,
).map(
    lambda drawn: [run(f"{each.pop('key')}{number}", **each) for number, each in enumerate(drawn)]
)
EXECUTING = st.dictionaries(st.sampled_from(KEYS), st.integers(0, 3))
LAST_START = st.dictionaries(st.sampled_from(KEYS), st.integers(0, 5).map(lambda ago: NOW - ago))


@given(WAITING, EXECUTING, LAST_START)
def test_all_are_there_by_priority_and_within_a_key_by_age(
    runs: list[RunView], executing: dict[str, int], last_start: dict[str, float]
) -> None:
    before = dict(executing), dict(last_start)
    placed = ordered(runs, NOW, executing, last_start)
    assert Counter(each.name for each in placed) == Counter(each.name for each in runs)
    assert (executing, last_start) == before
    priorities = [effective_priority(each, NOW) for each in placed]
    assert priorities == sorted(priorities, reverse=True)
    alike = defaultdict(list)
    for each in placed:
        key = each.concurrency_key, effective_priority(each, NOW)
        alike[key].append((each.created, each.name))
    assert all(each == sorted(each) for each in alike.values())


@given(WAITING, EXECUTING, LAST_START)
def test_no_key_is_served_twice_while_one_that_waits_is_served_not_at_all(
    runs: list[RunView], executing: dict[str, int], last_start: dict[str, float]
) -> None:
    placed = ordered(runs, NOW, executing, last_start)
    levels = defaultdict(list)
    for each in placed:
        levels[effective_priority(each, NOW)].append(each.concurrency_key)
    for keys in levels.values():
        served: Counter[str] = Counter()
        for place, key in enumerate(keys):
            served[key] += 1
            assert all(served[key] <= served[other] + 1 for other in set(keys[place + 1 :]))


@given(WAITING, EXECUTING, LAST_START)
def test_none_is_passed_over_for_ever_by_newer_ones(
    runs: list[RunView], executing: dict[str, int], last_start: dict[str, float]
) -> None:
    placed = ordered(runs, NOW, executing, last_start)
    for place, one in enumerate(placed):
        for later in placed[place + 1 :]:
            # Had the later one waited for so much longer, it would come first, whatever its key.
            longer = (one.not_before or 0) - (later.not_before or 0)
            assert longer < (max(0, one.priority - later.priority) + 1) * HOUR


def test_a_key_that_floods_does_not_starve_another() -> None:
    """One place that is free at a time, and runs that are over before the next pass."""
    waiting = [run(f"a{n:03}", 1000 - n) for n in range(100)] + [run("b1"), run("b2")]
    last_start: dict[str, float] = {}
    served = []
    for second in range(6):
        first = ordered(waiting, NOW + second, {}, last_start)[0]
        waiting.remove(first)
        last_start[first.concurrency_key] = NOW + second
        served.append(first.name)
    assert served == ["a000", "b1", "a001", "b2", "a002", "a003"]


def test_a_thousand_runs_of_as_many_keys_cost_few_comparisons() -> None:
    compared = 0

    class Counted(float):
        def __lt__(self, other: float) -> bool:
            nonlocal compared
            compared += 1
            return super().__lt__(other)

    runs = [
        run(f"r{n}", concurrency_key=f"k{n * 7919 % 1000}", created=Counted(NOW - n * 7919 % 1000))
        for n in range(1000)
    ]
    assert len(ordered(runs, NOW, {}, {})) == 1000
    assert 0 < compared < 50_000, "n log n is 10,000 for each of two sorts; n * n a million"
