"""What ``runs get`` and ``why`` say of webhooks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.told import Stage, play
from unit.cli.run_stories import Runs
from wavegate.cli.run_webhooks import delivery, evidence, ways

PAUSED = {"phase": "Paused", "reason": "Gone", "message": "it has answered 410", "since": "then"}
ERROR = {"class": "Unavailable", "httpStatus": 503, "message": "answered 503"}


def run(**webhook: Any) -> dict[str, Any]:
    return {"metadata": {"name": "one"}, "status": {"webhook": webhook}}


def job(**webhook: Any) -> dict[str, Any]:
    return {"metadata": {"name": "app"}, "status": {"webhook": webhook} if webhook else {}}


@pytest.mark.parametrize(
    ("webhook", "words"),
    [
        pytest.param({}, "", id="nobody is told"),
        pytest.param(
            {"phase": "Pending", "attempts": 0, "nextTime": "soon"},
            "Pending, attempt 1 of 8 at soon",
            id="first",
        ),
        pytest.param(
            {"phase": "Pending", "attempts": 2, "nextTime": "soon", "lastError": ERROR},
            "Pending, attempt 3 of 8 at soon: answered 503",
            id="again",
        ),
        pytest.param(
            {"phase": "Delivered", "attempts": 1, "completionTime": "then", "lastError": ERROR},
            "Delivered after 1 attempt at then",
            id="delivered",
        ),
        pytest.param(
            {"phase": "Failed", "attempts": 8, "completionTime": "then", "lastError": ERROR},
            "Failed after 8 attempts at then: answered 503",
            id="given up",
        ),
    ],
)
def test_a_delivery_in_words(webhook: dict[str, Any], words: str) -> None:
    assert delivery(run(**webhook)) == words


def test_of_a_run_that_waits_for_a_paused_webhook_it_says_so_and_what_to_do() -> None:
    waits, told = run(phase="Pending", attempts=0, nextTime="soon"), run(phase="Delivered")
    paused = job(**PAUSED)
    assert evidence(paused, waits)[1:] == [
        "the webhook of HTTPJob app is Paused since then: it has answered 410"
    ]
    (way,) = ways(paused, waits)
    assert way.format(job="app", n="-n shop") == (
        "once the receiver wants to be told again: kubectl annotate httpjob app -n shop"
        ' --overwrite wavegate.dev/resume-webhook="$(date -Is)"'
    )
    assert len(evidence(paused, told)) == 1
    assert ways(paused, told) == ways(job(), waits) == ways(None, waits) == ()
    assert evidence(job()) == evidence(None, run()) == []
    assert len(evidence(paused)) == len(ways(paused)) == 1


async def hooked(stage: Stage) -> None:
    """One that waits for a Secret, which this operator does not read."""
    runs = Runs(stage)
    webhook = {"url": "http://hook.x/", "secretRefs": [{"name": "keys", "key": "one"}]}
    runs.job("app", runs={"webhook": webhook})
    runs.ask("one", "app")
    await stage.until(
        "it is said why nobody is told",
        lambda: "webhook" in (stage.cluster.get("HTTPJob", "app") or {}).get("status", {}),
    )


def test_a_webhook_that_waits_for_a_secret_is_told_by_each_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = play(hooked, monkeypatch, nodes=0)
    assert (
        "webhook         Pending, attempt 1 of 8 at 2023-11-14T" in told("runs", "get", "one").out
    )
    known = json.loads(told("runs", "get", "one", "-o", "json").out)["webhook"]
    assert (known["phase"], known["attempts"]) == ("Pending", 0)
    words = "Waiting since 2023-11-14T22:13:"
    for name in ("jr/one", "hj/app"):
        answer = json.loads(told("why", name, "-o", "json").out)
        said = "\n".join(answer["evidence"])
        assert f"the webhook of HTTPJob app is {words}" in said
        assert "this operator reads no Secrets" in said
        assert answer["how"][0].startswith("make the Secret readable that the message names")
    assert answer["state"] == "Active"
