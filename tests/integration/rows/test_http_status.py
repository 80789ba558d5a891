"""What is told of an HTTPJob."""

from __future__ import annotations

import pytest

from support.answering import Endpoint
from support.asking import Asked
from support.few import at

pytestmark = pytest.mark.cluster


@pytest.mark.row(
    "HTTPJob.status.observedGeneration",
    "HTTPJob.status.conditions",
    "HTTPJob.status.state",
    "HTTPJob.status.reason",
    "HTTPJob.status.message",
    "HTTPJob.status.updatedAt",
    "HTTPJob.status.version",
)
def test_row_status_of_a_job(asked: Asked) -> None:
    """Active, then something that only the operator knows to be wrong, then Active again."""
    asked.job()
    status = asked.seen()
    asked.until("it has a version", lambda: asked.of_job().get("version") == 1)
    found = asked.space.get("HTTPJob", "app")
    assert found is not None
    words = "runs start as they are asked for"
    assert (status["state"], status["reason"], status["message"]) == ("Active", "Active", words)
    assert at(status["updatedAt"]) >= at(found["metadata"]["creationTimestamp"])
    (ready,) = status["conditions"]
    assert (ready["type"], ready["status"], ready["reason"]) == ("Ready", "True", "Active")
    assert (ready["message"], ready["observedGeneration"]) == (words, 1)
    asked.job(trigger={"schedule": {"cron": "61 * * * *"}})
    status = asked.seen()
    assert (status["state"], status["reason"], status["version"]) == ("Invalid", "InvalidSpec", 1)
    assert status["message"].startswith("spec.trigger.schedule.cron: ")
    assert "61" in status["message"]
    wrong = {each["type"]: each for each in status["conditions"]}
    assert {name: each["status"] for name, each in wrong.items()} == {
        "Ready": "False",
        "Stalled": "True",
    }
    assert wrong["Stalled"]["message"] == status["message"]
    assert wrong["Stalled"]["observedGeneration"] == 2
    assert at(wrong["Ready"]["lastTransitionTime"]) >= at(ready["lastTransitionTime"])
    asked.job()
    assert asked.seen()["state"] == "Active"
    assert asked.versions() == [1]


@pytest.mark.row(
    "HTTPJob.status.runs.delayed",
    "HTTPJob.status.runs.queued",
    "HTTPJob.status.runs.waiting",
    "HTTPJob.status.runs.executing",
)
def test_row_status_runs(asked: Asked, endpoint: Endpoint) -> None:
    endpoint.hold()
    asked.job(runs={"limits": {"maxConcurrency": 1}})
    for number in range(3):
        asked.run(f"run-{number}")
    asked.run("later", notBefore="2099-01-01T00:00:00Z")
    counts = {"delayed": 1, "queued": 2, "waiting": 0, "executing": 1}
    asked.until("they are counted", lambda: asked.of_job().get("runs") == counts)
    endpoint.release()
    counts |= {"queued": 0, "executing": 0}
    asked.until("one is left", lambda: asked.of_job()["runs"] == counts)
