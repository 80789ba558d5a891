"""What of a rollout is told once, and how long it took without the time of a person."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import NOW, deployment, execution, fleet, job, node, progress, version
from wavegate.api.events import EVENTS
from wavegate.domain.actions import GateEnd, Note, RolloutEnd, WaveEnd
from wavegate.domain.conditions import State, job_status
from wavegate.domain.milestones import notes, waiting
from wavegate.domain.observed import DeploymentView
from wavegate.domain.times import format_time
from wavegate.domain.waves import Progress

STARTED = NOW - 698
"""Of deployment(2)."""


def at(seconds: float) -> str:
    return format_time(NOW + seconds)


WAITS = {"waitingSince": at(-40), "waitedSeconds": 5}


@pytest.mark.row("status.waitingSince", "status.waitedSeconds")
@pytest.mark.parametrize(
    ("before", "state", "expected"),
    [
        pytest.param(deployment(2), "InProgress", {}, id="it goes on"),
        pytest.param(deployment(2), "Paused", {"waitingSince": at(0)}, id="begins to wait"),
        pytest.param(
            deployment(2, "Paused", status=WAITS),
            "Paused",
            {"waitingSince": at(-40)},
            id="goes on waiting",
        ),
        *(
            pytest.param(
                deployment(2, "Paused", status=WAITS),
                state,
                {"waitingSince": None, "waitedSeconds": 45},
                id=f"has waited: {state}",
            )
            for state in ("InProgress", "Completed", "Failed", "Canceled")
        ),
        pytest.param(
            deployment(2, "", started=None), "Paused", {}, id="what has not begun does not wait"
        ),
        pytest.param(
            deployment(2, "Paused", status={"waitingSince": at(30)}),
            "InProgress",
            {"waitingSince": None, "waitedSeconds": 0},
            id="the clock went back",
        ),
    ],
)
def test_how_long_it_waits_for_a_person(
    before: DeploymentView, state: str, expected: dict[str, Any]
) -> None:
    assert waiting(before, state, NOW) == expected


def rollout(*executions: Any, own: DeploymentView | None = None) -> Progress:
    """Version 2 on four nodes: canary, then waves of two."""
    target = version(2)
    own = own or deployment(2)
    view = fleet(
        nodes=[node(f"n{number}") for number in range(1, 5)],
        versions=[version(1, stable=True), target],
        deployments=[deployment(1, "Completed"), own],
        executions=executions,
    )
    return progress(view, own, target)


def member(name: str, wave: int, begun: float, ended: float | None, **fields: Any) -> Any:
    """Version 2 on a node, stable where it has ended and is not failed."""
    stable = None if fields else ended
    stable_at = None if stable is None else NOW + stable
    values = {"node": name, "version": 2, "wave": wave, "created": NOW + begun, **fields}
    return execution(2, stable_at=stable_at, **values)


FAILED = {"observed": "Failed", "updated": NOW - 15}
CANARY = member("n1", 1, -90, -60)
SECOND = (member("n2", 2, -50, -20), member("n3", 2, -45, -15))


def told(own: DeploymentView, run: Progress | None, **document: Any) -> list[Note]:
    values = {"state": own.state, "startedAt": format_time(STARTED), "sequence": 2, **document}
    return list(notes(own, values, NOW, run))


def in_wave(wave: int, **fields: Any) -> DeploymentView:
    status = {"currentWave": wave, **fields.pop("status", {})}
    return deployment(2, status=status, promoted_gate=True, **fields)


def test_a_wave_that_is_followed_by_another_is_told_with_its_time() -> None:
    run = rollout(CANARY, *SECOND)
    (note,) = told(in_wave(1), run, currentWave=2)
    assert (note.reason, note.counted, note.is_event) == ("WaveEnded", WaveEnd(True, 30), True)
    assert note.message.startswith("app-v2: wave 1 of ")
    assert "(canary) took 30 s: 1 of 1 nodes stable" in note.message
    assert (note.facts["wave"], note.facts["stable"], note.facts["failed"]) == (1, 1, 0)


def test_failures_of_a_wave_are_named() -> None:
    second = (SECOND[0], member("n3", 2, -45, -15, **FAILED))
    run = rollout(CANARY, *second, member("n4", 3, -10, None))
    (note,) = told(in_wave(2), run, currentWave=3)
    assert (note.reason, note.warning) == ("WaveFailures", True)
    assert note.message.endswith("1 of 2 nodes stable, failed: n3")
    assert note.counted == WaveEnd(False, 35)


def test_of_the_last_wave_the_end_of_its_rollout_tells() -> None:
    run = rollout(CANARY, *SECOND)
    wave, end = told(in_wave(2), run, currentWave=2, state="Completed", completedAt=at(0))
    assert (wave.counted, wave.is_event) == (WaveEnd(False, 35), False)
    assert (end.reason, end.is_event) == ("RolloutCompleted", True)


@pytest.mark.parametrize(
    ("own", "document"),
    [
        pytest.param(in_wave(2), {"currentWave": 2}, id="the same wave goes on"),
        pytest.param(in_wave(1, started=None), {"currentWave": 2}, id="it took over wave 2"),
        pytest.param(in_wave(2), {"currentWave": 2, "state": "Canceled"}, id="a node is judged"),
    ],
)
def test_no_wave_is_told_that_has_not_ended(own: DeploymentView, document: dict[str, Any]) -> None:
    run = rollout(CANARY, SECOND[0], member("n3", 2, -45, None), own=own)
    assert not any(isinstance(note.counted, WaveEnd) for note in told(own, run, **document))


def test_a_gate_is_counted_when_it_is_decided_without_the_time_of_a_person() -> None:
    own = deployment(2, "Paused", status={"currentWave": 1, "waitingSince": at(-600)})
    run = rollout(CANARY, own=own)
    document = {"state": "InProgress", "currentWave": 1, "waitedSeconds": 600}
    gate, resumed = told(own, run, canaryPromoted=True, **document)
    assert (gate.counted, gate.is_event) == (GateEnd("Passed", 98, 600), False)
    assert resumed.reason == "RolloutResumed"
    own = in_wave(1)
    run = rollout(CANARY, own=own)
    assert told(own, run, currentWave=1, canaryPromoted=True) == [], "it was passed before"


def test_a_gate_that_is_passed_while_somebody_has_paused_waits_until_then() -> None:
    own = deployment(2, "Paused", status={"currentWave": 1, "waitingSince": at(-100)})
    run = rollout(CANARY, own=own)
    document = {"state": "Paused", "currentWave": 1, "waitingSince": at(-100), "waitedSeconds": 50}
    (gate,) = told(own, run, canaryPromoted=True, **document)
    assert gate.counted == GateEnd("Passed", 548, 150)


def test_a_canary_that_fails_decides_the_gate() -> None:
    own = deployment(2, status={"currentWave": 1})
    run = rollout(member("n1", 1, -90, -60, **FAILED), own=own)
    found = told(own, run, currentWave=1, state="Failed", reason="CanaryFailed")
    assert GateEnd("Failed", 698, 0) in [note.counted for note in found]
    assert [note.reason for note in found if note.is_event] == ["RolloutFailed"]


@pytest.mark.parametrize(
    ("own", "document", "reason", "ended"),
    [
        pytest.param(deployment(2, ""), {"state": "Pending"}, "RolloutPending", None, id="waits"),
        pytest.param(
            deployment(2, "Pending"), {"state": "InProgress"}, "RolloutStarted", None, id="begins"
        ),
        pytest.param(deployment(2), {"state": "Paused"}, "RolloutPaused", None, id="is paused"),
        pytest.param(
            deployment(2, "Paused"), {"state": "InProgress"}, "RolloutResumed", None, id="goes on"
        ),
        pytest.param(
            deployment(2),
            {"state": "Completed", "completedAt": at(0), "waitedSeconds": 98},
            "RolloutCompleted",
            RolloutEnd("Update", "Completed", 600, 98),
            id="ends well",
        ),
        pytest.param(
            deployment(2),
            {"state": "Canceled", "startedAt": None},
            "RolloutCanceled",
            RolloutEnd("Update", "Canceled", None, None),
            id="ends before it began",
        ),
        pytest.param(
            deployment(2, "", type="Restart"),
            {"state": "Failed", "sequence": None},
            "RolloutFailed",
            None,
            id="is refused, which is no rollout's end",
        ),
    ],
)
def test_a_rollout_is_told_by_its_states(
    own: DeploymentView, document: dict[str, Any], reason: str, ended: RolloutEnd | None
) -> None:
    (note,) = told(own, None, **document)
    assert (note.reason, note.counted, note.is_event) == (reason, ended, True)
    assert told(own, None, **{**document, "state": own.state}) == []


def of_job(before: State | None, after: State) -> list[Note]:
    """What a job's status write tells that goes from one state to another."""
    seen = fleet()
    if before is not None:
        written = job_status(seen, None, before)
        assert written is not None
        seen = fleet(job=job(status=written.actions[0].status))  # type: ignore[union-attr]
    step = job_status(seen, None, after)
    return [] if step is None else list(step.actions[0].notes)  # type: ignore[union-attr]


