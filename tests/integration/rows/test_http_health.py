"""The health of a job: each run counts once, and is kept until it does."""

from __future__ import annotations

import time
from typing import Any

import pytest

from support.answering import Endpoint, Received, Reply
from support.asking import ONCE, Asked
from support.few import at
from wavegate.cli.run_health import health_document

pytestmark = pytest.mark.cluster

LAST = "HTTPJob.status.health.last7Days"


def _answer(call: Received) -> Reply:
    return Reply(422 if call.run.startswith("fails") else 200)


def _last(asked: Asked) -> dict[str, Any]:
    return dict(asked.of_job().get("health", {}).get("last7Days", {}))


@pytest.mark.row(
    "HTTPJob.status.health",
    "HTTPJob.status.health.since",
    "HTTPJob.status.health.asOf",
    "HTTPJob.status.health.last7Days",
    f"{LAST}.from",
    f"{LAST}.total",
    f"{LAST}.completed",
    f"{LAST}.failed",
    f"{LAST}.timedOut",
    f"{LAST}.crashed",
    f"{LAST}.canceled",
    f"{LAST}.expired",
    f"{LAST}.successRate",
    f"{LAST}.averageMs",
    f"{LAST}.p95Ms",
    f"{LAST}.p95Error",
    f"{LAST}.stability",
    f"{LAST}.score",
    "HTTPJob.status.health.hours",
    "HTTPJob.status.health.days",
    "HTTPJob.status.health.countedUpTo",
    "HTTPJob.status.health.counted",
)
def test_row_health(asked: Asked, endpoint: Endpoint) -> None:
    """Three of four that were not canceled complete; history keeps none of them."""
    endpoint.answer = _answer
    kept = {"retry": ONCE, "successfulHistoryLimit": 0, "failedHistoryLimit": 0}
    asked.job(runs=kept)
    health = asked.seen()["health"]
    found = asked.space.get("HTTPJob", "app")
    assert found is not None
    assert at(health["since"]) == at(found["metadata"]["creationTimestamp"])
    assert health["countedUpTo"] == health["since"]
    assert "last7Days" not in health, "without runs there is no score"
    for name in ("good-1", "good-2", "good-3", "fails-1"):
        asked.run(name, owned=True)
    asked.run("later", owned=True, notBefore="2099-01-01T00:00:00Z")
    asked.space.patch("JobRun", "later", {"canceled": True})
    asked.until("all five count", lambda: _last(asked).get("total") == 5)
    told = _last(asked)
    counts = {"completed": 3, "failed": 1, "canceled": 1, "timedOut": 0, "crashed": 0, "expired": 0}
    assert {name: told[name] for name in counts} == counts
    assert (told["successRate"], told["p95Error"]) == (0.75, 0.043)
    assert told["score"] == pytest.approx(52.5 + told["stability"], abs=0.1)
    assert 0 < told["averageMs"] <= told["p95Ms"] * (1 + told["p95Error"]) < 30_000
    assert at(told["from"]) % 86400 == 0
    asked.until("none is kept", lambda: not asked.space.list("JobRun"))
    health, now = asked.of_job()["health"], time.time()
    assert len(health["counted"]) == 5
    assert health["days"] == {}
    assert len(health["hours"]) in (1, 2), "one hour, or they met its end"
    assert -2 < now - at(health["asOf"]) < 30
    found = asked.space.get("HTTPJob", "app")
    assert found is not None
    for window in ("1h", "30d"):
        assert health_document(found, window, now)["total"] == 5  # type: ignore[arg-type]


@pytest.mark.row("HTTPJob.status.health.counted")
def test_row_health_of_a_run_that_is_deleted_by_hand(asked: Asked) -> None:
    asked.job()
    for number in range(3):
        asked.run(f"run-{number}")
        assert asked.ended(f"run-{number}")["phase"] == "Completed"
        asked.space.delete("JobRun", f"run-{number}")
    asked.until("all three count", lambda: _last(asked).get("total") == 3)
    # A status is written once a second at most: by then one that counted twice would show.
    asked.run("last")
    asked.until("four count", lambda: _last(asked).get("total") == 4)
    assert _last(asked)["completed"] == 4
