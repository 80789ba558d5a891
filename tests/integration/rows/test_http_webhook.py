"""Jobs whose webhook is told of the ends of their runs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from standardwebhooks import Webhook

from support.answering import Endpoint, Received, Reply
from support.asking import ONCE, Asked
from support.secrets import allow_secrets
from wavegate.runs.webhooks import EVENT_OF

pytestmark = pytest.mark.cluster

KEYS: Final = {
    name: "whsec_" + base64.b64encode(name.encode() * 12).decode() for name in ("new", "old")
}
FAILS: Final = "fails"


@pytest.fixture
def hook(asked: Asked) -> Iterator[Endpoint]:
    """The receiver, and the right to read the key by which it knows the operator."""
    allow_secrets(asked.space)
    made = Endpoint()
    yield made
    made.close()


def hooked(asked: Asked, hook: Endpoint, *keys: str, **more: Any) -> None:
    """A job ``app`` that tells the receiver."""
    refs = [{"name": "keys", "key": key} for key in keys or ("new",)]
    webhook = {"url": hook.url, "secretRefs": refs, **more}
    asked.endpoint.answer = lambda call: Reply(422 if call.run.startswith(FAILS) else 200)
    asked.job(runs={"retry": ONCE, "webhook": webhook, "successfulHistoryLimit": 1000})


def about(call: Received) -> str:
    """Name of the run that it is about."""
    return str(json.loads(call.body)["data"]["run"])


def delivery(asked: Asked, run: str) -> dict[str, Any]:
    return dict(asked.of(run).get("webhook") or {})


def delivered(asked: Asked, *runs: str) -> None:
    for run in runs:
        asked.until(
            f"{run} is told", lambda run=run: delivery(asked, run).get("phase") == "Delivered"
        )


@pytest.mark.row(
    "HTTPJob.spec.runs.webhook.url",
    "HTTPJob.spec.runs.webhook.secretRefs",
    "JobRun.status.webhook.phase",
    "JobRun.status.webhook.attempts",
    "JobRun.status.webhook.completionTime",
)
def test_row_webhook(asked: Asked, hook: Endpoint) -> None:
    """Told once of each end, signed with both keys."""
    asked.keep("Secret", "keys", KEYS)
    hooked(asked, hook, "new", "old")
    runs = ["good", f"{FAILS}-1"]
    for run in runs:
        asked.run(run)
    delivered(asked, *runs)
    told = {about(call): call for call in hook.calls}
    assert (sorted(told), len(hook.calls)) == (sorted(runs), 2)
    for run, call in told.items():
        status = asked.of(run)
        for key in KEYS.values():
            event = Webhook(key).verify(call.body, dict(call.headers.items()))
            assert event["type"] == EVENT_OF[status["phase"]]
            assert event["timestamp"] == status["completionTime"]
        record = status["webhook"]
        assert (record["phase"], record["attempts"]) == ("Delivered", 1)
        assert record["completionTime"] >= status["completionTime"]
    assert len({call.headers["webhook-id"] for call in hook.calls}) == 2
    assert asked.of(f"{FAILS}-1")["phase"] == "Failed"


@pytest.mark.row("HTTPJob.spec.runs.webhook.events", "JobRun.status.webhook")
def test_row_webhook_events(asked: Asked, hook: Endpoint) -> None:
    asked.keep("Secret", "keys", KEYS)
    hooked(asked, hook, events=["jobrun.failed"])
    for run in ("good", f"{FAILS}-1"):
        asked.run(run)
        asked.ended(run)
    delivered(asked, f"{FAILS}-1")
    assert [about(call) for call in hook.calls] == [f"{FAILS}-1"]
    assert delivery(asked, "good") == {}


@pytest.mark.row("JobRun.status.webhook.nextTime", "JobRun.status.webhook.lastError")
def test_row_webhook_is_tried_again(asked: Asked, hook: Endpoint) -> None:
    """After five seconds, with the same id and body; the run stays as it ended."""
    answers = iter((503, 200))
    hook.answer = lambda _: Reply(next(answers))
    asked.keep("Secret", "keys", KEYS)
    hooked(asked, hook)
    asked.run("one")
    asked.until("it has failed once", lambda: delivery(asked, "one").get("attempts") == 1)
    record = delivery(asked, "one")
    assert record["phase"] == "Pending"
    error = {"class": "Unavailable", "httpStatus": 503, "message": "answered 503"}
    assert record["lastError"] == error
    assert asked.of("one")["phase"] == "Completed"
    delivered(asked, "one")
    first, second = hook.calls
    assert 5.0 <= second.at - first.at < 8.0
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert "nextTime" not in delivery(asked, "one")


@pytest.mark.row("HTTPJob.status.webhook")
def test_row_webhook_is_paused_by_410_and_resumed(asked: Asked, hook: Endpoint) -> None:
    hook.answer = lambda _: Reply(410)
    asked.keep("Secret", "keys", KEYS)
    hooked(asked, hook)
    asked.run("one")
    asked.until("it is paused", lambda: asked.of_job().get("webhook"))
    held = asked.of_job()["webhook"]
    assert (held["phase"], held["reason"]) == ("Paused", "Gone")
    assert {"type": "WebhookHeld", "status": "True"}.items() <= next(
        each for each in asked.of_job()["conditions"] if each["type"] == "WebhookHeld"
    ).items()
    asked.run("two")
    asked.ended("two")
    hook.answer = lambda _: Reply(200)
    assert len(hook.calls) == 1
    change = {"metadata": {"annotations": {"wavegate.dev/resume-webhook": "now"}}}
    path = asked.space.path("HTTPJob", "app")
    asked.space.client.request("PATCH", path, change, content="application/merge-patch+json")
    delivered(asked, "one", "two")
    asked.until("it is held no more", lambda: "webhook" not in asked.of_job())
    assert len(hook.calls) == 3


@pytest.mark.row("HTTPJob.status.webhook.reason", "HTTPJob.status.webhook.message")
def test_row_webhook_waits_for_its_secret(asked: Asked, hook: Endpoint) -> None:
    """It waits for it without an attempt, and for another one that is there not at all."""
    hooked(asked, hook)
    asked.run("one")
    asked.until("it waits", lambda: asked.of_job().get("webhook"))
    held = asked.of_job()["webhook"]
    assert (held["phase"], held["reason"]) == ("Waiting", "SecretUnreadable")
    assert held["message"] == "Secret keys is not there"
    record = delivery(asked, "one")
    assert (record["phase"], record["attempts"]) == ("Pending", 0)
    asked.keep("Secret", "others", KEYS)
    hooked(asked, hook, secretRefs=[{"name": "others", "key": "new"}])
    delivered(asked, "one")
    asked.until("it is held no more", lambda: "webhook" not in asked.of_job())
