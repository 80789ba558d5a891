"""Edits of a job while runs wait: which version each executes.

The table of the rule itself is worked through in tests/unit/reference/test_worked_runs.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from support.runs_world import NOW, executing, job, observed, run, statuses, version
from wavegate.api.httpjob import VersionPolicy
from wavegate.runs.actions import CreateRunVersion
from wavegate.runs.observed import Answer, AskedJobView, RunVersionView, RunView
from wavegate.runs.plan import TOLD_AFTER, plan

FIRST = {"meta": {"by": "first"}}


class Edits:
    """A job that is edited, its versions made by passes, and runs of it that wait."""

    def __init__(self, policy: VersionPolicy) -> None:
        self._policy = policy
        self.versions: list[RunVersionView] = []

    def apply(self, *waiting: RunView, compatible: bool = False, **spec: Any) -> list[RunView]:
        """The spec is applied while these wait; they as they are on record after a pass or two."""
        runs = {"versionPolicy": self._policy, "backwardsCompatible": compatible}
        self.job = job(suspend=True, runs=runs, **spec)
        for _ in range(2):
            made = plan(observed(self.job, *waiting, versions=self.versions))
            self.versions += [
                version(self.job, action.version)
                for step in made.steps
                for action in step.actions
                if isinstance(action, CreateRunVersion)
            ]
            known = statuses(made)
            waiting = tuple(_seen(each, known.get(each.name, {})) for each in waiting)
        return list(waiting)

    def executes(self, waiting: RunView) -> int:
        """By which version it is called, once the job is resumed."""
        made = plan(observed(_resumed(self.job), waiting, versions=self.versions))
        status = statuses(made)[waiting.name]
        assert status["phase"] == "Executing"
        executed: int = status["version"]
        return executed


def asked(name: str) -> RunView:
    """A run of long enough ago for it to be put on record while it waits."""
    return run(name, created=NOW - 2 * TOLD_AFTER)


def _seen(of: RunView, status: dict[str, Any]) -> RunView:
    if not status:
        return of
    return replace(of, status=status, phase=status["phase"], version=status.get("version", 0))


def _resumed(of: AskedJobView) -> AskedJobView:
    assert of.spec is not None
    return replace(of, spec=of.spec.model_copy(update={"suspend": False}))


@pytest.mark.parametrize(
    ("policy", "first", "second"), [("Pin", 1, 2), ("Latest", 3, 3), ("Minor", 2, 2)]
)
def test_runs_that_were_asked_for_between_edits(
    policy: VersionPolicy, first: int, second: int
) -> None:
    """The change to version 2 is compatible, the one to version 3 is not."""
    edits = Edits(policy)
    (one,) = edits.apply(asked("one"), **FIRST)
    one, two = edits.apply(one, asked("two"), compatible=True, meta={"by": "second"})
    one, two = edits.apply(one, two, meta={"by": "third"})
    assert (one.version, two.version) == (1, 2), "on record is what they were asked for under"
    assert (edits.executes(one), edits.executes(two)) == (first, second)


@pytest.mark.parametrize(("policy", "executes"), [("Pin", 2), ("Latest", 3), ("Minor", 2)])
def test_to_go_back_is_a_change_like_any_other(policy: VersionPolicy, executes: int) -> None:
    edits = Edits(policy)
    edits.apply(**FIRST)
    (one,) = edits.apply(asked("one"), meta={"by": "second"})
    (one,) = edits.apply(one, **FIRST)
    assert [each.version for each in edits.versions] == [1, 2, 3]
    assert edits.versions[0].version_key == edits.versions[2].version_key
    assert edits.executes(one) == executes


def test_the_policy_counts_that_the_job_has_now() -> None:
    """Not the one of the version that a run was asked for under."""
    edits = Edits("Pin")
    (one,) = edits.apply(asked("one"), **FIRST)
    edits = _by(edits, "Latest")
    (one,) = edits.apply(one, meta={"by": "second"})
    assert edits.executes(one) == 2


@pytest.mark.parametrize(("policy", "executes"), [("Pin", 2), ("Latest", 3), ("Minor", 3)])
def test_a_retry_goes_by_the_version_of_the_attempt_before(
    policy: VersionPolicy, executes: int
) -> None:
    """It was asked for under version 1, and its first attempt was by version 2."""
    edits = Edits(policy)
    edits.apply(**FIRST)
    edits.apply(compatible=True, meta={"by": "second"})
    edits.apply(compatible=True, meta={"by": "third"})
    called = executing("one", version=2)
    called = replace(called, status={**called.status, "version": 2})
    failed = Answer("Unavailable", 503, "answered 503", retryable=True)
    made = plan(
        observed(
            edits.job,
            called,
            versions=edits.versions,
            answers={called.uid: failed},
            calling={called.uid},
        )
    )
    status = statuses(made)["one"]
    assert (status["phase"], status["reason"], status["version"]) == ("Queued", "RetryBackoff", 2)
    later = replace(_seen(called, status), next_retry=NOW)
    assert edits.executes(later) == executes


def _by(edits: Edits, policy: VersionPolicy) -> Edits:
    other = Edits(policy)
    other.versions = edits.versions
    return other
