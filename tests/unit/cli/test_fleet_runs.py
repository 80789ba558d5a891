"""What commands say and do of FleetJobs that are executed when asked, and of their runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sim.world import once
from support.told import Played, Stage, play
from wavegate.cli.commands.runs_get import lines
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
        (("trigger", "fj/good"), "was made by a run, and has no runs: wavegate runs replay good"),
        (("restart", "look"), "so a Restart would be refused: wavegate trigger fj/look asks"),
        (("restart", "look", "--to-version", "1"), "so a Restart would be refused"),
        (("rollback", "look", "--to-version", "1"), "so a Rollback would be refused"),
        (("stop", "long"), "so a Stop would be refused: wavegate trigger fj/long asks"),
        (("restart", "good"), "so a Restart would be refused: wavegate runs replay good asks"),
        (("rollback", "good", "--to-version", "1"), "so a Rollback would be refused"),
    ],
)
def test_what_a_job_is_not_asked_is_refused(
    arguments: tuple[str, ...], says: str, told: Played
) -> None:
    before = told.list("FleetDeployment")
    asked = told(*arguments)
    assert asked.code == 2
    assert says in asked.err
    assert told.list("FleetDeployment") == before


def test_what_a_run_has_made_can_be_stopped_and_other_jobs_restarted(told: Played) -> None:
    assert "created: Stop of open" in told("stop", "open").out
    assert "created: Restart of own" in told("restart", "own").out


def test_of_a_job_that_is_asked_no_nodes_are_counted(told: Played) -> None:
    rows = [row.split() for row in told("list").out.splitlines()]
    at = rows[0].index("NODES") + 1  # the state has its reason behind it
    counted = [row[:1] + row[at : at + 2] for row in rows[1:-1]]
    assert counted == [[name, "-", "-"] for name in ("bad", "long", "look")]
    assert rows[-1][:1] + rows[-1][at - 1 : at + 1] == ["own", "3/3", "0"]


async def misread(stage: Stage) -> None:
    """A job that is asked, by a schedule that is none."""
    trigger = {"schedule": {"cron": "61 * * * *"}}
    stage.cluster.create("FleetJob", "odd", {**once("app:1"), "trigger": trigger})
    await stage.until("its spec is not understood", lambda: stage.reason("odd") == "InvalidSpec")


def test_who_asks_for_a_run_of_a_job_that_is_not_understood_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = play(misread, monkeypatch, nodes=1)
    says = "FleetJob odd is not understood: wavegate why fj/odd -n default says why\n"
    assert told("trigger", "fj/odd").err == says
    assert why(told, "fj/odd")["reason"] == "InvalidSpec"


def test_its_schedule_is_told_stopped_and_begun_again(told: Played) -> None:
    items = json.loads(told("ticks", "fj/look", "-c", "2", "-o", "json").out)["items"]
    assert len(items) == 2
    assert told("disable", "fj/look").err == "1 FleetJob disabled\n"
    assert told("enable", "fj/look").out == "fleetjob.wavegate.dev/look enabled\n"


def test_a_replay_is_of_the_same_job_and_has_no_payload_to_refer_to(told: Played) -> None:
    made = told("runs", "replay", "failed", "-o", "json").out
    spec = json.loads(made)["spec"]
    assert (spec["jobKind"], spec["jobName"]) == ("FleetJob", "bad")
    assert "replayOf" not in spec


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
    assert (answer["runsNow"], answer["evidence"]) == ("nothing", [])


def test_why_of_a_job_that_is_asked_says_which_runs_execute_and_wait(told: Played) -> None:
    answer = why(told, "fj/long")
    began = json.loads(told("runs", "get", "open", "-o", "json").out)["startTime"]
    assert answer["runsNow"] == f"1 executes (open since {began})"
    assert "1 run of the job waits: 1 ConcurrencyLimit" in answer["evidence"][0]


@pytest.mark.parametrize("name", ["fj/good", "fd/good-v1", "fj/failed", "fd/failed-v1"])
def test_why_of_what_a_run_has_made_says_that_it_is_over_with_the_run(
    name: str, told: Played
) -> None:
    answer = why(told, name)
    run = name[3:].removesuffix("-v1")
    assert answer["next"] == "only with another attempt of its run: never, once that is over"
    assert answer["how"] == [
        f"wavegate why jr/{run} -n default says what became of its run",
        f"wavegate runs replay {run} -n default asks for that again, once it has ended",
    ]


def test_why_of_what_executes_or_rolls_out_by_itself_is_as_ever(told: Played) -> None:
    assert why(told, "fj/open")["next"] == "as soon as what it waits for has come"
    assert why(told, "fj/own")["next"] == "with the next change of the spec or of a node"


def test_why_of_an_execution_of_a_run_says_that_it_is_over_with_the_run(told: Played) -> None:
    made = [each for each in told.list("Execution") if each["spec"].get("runName") == "good"]
    assert len(made) == 3
    name = made[0]["metadata"]["name"]
    assert why(told, f"ex/{name}")["next"].startswith("only with another attempt of its run")


async def stopped(stage: Stage) -> None:
    """A run whose nodes somebody stops."""
    await asked_for(stage)
    stage.cluster.create("FleetDeployment", "halt", {"jobName": "open", "type": "Stop"})
    await stage.until("it is stopped", lambda: stage.reason("open") == "Stopped")


def test_what_a_run_has_made_is_not_restarted_after_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = why(play(stopped, monkeypatch, nodes=3), "fj/open")
    assert answer["reason"] == "Stopped"
    assert "wavegate restart" not in "\n".join(answer["how"])
    assert answer["next"].startswith("only with another attempt of its run")


def test_what_nodes_said_is_among_the_details_of_a_run(told: Played) -> None:
    run = json.loads(told("runs", "get", "good", "-o", "json").out)
    assert run["nodes"] == {"total": 3, "asked": 3, "succeeded": 3, "failed": 0}
    assert len(run["result"].splitlines()) == 3
    failed = json.loads(told("runs", "get", "failed", "-o", "json").out)
    assert failed["failures"]


def test_what_nodes_said_is_told_to_people(told: Played) -> None:
    lines = told("runs", "get", "failed").out.splitlines()
    assert lines[0].split() == ["run", "default/failed", "of", "FleetJob", "bad"]
    (at,) = [number for number, line in enumerate(lines) if line.startswith("failures")]
    assert lines[at - 1].split(maxsplit=1) == [
        "nodes",
        "0 of 3 ended well, 3 failed, 3 were asked",
    ]
    assert lines[at].split()[1] == "n00:"
    assert [line.split()[0] for line in lines[at + 1 : at + 3]] == ["n01:", "n02:"]
    good = told("runs", "get", "good").out.splitlines()
    assert [line.split(maxsplit=1)[-1] for line in good[-3:]] == [
        "n00: as asked",
        "as asked",
        "as asked",
    ]
    assert [line.split()[0] for line in good[-3:]] == ["result", "n01:", "n02:"]


def test_of_many_nodes_the_first_are_told_to_people() -> None:
    result = "\n".join(f"n{number}: 1" for number in range(12))
    run = {
        "metadata": {"name": "r", "namespace": "default"},
        "spec": {"jobKind": "FleetJob", "jobName": "look"},
        "status": {"phase": "Completed", "result": result},
    }
    told = lines(run, 0.0)
    assert told[-11] == ("result", "n0: 1")
    assert told[-2:] == [("", "n9: 1"), ("", "and 2 more; -o json has all")]
    run["status"]["result"] = result[: result.index("\nn10")]
    assert lines(run, 0.0)[-1] == ("", "n9: 1")
