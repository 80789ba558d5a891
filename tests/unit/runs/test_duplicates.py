"""wavegate.runs.duplicates: which of several runs stands in the others' place."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from support.runs_world import NOW, executing, run
from wavegate.runs.duplicates import KEY_LIVES, Standing, key_lives
from wavegate.runs.observed import RunView
from wavegate.runs.states import TERMINAL


def ended(name: str, phase: Any = "Completed", **facts: Any) -> RunView:
    return run(name, phase=phase, attempt=1, **facts)


@pytest.mark.parametrize("name", ["a", "z"])
@pytest.mark.parametrize("first", [ended, executing])
def test_one_that_is_on_record_stands_whatever_the_names_are(name: str, first: Any) -> None:
    """Creation times are whole seconds: the first may have ended within the second's."""
    before = first("m", idempotency_key="k")
    after = run(name, idempotency_key="k")
    found = Standing([before, after]).duplicated_by(after, 0.0)
    assert found is not None
    assert (found.reason, found.first) == ("DuplicateKey", "m")


def test_of_new_ones_exactly_one_is_first_in_whatever_order_they_are_seen() -> None:
    runs = [run(name, idempotency_key="k") for name in ("b", "a", "c")]
    for seen in permutations(runs):
        first = [each.name for each in seen if Standing(seen).duplicated_by(each, 0.0) is None]
        assert first == ["a"]
    older = run("z", idempotency_key="k", created=NOW - 1)
    assert Standing([*runs, older]).duplicated_by(older, 0.0) is None
    assert all(Standing([*runs, older]).duplicated_by(each, 0.0) for each in runs)


@pytest.mark.parametrize("phase", sorted(TERMINAL))
def test_only_one_that_completed_stands_once_it_has_ended(phase: Any) -> None:
    before = ended("m", phase, idempotency_key="k", created=NOW - 60)
    after = run("n", idempotency_key="k")
    assert (Standing([before, after]).duplicated_by(after, 0.0) is not None) == (
        phase == "Completed"
    )


@pytest.mark.parametrize(
    ("facts", "age", "window", "reason"),
    [
        pytest.param({}, 10, 60, "Duplicate", id="within the window"),
        pytest.param({}, 60, 60, None, id="the window is over"),
        pytest.param({}, 10, 0, None, id="no window"),
        pytest.param({"payload": "1"}, 10, 60, None, id="another payload"),
        pytest.param({"concurrency_key": "k"}, 10, 60, None, id="another concurrencyKey"),
        pytest.param({"idempotency_key": "k"}, 10, 60, None, id="another idempotencyKey"),
        pytest.param({"payload": None}, 10, 60, None, id="no payload of its own"),
    ],
)
def test_the_same_payload_within_the_window(
    facts: dict[str, Any], age: float, window: float, reason: str | None
) -> None:
    before = ended("m", created=NOW - age)
    found = Standing([before]).duplicated_by(run("n", **facts), window)
    assert (found.reason if found else None) == reason


@pytest.mark.parametrize(
    ("payload", "age", "reason"),
    [
        pytest.param("{}", KEY_LIVES - 1, "DuplicateKey", id="while the key lives"),
        pytest.param("1", 60, "KeyReused", id="with another payload"),
        pytest.param("{}", KEY_LIVES, None, id="once it is over"),
    ],
)
def test_the_same_key(payload: str, age: float, reason: str | None) -> None:
    before = ended("m", idempotency_key="k", created=NOW - age)
    found = Standing([before]).duplicated_by(run("n", idempotency_key="k", payload=payload), 0.0)
    assert (found.reason if found else None) == reason
    assert key_lives(before, NOW) == (age < KEY_LIVES)
