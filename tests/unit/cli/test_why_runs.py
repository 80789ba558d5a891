"""``why`` of runs and HTTPJobs: a row has what somebody who reads nothing else has to find."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import reduce
from typing import Any, get_args

import pytest

from support.told import Played, play
from unit.cli import run_stories
from unit.cli.run_waits import ENDPOINT, OWNER, WAITS
from wavegate.cli.run_ways_out import RUN_ENDS, RUN_WAITS
from wavegate.cli.why import Facts
from wavegate.cli.why_runs import RunSight, why_run
from wavegate.domain.times import parse_time
from wavegate.runs.answers import Outcome
from wavegate.settings import Settings

CLOSING = 10  # seconds that the operator takes to end after a story, by which all is later


def played(story: Any, **settings: Any) -> Iterator[Played]:
    with pytest.MonkeyPatch.context() as patch:
        yield play(story, patch, nodes=0, settings=Settings(identity="", **settings))


@pytest.fixture(scope="module")
def waiting() -> Iterator[Played]:
    yield from played(run_stories.all_that_wait, callback_url="http://operator.example")


@pytest.fixture(scope="module")
def busy() -> Iterator[Played]:
    yield from played(run_stories.operator_busy)


@pytest.fixture(scope="module")
def ended() -> Iterator[Played]:
    yield from played(run_stories.all_that_ended)


@pytest.fixture(scope="module")
def jobs() -> Iterator[Played]:
    yield from played(run_stories.jobs)


def why(told: Played, name: str) -> dict[str, Any]:
    asked = told("why", name, "-o", "json")
    assert asked.code == 0, asked.err
    answer: dict[str, Any] = json.loads(asked.out)
    people = told("why", name)
    assert people.code == 0
    for part in (answer["who"], answer["next"], *answer["how"], *answer["evidence"]):
        assert part in people.out
    assert answer["ifNot"] in people.out
    assert (parse_time(answer["since"]) or told.now + CLOSING + 1) <= told.now + CLOSING
    assert answer["next"]
    return answer


@pytest.mark.parametrize("reason", WAITS)
def test_what_a_run_waits_for(reason: str, waiting: Played) -> None:
    words, evidence, who, how, coming, if_not = WAITS[reason]
    answer = why(waiting, f"jr/{reason.lower()}")
    assert (answer["kind"], answer["reason"], answer["who"]) == ("JobRun", reason, who)
    assert words in answer["waitsFor"]
    assert evidence in "\n".join(answer["evidence"])
    assert how in "\n".join(answer["how"])
    assert if_not in answer["ifNot"]
    assert bool(if_not) == bool(answer["ifNot"])
    at = parse_time(answer["nextAt"])
    begin = parse_time("2023-11-14T22:13:20Z")
    assert begin is not None
    assert (at is None) == (coming is None)
    if at is not None and coming is not None:
        assert coming <= at - begin <= coming + 1
        assert at > waiting.now


def test_where_the_operator_makes_as_many_calls_as_it_may_that_is_said(busy: Played) -> None:
    answer = why(busy, "jr/operatorbusy")
    assert answer["reason"] == "OperatorBusy"
    assert answer["how"] == ["an administrator can give the operator a higher --calls"]
    assert (answer["next"], answer["nextAt"]) == ("as soon as another call has ended", "")


def test_each_reason_to_wait_was_played() -> None:
    assert {*WAITS, "OperatorBusy", "Pending"} == set(RUN_WAITS)


def test_who_else_waits_is_told(waiting: Played) -> None:
    answer = why(waiting, "concurrencylimit-2")
    assert answer["evidence"][-1].startswith("1 other run of the job waits: 1 ConcurrencyLimit;")


def test_a_run_that_the_operator_has_not_seen_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told = play(run_stories.jobs, monkeypatch, nodes=0)
    answer = why(told, told("trigger", "daily", "-o", "name").out.strip())
    assert (answer["state"], answer["reason"]) == ("Queued", "Pending")
    assert answer["waitsFor"] == "the operator, which has not seen it yet"
    assert answer["next"] == "within seconds, once the operator runs"


def test_when_no_operator_runs_nothing_else_can_help(waiting: Played) -> None:
    before = waiting.now
    waiting.now += 60
    try:
        answer = why(waiting, "jr/retrybackoff")
    finally:
        waiting.now = before
    assert answer["evidence"][0].startswith("no operator runs: nobody renews the Lease")
    assert answer["who"] == "an administrator"
    assert (answer["nextAt"], answer["ifNot"]) == ("", "")


# reason: phase, the operator's words, who, how
ENDS: dict[str, tuple[str, str, str, str]] = {
    "Completed": ("Completed", "answered 200", "nobody has to", ""),
    "Rejected": ("Failed", "answered 404", OWNER, "wavegate trigger rejected -n default"),
    "Unavailable": ("DeadLetter", "all 2 attempts failed", ENDPOINT, "runs replay unavailable"),
    "TimedOut": ("TimedOut", "TimedOut", ENDPOINT, "raise spec.http.timeout of HTTPJob timedout"),
    "AnswerTooLarge": ("Failed", "AnswerTooLarge", ENDPOINT, "at most 1 MiB"),
    "BadAnswer": ("Failed", "BadAnswer", ENDPOINT, "runs replay badanswer"),
    "ConnectFailed": ("SystemFailed", "ConnectFailed", ENDPOINT, "HTTPJob connectfailed"),
    "DnsFailed": ("SystemFailed", "DnsFailed", OWNER, "correct the host in spec.http"),
    "TlsFailed": ("SystemFailed", "TlsFailed", ENDPOINT, "a certificate that holds"),
    "Reset": ("SystemFailed", "Reset", ENDPOINT, "runs replay reset"),
    "Crashed": ("Crashed", "whether the call arrived is not known", OWNER, "has done the work"),
    "AddressRefused": ("SystemFailed", "AddressRefused", OWNER, "an administrator allows it"),
    "SourceUnreadable": ("SystemFailed", "Secret none", OWNER, "the Secret, ConfigMap or run"),
    "CallbacksOff": (
        "SystemFailed",
        "this operator takes no call backs",
        "an administrator",
        "callbacks.enabled of the chart",
    ),
    "Fault": ("SystemFailed", "a fault of the operator", "an administrator", "operator's log"),
    "Canceled": ("Canceled", "spec.canceled is set", "a person", "runs replay canceled"),
    "Expired": ("Expired", "it had not started by", OWNER, "raise spec.runs.ttl"),
    "Replaced": ("Canceled", "a newer tick of the schedule", "nobody has to", ""),
    "PayloadInvalid": ("Canceled", "spec.payload: lacks", OWNER, "runs.payloadSchema of HTTPJob"),
    "LineageTooDeep": ("Canceled", "it would be the 11th", OWNER, "wavegate trigger deep"),
    "DuplicateKey": ("Canceled", "a-first has the same key", "nobody has to", "get a-first"),
    "KeyReused": ("Canceled", "with another payload", OWNER, "a --key of its own"),
    "Duplicate": ("Canceled", "a-third has the same payload", "nobody has to", "get a-third"),
    "QueueFull": ("Canceled", "1 run of the job waits already", OWNER, "wavegate why hj/held"),
    "RateLimited": ("Canceled", "1 call may begin", OWNER, "set its onLimit to Queue"),
    "VersionMissing": ("Canceled", "version 1 of its job is gone", OWNER, "by the newest version"),
}


@pytest.mark.parametrize("reason", ENDS)
def test_how_a_run_has_ended(reason: str, ended: Played) -> None:
    phase, says, who, how = ENDS[reason]
    name = reason.lower()
    if reason == "Replaced":
        (name,) = (
            each["metadata"]["name"]
            for each in ended.list("JobRun")
            if each["status"].get("reason") == reason
        )
    answer = why(ended, f"jr/{name}")
    assert (answer["state"], answer["reason"], answer["who"]) == (phase, reason, who)
    assert says in answer["says"]
    assert how in "\n".join(answer["how"])
    assert bool(how) == bool(answer["how"])
    assert "{" not in "".join(answer["how"])
    assert (answer["waitsFor"], answer["nextAt"], answer["ifNot"]) == ("", "", "")
    run = ended.get("JobRun", name)
    assert run is not None
    assert answer["since"] == run["status"]["completionTime"]


def test_each_way_to_end_has_a_way_out() -> None:
    assert set(get_args(Outcome)) - {"Accepted"} <= set(RUN_ENDS)
    assert {*ENDS, "InvalidSpec"} == set(RUN_ENDS)


@pytest.mark.parametrize("name", ["duplicatekey", "keyreused"])
def test_of_a_run_that_stands_in_its_place_it_says_where_that_is(name: str, ended: Played) -> None:
    assert "a-first is Executing" in why(ended, f"jr/{name}")["evidence"]


NOW = 1_700_000_000.0
"""2023-11-14T22:13:20Z"""


def run(reason: str, phase: str = "Queued", **more: Any) -> dict[str, Any]:
    metadata = {
        "name": "one",
        "namespace": "shop",
        "uid": "u",
        "resourceVersion": "7",
        "creationTimestamp": "2023-11-14T22:00:00Z",
        **more.pop("metadata", {}),
    }
    status = {"phase": phase, "reason": reason, "message": "waits for rain", **more}
    spec = {"jobName": "app", **status.pop("spec", {})}
    return {"kind": "JobRun", "metadata": metadata, "spec": spec, "status": status}


def job(**spec: Any) -> dict[str, Any]:
    return {
        "kind": "HTTPJob",
        "metadata": {
            "name": "app",
            "namespace": "shop",
            "uid": "j",
            "resourceVersion": "3",
            "generation": 1,
            "creationTimestamp": "2023-11-14T21:00:00Z",
            "managedFields": [written("2023-11-14T22:05:00Z", "f:spec", "f:suspend")],
        },
        "spec": {"http": {"url": "http://echo.example/"}, **spec},
    }


def written(time: str, *path: str, **more: str) -> dict[str, Any]:
    fields = reduce(lambda inner, key: {key: inner}, reversed(path), dict[str, Any]())
    return {"manager": "jane", "time": time, "fieldsV1": fields, **more}


def test_a_reason_of_a_newer_operator_is_told_with_its_words() -> None:
    waits = run("TooSunny")
    answer = why_run(RunSight(None, [waits]), waits, Facts(NOW))
    assert answer.waits_for == "waits for rain"
    assert list(answer.how) == ["do what the message says"]
    over = run("TooSunny", "Canceled")
    assert why_run(RunSight(None, [over]), over, Facts(NOW)).waits_for == ""


def test_a_spec_that_was_refused_is_to_be_corrected() -> None:
    over = run("InvalidSpec", "Canceled", completionTime="2023-11-14T22:00:01Z")
    answer = why_run(RunSight(None, [over]), over, Facts(NOW))
    assert answer.how[0] == "correct the field that the message names"


def test_since_when_it_waits_is_when_the_operator_wrote_that() -> None:
    told = written("2023-11-14T22:07:00Z", "f:status", subresource="status")
    asked = written("2023-11-14T22:09:00Z", "f:spec", "f:canceled")
    waits = run("RateLimited", metadata={"managedFields": [told, asked]})
    assert why_run(RunSight(job(), [waits]), waits, Facts(NOW)).since == "2023-11-14T22:07:00Z"


@pytest.mark.parametrize(
    ("asked", "since"),
    [
        ("2023-11-14T22:00:00Z", "2023-11-14T22:05:00Z"),
        ("2023-11-14T22:06:00Z", "2023-11-14T22:06:00Z"),
    ],
    ids=["asked for before", "asked for after"],
)
def test_of_a_suspended_job_it_says_who_did_it_and_when(asked: str, since: str) -> None:
    waits = run("JobSuspended", metadata={"creationTimestamp": asked})
    answer = why_run(RunSight(job(suspend=True), [waits]), waits, Facts(NOW))
    assert answer.since == since
    assert "spec.suspend was set by jane at 2023-11-14T22:05:00Z" in answer.evidence


@pytest.mark.parametrize(
    ("http", "spec", "end"),
    [
        ({}, {}, "2023-11-14T22:18:00Z"),
        ({"timeout": "30s"}, {}, "2023-11-14T22:13:30Z"),
        ({"timeout": "30s", "fallbackUrl": "http://two.example/"}, {}, "2023-11-14T22:14:00Z"),
        ({"timeout": "30s"}, {"overrides": {"timeout": "1h"}}, "2023-11-14T23:13:00Z"),
        ({"timeout": "1s"}, {}, ""),
    ],
    ids=["by default", "as the job says", "the fallback too", "as the run says", "it is over"],
)
def test_a_call_ends_with_its_time_at_the_latest(
    http: dict[str, Any], spec: dict[str, Any], end: str
) -> None:
    calls = run("Executing", "Executing", startTime="2023-11-14T22:13:00.000000Z", spec=spec)
    of = job(http={"url": "http://echo.example/", **http})
    answer = why_run(RunSight(of, [calls]), calls, Facts(NOW))
    assert answer.next_at == end
    assert bool(answer.if_not) == bool(end)


def test_a_run_that_is_to_be_canceled_says_so() -> None:
    calls = run("Executing", "Executing", spec={"canceled": True})
    answer = why_run(RunSight(job(), [calls]), calls, Facts(NOW))
    assert "spec.canceled is set: the operator ends it" in answer.evidence


def test_the_last_error_is_told_while_it_waits_for_something_else() -> None:
    error = {"class": "Unavailable", "httpStatus": 503, "message": "answered 503"}
    waits = run("ConcurrencyLimit", attempt=1, lastError=error)
    answer = why_run(RunSight(job(), [waits]), waits, Facts(NOW))
    assert answer.evidence[:2] == (
        "attempt 1 of 3",
        "the last attempt failed: Unavailable: answered 503",
    )


# state: words, evidence, who, how, the next tick
JOBS: dict[str, tuple[str, str, str, str, str]] = {
    "active": (
        "",
        "1 run of the job waits: 1 ConcurrencyLimit; the first was asked for at 2023-11-14T22:13:2",
        "nobody has to",
        "wavegate why jr/two -n default says more",
        "",
    ),
    "daily": (
        "",
        "schedule 0 3 * * * (Europe/Berlin): next tick Wed 2023-11-15 03:00 there",
        "nobody has to",
        "wavegate trigger daily -n default asks for a run",
        "2023-11-15T02:00:00Z",
    ),
    "suspended": (
        "no run starts until spec.suspend is false",
        "schedule 0 3 * * * (Europe/Berlin)",
        OWNER,
        "wavegate enable suspended -n default",
        "",
    ),
    "invalid": (
        "'Mars/Olympus' is no time zone",
        "",
        OWNER,
        "correct the field that the message names",
        "",
    ),
}


@pytest.mark.parametrize("name", JOBS)
def test_what_an_http_job_waits_for(name: str, jobs: Played) -> None:
    words, evidence, who, how, coming = JOBS[name]
    answer = why(jobs, name)
    assert (answer["kind"], answer["who"], answer["nextAt"]) == ("HTTPJob", who, coming)
    assert words in answer["waitsFor"]
    assert bool(words) == bool(answer["waitsFor"])
    assert evidence in "\n".join(answer["evidence"])
    assert how in "\n".join(answer["how"])
    runs = "1 executes (one since 2023-11-14T22:13:20.032000Z)"
    assert answer["runsNow"] == (runs if name == "active" else "nothing")


def test_a_spec_that_the_operator_has_not_seen_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = play(run_stories.jobs, monkeypatch, nodes=0)
    assert told("disable", "daily").code == 0
    answer = why(told, "hj/daily")
    assert answer["waitsFor"] == "the operator, which has not seen generation 2 yet"
    assert (answer["state"], answer["nextAt"]) == ("NotSeen", "")
