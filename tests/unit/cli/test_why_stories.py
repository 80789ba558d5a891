"""``why`` of a job in each state that waits, after stories that the whole operator has played.

A row: what happened, and what somebody who reads nothing else has to find in the answer.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.told import Story, play
from unit.cli import stories
from wavegate.domain.times import parse_time

SCENES: list[tuple[Story, dict[str, Any]]] = [
    (
        stories.awaits_promotion,
        {
            "reason": "AwaitingPromotion",
            "waits": "waits for a person",
            "evidence": "app-v2: 1 of 4 nodes updated, 0 failed; none may (maxFailedNodes 10,",
            "who": "a person",
            "how": "wavegate promote app -n default",
            "timed": False,
        },
    ),
    (
        stories.paused,
        {
            "reason": "Paused",
            "waits": "spec.paused of FleetDeployment app-v2",
            "who": "a person",
            "how": "wavegate resume app -n default",
            "timed": False,
        },
    ),
    (
        stories.paused_by_the_job,
        {
            "reason": "Paused",
            "waits": "spec.rollout.paused of FleetJob app",
            "who": "who owns the job",
            "how": "set spec.rollout.paused of FleetJob app to false",
            "timed": False,
        },
    ),
    (
        stories.suspended,
        {
            "reason": "Suspended",
            "waits": "stopped by spec.suspend",
            "who": "who owns the job",
            "how": "wavegate unsuspend app -n default",
            "timed": False,
        },
    ),
    (
        stories.stopped,
        {
            "reason": "Stopped",
            "waits": "stopped by FleetDeployment halt",
            "who": "who owns the job",
            "how": "wavegate restart app -n default",
            "timed": False,
        },
    ),
    (
        stories.judges_bad_windows,
        {
            "reason": "Progressing",
            "waits": "bad window 1 of 3, 52.0% errors",
            "evidence": "must be healthy by",
            "who": "nobody has to: it goes on by itself",
            "how": "wavegate cancel app -n default",
            "timed": True,
            "if_not": "a canary that fails ends the rollout: every node that it touched goes",
            "runs": "v2 on 1 node (Validating), v1 on 3 (Running)",
        },
    ),
    (
        stories.never_ready,
        {
            "reason": "Progressing",
            "waits": "at the latest: begun at",
            "who": "nobody has to: it goes on by itself",
            "how": "wavegate pause app -n default",
            "timed": True,
        },
    ),
    (
        stories.old_pod_hangs,
        {
            "reason": "Progressing",
            "waits": "the pod before",
            "who": "nobody has to: it goes on by itself",
            "how": "wavegate pause app -n default",
            "timed": True,
        },
    ),
    (
        stories.canary_failed,
        {
            "reason": "RolledBack",
            "says": "v2 failed (the canary gate refused it",
            "evidence": "app-v2: 0 of 4 nodes updated, 1 failed; none may (maxFailedNodes 10,",
            "who": "who owns the job",
            "how": "wavegate restart app --to-version 2 -n default",
            "timed": False,
        },
    ),
    (
        stories.canary_failed_for_good,
        {
            "reason": "CanaryFailed",
            "says": "exit code 1",
            "evidence": "app-v2: 0 of 4 nodes updated, 1 failed; none may (maxFailedNodes 10,",
            "who": "who owns the job",
            "how": "wavegate restart app --to-version 2 -n default",
            "timed": False,
        },
    ),
    (
        stories.above_the_budget,
        {
            "reason": "BudgetExceeded",
            "says": "2 failed, above maxFailedNodes 1",
            "evidence": "2 failed; 1 may (maxFailedNodes 1, maxFailedNodesPercent 100 of",
            "who": "who owns the job",
            "how": "change the spec",
            "timed": False,
        },
    ),
    (
        stories.degraded,
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
        stories.canceled,
        {
            "reason": "Canceled",
            "says": "canceled: 1 of 4 nodes updated",
            "who": "who owns the job",
            "how": "wavegate restart app --to-version 2 -n default",
            "timed": False,
        },
    ),
    (
        stories.no_node,
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
        stories.queued,
        {
            "reason": "Queued",
            "waits": "given up at",
            "who": "an administrator",
            "how": "label, uncordon or repair a node",
            "timed": True,
            "if_not": "the rollout fails, and no node is touched",
            "runs": "nothing",
        },
    ),
    (
        stories.no_canary,
        {
            "reason": "NoCanary",
            "waits": "canarySelector.matchLabels (tier=test) matches none of the job's 4 nodes",
            "who": "an administrator",
            "how": "label a node that is to be a canary",
            "timed": False,
        },
    ),
    (
        stories.unreadable,
        {
            "reason": "MetricsUnreadable",
            "waits": "no counters can be read (http://",
            "who": "an administrator",
            "how": "open the way to the address",
            "timed": True,
            "if_not": "the rollout fails, and no Ready node is taken back",
        },
    ),
    (
        stories.source_missing,
        {
            "reason": "SourceNotConfigured",
            "waits": "fleet",
            "who": "an administrator",
            "how": "--prometheus-source",
            "timed": False,
        },
    ),
    (
        stories.node_away,
        {
            "reason": "Progressing",
            "waits": "repair it, or delete its Node",
            "evidence": "nodes that match and cannot be used: 1 NotReady",
            "who": "an administrator",
            "how": "repair the node, or delete its Node",
            "timed": True,
            "if_not": "one of them ends the rollout: every node that it touched goes back to v1",
            "runs": "v2 on 3 nodes (Running), v1 on 1 (Running)",
        },
    ),
    (
        stories.version_gone,
        {
            "reason": "VersionMissing",
            "waits": "JobVersion app-v1 is gone",
            "who": "who owns the job",
            "how": "wavegate cancel app -n default",
            "timed": False,
        },
    ),
    (
        stories.failed_before,
        {
            "reason": "FailedWorkload",
            "waits": "v4 is v2 again, which failed",
            "evidence": "3 bad windows in a row: 52.0% errors (26 of 50), above 10.0%, at 2023",
            "who": "who owns the job",
            "how": "wavegate restart app --to-version 2 -n default",
            "timed": False,
        },
    ),
    (
        stories.template_refused,
        {
            "reason": "TemplateRefused",
            "waits": "hostPath is not allowed",
            "who": "who owns the job",
            "how": "change spec.template, or what refuses it",
            "timed": False,
        },
    ),
    (
        stories.a_strangers_pod,
        {
            "reason": "Stranger",
            "waits": 'pod "mine" carries the job\'s label but is not ours',
            "who": "an administrator",
            "how": "see whose it is; then delete it",
            "timed": False,
        },
    ),
    (
        stories.not_understood,
        {
            "reason": "InvalidSpec",
            "waits": "minHealthyTime",
            "who": "who owns the job",
            "how": "correct the field that the message names",
            "timed": False,
        },
    ),
    (
        stories.first_version_keeps_failing,
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
        stories.lost_node,
        {
            "reason": "Degraded",
            "says": "not well: n00",
            "evidence": "nodes that match and cannot be used: 1 NotReady",
            "who": "who owns the job",
            "timed": False,
        },
    ),
    (
        stories.well,
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
    assert (coming is not None) == expected["timed"], answer
    assert coming is None or coming > told.now
    assert answer["next"]
    assert expected.get("if_not", "") in answer["ifNot"]
    assert bool(answer["ifNot"]) == (coming is not None)
    assert expected.get("runs", answer["runsNow"] or "nothing") == answer["runsNow"]
    people = told("why", "app")
    assert people.code == 0
    for part in (
        answer["who"],
        answer["next"],
        *answer["how"],
        *answer["evidence"],
        answer["ifNot"],
    ):
        assert part in people.out
