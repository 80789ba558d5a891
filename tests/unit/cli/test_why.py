"""``why`` of executions and deployments, and where words alone do not say it."""

from __future__ import annotations

import asyncio
import json

import pytest

from sim.world import spec
from support.told import Stage, play
from unit.cli import stories
from wavegate.cli.sight import Sight
from wavegate.cli.why import Facts, why_job
from wavegate.domain.times import parse_time


def test_where_the_words_name_no_time_the_rules_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate waits for a person, but not for longer than the version has."""

    async def bounded(stage: Stage) -> None:
        await stage.install()
        limited = {**spec("app:2", autoPromote=False), "timeouts": {"total": "2h"}}
        stage.cluster.apply("app", limited)
        await stage.says("AwaitingPromotion")

    told = play(bounded, monkeypatch)
    answer = json.loads(told("why", "app", "-o", "json").out)
    accepted = told.get("FleetDeployment", "app-v2")
    assert accepted is not None
    begun = parse_time(accepted["status"]["acceptedAt"])
    coming = parse_time(answer["nextAt"])
    assert begun is not None
    assert coming is not None
    assert 7195 <= coming - begun <= 7200


def test_while_it_is_paused_what_has_begun_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    async def paused(stage: Stage) -> None:
        await stories.judges_bad_windows(stage)
        stage.cluster.patch("FleetDeployment", "app-v2", {"spec": {"paused": True}})
        await stage.says("Paused")

    told = play(paused, monkeypatch)
    answer = json.loads(told("why", "app", "-o", "json").out)
    assert answer["ifNot"].startswith("a canary that fails ends the rollout: every node")
    assert answer["next"] == "once it is resumed"
    people = told("why", "app").out
    assert f"acts next    once it is resumed, at the latest at {answer['nextAt']}" in people


async def taken_back(stage: Stage) -> None:
    """A version failed once, the next one was well, and a person went back all the same."""
    await stories.canary_failed(stage)
    stage.cluster.apply("app", spec("app:3"))
    await stage.ended("app-v3")
    stage.cluster.deploy("back", {"jobName": "app", "type": "Rollback", "toVersion": 1})
    await stage.ended("back")
    await stage.says("RolledBack")


def test_after_a_person_s_rollback_nobody_is_sent_to_the_version_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = json.loads(play(taken_back, monkeypatch)("why", "app", "-o", "json").out)
    assert answer["how"] == [
        "change the workload or the rollout section of the spec",
        "wavegate restart app --to-version N -n default goes to another version",
    ]
    assert answer["evidence"] == ["back: 4 of 4 nodes updated, 0 failed"]
    assert "that holds until" in answer["waitsFor"]


def test_a_person_s_rollback_holds_also_once_its_object_is_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def deleted(stage: Stage) -> None:
        await taken_back(stage)
        stage.cluster.delete("FleetDeployment", "back")
        await stage.until("it is gone", lambda: not stage.deployment("back"))
        await asyncio.sleep(60)

    answer = json.loads(play(deleted, monkeypatch)("why", "app", "-o", "json").out)
    assert answer["reason"] == "RolledBack"
    assert answer["how"][0] == "change the workload or the rollout section of the spec"
    assert not [each for each in answer["evidence"] if each.startswith("app-v2: ")]


def test_what_came_after_a_person_s_rollback_has_its_own_way_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def suspended(stage: Stage) -> None:
        await taken_back(stage)
        stage.cluster.patch("FleetJob", "app", {"spec": {"suspend": True}})
        await stage.says("Suspended")

    answer = json.loads(play(suspended, monkeypatch)("why", "app", "-o", "json").out)
    assert (answer["reason"], answer["how"]) == ("Suspended", ["wavegate unsuspend app -n default"])


def test_a_time_that_the_operator_has_named_is_taken_at_its_word() -> None:
    """It knows its options, such as --lost-after; here only their defaults are known."""
    words = "waits for n1, NotReady since 2023-11-14T20:00:00Z, until 2023-11-14T23:00:00Z"
    ready = {"type": "Ready", "status": "False", "reason": "Progressing", "message": words}
    job = {
        "kind": "FleetJob",
        "metadata": {"name": "app", "namespace": "default", "generation": 1},
        "status": {"observedGeneration": 1, "conditions": [ready]},
    }
    now, rules = 1_700_000_000.0, 1_700_009_999.0
    assert why_job(Sight(job, [], []), Facts(now, acts_at=rules)).next_at == "2023-11-14T23:00:00Z"


def test_an_execution_says_what_its_pod_does_and_by_when_it_is_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = play(stories.never_ready, monkeypatch)
    tree = json.loads(told("get", "app", "-o", "json").out)
    (canary,) = tree["waves"][0]["nodes"]
    answer = json.loads(told("why", f"ex/{canary['execution']}", "-o", "json").out)
    assert answer["kind"] == "Execution"
    assert "must be healthy by" in answer["waitsFor"]
    deadline = parse_time(answer["nextAt"])
    assert deadline is not None
    assert deadline > told.now
    assert f"pod {canary['execution'].rpartition('-')[0]} is Pending" in answer["evidence"][0]


def test_a_failed_execution_has_its_numbers_against_the_limit_and_what_took_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = play(stories.canary_failed, monkeypatch)
    failed = [
        each["metadata"]["name"]
        for each in told.list("Execution")
        if each["status"]["observedState"]["stateType"] == "Failed"
    ]
    answer = json.loads(told("why", failed[0], "-o", "json").out)
    assert answer["waitsFor"] == ""
    assert "error rate 52.0% (26 of 50), limit 10.0%" in answer["evidence"]
    assert "is what n" in answer["how"][0]


def test_a_deployment_that_was_refused_says_how_to_make_it_possible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refused(stage: Stage) -> None:
        await stage.install()
        stage.cluster.deploy("back", {"jobName": "app", "type": "Rollback", "toVersion": 7})
        await stage.ended("back", "Failed")

    told = play(refused, monkeypatch)
    answer = json.loads(told("why", "back", "-o", "json").out)
    assert (answer["kind"], answer["reason"]) == ("FleetDeployment", "VersionMissing")
    assert "the job has no v7; it has v1" in answer["says"]
    assert answer["waitsFor"] == ""
    assert answer["how"] == ["wavegate history app -n default says which versions completed"]


def test_a_deployment_that_is_not_begun_says_what_it_waits_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = play(stories.waits_for_its_job, monkeypatch)
    answer = json.loads(told("why", "again", "-o", "json").out)
    assert (answer["state"], answer["reason"]) == ("Pending", "Suspended")
    assert answer["waitsFor"].startswith("the job is suspended; begins when spec.suspend")
    assert answer["how"] == ["wavegate unsuspend app -n default"]


def test_when_no_operator_runs_that_is_said_first(monkeypatch: pytest.MonkeyPatch) -> None:
    told = play(stories.awaits_promotion, monkeypatch)
    told.apply("app", spec("app:3"))
    told.now += 60
    answer = json.loads(told("why", "app", "-o", "json").out)
    assert answer["waitsFor"] == "the operator, which has not seen generation 3 yet"
    assert answer["evidence"][0].startswith("no operator runs: nobody renews the Lease wavegate-")
    assert "its last word was of the spec before: the canaries are" in answer["evidence"][1]
    assert answer["who"] == "an administrator"
    assert answer["how"] == ["make the operator run: nothing goes on without it"]
    assert (answer["next"], answer["nextAt"]) == ("once the operator runs", "")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none", "Execution, JobRun or RunBatch none in namespace default"),
        ("fd/none", "no FleetDeployment none in namespace default"),
        ("fd/", "the name of the FleetDeployment is empty"),
        (
            "pod/none",
            "pod: is not fleetjob, httpjob, fleetdeployment, execution, jobrun or runbatch",
        ),
    ],
)
def test_what_is_not_there_is_an_error(
    name: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = play(stories.well, monkeypatch)("why", name)
    assert (asked.code, asked.out) == (2, "")
    assert words in asked.err
