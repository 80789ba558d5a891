"""What is remembered of runs that have ended until they count, also of those that are removed."""

from __future__ import annotations

from typing import Any

from unit.cache.documents import CREATED_AT, meta
from wavegate.cache.runs import RunCache
from wavegate.cache.uncounted import MOST_REMOVED
from wavegate.domain.times import format_time_micro

URL = {"http": {"url": "http://echo.example/"}}


class Watched:
    def __init__(self) -> None:
        self._version = 1
        self.cache = RunCache(lambda _: None, clock=lambda: 0.0, now=lambda: CREATED_AT)

    def job(self, up_to: float | None = None, event: str = "MODIFIED", uid: str = "") -> None:
        time = format_time_micro(CREATED_AT + up_to) if up_to is not None else ""
        told = {"health": {"since": time, "countedUpTo": time}} if time else {}
        self._event("HTTPJob", event, "app", URL, told, uid)

    def run(self, name: str, at: float, event: str = "ADDED", phase: str = "Completed") -> None:
        ended = {"phase": phase, "completionTime": format_time_micro(CREATED_AT + at)}
        status = ended if phase == "Completed" else {"phase": phase}
        self._event("JobRun", event, name, {"jobName": "app"}, status)

    def _event(
        self, kind: str, event: Any, name: str, spec: Any, status: Any, uid: str = ""
    ) -> None:
        self._version += 1
        metadata = meta(name, self._version, uid=uid)
        self.cache.apply_event(kind, event, {"metadata": metadata, "spec": spec, "status": status})

    def uncounted(self) -> list[str]:
        found = self.cache.observed(("shop", "app"), identity="me", slots=1, tidy=False)
        return sorted(run.name for run in found.uncounted) if found is not None else []


def test_it_is_who_ended_after_all_that_counts() -> None:
    watched = Watched()
    watched.job(10)
    watched.run("before", 10)
    watched.run("after", 11)
    watched.run("executes", 0, phase="Executing")
    assert watched.uncounted() == ["after"]
    watched.run("executes", 12, "MODIFIED")
    assert watched.uncounted() == ["after", "executes"]
    watched.job(11)
    assert watched.uncounted() == ["executes"]


def test_runs_may_be_seen_before_their_job() -> None:
    watched = Watched()
    for name, at in (("before", 10), ("after", 11)):
        watched.run(name, at)
    watched.job(10)
    assert watched.uncounted() == ["after"]


def test_who_is_removed_before_it_counts_is_remembered_until_it_does() -> None:
    watched = Watched()
    watched.job(10)
    watched.run("one", 11)
    watched.run("one", 11, "DELETED")
    assert watched.uncounted() == ["one"]
    watched.job(10.5)
    assert watched.uncounted() == ["one"]
    watched.job(11)
    assert watched.uncounted() == []


def test_who_is_removed_before_it_has_ended_is_not() -> None:
    watched = Watched()
    watched.job(10)
    watched.run("one", 0, phase="Executing")
    watched.run("one", 0, "DELETED", phase="Executing")
    assert watched.uncounted() == []


def test_nothing_is_remembered_of_a_job_that_is_gone_or_is_another_one() -> None:
    for event, uid in (("DELETED", ""), ("MODIFIED", "another")):
        watched = Watched()
        watched.job(10)
        watched.run("one", 11)
        watched.run("one", 11, "DELETED")
        watched.job(10, event, uid)
        watched.job(10, uid=uid)
        assert watched.uncounted() == []


def test_what_is_remembered_is_bounded() -> None:
    watched = Watched()
    watched.job(0)
    for number in range(MOST_REMOVED + 5):
        watched.run(f"r{number:04}", 1 + number)
        watched.run(f"r{number:04}", 1 + number, "DELETED")
    found = watched.uncounted()
    assert (len(found), found[0]) == (MOST_REMOVED, "r0005")
