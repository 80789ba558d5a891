"""Every table of worked examples that a page shows is worked through with the rule itself."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from sim.world import once
from unit.domain.builders import (
    NOW,
    deployment,
    execution,
    fleet,
    job,
    job_spec,
    node,
    pod,
    progress,
    settings,
    version,
)
from wavegate.api.fleetjob import load_job_spec
from wavegate.domain.attempts import delay
from wavegate.domain.blame import withdrawal
from wavegate.domain.budget import exceeded
from wavegate.domain.gate import gate
from wavegate.domain.health import HealthRecord, Window, WindowResult
from wavegate.domain.hold import holding
from wavegate.domain.late_starts import is_ending, taken_back, waits
from wavegate.domain.observed import DeploymentView, Exit
from wavegate.domain.rollback import needs_rollback
from wavegate.domain.rollout import Outlook
from wavegate.domain.sizes import sizes
from wavegate.reference.tables import docstring_table

CONCEPTS: Final = Path(__file__).parents[3] / "docs" / "concepts"
SHOWN: Final = re.compile(r"generated: table (\w+) ")
"""Of those of ``domain``; the others are in test_worked_runs.py."""

Row = Mapping[str, str]
"""A row's cells by the head of their column."""


def sizes_row(row: Row) -> None:
    name, _, number = row["canaries"].partition(" ")
    rollout: dict[str, Any] = {"strategy": row["strategy"], name or "canaryCount": None}
    if name:
        rollout[name] = int(number)
    size = row["maxParallel"]
    rollout["maxParallel"] = size if size.endswith("%") else int(size)
    found = sizes(settings(**rollout), "Update", int(row["targets"]))
    left, each = found.total, []
    for wave in range(1, found.waves + 1):
        each.append(min(left, found.of(wave)))
        left -= each[-1]
    assert left == 0
    assert ", ".join(map(str, each)) == row["nodes in each wave"]


def budget_row(row: Row) -> None:
    limits = settings(
        maxFailedNodes=int(row["maxFailedNodes"]),
        maxFailedNodesPercent=int(row["maxFailedNodesPercent"]),
    )
    broken = exceeded(int(row["failed"]), int(row["total"]), limits)
    assert row["fails"].partition(":")[0] == ("yes" if broken else "no")


def attempts_row(row: Row) -> None:
    failures = {int(head): cell for head, cell in row.items() if head.isdigit()}
    assert len(failures) > 3
    assert {count: str(int(delay(count))) for count in failures} == failures


def gate_row(row: Row) -> None:
    def canary(name: str, observed: str = "Running", **fields: Any) -> Any:
        return execution(2, observed, node=name, version=2, **fields)

    stable = canary("n1", stable=True)
    canaries = {
        "one not yet judged": [stable, canary("n2")],
        "all stable": [stable, canary("n2", stable=True)],
        "one failed": [stable, canary("n2", "Failed")],
        "none left to be one": [],
    }[row["canaries"]]
    consents = {"yes": (True,), "no": (False,), "any": (True, False)}
    nodes = [node(f"n{number}") for number in range(1, 5)] if canaries else []
    for consent in consents[row["autoPromote or promoted"]]:
        for by in ("auto", "person"):
            rollout = settings(
                strategy="Canary", canaryCount=2, autoPromote=consent and by == "auto"
            )
            promoted = consent and by == "person"
            update = deployment(2, rollout=rollout, total=4, promoted=promoted)
            versions = [version(1, stable=True), version(2)]
            view = fleet(nodes=nodes, versions=versions, deployments=[update], executions=canaries)
            found = gate(progress(view, update, versions[1])).name
            assert found == {"AwaitingPromotion": "AWAITING", "NoCanary": "NO_CANARY"}.get(
                row["gate"], row["gate"].upper()
            )