RUNS = State("Running", "Running", "v1 runs", ready=True)
ROLLS = State("Deploying", "Progressing", "wave 1")
STUCK = State("Deploying", "NoCanary", "no node", stalled=True)
BACK = State("Running", "RolledBack", "v2 failed", stalled=True)
LOST = State("RolloutFailed", "CanaryFailed", "v2 failed", stalled=True)


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [
        pytest.param(None, RUNS, "Running", id="it runs"),
        pytest.param(RUNS, ROLLS, None, id="its rollout tells"),
        pytest.param(ROLLS, STUCK, "NoCanary", id="what stands in its way"),
        pytest.param(STUCK, ROLLS, None, id="and no longer does"),
        pytest.param(ROLLS, BACK, "RolledBack", id="it is back"),
        pytest.param(BACK, RUNS, "Running", id="somebody has mended it"),
        pytest.param(ROLLS, LOST, "RolloutFailed", id="it failed, for whichever reason"),
        pytest.param(LOST, LOST, None, id="it stays so"),
    ],
)
def test_a_job_is_told_by_its_state_or_what_stands_in_its_way(
    before: State | None, after: State, event: str | None
) -> None:
    told = of_job(before, after)
    assert [note.reason for note in told if note.is_event] == ([event] if event else [])
    known = {(each.reason, each.type) for each in EVENTS if each.kind == "FleetJob"}
    assert {(note.reason, "Warning" if note.warning else "Normal") for note in told} <= known
