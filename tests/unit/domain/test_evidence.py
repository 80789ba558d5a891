"""Evidence: what third parties say is bounded, cleaned, and of several lines the telling one."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import NOW, execution, pod
from wavegate.domain import evidence
from wavegate.domain.health import (
    Criteria,
    PodState,
    Reading,
    Unreadable,
    Window,
    WindowResult,
    begin,
    close_window,
)
from wavegate.domain.observed import Exit


def ended(code: int = 1, message: str = "", reason: str = "Error") -> Exit:
    return Exit("main", reason, code, message, NOW)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        pytest.param("\x1b[31mred\x1b[0m", "red", id="colours"),
        pytest.param("a\tb\x00c\x7fd", "a b c d", id="control characters"),
        pytest.param("  spaces  ", "spaces", id="space around it"),
        pytest.param("a\nb", "a b", id="line ends"),
        pytest.param("x" * 300, "x" * 256, id="length"),
        pytest.param("größe", "größe", id="letters of any language stay"),
    ],
)
def test_text_is_cleaned(text: str, cleaned: str) -> None:
    assert evidence.clean(text) == cleaned


@pytest.mark.parametrize(
    ("message", "line"),
    [
        pytest.param("", "", id="nothing said"),
        pytest.param("one\ntwo\n\n", "two", id="the last line that says something"),
        pytest.param("ERROR: no disk\nbye\n", "ERROR: no disk", id="the one that names an error"),
        pytest.param("panic: a\nfatal: b\nat main.go:3", "fatal: b", id="the last of several"),
        pytest.param("terrors\nend", "end", id="a word that only contains error"),
    ],
)
def test_the_line_that_speaks(message: str, line: str) -> None:
    assert evidence.last_line(message) == line


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (ended(2, "panic: x"), "container main ended with exit code 2: panic: x"),
        (ended(137, "", "OOMKilled"), "container main ended with exit code 137 (OOMKilled)"),
        (ended(1), "container main ended with exit code 1"),
    ],
)
def test_how_a_container_ended(given: Exit, words: str) -> None:
    assert evidence.of_exit(given) == words


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param(
            {"phase": "Failed", "ready": False, "exit": ended(3, "boom")},
            "container main ended with exit code 3: boom",
            id="its container's exit",
        ),
        pytest.param(
            {"phase": "Failed", "ready": False, "message": "node was low on memory"},
            "node was low on memory",
            id="the kubelet's words",
        ),
        pytest.param({"phase": "Failed", "reason": "Evicted"}, "Evicted", id="the reason alone"),
        pytest.param({"phase": "Failed"}, "its pod ended (Failed)", id="nothing but the phase"),
        pytest.param(
            {"scheduled": False, "ready": False, "scheduling_message": "0/3 nodes: no cpu"},
            "not scheduled: 0/3 nodes: no cpu",
            id="the scheduler's words",
        ),
        pytest.param(
            {
                "ready": False,
                "waiting_reason": "ImagePullBackOff",
                "waiting_message": "no such tag",
            },
            "ImagePullBackOff: no such tag",
            id="what a container waits for",
        ),
        pytest.param({"ready": False}, "its pod is not ready", id="nobody knows"),
    ],
)
def test_why_a_pod_is_not_well(fields: dict[str, Any], words: str) -> None:
    assert evidence.of_pod(pod(execution(), **fields)) == words


@pytest.mark.parametrize("reason", ["", "ContainerCreating", "PodInitializing"])
def test_the_usual_waits_are_no_hindrance(reason: str) -> None:
    assert evidence.hindrance(pod(ready=False, waiting_reason=reason)) == ""


def test_an_exit_before_a_restart_hinders_only_while_the_pod_is_not_ready() -> None:
    assert evidence.hindrance(pod(ready=True, exit=ended())) == ""
    assert "exit code 1" in evidence.hindrance(pod(ready=False, exit=ended()))


def test_the_facts_of_an_exit_and_of_a_wait() -> None:
    crashed = pod(ready=False, phase="Failed", exit=ended(2, "panic: x"))
    assert evidence.details("Exited", crashed) == {
        "reason": "Exited",
        "exitCode": "2",
        "component": "main",
        "lastLogLine": "panic: x",
    }
    waits = pod(ready=False, waiting_reason="ErrImagePull")
    assert evidence.details("DeadlineExceeded", waits)["hint"] == "ErrImagePull"
    assert evidence.details("DeadlineExceeded", None) == {"reason": "DeadlineExceeded"}


@pytest.mark.parametrize(
    ("verdict", "errors", "exit_", "words"),
    [
        pytest.param(Window.BAD, None, ended(7), "exit code 7", id="says how it ended"),
        pytest.param(Window.BAD, 20.0, ended(7), "", id="its errors speak"),
        pytest.param(Window.BAD, None, ended(0), "", id="it ended well"),
        pytest.param(Window.BAD, None, None, "", id="it did not end"),
        pytest.param(Window.GOOD, None, ended(7), "", id="a good window"),
    ],
)
def test_a_bad_window_says_how_the_container_ended(
    verdict: Window, errors: float | None, exit_: Exit | None, words: str
) -> None:
    last = WindowResult(verdict, NOW, "why", errors=errors, total=errors)
    said = evidence.of_bad_window(last, pod(exit=exit_))
    assert said == (f"why; container main ended with {words}" if words else "why")
    assert evidence.of_bad_window(last, None) == "why"


def test_the_facts_of_a_window_name_the_limit() -> None:
    criteria = Criteria(10.0, 0.1, 2, 3, None, True)
    bad = WindowResult(Window.BAD, NOW, "", errors=20, total=80)
    assert evidence.of_window("ErrorRateExceeded", bad, criteria) == {
        "reason": "ErrorRateExceeded",
        "errors": "20",
        "total": "80",
        "rate": "0.2500",
        "limit": "0.1",
    }
    unread = WindowResult(Window.UNREADABLE, NOW, "")
    assert evidence.of_window("Unhealthy", unread, criteria) == {"reason": "Unhealthy"}


def test_the_windows_of_a_verdict_are_told_oldest_first_with_what_was_counted() -> None:
    record = begin("uid", PodState(True, 0.0, 0), Reading(0, 0), NOW)
    assert evidence.of_windows(record) == {}
    criteria = Criteria(10.0, 0.1, 2, 3, None, True)
    readings = [Reading(1, 100), Unreadable("http://10.0.0.1", "timed out"), Reading(2, 200)]
    for number, reading in enumerate([*readings, Reading(35, 300)], start=1):
        record = close_window(record, criteria, PodState(True, 0.0, 0), reading, NOW + 10 * number)
    told = evidence.of_windows(record)
    assert told == {"windows": "good 1/100, unreadable, unreadable, bad 33/100"}


def test_no_more_windows_are_told_than_a_status_has_room_for() -> None:
    criteria = Criteria(10.0, 0.1, 2, 3, None, False)
    record = begin("uid", PodState(True, 0.0, 0), None, NOW)
    for number in range(1, 20):
        restarts = 1 if number > 12 else 0
        record = close_window(record, criteria, PodState(True, 0.0, restarts), None, NOW + number)
    told = evidence.of_windows(record)["windows"]
    assert told.split(", ") == ["good", "bad", *["good"] * 6]
