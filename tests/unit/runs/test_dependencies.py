"""What a run that depends on other jobs is told; the table of the rule itself is worked through in
tests/unit/reference/test_worked_runs.py."""

from __future__ import annotations

from typing import Any

import pytest

from support.runs_world import NOW, job, observed, run, started, statuses, told
from wavegate.api.trigger import Dependency
from wavegate.runs.dependencies import Upstream, unmet
from wavegate.runs.plan import plan

CIRCLE = "no run of a circle can be the first"


def needs(name: str, **more: Any) -> Dependency:
    return Dependency.model_validate({"jobName": name, **more})


def ended(phase: Any = "Completed", ago: float = 60.0) -> Upstream:
    latest = run("up-1", job="up", phase=phase, completed=NOW - ago)
    return Upstream(exists=True, latest=latest)


@pytest.mark.parametrize(
    ("upstream", "reason", "message"),
    [
        (None, "DependencyMissing", "HTTPJob up is not there: create it, or do not depend on it"),
        (Upstream(exists=True), "DependencyPending", "HTTPJob up: no run of it has ended"),
        (
            Upstream(exists=True, suspended=True),
            "DependencyPending",
            "HTTPJob up: no run of it has ended; it is suspended",
        ),
        (
            ended("TimedOut"),
            "DependencyPending",
            "HTTPJob up: its latest run, up-1, is TimedOut; Completed is asked for",
        ),
        (
            ended(ago=3601),
            "DependencyPending",
            "HTTPJob up: its latest run, up-1, ended at 2027-01-15T06:59:59Z, over 1h ago",
        ),
        (
            Upstream(exists=True, cycle=("app", "up", "app")),
            "DependencyCycle",
            f"{CIRCLE}: HTTPJob app, which depends on up, which depends on app",
        ),
    ],
)
def test_who_waits_is_told_for_whom(upstream: Upstream | None, reason: str, message: str) -> None:
    upstreams = {"up": upstream} if upstream is not None else {}
    held = unmet([needs("up", freshness="1h")], upstreams, NOW)
    assert held is not None
    assert (held.reason, held.message, held.until) == (reason, message, None)


def test_all_have_to_be_met_and_what_somebody_has_to_mend_is_told_first() -> None:
    asked = [needs("good"), needs("pending"), needs("missing")]
    known = {"good": ended(), "pending": Upstream(exists=True)}
    held = unmet(asked, known, NOW)
    assert held is not None
    assert held.reason == "DependencyMissing"
    held = unmet(asked[:2], known, NOW)
    assert held is not None
    assert held.message == "HTTPJob pending: no run of it has ended"
    assert unmet(asked[:1], known, NOW) is None
    assert unmet([], {}, NOW) is None


def test_a_run_is_waiting_until_it_is_met_then_queued_then_called() -> None:
    of = job(trigger={"dependsOn": [{"jobName": "up"}]})
    one = run("one", created=NOW - 10)
    first = plan(observed(of, one, upstreams={"up": Upstream(exists=True)}))
    assert told(first)["one"] == ("Waiting", "DependencyPending")
    assert started(first) == []
    waits = run("one", created=NOW - 10, phase="Waiting", status=statuses(first)["one"])
    met = plan(observed(of, waits, upstreams={"up": ended()}))
    assert told(met)["one"] == ("Queued", "DependenciesMet")
    queued = run("one", created=NOW - 10, version=1, status=statuses(met)["one"])
    assert started(plan(observed(of, queued, upstreams={"up": ended()}))) == ["one"]


def test_what_it_waits_for_is_told_anew_when_that_has_changed() -> None:
    of = job(trigger={"dependsOn": [{"jobName": "up"}]})
    one = run("one", created=NOW - 10)
    status = statuses(plan(observed(of, one, upstreams={"up": Upstream(exists=True)})))["one"]
    waits = run("one", created=NOW - 10, version=1, phase="Waiting", status=status)
    same = plan(observed(of, waits, upstreams={"up": Upstream(exists=True)}))
    assert "one" not in statuses(same)
    other = plan(observed(of, waits, upstreams={"up": ended("Failed")}))
    assert "is Failed" in statuses(other)["one"]["message"]


def test_a_retry_waits_for_it_as_well() -> None:
    of = job(trigger={"dependsOn": [{"jobName": "up"}]})
    status = {"phase": "Queued", "reason": "RetryBackoff", "attempt": 1}
    again = run("one", created=NOW - 60, version=1, attempt=1, next_retry=NOW - 5, status=status)
    assert told(plan(observed(of, again, upstreams={"up": ended("Failed")})))["one"] == (
        "Waiting",
        "DependencyPending",
    )
