"""What makes a version of a job, and by which a run executes that has waited."""

from __future__ import annotations

from typing import Any

import pytest

from support.answering import Endpoint
from support.asking import Asked

pytestmark = pytest.mark.cluster


def change(asked: Asked, version: int, **spec: Any) -> None:
    """Apply another spec of the job ``app``; it is of that version then."""
    asked.job(**spec)
    asked.seen()
    asked.until(f"version {version}", lambda: asked.of_job().get("version") == version)


@pytest.mark.row(
    "HTTPJob.spec.displayName",
    "HTTPJob.spec.description",
    "HTTPJob.spec.meta",
    "HTTPJob.spec.revisionHistoryLimit",
    "HTTPJob.status.version",
    "JobVersion.spec.jobSpec",
)
def test_row_versions(asked: Asked) -> None:
    """Words make no version, metadata does; two old ones are kept, later one."""
    words: dict[str, Any] = {"displayName": "Orders", "description": "for people"}
    kept = {"revisionHistoryLimit": 2}
    change(asked, 1, **words, **kept)
    change(asked, 1, displayName="Other", description="others", suspend=True, **kept)
    assert asked.versions() == [1]
    for number in (2, 3, 4):
        change(asked, number, meta={"note": str(number)}, **kept)
    asked.until("the oldest is removed", lambda: asked.versions() == [2, 3, 4])
    snapshot = asked.space.get("JobVersion", "app-h4")
    assert snapshot is not None
    assert snapshot["spec"]["jobSpec"]["meta"] == {"note": "4"}
    change(asked, 4, meta={"note": "4"}, revisionHistoryLimit=1)
    asked.until("one more is removed", lambda: asked.versions() == [3, 4])


@pytest.mark.row(
    "HTTPJob.spec.runs.versionPolicy",
    "HTTPJob.spec.runs.backwardsCompatible",
    "JobRun.status.version",
)
@pytest.mark.parametrize(("policy", "executes"), [("Pin", 1), ("Minor", 2), ("Latest", 3)])
def test_row_runs_version_policy(
    policy: str, executes: int, asked: Asked, endpoint: Endpoint
) -> None:
    """A run has waited since version 1; version 2 says that it may execute it, version 3 not."""

    def spec(number: int, *, compatible: bool = False) -> dict[str, Any]:
        headers = [{"name": "X-Number", "value": str(number)}]
        runs = {"versionPolicy": policy, "backwardsCompatible": compatible}
        return {"http": {"headers": headers}, "runs": runs}

    change(asked, 1, suspend=True, **spec(1))
    asked.run("one")
    assert asked.tells("one", "Queued", "JobSuspended")["version"] == 1
    change(asked, 2, suspend=True, **spec(2, compatible=True))
    change(asked, 3, suspend=True, **spec(3))
    asked.job(**spec(3))
    status = asked.ended("one")
    assert (status["phase"], status["version"]) == ("Completed", executes)
    (call,) = endpoint.calls
    assert (call.headers["X-Number"], call.headers["X-Job-Version"]) == (str(executes),) * 2


@pytest.mark.row("HTTPJob.spec.revisionHistoryLimit", "JobRun.status.version")
def test_row_a_version_that_a_run_waits_for_is_kept(asked: Asked, endpoint: Endpoint) -> None:
    change(asked, 1, suspend=True, revisionHistoryLimit=0)
    asked.run("one")
    asked.tells("one", "Queued", "JobSuspended")
    for number in (2, 3):
        change(asked, number, suspend=True, revisionHistoryLimit=0, meta={"note": str(number)})
    asked.until("the one between is removed", lambda: asked.versions() == [1, 3])
    change(asked, 3, revisionHistoryLimit=0, meta={"note": "3"})
    assert asked.ended("one")["version"] == 1
    asked.until("nobody waits for it", lambda: asked.versions() == [3])
    assert len(endpoint.calls) == 1


@pytest.mark.row("HTTPJob.status.version", "JobRun.status.version", "JobVersion.spec.jobSpec")
@pytest.mark.parametrize(("policy", "executes"), [("Pin", 2), ("Latest", 3)])
def test_row_versions_going_back(
    policy: str, executes: int, asked: Asked, endpoint: Endpoint
) -> None:
    """The spec of version 1 again is version 3; a run that was asked for under 2 goes by its own,
    and one that is asked for from then on by 3."""

    def spec(note: str) -> dict[str, Any]:
        headers = [{"name": "X-Note", "value": note}]
        return {"http": {"headers": headers}, "runs": {"versionPolicy": policy}}

    change(asked, 1, **spec("first"))
    change(asked, 2, suspend=True, **spec("second"))
    asked.run("between")
    assert asked.tells("between", "Queued", "JobSuspended")["version"] == 2
    change(asked, 3, suspend=True, **spec("first"))
    first, third = (asked.space.get("JobVersion", f"app-h{number}") for number in (1, 3))
    assert first is not None
    assert third is not None
    called = [each["spec"]["jobSpec"]["http"] for each in (first, third)]
    assert called[0] == called[1]
    change(asked, 3, **spec("first"))
    assert asked.ended("between")["version"] == executes
    asked.run("after")
    assert asked.ended("after")["version"] == 3
    notes = {call.run: call.headers["X-Note"] for call in endpoint.calls}
    assert notes == {"between": "second" if executes == 2 else "first", "after": "first"}


@pytest.mark.row("HTTPJob.spec.runs.limits.maxConcurrency", "HTTPJob.spec.runs.versionPolicy")
def test_row_limits_are_those_of_the_job_as_it_is_now(asked: Asked, endpoint: Endpoint) -> None:
    """A limit that is lowered ends nothing, and holds for runs of the versions before it."""
    endpoint.hold()
    asked.job(runs={"limits": {"maxConcurrency": 2}})
    for name in ("a", "b", "c"):
        asked.run(name)
    asked.until("two are called", lambda: sorted(endpoint.runs()) == ["a", "b"])
    assert asked.tells("c", "Queued", "ConcurrencyLimit")["version"] == 1
    change(asked, 2, runs={"limits": {"maxConcurrency": 1}})
    assert [asked.told(name)[0] for name in ("a", "b")] == ["Executing"] * 2
    asked.space.patch("JobRun", "a", {"canceled": True})
    assert asked.ended("a")["phase"] == "Canceled"
    asked.run("d")
    asked.tells("d", "Queued", "ConcurrencyLimit")
    assert asked.told("c") == ("Queued", "ConcurrencyLimit"), "b executes still"
    endpoint.release()
    assert [asked.ended(name)["version"] for name in ("b", "c", "d")] == [1, 1, 2]
    assert endpoint.most_at_once == 2