def rollback_row(row: Row) -> None:
    words, _, special = row["the newest accepted deployment"].partition(", ")
    found = re.fullmatch(r"(\w+) (?:to |of )?v(\d) ?(\w*)", words)
    assert found, words
    kind, number, state = found[1], int(found[2]), found[3] or "Failed"
    fields: dict[str, Any] = {
        "": {},
        "noAutoRollback": {"rollout": settings(noAutoRollback=True)},
        "Immediate": {"rollout": settings(strategy="Immediate", healthCheck=None)},
        "MetricsUnreadable": {"reason": "MetricsUnreadable"},
        "QueueTimeout": {"reason": "QueueTimeout"},
        "type query": {},
        "which was never stable, Failed": {},
    }[special]
    last = deployment(number, state, type=kind, **fields)
    stable = row["stable version"] != "none"
    versions = [version(1, stable=stable), version(2), version(3)]
    spec = load_job_spec(once()) if special == "type query" else None
    view = fleet(job=job(spec), versions=versions, deployments=[last])
    assert needs_rollback(view, last) is (row["rollback"] == "v1")


def blame_row(row: Row) -> None:
    ended = {"phase": "Failed", "exit": Exit("main", "Error", 1, "", NOW)}
    pod_fields, node_fields, belongs = {
        "pod evicted (DisruptionTarget)": ({"disruption": "EvictionByEvictionAPI"}, {}, True),
        "pod deleted by hand": ({"deletion": NOW + 30}, {}, True),
        "pod deleted by hand, its process ending with exit 0 by that": (
            {"deletion": NOW + 30, "phase": "Succeeded"},
            {},
            True,
        ),
        "pod ended, reason NodeShutdown": ({"phase": "Failed", "reason": "NodeShutdown"}, {}, True),
        "no pod yet, the one before is a minute beyond its grace period": (None, {}, True),
        "node cordoned": ({}, {"unschedulable": True}, True),
        "node relabelled out": ({}, {}, False),
        "node NotReady": ({}, {"ready": False}, True),
        "container exits 1": (ended, {}, True),
    }[row["before the verdict"]]
    overdue = pod_fields is None
    claim = execution(observed="Starting", pod_uid="" if overdue else "pod-uid")
    own = None if pod_fields is None else pod(claim, **pod_fields)
    why = withdrawal(claim, own, node(**node_fields), belongs, overdue)
    assert row["blame"] == (f"withdrawn: {why}" if why else "version-caused")


def hold_row(row: Row) -> None:
    read = WindowResult(Window.GOOD, NOW, "good", 0, 9)
    unread = WindowResult(Window.UNREADABLE, NOW, "http://10.0.0.1/metrics: timed out")
    judged = {
        "all unreadable": [unread, unread],
        "one readable": [read, unread],
        "one without a window yet, the others unreadable": [None, unread],
    }
    old = {
        "unreadable, or none there": [unread, None],
        "readable": [read],
        "readable, but at another place": [read],
        "any": [unread, read],
    }
    elsewhere = "another place" in row["an old version's pod"]
    for reference in old[row["an old version's pod"]]:
        claims = [execution(1, node="n1", stable=True)] if reference else []
        claims += [execution(1, node=name, version=2) for name in ("n2", "n3")]
        pods = [pod(claim, uid=f"pod-{claim.node}") for claim in claims]
        windows = [*([reference] if reference else []), *judged[row["pods being judged"]]]
        spec = job_spec(rollout={"healthCheck": COUNTED})
        other = job_spec(rollout={"healthCheck": QUERIED}) if elsewhere else spec
        view = fleet(
            nodes=[node(claim.node) for claim in claims],
            versions=[version(1, stable=True, spec=other), version(2, spec=spec)],
            executions=claims,
            pods=pods,
            health={
                each.uid: HealthRecord(each.uid, NOW, None, 0, last=window)
                for each, window in zip(pods, windows, strict=True)
            },
        )
        held = holding(view).of(view.judging_of(view.versions[2], ""))
        assert bool(held.why) is (row["held"] == "yes")


