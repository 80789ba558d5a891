"""Which jobs are looked at when one changes that they depend on, and what they see of it."""

from __future__ import annotations

from typing import Any

from unit.cache.documents import meta
from wavegate.cache.runs import RunCache
from wavegate.domain.times import format_time_micro
from wavegate.runs.dependencies import Upstream
from wavegate.runs.webhooks import Delivery

NOW = 1_738_324_800.0


class Watched:
    """A cache, and the jobs that it has had looked at."""

    def __init__(self) -> None:
        self.woken: set[str] = set()
        self._version = 1
        self.cache = RunCache(
            lambda key: self.woken.add(key[1]), clock=lambda: 0.0, now=lambda: NOW
        )

    def job(
        self,
        name: str,
        *depends_on: str,
        event: str = "ADDED",
        deleting: bool = False,
        status: Any = None,
        **spec: Any,
    ) -> None:
        trigger = {"dependsOn": [{"jobName": each} for each in depends_on]}
        document = {"http": {"url": "http://echo.example/"}, "trigger": trigger, **spec}
        self._event("HTTPJob", event, name, document, status or {}, deleting=deleting)

    def run(
        self,
        name: str,
        job: str,
        phase: str,
        ago: float = 0.0,
        event: str = "ADDED",
        uid: str = "",
        **facts: Any,
    ) -> None:
        status = {"phase": phase, "completionTime": format_time_micro(NOW - ago), **facts}
        self._event("JobRun", event, name, {"jobName": job}, status, uid=uid)

    def _event(
        self,
        kind: str,
        event: str,
        name: str,
        spec: Any,
        status: Any,
        *,
        deleting: bool = False,
        uid: str = "",
    ) -> None:
        self._version += 1
        self.woken.clear()
        metadata = {**meta(name, self._version, uid=uid), "generation": self._version}
        if deleting:
            metadata["deletionTimestamp"] = "2025-01-31T12:00:00Z"
        document = {"metadata": metadata, "spec": spec, "status": status}
        self.cache.apply_event(kind, event, document)  # type: ignore[arg-type]

    def sees(self, job: str) -> dict[str, Upstream]:
        found = self.cache.observed(("shop", job), identity="me", slots=1, tidy=False)
        assert found is not None
        return dict(found.upstreams)

    def is_depended_on(self, job: str) -> bool:
        found = self.cache.observed(("shop", job), identity="me", slots=1, tidy=False)
        assert found is not None
        return found.depended_on


def test_the_end_of_a_run_wakes_who_depends_on_its_job_and_nobody_else() -> None:
    watched = Watched()
    watched.job("up")
    watched.job("down", "up")
    watched.job("further", "down")
    watched.run("up-1", "up", "Queued")
    assert watched.woken == {"up"}
    watched.run("up-1", "up", "Completed", event="MODIFIED")
    assert watched.woken == {"up", "down"}
    latest = watched.sees("down")["up"].latest
    assert latest is not None
    assert latest.name == "up-1"
    watched.run("up-1", "up", "Completed", event="DELETED")
    assert watched.woken == {"up", "down"}
    assert watched.sees("down") == {"up": Upstream(exists=True)}


def test_a_job_that_comes_is_suspended_or_goes_wakes_who_depends_on_it() -> None:
    watched = Watched()
    watched.job("down", "up")
    assert watched.sees("down") == {"up": Upstream()}
    watched.job("up")
    assert watched.woken == {"up", "down"}
    assert watched.sees("down") == {"up": Upstream(exists=True)}
    assert watched.is_depended_on("up")
    assert not watched.is_depended_on("down")
    watched.job("up", suspend=True, event="MODIFIED")
    assert watched.woken == {"up", "down"}
    assert watched.sees("down") == {"up": Upstream(exists=True, suspended=True)}
    watched.job("up", suspend=True, event="MODIFIED", deleting=True)
    assert watched.woken == {"up", "down"}
    assert watched.sees("down") == {"up": Upstream()}, "it is as good as gone"
    watched.job("up", suspend=True, event="DELETED")
    assert watched.woken == {"up"}, "nothing is new to those that depend on it"
    assert watched.sees("down") == {"up": Upstream()}
    watched.job("up")
    watched.job("up", event="DELETED")
    assert watched.woken == {"up", "down"}
    assert watched.sees("down") == {"up": Upstream()}


