"""Stretches of an execution's life: what is on record, and no more than that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wavegate.cli.report.segments import Life, segments_of, windows_of
from wavegate.domain.times import format_time

BEGIN = 1_700_000_000.0
SHOWN = 100.0


def life(
    state: str,
    *,
    stable: float | None = None,
    written: float = 0.0,
    moved: float | None = None,
    windows: str = "",
    pod_ready: float | None = None,
    interval: float = 5.0,
) -> Life:
    """An execution made at 0, with times in seconds since then."""
    status: dict[str, Any] = {
        "observedState": {"stateType": state, "message": "its words"},
        "updatedAt": format_time(BEGIN + written),
    }
    if stable is not None:
        status["stableAt"] = format_time(BEGIN + stable)
    if moved is not None:
        moment = format_time(BEGIN + moved)
        status["conditions"] = [{"type": "Ready", "status": "?", "lastTransitionTime": moment}]
    if windows:
        status["details"] = {"windows": windows}
    pod = None
    if pod_ready is not None:
        ready = {"type": "Ready", "status": "True"}
        ready["lastTransitionTime"] = format_time(BEGIN + pod_ready)
        pod = {"status": {"conditions": [ready]}}
    execution = {
        "metadata": {"name": "app-x-2", "creationTimestamp": format_time(BEGIN)},
        "spec": {"jobVersion": 2},
        "status": status,
    }
    return Life(execution, BEGIN + SHOWN, interval, 0.1, pod)


def test_a_failure_is_told_where_the_next_was_made_in_its_second() -> None:
    windows = "bad 30/50, bad 30/50, bad 30/50"
    followed = life("Failed", written=17, windows=windows)
    followed = replace(followed, until=BEGIN + 17)
    assert told(followed) == [
        ("Pending", 0, 2, True),
        ("Validating", 2, 17, True),
        ("Failed", 17, 17, True),
    ]


def told(shown: Life) -> list[tuple[str, float, float, bool]]:
    return [
        (part.state, part.since - BEGIN, part.until - BEGIN, part.exact)
        for part in segments_of(shown)
    ]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        pytest.param(
            life("Running", stable=12, windows="good 0/50, good 0/50"),
            [("Pending", 0, 2, True), ("Validating", 2, 12, True), ("Running", 12, 100, True)],
            id="two windows",
        ),
        pytest.param(
            life("Running", stable=12),
            [("Pending", 0, 12, False), ("Running", 12, 100, True)],
            id="no windows, its pod gone",
        ),
        pytest.param(
            life("Running", stable=12, pod_ready=3),
            [("Pending", 0, 3, True), ("Validating", 3, 12, True), ("Running", 12, 100, True)],
            id="its pod is there and was ready all the time",
        ),
        pytest.param(
            life("Running", stable=12, pod_ready=60),
            [("Pending", 0, 12, False), ("Running", 12, 100, True)],
            id="its pod became ready again later, which says nothing of the begin",
        ),
        pytest.param(
            life("Running", stable=12, pod_ready=2, interval=0),
            [("Pending", 0, 2, True), ("Running", 2, 100, True)],
            id="no windows are kept of such a job: it ran at once",
        ),
        pytest.param(
            life("Failed", written=17, windows="bad 9/50, bad 9/50, bad 9/50"),
            [("Pending", 0, 2, True), ("Validating", 2, 17, True), ("Failed", 17, 100, True)],
            id="failed by windows",
        ),
        pytest.param(
            life("Failed", written=60),
            [("Pending", 0, 60, False), ("Failed", 60, 100, True)],
            id="failed and never ready: Pending or Starting, which when is not kept",
        ),
        pytest.param(
            life("Degraded", stable=12, written=60, moved=60, windows="good, good"),
            [
                ("Pending", 0, 2, True),
                ("Validating", 2, 12, True),
                ("Running", 12, 60, True),
                ("Degraded", 60, 100, True),
            ],
            id="not ready since 60",
        ),
        pytest.param(
            life("Lost", stable=12, written=90, moved=60, windows="good, good"),
            [
                ("Pending", 0, 2, True),
                ("Validating", 2, 12, True),
                ("Running", 12, 60, True),
                ("Degraded", 60, 90, True),
                ("Lost", 90, 100, True),
            ],
            id="not ready, then its node lost",
        ),
        pytest.param(
            life("Running", stable=12, moved=90, windows="good, good"),
            [
                ("Pending", 0, 2, True),
                ("Validating", 2, 12, True),
                ("Running", 12, 90, False),
                ("Running", 90, 100, True),
            ],
            id="it was away in between, nobody knows when",
        ),
        pytest.param(
            life("Stopped", stable=12, written=70, moved=70, windows="good, good"),
            [
                ("Pending", 0, 2, True),
                ("Validating", 2, 12, True),
                ("Running", 12, 70, True),
                ("Stopped", 70, 100, True),
            ],
            id="stopped by somebody",
        ),
        pytest.param(
            life("Stopped", stable=12, written=70, moved=50, windows="good, good"),
            [
                ("Pending", 0, 2, True),
                ("Validating", 2, 12, True),
                ("Running", 12, 50, True),
                ("Degraded", 50, 70, True),
                ("Stopped", 70, 100, True),
            ],
            id="not ready before it was stopped",
        ),
        pytest.param(
            life("Completed", stable=30, written=30, interval=0),
            [("Pending", 0, 30, False), ("Completed", 30, 100, True)],
            id="ran to completion",
        ),
        pytest.param(
            life("Validating", written=4),
            [("Pending", 0, 4, True), ("Validating", 4, 100, True)],
            id="is judged now",
        ),
        pytest.param(
            life("Starting", written=4),
            [("Pending", 0, 4, True), ("Starting", 4, 100, True)],
            id="something keeps it from starting",
        ),
        pytest.param(life("Pending"), [("Pending", 0, 100, True)], id="nothing is known yet"),
    ],
)
def test_a_life_is_told_by_what_is_on_record(
    shown: Life, expected: list[tuple[str, float, float, bool]]
) -> None:
    assert told(shown) == expected


def test_the_words_belong_to_the_state_in_which_it_is() -> None:
    parts = segments_of(life("Running", stable=12, windows="good, good"))
    assert [part.message for part in parts] == ["", "", "its words"]


def test_windows_lie_back_from_the_verdict_an_interval_each() -> None:
    windows = windows_of(life("Failed", written=20, windows="good 0/40, unreadable, bad 33/100"))
    assert [(w.verdict, w.since - BEGIN, w.until - BEGIN, w.rate) for w in windows] == [
        ("good", 5, 10, 0.0),
        ("unreadable", 10, 15, None),
        ("bad", 15, 20, 0.33),
    ]
    assert {window.limit for window in windows} == {0.1}


def test_of_eight_windows_nobody_knows_whether_there_were_more() -> None:
    shown = life("Running", stable=60, windows=", ".join(["good 0/1"] * 8))
    assert len(windows_of(shown)) == 8
    assert told(shown)[0] == ("Pending", 0, 60, False)


def test_no_traffic_is_no_error() -> None:
    (window,) = windows_of(life("Running", stable=12, windows="good 0/0"))
    assert window.rate == 0.0