COUNTED: Final = {
    "deadline": "1m",
    "errorRate": {"podMetrics": {"port": 80, "errors": ["bad"], "total": ["all"]}},
}
QUERIED: Final = {
    "deadline": "1m",
    "errorRate": {
        "prometheus": {
            "source": "main",
            "errorQuery": "increase(bad[$window])",
            "totalQuery": "increase(all[$window])",
        }
    },
}


def late_starts_row(row: Row) -> None:
    def update(state: str = "InProgress", paused: bool = False, **rollout: Any) -> DeploymentView:
        given = settings(strategy="Canary", canaryCount=2, **rollout)
        return deployment(2, state, rollout=given, total=2, paused=paused)

    def back(state: str = "InProgress", **fields: Any) -> DeploymentView:
        given = {"name": "app-v2-rollback", "type": "Rollback", "to_version": 1, "total": 2}
        return deployment(3, state, **{**given, **fields})

    failed, may_take = update("Failed"), Outlook("InProgress", "Progressing", "", may_take=True)
    canaries = [execution(2, node=name, version=2) for name in ("n1", "n2")]
    failing = canaries[:1] if row["the rollout of v2, with v1 stable"] != "goes on" else []
    cases: Mapping[str, list[tuple[list[DeploymentView], Outlook]]] = {
        "goes on": [([update()], may_take)],
        "a failure is reached that ends it": [([update()], may_take)],
        "the same, in a job without automatic rollback": [
            ([update(noAutoRollback=True)], may_take)
        ],
        "the same, and it is paused": [([update(paused=True)], may_take)],
        "Failed": [([failed], may_take)],
        "Failed, the rollback to v1 is open": [
            ([failed, back()], may_take),
            ([failed, back(started=None)], Outlook("InProgress", "Progressing", "")),
        ],
        "Failed, the rollback to v1 is paused, or cannot judge": [
            ([failed, back(paused=True)], may_take),
            ([failed, back()], Outlook("InProgress", "MetricsUnreadable", "")),
        ],
        "Failed, the rollback to v1 has ended": [([failed, back("Failed")], may_take)],
    }
    for deployments, stands in cases[row["the rollout of v2, with v1 stable"]]:
        versions = [version(1, stable=True), version(2)]
        view = fleet(
            nodes=[node("n1"), node("n2")],
            versions=versions,
            deployments=deployments,
            executions=canaries,
        )
        last = deployments[-1]
        run = None if last.terminal else progress(view, last, versions[last.to_version - 1])
        ending = run is not None and is_ending(run, failing)
        found = taken_back(view, run, stands if run is not None else None, ending=ending)
        expected = row["a node taken for v2, without a pod of it"].startswith("waits")
        assert waits(view.chains["n2"], found, overdue=False) is expected


WORKED: Final[Mapping[str, Callable[[Row], None]]] = {
    "sizes": sizes_row,
    "budget": budget_row,
    "attempts": attempts_row,
    "gate": gate_row,
    "rollback": rollback_row,
    "blame": blame_row,
    "hold": hold_row,
    "late_starts": late_starts_row,
}


def rows(rule: str) -> list[Row]:
    head, *cells = docstring_table(importlib.import_module(f"wavegate.domain.{rule}"))
    return [dict(zip(head, row, strict=True)) for row in cells]


@pytest.mark.parametrize(
    ("rule", "row"),
    [
        pytest.param(rule, row, id=f"{rule}: {', '.join(row.values())}")
        for rule in WORKED
        for row in rows(rule)
    ],
)
def test_a_row_is_what_the_rule_makes_of_it(rule: str, row: Row) -> None:
    WORKED[rule](row)


def test_every_table_that_a_page_shows_is_worked_through() -> None:
    shown = {rule for page in CONCEPTS.glob("*.md") for rule in SHOWN.findall(page.read_text())}
    assert shown == set(WORKED)
