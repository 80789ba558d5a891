"""Which runs are kept once they have ended: of those that are the job's own."""

from __future__ import annotations

import pytest

from support.answering import Endpoint, Reply
from support.asking import ONCE, Asked

pytestmark = pytest.mark.cluster


def kept(asked: Asked) -> list[str]:
    return sorted(each["metadata"]["name"] for each in asked.space.list("JobRun"))


@pytest.mark.row("HTTPJob.spec.runs.successfulHistoryLimit", "HTTPJob.spec.runs.failedHistoryLimit")
def test_row_history_limits(asked: Asked, endpoint: Endpoint) -> None:
    """Of three that completed one is kept, of three that failed two, and all that a person made."""
    endpoint.answer = lambda call: Reply(404 if call.run.startswith("bad") else 200)
    limits = {"successfulHistoryLimit": 1, "failedHistoryLimit": 2}
    asked.job(runs={"retry": ONCE, **limits})
    asked.seen()
    for name in ("mine-1", "mine-2", "mine-3"):
        asked.run(name)
    for number in (1, 2, 3):
        for name in (f"bad-{number}", f"good-{number}"):
            asked.run(name, owned=True)
    mine = ["mine-1", "mine-2", "mine-3"]
    asked.until("nine were called", lambda: len(endpoint.calls) == 9)
    asked.until("the oldest are removed", lambda: len(kept(asked)) == 6)
    left = kept(asked)
    assert [name for name in left if name.startswith("mine")] == mine
    assert len([name for name in left if name.startswith("bad")]) == 2
    assert len([name for name in left if name.startswith("good")]) == 1


@pytest.mark.row("HTTPJob.spec.runs.finishedTTL")
def test_row_runs_finished_ttl(asked: Asked, endpoint: Endpoint) -> None:
    """A second after its end it is removed, whatever the limits say; one with a live key is not."""
    asked.job(runs={"finishedTTL": "1s", "successfulHistoryLimit": 100})
    asked.seen()
    asked.run("keyed", owned=True, idempotencyKey="k")
    ended = asked.ended("keyed")["completionTime"]
    asked.until("its time is over", lambda: asked.passed(ended, 3))
    asked.run("one", owned=True)
    asked.until("it was called", lambda: endpoint.of("one"))
    asked.until("it is removed", lambda: kept(asked) == ["keyed"])
