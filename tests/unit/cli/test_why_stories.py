"""``why`` of a job in each state that waits, after stories that the whole operator has played.

A row: what happened, and what somebody who reads nothing else has to find in the answer.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from sim.world import spec
from support.told import Stage, Story, play
from wavegate.cli.sight import Sight
from wavegate.cli.why import Facts, why_job
from wavegate.domain.times import parse_time
from wavegate.kube.errors import error_of
from wavegate.simulation.fates import (
    CRASHES,
    ERRS,
    FINE,
    HANGS,
    NEVER_READY,
    UNREADABLE,
    Fate,
)
from wavegate.simulation.rights import Administrator
from wavegate.simulation.transport import Request, Untroubled

FIRST = "n00"


def give(stage: Stage, image: str, fate: Fate, *nodes: str) -> None:
    def choose(node: str, running: str) -> Fate:
        return fate if running == image and (not nodes or node in nodes) else FINE

    stage.cluster.fleet.fate = choose


async def awaits_promotion(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2", autoPromote=False))
    await stage.says("AwaitingPromotion")


async def paused(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2"))
    await stage.until("it began", lambda: stage.deployment("app-v2").get("currentWave"))
    stage.cluster.patch("FleetDeployment", "app-v2", {"spec": {"paused": True}})
    await stage.says("Paused")


async def paused_by_the_job(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2", paused=True))
    await stage.says("Paused")


async def suspended(stage: Stage) -> None:
    await stage.install()
    stage.cluster.patch("FleetJob", "app", {"spec": {"suspend": True}})
    await stage.says("Suspended")


async def stopped(stage: Stage) -> None:
    await stage.install()
    stage.cluster.deploy("halt", {"jobName": "app", "type": "Stop"})
    await stage.says("Stopped")


async def judges_bad_windows(stage: Stage) -> None:
    await stage.install()
    give(stage, "app:2", ERRS)
    stage.cluster.apply("app", spec("app:2"))
    await stage.until(
        "a bad window", lambda: "bad window 1" in stage.deployment("app-v2").get("message", "")
    )
    await stage.until(
        "the job says so", lambda: "bad window" in str(stage.job()["status"]["state"])
    )


async def never_ready(stage: Stage) -> None:
    await stage.install()
    give(stage, "app:2", NEVER_READY)
    stage.cluster.apply("app", spec("app:2"))
    await stage.until(
        "the old pod is gone", lambda: "begun at" in str(stage.job()["status"]["state"])
    )


async def old_pod_hangs(stage: Stage) -> None:
    await stage.install()
    give(stage, "app:1", HANGS)
    stage.cluster.apply("app", spec("app:2"))
    await stage.until(
        "it waits for the old pod", lambda: "the pod before" in str(stage.job()["status"]["state"])
    )


async def canary_failed(stage: Stage) -> None:
    await stage.install()
    give(stage, "app:2", ERRS)
    stage.cluster.apply("app", spec("app:2"))
    await stage.says("RolledBack")


async def canary_failed_for_good(stage: Stage) -> None:
    await stage.install()
    give(stage, "app:2", CRASHES)
    stage.cluster.apply("app", spec("app:2", noAutoRollback=True))
    await stage.says("CanaryFailed")


async def above_the_budget(stage: Stage) -> None:
    await stage.install()
    give(stage, "app:2", CRASHES)
    stage.cluster.apply(
        "app",
        spec(
            "app:2",
            strategy="Rolling",
            noAutoRollback=True,
            maxFailedNodes=1,
            maxFailedNodesPercent=100,
        ),
    )
    await stage.says("BudgetExceeded")


async def degraded(stage: Stage) -> None:
    await stage.install()
    give(stage, "app:2", CRASHES, FIRST)
    stage.cluster.apply(
        "app", spec("app:2", strategy="Rolling", maxFailedNodes=1, maxFailedNodesPercent=100)
    )
    await stage.says("Degraded")


async def canceled(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2", autoPromote=False))
    await stage.says("AwaitingPromotion")
    stage.cluster.patch("FleetDeployment", "app-v2", {"spec": {"canceled": True}})
    await stage.says("Canceled")


async def no_node(stage: Stage) -> None:
    for node in ("n00", "n01", "n02"):
        stage.cluster.fleet.cordon(node)
    stage.cluster.fleet.set_ready("n03", False)
    stage.cluster.apply("app", spec("app:1"))
    await stage.says("NoMatchingNodes")


async def queued(stage: Stage) -> None:
    stage.cluster.apply(
        "app",
        {
            **spec("app:1"),
            "selector": {"matchLabels": {"pool": "moon"}},
            "timeouts": {"queue": "1h"},
        },
    )
    await stage.says("Queued")


async def no_canary(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2", canarySelector={"matchLabels": {"tier": "test"}}))
    await stage.says("NoCanary")


async def unreadable(stage: Stage) -> None:
    stage.cluster.fleet.fate = lambda _node, _image: UNREADABLE
    stage.cluster.apply("app", spec("app:1"))
    await stage.until(
        "held", lambda: stage.deployment("app-v1").get("reason") == "MetricsUnreadable"
    )
    await stage.says("MetricsUnreadable")


async def source_missing(stage: Stage) -> None:
    health = {
        "interval": "5s",
        "deadline": "1m",
        "errorRate": {
            "prometheus": {
                "source": "fleet",
                "errorQuery": "sum by (node) (last_over_time(errors[$window]))",
                "totalQuery": "sum by (node) (last_over_time(total[$window]))",
            }
        },
    }
    stage.cluster.apply("app", spec("app:1", healthCheck=health))
    await stage.says("SourceNotConfigured")


async def node_away(stage: Stage) -> None:
    """The last node of a rollout goes NotReady before its turn."""
    await stage.install()
    stage.cluster.apply("app", spec("app:2", maxParallel=1))
    await stage.until("wave 2", lambda: stage.deployment("app-v2").get("currentWave") == 2)
    done = {
        each["spec"]["nodeName"]
        for each in stage.cluster.list("Execution")
        if each["spec"]["deploymentName"] == "app-v2"
    }
    last = next(name for name in ("n00", "n01", "n02", "n03") if name not in done)
    stage.cluster.fleet.set_ready(last, False)
    await stage.until("it waits", lambda: "NotReady since" in str(stage.job()["status"]["state"]))


async def version_gone(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2", strategy="Rolling", maxParallel="100%"))
    await stage.ended("app-v2")
    give(stage, "app:1", NEVER_READY)
    stage.cluster.deploy("back", {"jobName": "app", "type": "Rollback", "toVersion": 1})
    await stage.until("it goes back", lambda: stage.deployment("back").get("startedAt"))
    stage.cluster.delete("JobVersion", "app-v1")
    await stage.says("VersionMissing")


async def failed_before(stage: Stage) -> None:
    await canary_failed(stage)
    stage.cluster.apply("app", spec("app:1", strategy="Rolling", maxParallel="100%"))
    await stage.ended("app-v3")
    stage.cluster.apply("app", spec("app:2"))
    await stage.says("FailedWorkload")


class Policy(Untroubled):
    """An admission that refuses pods, also in a dry run."""

    async def sending(self, request: Request) -> None:
        if request.method == "POST" and request.path.endswith("/pods"):
            raise error_of(403, {"reason": "Forbidden", "message": "hostPath is not allowed"})


async def template_refused(stage: Stage) -> None:
    await stage.install()
    stage.cluster.living[0].transport.trouble = Policy()
    stage.cluster.apply("app", spec("app:2"))
    await stage.says("TemplateRefused")


async def a_strangers_pod(stage: Stage) -> None:
    await stage.install()
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "mine",
            "namespace": "default",
            "labels": {"wavegate.dev/job": "app"},
        },
        "spec": {"nodeName": FIRST, "containers": [{"name": "main", "image": "x"}]},
    }
    user = Administrator("user")
    stage.cluster.server.request(user, "POST", "/api/v1/namespaces/default/pods", body=pod)
    await stage.says("Stranger")


async def waits_for_its_job(stage: Stage) -> None:
    await stage.install()
    stage.cluster.patch("FleetJob", "app", {"spec": {"suspend": True}})
    await stage.says("Suspended")
    stage.cluster.deploy("again", {"jobName": "app", "type": "Restart"})
    await stage.until("it waits", lambda: stage.deployment("again").get("state") == "Pending")


async def not_understood(stage: Stage) -> None:
    await stage.install()
    health = {"deadline": "1m", "minHealthyTime": "1m", "successThreshold": 2}
    stage.cluster.apply("app", spec("app:2", healthCheck=health))
    await stage.says("InvalidSpec")


async def first_version_keeps_failing(stage: Stage) -> None:
    give(stage, "app:1", CRASHES)
    stage.cluster.apply("app", spec("app:1"))
    await stage.says("CanaryFailed")


async def lost_node(stage: Stage) -> None:
    await stage.install()
    stage.cluster.fleet.set_ready(FIRST, False)
    await stage.until("it is lost", lambda: stage.job()["status"]["nodes"]["lost"])


async def well(stage: Stage) -> None:
    await stage.install()


SCENES: list[tuple[Story, dict[str, Any]]] = [
    (
        awaits_promotion,
        {
            "reason": "AwaitingPromotion",
            "waits": "waits for a person",
            "evidence": "app-v2: 1 of 4 nodes updated, 0 failed; the limit is 0",
            "who": "a person",
            "how": "wavegate promote app -n default",
            "timed": False,
        },
    ),
    (
        paused,
        {
            "reason": "Paused",
            "waits": "spec.paused of FleetDeployment app-v2",
            "who": "a person",
            "how": "wavegate resume app -n default",
            "timed": None,
        },
    ),
    (
        paused_by_the_job,
        {
            "reason": "Paused",
            "waits": "spec.rollout.paused of FleetJob app",
            "who": "a person",
            "how": "change it there",
            "timed": False,
        },
    ),
    (
        suspended,
        {
            "reason": "Suspended",
            "waits": "stopped by spec.suspend",
            "who": "who owns the job",
            "how": "wavegate unsuspend app -n default",
            "timed": False,
        },
    ),
    (
        stopped,
        {
            "reason": "Stopped",
            "waits": "stopped by FleetDeployment halt",
            "who": "who owns the job",
            "how": "wavegate restart app -n default",
            "timed": False,
        },
    ),
    (
        judges_bad_windows,
        {
            "reason": "Progressing",
            "waits": "bad window 1 of 3, 50.0% errors",
            "evidence": "must be healthy by",
            "who": "nobody has to: it goes on by itself",
            "how": "wavegate cancel app -n default",
            "timed": True,
        },
    ),
    (
        never_ready,
        {
            "reason": "Progressing",
            "waits": "at the latest: begun at",
            "who": "nobody has to: it goes on by itself",
            "how": "wavegate pause app -n default",
            "timed": True,
        },
    ),
    (
        old_pod_hangs,
        {
            "reason": "Progressing",
            "waits": "the pod before",
            "who": "nobody has to: it goes on by itself",
            "how": "wavegate pause app -n default",
            "timed": True,
        },
    ),
    (
        canary_failed,
        {
            "reason": "RolledBack",
            "says": "v2 failed (the canary gate refused it",
            "evidence": "app-v2: 0 of 4 nodes updated, 1 failed; the limit is 0",
            "who": "who owns the job",
            "how": "wavegate restart app --to-version 2 -n default",
            "timed": False,
        },
    ),
    (
        canary_failed_for_good,
        {
            "reason": "CanaryFailed",
            "says": "exit code 1",
            "evidence": "app-v2: 0 of 4 nodes updated, 1 failed; the limit is 0",
            "who": "who owns the job",
            "how": "wavegate restart app --to-version 2 -n default",
            "timed": False,
        },
    ),
    (
        above_the_budget,
        {
            "reason": "BudgetExceeded",
            "says": "2 failed, above maxFailedNodes 1",
            "evidence": "2 failed; the limit is 1 (maxFailedNodes 1, maxFailedNodesPercent 100 of",
            "who": "who owns the job",
            "how": "change the spec",
            "timed": False,
        },
    ),
    (
        degraded,
        {
            "reason": "Degraded",
            "says": "reached 3 of 4 nodes",
            "evidence": "n00: ",
            "who": "who owns the job",
            "how": "wavegate restart app -n default",
            "timed": False,
        },
    ),
    (
        canceled,
        {
            "reason": "Canceled",
            "says": "canceled: 1 of 4 nodes updated",
            "who": "who owns the job",
            "how": "wavegate restart app --to-version 2 -n default",
            "timed": False,
        },
    ),
    (
        no_node,
        {
            "reason": "NoMatchingNodes",
            "waits": "no node that can be used matches the selector",
            "evidence": "nodes that match and cannot be used: 3 Cordoned, 1 NotReady",
            "who": "an administrator",
            "how": "label, uncordon or repair a node",
            "timed": False,
        },
    ),
    (
        queued,
        {
            "reason": "Queued",
            "waits": "given up at",
            "who": "an administrator",
            "how": "label, uncordon or repair a node",
            "timed": True,
        },
    ),
    (
        no_canary,
        {
            "reason": "NoCanary",
            "waits": "canarySelector.matchLabels (tier=test) matches none of the job's 4 nodes",
            "who": "an administrator",
            "how": "label a node that is to be a canary",
            "timed": None,
        },
    ),
    (
        unreadable,
        {
            "reason": "MetricsUnreadable",
            "waits": "no counters can be read (http://",
            "who": "an administrator",
            "how": "open the way to the address",
            "timed": True,
        },
    ),
    (
        source_missing,
        {
            "reason": "SourceNotConfigured",
            "waits": "fleet",
            "who": "an administrator",
            "how": "--prometheus-source",
            "timed": False,
        },
    ),
    (
        node_away,
        {
            "reason": "Progressing",
            "waits": "repair it, or delete its Node",
            "evidence": "nodes that match and cannot be used: 1 NotReady",
            "who": "nobody has to: it goes on by itself",
            "how": "wavegate cancel app -n default",
            "timed": True,
        },
    ),
    (
        version_gone,
        {
            "reason": "VersionMissing",
            "waits": "JobVersion app-v1 is gone",
            "who": "who owns the job",
            "how": "wavegate cancel app -n default",
            "timed": None,
        },
    ),
    (
        failed_before,
        {
            "reason": "FailedWorkload",
            "waits": "v4 is v2 again, which failed",
            "evidence": "3 bad windows in a row: 50.0% errors (25 of 50), above 10.0%, at 2023",
            "who": "who owns the job",
            "how": "wavegate restart app --to-version 2 -n default",
            "timed": False,
        },
    ),
    (
        template_refused,
        {
            "reason": "TemplateRefused",
            "waits": "hostPath is not allowed",
            "who": "who owns the job",
            "how": "change spec.template, or the policy or quota that refuses it",
            "timed": None,
        },
    ),
    (
        a_strangers_pod,
        {
            "reason": "Stranger",
            "waits": "pod mine carries the job's label but is not ours",
            "who": "an administrator",
            "how": "delete or relabel the object",
            "timed": None,
        },
    ),
    (
        not_understood,
        {
            "reason": "InvalidSpec",
            "waits": "minHealthyTime",
            "who": "who owns the job",
            "how": "correct the field that the message names",
            "timed": False,
        },
    ),
    (
        first_version_keeps_failing,
        {
            "reason": "CanaryFailed",
            "says": "the canary gate refused it",
            "evidence": "exit code 1",
            "who": "who owns the job",
            "how": "change the spec",
            "timed": False,
        },
    ),
    (
        lost_node,
        {
            "reason": "Degraded",
            "says": "not well: n00",
            "evidence": "nodes that match and cannot be used: 1 NotReady",
            "who": "who owns the job",
            "timed": False,
        },
    ),
    (
        well,
        {
            "reason": "Running",
            "says": "v1 runs on 4 nodes",
            "who": "nobody has to",
            "timed": False,
        },
    ),
]


@pytest.mark.parametrize(
    ("story", "expected"), SCENES, ids=lambda each: getattr(each, "__name__", "")
)
def test_what_a_job_waits_for(
    story: Story, expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = play(story, monkeypatch)
    asked = told("why", "app", "-o", "json")
    assert asked.code == 0, asked.err
    answer = json.loads(asked.out)
    assert answer["reason"] == expected["reason"]
    assert expected.get("waits", "") in answer["waitsFor"]
    assert bool(answer["waitsFor"]) == ("waits" in expected)
    assert expected.get("says", "") in answer["says"]
    assert expected.get("evidence", "") in "\n".join(answer["evidence"])
    assert answer["who"] == expected["who"]
    assert expected.get("how", "") in "\n".join(answer["how"])
    since = parse_time(answer["since"])
    assert since is not None
    assert since <= told.now
    coming = parse_time(answer["nextAt"])
    if expected["timed"]:
        assert coming is not None, answer
        assert coming > told.now
    elif expected["timed"] is False:
        assert coming is None, answer
    assert answer["next"]
    people = told("why", "app")
    assert people.code == 0
    for part in (answer["who"], answer["next"], *answer["how"], *answer["evidence"]):
        assert part in people.out


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
    told = play(never_ready, monkeypatch)
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
    told = play(canary_failed, monkeypatch)
    failed = [
        each["metadata"]["name"]
        for each in told.list("Execution")
        if each["status"]["observedState"]["stateType"] == "Failed"
    ]
    answer = json.loads(told("why", failed[0], "-o", "json").out)
    assert answer["waitsFor"] == ""
    assert "error rate 50.0% (25 of 50), limit 10.0%" in answer["evidence"]
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
    told = play(waits_for_its_job, monkeypatch)
    answer = json.loads(told("why", "again", "-o", "json").out)
    assert (answer["state"], answer["reason"]) == ("Pending", "Suspended")
    assert answer["waitsFor"].startswith("the job is suspended; begins when spec.suspend")
    assert answer["how"] == ["wavegate unsuspend app -n default"]


def test_when_no_operator_runs_that_is_said_first(monkeypatch: pytest.MonkeyPatch) -> None:
    told = play(awaits_promotion, monkeypatch)
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
        ("none", "no FleetJob, FleetDeployment or Execution none in namespace default"),
        ("fd/none", "no FleetDeployment none in namespace default"),
        ("fd/", "the name of the FleetDeployment is empty"),
        ("pod/none", "pod: is not fleetjob, fleetdeployment or execution"),
    ],
)
def test_what_is_not_there_is_an_error(
    name: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = play(well, monkeypatch)("why", name)
    assert (asked.code, asked.out) == (2, "")
    assert words in asked.err
