"""What ``report`` tells of rollouts that the whole operator has played."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from sim.world import spec
from support.told import Stage, play, seconds
from unit.cli import stories
from unit.cli.report.played import (
    Document,
    documented,
    drained,
    judges,
    marks,
    of,
    promoted,
    reported,
    states,
    twice_updated,
)
from wavegate.cli.errors import CliError
from wavegate.cli.reading import sight_of
from wavegate.cli.report.history import choose, report_of
from wavegate.cli.report.marks import with_marks
from wavegate.cli.sight import Sight
from wavegate.domain.times import format_time
from wavegate.simulation.fates import CRASHES


def test_a_good_canary_rollout_from_the_gate_to_the_last_wave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = play(promoted, monkeypatch)
    document = reported(told)
    assert (document["version"], document["fromVersion"]) == (2, 1)
    assert (document["state"], document["isOpen"]) == ("Completed", False)
    # The simulated server keeps no managedFields.
    assert document["notKept"] == ["app-v2 was promoted; by whom and when is not kept"]
    assert [(each["wave"], each["isCanary"], len(each["nodes"])) for each in document["waves"]] == [
        (1, True, 1),
        (2, False, 2),
        (3, False, 1),
    ]
    begun, stable, waits, *opened, done = marks(document)
    assert (begun, stable, waits) == ("Started", "CanaryStable", "AwaitingPromotion")
    # The first execution of wave 2 and the word that it goes on are of the same second.
    assert sorted(opened) == ["GateOpened", "Resumed"]
    assert done == "Completed"
    rollout = of(told, "FleetDeployment", "app-v2")["status"]
    assert document["from"] == rollout["startedAt"]
    assert document["until"] == rollout["completedAt"]
    before = 0.0
    for wave in document["waves"]:
        for node in wave["nodes"]:
            new = [each for each in node["segments"] if each["version"] == 2]
            assert [each["state"] for each in new] == ["Pending", "Validating", "Running"]
            record = of(told, "Execution", new[0]["execution"])
            assert new[0]["from"] == record["metadata"]["creationTimestamp"]
            assert new[2]["from"] == record["status"]["stableAt"]
            assert seconds(new[0]["from"]) >= before, "a wave begins when the one before is judged"
            assert [each["verdict"] for each in node["windows"] if
                    each["execution"] == new[0]["execution"]] == ["good", "good"]  # fmt: skip
        before = max(seconds(node["segments"][-1]["from"]) for node in wave["nodes"])


def test_a_bad_canary_and_the_way_back_are_one_story(monkeypatch: pytest.MonkeyPatch) -> None:
    told = play(stories.canary_failed, monkeypatch)
    document = reported(told)
    assert [each["name"] for each in document["rollouts"]] == ["app-v2", "app-v2-rollback"]
    assert document["version"] == 2
    (wave,) = document["waves"]
    (node,) = wave["nodes"]
    name = node["node"]
    assert states(node)[1:] == [
        "v2 Pending",
        "v2 Validating",
        "v2 Failed",
        "v1 Pending",
        "v1 Validating",
        "v1 Running",
    ]
    assert node["outcome"] == "ErrorRateExceeded, back on v1"
    bad = [each for each in node["windows"] if each["verdict"] == "bad"]
    assert [(each["errors"], each["total"], each["rate"], each["limit"]) for each in bad] == [
        (26, 50, 0.52, 0.1),
        (24, 50, 0.48, 0.1),
        (26, 50, 0.52, 0.1),
    ]
    failed = of(told, "Execution", bad[0]["execution"])
    assert bad[-1]["until"] == failed["status"]["updatedAt"]
    assert sorted(marks(document)) == sorted([
        "Started",
        f"NodeFailed {name}",
        "CanaryFailed",
        "RollbackStarted",
        f"FellBack {name}",
        "RolledBack",
    ])  # fmt: skip
    assert document["untouched"] == [{"version": 1, "nodes": 3}]
    assert document["notKept"] == ["1 node: what ran on them before is no longer kept"]
    assert node["segments"][0]["state"] == "NotKept"


def test_of_the_version_it_is_the_same_story(monkeypatch: pytest.MonkeyPatch) -> None:
    told = play(stories.canary_failed, monkeypatch)
    assert reported(told, "--version", "2") == reported(told)


def test_a_gate_that_waits_is_shown_up_to_now(monkeypatch: pytest.MonkeyPatch) -> None:
    told = play(stories.awaits_promotion, monkeypatch)
    told.now += 300
    document = reported(told)
    assert (document["state"], document["isOpen"]) == ("Paused", True)
    assert seconds(document["until"]) == pytest.approx(told.now, abs=1)
    (wave,) = document["waves"]
    (node,) = wave["nodes"]
    assert node["segments"][-1]["state"] == "Running"
    assert node["segments"][-1]["until"] == document["until"]
    waits = document["marks"][-1]
    assert (waits["kind"], waits["at"]) == (
        "AwaitingPromotion",
        of(told, "FleetDeployment", "app-v2")["status"]["waitingSince"],
    )
    assert marks(document) == ["Started", "CanaryStable", "AwaitingPromotion"]
    assert document["untouched"] == [{"version": 1, "nodes": 3}]


def test_a_drained_node_is_in_its_wave_beside_the_one_that_took_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = reported(play(drained, monkeypatch))
    canaries = document["waves"][0]
    left, instead = canaries["nodes"]
    assert (canaries["isCanary"], left["outcome"]) == (True, "withdrawn: PodDeleted")
    assert states(left)[-1] == "v2 Stopped"
    assert (instead["outcome"], states(instead)[-1]) == ("", "v2 Running")
    assert "CanaryStable" in marks(document)
    assert document["state"] == "Completed"


def test_of_a_former_version_is_told_what_is_still_known(monkeypatch: pytest.MonkeyPatch) -> None:
    told = play(twice_updated, monkeypatch)
    assert {each["spec"]["jobVersion"] for each in told.list("Execution")} == {2, 3}
    document = reported(told, "--version", "1")
    assert (document["version"], document["state"]) == (1, "Completed")
    assert [(each["wave"], each["nodes"], each["notKept"]) for each in document["waves"]] == [
        (1, [], 4)
    ]
    assert document["notKept"] == ["4 nodes: their executions are no longer kept"]
    assert marks(document) == ["Started", "Completed"]
    drawn = told("report", "app", "--version", "1", "-o", "svg").out
    assert "their executions are not kept" in drawn


def test_once_its_execution_is_gone_a_failed_canary_is_known_by_its_deployment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = play(stories.canary_failed, monkeypatch)
    canary = of(told, "FleetDeployment", "app-v2")["status"]["failures"][0]
    left = [each for each in told.list("Execution") if each["spec"]["nodeName"] != canary["node"]]
    document = documented(told, left)
    (wave,) = document["waves"]
    (node,) = wave["nodes"]
    assert (wave["wave"], wave["isCanary"], node["node"]) == (1, True, canary["node"])
    assert states(node) == ["v0 NotKept", "v2 Failed"]
    assert node["segments"][1]["from"] == canary["at"]
    assert node["segments"][1]["message"] == canary["message"]
    assert "1 node: their executions are no longer kept" in document["notKept"]
    assert f"NodeFailed {node['node']}" in marks(document)


async def said_in_other_words(stage: Stage) -> None:
    """While the canary is judged, the same workload gets other words, and so another rollout."""
    await judges(stage)
    stage.cluster.apply("app", {**spec("app:2"), "meta": {"team": "edge"}})
    await stage.ended("app-v3")


def test_what_the_superseded_rollout_had_begun_counts_on(monkeypatch: pytest.MonkeyPatch) -> None:
    told = play(said_in_other_words, monkeypatch)
    assert of(told, "FleetDeployment", "app-v2")["status"]["reason"] == "Superseded"
    (begun,) = [each for each in told.list("Execution")
                if each["spec"]["deploymentName"] == "app-v2"]  # fmt: skip
    document = reported(told)
    assert document["version"] == 3
    (canary,) = document["waves"][0]["nodes"]
    assert canary["node"] == begun["spec"]["nodeName"]
    assert canary["segments"][-1]["execution"] == begun["metadata"]["name"]
    assert sum(len(wave["nodes"]) for wave in document["waves"]) == 4


def deployment(number: int, reason: str = "Superseded", **fields: Any) -> Document:
    status = {"sequence": number, "state": "Canceled", "reason": reason, "workloadHash": "w"}
    return {
        "metadata": {"name": f"app-v{number}"},
        "spec": {"type": fields.get("type", "Update"), "toVersion": number},
        "status": {**status, "workloadHash": fields.get("workload", "w")},
    }


@pytest.mark.parametrize(
    ("deployments", "version", "makers"),
    [
        pytest.param([deployment(2), deployment(3)], None, {"app-v2", "app-v3"}, id="same"),
        pytest.param([deployment(2, workload="o"), deployment(3)], None, {"app-v3"}, id="other"),
        pytest.param([deployment(2, "Canceled"), deployment(3)], None, {"app-v3"}, id="canceled"),
        pytest.param(
            [deployment(2), deployment(3, type="Restart")], None, {"app-v3"}, id="a restart"
        ),
        pytest.param([deployment(2), deployment(3)], 2, {"app-v2"}, id="those after it do not"),
        pytest.param([deployment(2, ""), deployment(3, type="Stop")], None, {"app-v2"}, id="stop"),
    ],
)
def test_whose_executions_a_report_is_of(
    deployments: list[Document], version: int | None, makers: set[str]
) -> None:
    sight = Sight({"metadata": {"name": "app"}}, deployments, [])
    assert choose(sight, version).makers == makers


async def canceled(stage: Stage) -> None:
    """Canceled while its canary is judged, which keeps what it has and is judged to the end."""
    await judges(stage)
    stage.cluster.patch("FleetDeployment", "app-v2", {"spec": {"canceled": True}})
    await stage.ended("app-v2", "Canceled")
    await asyncio.sleep(120)


def test_a_canceled_rollout_is_shown_to_the_last_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    told = play(canceled, monkeypatch)
    ended = of(told, "FleetDeployment", "app-v2")["status"]["completedAt"]
    document = reported(told)
    ((node,),) = [wave["nodes"] for wave in document["waves"]]
    running = node["segments"][-1]
    judged = of(told, "Execution", running["execution"])["status"]["stableAt"]
    assert seconds(judged) > seconds(ended)
    assert (document["until"], running["state"], running["from"]) == (judged, "Running", judged)
    (mark,) = [each for each in document["marks"] if each["kind"] == "Canceled"]
    assert (mark["at"], mark["text"]) == (ended, "canceled")


def test_a_canary_that_was_chosen_and_not_taken_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async def too_early(stage: Stage) -> None:
        await stage.install()
        stage.cluster.apply("app", spec("app:2"))
        await stage.until("it began", lambda: stage.deployment("app-v2").get("currentWave"))
        stage.cluster.patch("FleetDeployment", "app-v2", {"spec": {"canceled": True}})
        await stage.ended("app-v2", "Canceled")

    told = play(too_early, monkeypatch)
    assert of(told, "FleetDeployment", "app-v2")["status"]["canaryNodes"]
    assert {each["spec"]["deploymentName"] for each in told.list("Execution")} == {"app-v1"}
    document = reported(told)
    assert (document["waves"], document["notKept"]) == ([], [])
    assert document["untouched"] == [{"version": 1, "nodes": 4}]


def test_a_first_rollout_that_has_not_taken_its_canary_yet_has_no_wave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def begins(stage: Stage) -> None:
        stage.cluster.apply("app", spec("app:1"))
        await stage.until("it chose", lambda: stage.deployment("app-v1").get("canaryNodes"))

    told = play(begins, monkeypatch)
    document = documented(told, [])
    assert (document["isOpen"], document["waves"], document["notKept"]) == (True, [], [])


def test_nodes_that_it_did_not_take_are_counted_also_when_a_later_one_took_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def went_on(stage: Stage) -> None:
        await stories.canary_failed(stage)
        await asyncio.sleep(60)
        stage.cluster.apply("app", spec("app:3", strategy="Rolling", maxParallel="100%"))
        await stage.ended("app-v3")

    document = reported(play(went_on, monkeypatch), "--version", "2")
    assert document["untouched"] == [{"version": 1, "nodes": 3}]


@pytest.mark.parametrize(
    "story", [promoted, stories.canary_failed, drained, canceled, said_in_other_words]
)
def test_a_row_has_no_gap_and_nothing_twice(story: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told = play(story, monkeypatch)
    sight = sight_of([told.list(kind) for kind in ("FleetJob", "FleetDeployment", "Execution")])
    assert sight is not None
    report = report_of(sight, choose(sight, None), told.now)
    assert report.rows
    for row in report.rows:
        assert row.segments[0].since >= report.since
        assert row.segments[-1].until == report.until
        for one, following in pairwise(row.segments):
            assert one.until == following.since
        for window in row.windows:
            assert report.since <= window.since < window.until <= report.until


def first_of(executions: list[Document], wave: int) -> Document:
    """The first by name of those that app-v2 has made in a wave."""
    found = [each for each in executions if each["spec"]["deploymentName"] == "app-v2"]
    found = [each for each in found if each["spec"]["rolloutWave"] == wave]
    return min(found, key=lambda each: str(each["spec"]["nodeName"]))


def test_waves_are_in_their_order_and_nodes_in_that_in_which_they_were_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = play(promoted, monkeypatch)
    executions = told.list("Execution")
    first_of(executions, 3)["spec"]["rolloutWave"] = 0
    late = first_of(executions, 2)
    moment = seconds(late["metadata"]["creationTimestamp"]) + 1
    late["metadata"]["creationTimestamp"] = format_time(moment)
    waves = documented(told, executions)["waves"]
    assert [(each["wave"], len(each["nodes"]), each["notKept"]) for each in waves] == [
        (1, 1, 0),
        (2, 2, 0),
        (3, 0, 1),
        (0, 1, 0),
    ]
    assert [each["node"] for each in waves[1]["nodes"]][1:] == [late["spec"]["nodeName"]]


def test_who_came_back_is_in_the_wave_that_took_it_and_in_none_once_that_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def failed_late(stage: Stage) -> None:
        await stage.install()
        stories.give(stage, "app:2", CRASHES, "n00")
        stage.cluster.apply("app", spec("app:2", strategy="Rolling", maxFailedNodes=0))
        await stage.ended("app-v2-rollback")

    told = play(failed_late, monkeypatch)
    taken = {each["spec"]["nodeName"]: each["spec"]["rolloutWave"]
             for each in told.list("Execution")
             if each["spec"]["deploymentName"] == "app-v2" and each["spec"]["jobVersion"] == 2
            }  # fmt: skip
    assert set(taken.values()) == {1, 2}
    document = reported(told)
    shown = {node["node"]: wave["wave"] for wave in document["waves"] for node in wave["nodes"]}
    assert shown == taken
    gone = of(told, "FleetDeployment", "app-v2")["status"]["failures"][0]["node"]
    left = [each for each in told.list("Execution") if each["spec"]["nodeName"] != gone]
    last = documented(told, left)["waves"][-1]
    assert (last["wave"], [each["node"] for each in last["nodes"]]) == (-1, [gone])


def test_the_gate_is_decided_by_its_last_canary(monkeypatch: pytest.MonkeyPatch) -> None:
    async def two(stage: Stage) -> None:
        await stage.install()
        stage.cluster.apply("app", spec("app:2", canaryCount=2, maxParallel=1))
        await stage.ended("app-v2")

    told = play(two, monkeypatch)
    executions = told.list("Execution")
    first, last = [each for each in executions if each["spec"]["deploymentName"] == "app-v2"
                   and each["spec"]["rolloutWave"] == 1]  # fmt: skip
    last["status"]["stableAt"] = format_time(seconds(first["status"]["stableAt"]) + 2)
    document = documented(told, executions)
    at = {each["kind"]: each for each in document["marks"]}
    assert at["CanaryStable"]["text"] == "2 canaries stable"
    assert at["CanaryStable"]["at"] == last["status"]["stableAt"]
    opened = first_of(executions, 2)["metadata"]["creationTimestamp"]
    assert at["GateOpened"]["at"] == opened
    del last["status"]["stableAt"]
    sight = sight_of([told.list("FleetJob"), told.list("FleetDeployment"), executions])
    assert sight is not None
    chosen = choose(sight, None)
    chosen.main["status"]["canaryPromoted"] = False
    open_still = with_marks(report_of(sight, chosen, told.now), chosen, [])
    assert not {"CanaryStable", "GateOpened"} & {mark.kind for mark in open_still.marks}


def test_what_is_not_on_record_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    told = play(promoted, monkeypatch)
    executions = told.list("Execution")
    first_of(executions, 1)["status"]["details"]["windows"] = ", ".join(["good 0/9"] * 8)
    del first_of(executions, 3)["status"]["details"]["windows"]
    first_of(executions, 2)["status"]["observedState"]["stateType"] = "Lost"
    document = documented(told, executions)
    mine = [each for each in document["notKept"] if "verdicts" in each or "stretches" in each]
    assert mine == [
        "2 stretches are of more than one state; when it changed is not kept",
        "1 of 8 verdicts: the windows before them are not kept",
        "1 verdicts: windows older than the last 8 are not kept",
    ]
    outcomes = [each["outcome"] for wave in document["waves"] for each in wave["nodes"]]
    assert sorted(outcomes) == ["", "", "", "Lost"]


def test_windows_of_what_is_judged_come_with_its_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    async def judged(stage: Stage) -> None:
        await judges(stage)

    assert reported(play(judged, monkeypatch))["notKept"][-1] == (
        "windows of what is being judged are on record only with its verdict"
    )


def test_a_rollout_that_judges_nothing_has_no_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(stage: Stage) -> None:
        await stage.install()
        stage.cluster.apply("app", spec("app:2", strategy="Immediate"))
        await stage.ended("app-v2")

    assert reported(play(at_once, monkeypatch))["gate"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("app", "--version", "7"), "no rollout of v7, or it is no longer kept; there are v1, v2"),
        (("none",), "no FleetJob none in namespace default"),
    ],
)
def test_what_is_not_there_is_an_error(
    arguments: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = play(stories.awaits_promotion, monkeypatch)("report", *arguments)
    assert (asked.code, asked.out) == (2, "")
    assert words in asked.err


def test_a_job_without_a_rollout_has_no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(stage: Stage) -> None:
        await stage.install()

    told = play(refused, monkeypatch)
    with pytest.raises(CliError, match="FleetJob app has had no rollout yet"):
        choose(Sight(told.list("FleetJob")[0], [], told.list("Execution")), None)