def test_what_a_job_says_of_itself_wakes_nobody_else() -> None:
    watched = Watched()
    watched.job("up")
    watched.job("down", "up")
    watched.job("up", event="MODIFIED", status={"state": "Active"})
    assert watched.woken == {"up"}


def test_the_latest_run_is_known_anew_with_each_that_ends_or_goes() -> None:
    watched = Watched()
    watched.job("up")
    watched.job("down", "up")
    told = []
    for name, phase, ago, event in (
        ("up-1", "Completed", 60, "ADDED"),
        ("up-2", "Failed", 30, "ADDED"),
        ("up-3", "Canceled", 10, "ADDED"),
        ("up-2", "Failed", 30, "DELETED"),
    ):
        watched.run(name, "up", phase, ago, event)
        latest = watched.sees("down")["up"].latest
        told.append(latest.name if latest is not None else None)
    assert told == ["up-1", "up-2", "up-2", "up-1"]


def test_a_run_that_took_the_name_of_another_is_known_for_itself() -> None:
    """A watch that was broken off may miss that the first one went."""
    watched = Watched()
    watched.job("up")
    watched.job("down", "up")
    watched.run("again", "up", "Failed", 60)
    assert watched.sees("down")["up"].latest is not None
    watched.run("again", "up", "Completed", 30, event="MODIFIED", uid="another")
    assert watched.woken == {"up", "down"}
    latest = watched.sees("down")["up"].latest
    assert latest is not None
    assert (latest.uid, latest.phase) == ("another", "Completed")


def test_a_circle_that_is_closed_wakes_all_that_are_in_it() -> None:
    watched = Watched()
    watched.job("a", "b")
    watched.job("b", "c")
    watched.job("c")
    watched.job("aside", "c")
    watched.job("c", "a", event="MODIFIED")
    assert watched.woken == {"a", "b", "c", "aside"}
    assert watched.sees("a")["b"].cycle == ("a", "b", "c", "a")
    assert watched.sees("c")["a"].cycle == ("c", "a", "b", "c")
    assert watched.sees("aside")["c"].cycle == ()
    watched.job("b", event="MODIFIED")
    assert watched.woken == {"a", "b", "c", "aside"}
    assert watched.sees("a")["b"].cycle == ()


def test_who_depends_on_it_no_more_is_forgotten() -> None:
    watched = Watched()
    watched.job("up")
    watched.job("down", "up")
    watched.job("down", event="MODIFIED")
    assert not watched.is_depended_on("up")
    watched.job("down", "up", event="MODIFIED")
    watched.job("down", "up", event="DELETED")
    assert not watched.is_depended_on("up")
    watched.run("up-1", "up", "Completed")
    assert watched.woken == {"up"}


def test_what_is_still_to_be_told_is_found_without_a_walk_and_wakes_no_other_job() -> None:
    watched = Watched()
    watched.job("up")
    watched.job("down", "up")
    pending = {"phase": "Pending", "attempts": 2, "nextTime": format_time_micro(NOW + 30)}
    watched.run("one", "up", "Completed", webhook=pending)
    watched.run("two", "up", "Completed")
    found = watched.cache.undelivered(("shop", "up"))
    assert {view.name: view.delivery for view in found.values()} == {"one": Delivery(2, NOW + 30)}
    watched.woken.clear()
    watched.run("one", "up", "Completed", webhook={"phase": "Delivered", "attempts": 3})
    assert watched.woken == {"up"}, "of its end the other has heard before"
    assert watched.cache.undelivered(("shop", "up")) == {}
    watched.run("one", "up", "Completed", event="DELETED")
    assert watched.woken == {"up", "down"}
