"""What commands say and do of FleetJobs that are executed when asked, and of their runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sim.world import once
from support.told import Played, Stage, play
from wavegate.simulation.fates import COMPLETES, CRASHES, RUNS_ON


def ask(stage: Stage, name: str, job: str = "look") -> None:
    stage.cluster.create("JobRun", name, {"jobKind": "FleetJob", "jobName": job})


async def asked_for(stage: Stage) -> None:
    """Runs in each state that is other than a call's, of jobs one of which rolls out by itself."""
    cluster = stage.cluster
    fates = {"bad:1": CRASHES, "long:1": RUNS_ON}
    cluster.fleet.fate = lambda _node, image: fates.get(image, COMPLETES)
    schedule = {"schedule": {"cron": "0 3 * * *"}}
    for name, image in (("look", "app:1"), ("bad", "bad:1"), ("long", "long:1")):
        spec = once(image, strategy="Immediate", maxFailedNodes=0)
        cluster.create("FleetJob", name, {**spec, "restartPolicy": "Never", "trigger": schedule})
    cluster.create("FleetJob", "own", once("app:1", strategy="Immediate"))
    for name, job, reason in (
        ("good", "look", "Completed"),
        ("failed", "bad", "NodesFailed"),
        ("open", "long", "Executing"),
        ("held", "own", "JobNotAsked"),
        ("behind", "long", "ConcurrencyLimit"),
    ):
        ask(stage, name, job)
        await stage.until(
            f"{name} says {reason}",
            lambda name=name, reason=reason: status(stage, name).get("reason") == reason,
        )


def status(stage: Stage, run: str) -> dict[str, Any]:
    return dict((stage.cluster.get("JobRun", run) or {}).get("status") or {})


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Played:
    return play(asked_for, monkeypatch, nodes=3)


def why(told: Played, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(told("why", name, "-o", "json").out)
    return answer


def test_what_runs_have_made_is_not_listed_as_jobs(told: Played) -> None:
    listed = json.loads(told("list", "-o", "json").out)["items"]
    assert {each["name"] for each in listed} == {"look", "bad", "long", "own"}
    rows = told("runs", "list", "fj/long").out.splitlines()
    assert [row.split()[:2] for row in rows[1:]] in (
        [["behind", "fj/long"], ["open", "fj/long"]],
        [["open", "fj/long"], ["behind", "fj/long"]],
    )
    assert told("runs", "list", "long").err == "no runs of HTTPJob long in namespace default\n"


def test_a_run_is_asked_for_of_a_fleet_job(told: Played) -> None:
    asked = told("trigger", "fj/look", "--key", "once")
    assert asked.code == 0
    name = asked.out.split()[0].rpartition("/")[2]
    (run,) = [each for each in told.list("JobRun") if each["metadata"]["name"] == name]
    assert run["spec"]["jobKind"] == "FleetJob"
    (owner,) = run["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("FleetJob", "look")
    assert "no HTTPJob look" in told("trigger", "look").err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("trigger", "fj/own"), "give it spec.runs"),
        (("disable", "fj/own"), "give it spec.runs"),
        (("ticks", "fj/own"), "give it spec.runs"),
        (("trigger", "fj/look", "--payload", "{}"), "a run of a FleetJob is no call"),
        (("trigger", "fj/look", "--debug"), "a run of a FleetJob is no call"),
        (("trigger", "fd/look"), "names no HTTPJob and no FleetJob"),
    ],
)
def test_what_a_job_is_not_asked_is_refused(
    arguments: tuple[str, ...], says: str, told: Played
) -> None:
    asked = told(*arguments)
    assert asked.code == 2
    assert says in asked.err


def test_its_schedule_is_told_stopped_and_begun_again(told: Played) -> None:
    items = json.loads(told("ticks", "fj/look", "-c", "2", "-o", "json").out)["items"]
    assert len(items) == 2
    assert told("disable", "fj/look").err == "1 FleetJob disabled\n"
    assert told("enable", "fj/look").out == "fleetjob.wavegate.dev/look enabled\n"


def test_a_replay_is_of_the_same_job(told: Played) -> None:
    made = told("runs", "replay", "failed", "-o", "json").out
    spec = json.loads(made)["spec"]
    assert (spec["jobKind"], spec["jobName"], spec["replayOf"]) == ("FleetJob", "bad", "failed")


def test_a_run_is_told_of_by_the_kind_of_its_job(told: Played) -> None:
    assert told("runs", "get", "good").out.startswith("run             default/good of FleetJob ")


@pytest.mark.parametrize(
    ("run", "reason", "says", "how"),
    [
        ("open", "Executing", "its nodes: attempt 1 of 1", "wavegate why fj/open"),
        ("held", "JobNotAsked", "give it spec.runs", "give FleetJob own spec.runs, if only {}"),
        (
            "behind",
            "ConcurrencyLimit",
            "1 run may execute at a time",
            "who owns FleetJob long can raise spec.runs.limits.maxConcurrency",
        ),
        ("failed", "NodesFailed", "", "wavegate get fj/failed -n default shows which nodes"),
        ("good", "Completed", "", ""),
    ],
)
def test_why_says_what_a_run_waits_for_or_how_it_ended(
    run: str, reason: str, says: str, how: str, told: Played
) -> None:
    answer = why(told, f"jr/{run}")
    assert answer["reason"] == reason
    assert says in answer["waitsFor"]
    assert how in "\n".join(answer["how"])


def test_why_of_a_job_that_is_asked_says_who_may_ask(told: Played) -> None:
    answer = why(told, "fj/look")
    assert (answer["state"], answer["reason"]) == ("Running", "AskedOnly")
    assert "wavegate trigger fj/look -n default asks for a run" in answer["how"]


def test_what_nodes_said_is_among_the_details_of_a_run(told: Played) -> None:
    run = json.loads(told("runs", "get", "good", "-o", "json").out)
    assert run["nodes"] == {"total": 3, "asked": 3, "succeeded": 3, "failed": 0}
    assert len(run["result"].splitlines()) == 3
    failed = json.loads(told("runs", "get", "failed", "-o", "json").out)
    assert failed["failures"]
