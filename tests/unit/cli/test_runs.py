"""``runs``: lists, one run as a whole, canceling and replaying, on what the operator has left."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
import yaml

from support.told import Played, Stage, play
from unit.cli import run_stories
from unit.cli.run_stories import Runs
from wavegate.cli import asking
from wavegate.cli.asking import run_document
from wavegate.cli.cluster import Cluster
from wavegate.cli.commands.runs import runs as group
from wavegate.cli.commands.runs_get import lines
from wavegate.cli.errors import CliError
from wavegate.cli.run_sight import moment, run_details, run_row
from wavegate.dispatch.call import Call, Heard
from wavegate.kube.resources import BY_KIND
from wavegate.runs.replaying import replay_spec
from wavegate.simulation.rights import Administrator

KEYS = {
    *("namespace", "name", "jobKind", "job", "phase", "reason", "message", "attempt", "version"),
    *("triggeredBy", "priority", "concurrencyKey", "idempotencyKey", "creationTime", "notBefore"),
    *("scheduledTime", "startTime", "nextRetryTime", "expirationTime", "completionTime"),
    "lastError",
}
ALL_KEYS = KEYS | {
    *("replayOf", "duplicateOf", "canceled", "holder", "metadata", "payload", "trace", "result"),
    *("parentRun", "continuationOf", "lineageDepth"),
    *("resultSize", "resultHash", "callback", "debug", "webhook", "nodes", "failures"),
}


@pytest.fixture(scope="module")
def ended() -> Iterator[Played]:
    with pytest.MonkeyPatch.context() as patch:
        yield play(run_stories.all_that_ended, patch, nodes=0)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Played:
    return play(some, monkeypatch, nodes=0)


async def some(stage: Stage) -> None:
    """One that has completed, one that waits, and two dead letters, of two jobs."""
    runs = Runs(stage)
    runs.job("good")
    runs.job("bad", "s503", runs={"retry": {"maxAttempts": 2, "initialDelay": "0s"}})
    runs.ask("done", "good", payload='{"a": 1}', metadata={"month": "11"})
    runs.ask("first", "bad", payload='{"b": 1}', priority=3, concurrencyKey="c", idempotencyKey="k")
    await runs.says("first", "Unavailable")
    runs.ask("second", "bad")
    await runs.says("second", "Unavailable")
    runs.cluster.patch("HTTPJob", "good", {"spec": {"suspend": True}})
    runs.ask("held", "good")
    await runs.says("held", "JobSuspended")


def names(asked: Any) -> list[str]:
    return [line.split()[0] for line in asked.out.splitlines()[1:]]


def test_the_newest_comes_first_and_jobs_and_phases_can_be_chosen(told: Played) -> None:
    whole = told("runs", "list")
    assert whole.code == 0
    assert whole.out.splitlines()[0].split() == [
        *("NAME", "JOB", "PHASE", "ATTEMPT", "BY", "AGE", "TOOK")
    ]
    assert names(whole)[0] == "held"
    assert set(names(whole)) == {"held", "second", "first", "done"}
    assert set(names(told("runs", "list", "hj/good"))) == {"held", "done"}
    assert names(told("runs", "list", "good", "--phase", "Completed")) == ["done"]
    assert "Queued (JobSuspended)" in told("runs", "list", "--phase", "Queued").out
    wide = told("runs", "list", "-o", "wide").out.splitlines()
    assert wide[1].endswith("its job is suspended: set spec.suspend to false")
    assert told("runs", "list", "-A").out.splitlines()[1].startswith("default     held")
    assert told("runs", "list", "good", "-o", "name").out.splitlines() == [
        "jobrun.wavegate.dev/held",
        "jobrun.wavegate.dev/done",
    ]


@pytest.mark.parametrize(
    ("began", "ended", "took"),
    [
        pytest.param("22:00:45.089671Z", "22:00:51.049671Z", "6s", id="nearly six seconds"),
        pytest.param("22:00:45.900000Z", "22:00:46.100000Z", "0s", id="over a second's end"),
        pytest.param("22:00:45.000000Z", "22:03:45.000000Z", "3m", id="minutes"),
    ],
)
def test_how_long_it_took_is_rounded(began: str, ended: str, took: str) -> None:
    status = {"startTime": f"2023-11-14T{began}", "completionTime": f"2023-11-14T{ended}"}
    run = {"metadata": {"name": "one"}, "spec": {"jobName": "app"}, "status": status}
    assert run_row(run, 0.0, everywhere=False, wide=False)[-1] == took


def test_where_there_is_none_it_says_where_it_has_looked(told: Played) -> None:
    none = told("-n", "elsewhere", "runs", "list", "good", "--phase", "Failed")
    words = "no runs in phase Failed of HTTPJob good in namespace elsewhere\n"
    assert (none.code, none.out, none.err) == (0, "", words)
    assert told("runs", "-n", "elsewhere", "list").err == "no runs in namespace elsewhere\n"
    assert told("runs", "dead-letters", "good", "-A").err == "no dead letters of HTTPJob good\n"


def test_programs_get_keys_that_do_not_change(told: Played) -> None:
    items = json.loads(told("runs", "list", "-o", "json").out)["items"]
    assert all(set(each) == KEYS for each in items)
    one = told("runs", "get", "first", "-o", "json").out
    assert set(json.loads(one)) == ALL_KEYS
    assert yaml.safe_load(told("runs", "get", "first", "-o", "yaml").out) == json.loads(one)
    assert told("runs", "get", "jr/first", "-o", "name").out == "jobrun.wavegate.dev/first\n"


def test_dead_letters_are_those_that_used_up_their_attempts_newest_first(told: Played) -> None:
    asked = told("runs", "dead-letters")
    assert names(asked) == ["second", "first"]
    assert asked.out.splitlines()[1].split()[:3] == ["second", "bad", "2"]
    assert asked.out.splitlines()[1].endswith("Unavailable: answered 503")
    assert "wavegate runs replay NAME" in asked.err
    assert told("runs", "dead-letters", "bad", "-o", "name").out.split() == [
        "jobrun.wavegate.dev/second",
        "jobrun.wavegate.dev/first",
    ]


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_berlin")
def test_all_that_is_known_of_a_run_is_told(told: Played) -> None:
    done = dict(told_lines(told("runs", "get", "done").out))
    assert done["run"] == "default/done of HTTPJob good"
    assert done["phase"] == "Completed: answered 200"
    assert done["attempt"] == "1"
    assert done["asked for by"] == "Manual"
    assert done["asked for"].startswith("2023-11-14T22:13:20Z (23:13:20 CET, ")
    assert done["ended"].startswith("2023-11-14T22:13:20Z (23:13:20 CET, ")
    assert done["payload"] == '{"a": 1}'
    assert done["metadata"] == "month=11"
    assert done["result"] == "{}"
    assert re.fullmatch(r"waited \d+ ms, until the call \d+ ms, in all \d+ ms", done["trace"])
    assert "last error" not in done
    dead = dict(told_lines(told("runs", "get", "first").out))
    assert dead["last error"] == "Unavailable 503: answered 503"
    assert (dead["key"], dead["concurrency key"], dead["priority"]) == ("k", "c", "3")
    assert "payload" not in dict(told_lines(told("runs", "get", "second").out))


def told_lines(text: str) -> list[tuple[str, str]]:
    return [(line[:16].strip(), line[16:]) for line in text.splitlines()]


def test_the_last_call_is_told_where_it_was_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    async def debugged(stage: Stage) -> None:
        async def answer(_: Call) -> Heard:
            debug = {"requestHeaders": {"X-A": "1"}, "responseBody": "fine"}
            return Heard(http_status=200, result_size=9000, result_hash="ab", debug=debug)

        runs = Runs(stage)
        stage.cluster.endpoints.answer = answer
        runs.job("app")
        runs.ask("one", "app", debug=True)
        await runs.says("one", "Completed")

    told = dict(told_lines(play(debugged, monkeypatch, nodes=0)("runs", "get", "one").out))
    assert told["request headers"] == "X-A=1"
    assert told["answer body"] == "fine"
    assert told["result"] == "9000 bytes, ab; not kept"


def test_what_is_known_of_a_call_back_is_told_and_no_hash_of_its_token() -> None:
    callback = {
        "tokenHash": "a" * 64,
        "heartbeatTimeout": "1m",
        "deadline": "2023-11-15T22:13:00Z",
        "acceptedTime": "2023-11-14T22:13:00Z",
        "heartbeatTime": "2023-11-14T22:14:00Z",
        "outcome": "Failed",
    }
    run = {
        "metadata": {"name": "one"},
        "spec": {"jobName": "app"},
        "status": {"phase": "Queued", "callback": callback},
    }
    told = dict(lines(run, 1_700_000_100.0))
    assert told["answered 202"].startswith("2023-11-14T22:13:00Z")
    assert told["heartbeat"].startswith("2023-11-14T22:14:00Z")
    assert told["deadline"].startswith("2023-11-15T22:13:00Z")
    assert told["called back"] == "Failed"
    assert "a" * 64 not in str(told) + str(run_details(run))


@pytest.mark.parametrize(
    ("text", "zone", "words"),
    [
        ("2023-11-14T22:00:00Z", UTC, "2023-11-14T22:00:00Z (13m ago)"),
        (
            "2023-11-14T22:00:00.5Z",
            timezone(timedelta(hours=1), "CET"),
            "2023-11-14T22:00:00Z (23:00:00 CET, 13m ago)",
        ),
        (
            "2023-11-15T01:30:00+02:00",
            timezone(timedelta(hours=1), "CET"),
            "2023-11-14T23:30:00Z (2023-11-15 00:30:00 CET, in 76m)",
        ),
        ("", UTC, "not known"),
    ],
)
def test_a_time_is_told_in_utc_and_as_a_clock_shows_it(text: str, zone: Any, words: str) -> None:
    assert moment(text, 1_700_000_000.0, zone) == words


def test_one_that_ends_while_others_are_canceled_is_left_out(
    told: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_ended, looks = asking.has_ended, iter([False])
    monkeypatch.setattr(asking, "has_ended", lambda run: next(looks, True) and has_ended(run))

    def refused(*_: Any) -> None:
        raise CliError("spec.canceled: the run has ended already, nothing is left to cancel")

    monkeypatch.setattr(Cluster, "patch", refused)
    asked = told("runs", "cancel", "done")
    assert (asked.code, asked.out, asked.err) == (0, "", "JobRun done has ended meanwhile\n")


def test_canceling_sets_the_field_of_each(told: Played) -> None:
    asked = told("runs", "cancel", "held")
    assert (asked.code, asked.out) == (0, "jobrun.wavegate.dev/held canceled\n")
    held = told.get("JobRun", "held")
    assert held is not None
    assert held["spec"]["canceled"] is True
    again = told("runs", "cancel", "held")
    assert (again.code, again.err) == (0, "JobRun held is canceled already\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("cancel", "held", "done"), "cannot be canceled: done is Completed"),
        (("cancel", "held", "none"), "no JobRun none in namespace default"),
        (("replay", "first", "held"), "only a run that has ended can be replayed: held is Queued"),
        (("cancel",), "name the runs, or choose them by -l or --job"),
        (("replay",), "name the runs, or choose them by -l or --job"),
        (("get", "none"), "no JobRun none in namespace default"),
    ],
)
def test_where_one_cannot_be_none_is_touched(
    arguments: tuple[str, ...], words: str, told: Played
) -> None:
    before = told.list("JobRun")
    asked = told("runs", *arguments)
    assert (asked.code, asked.out) == (2, "")
    assert words in asked.err
    assert told.list("JobRun") == before


def test_a_dry_run_prints_what_would_be_applied(told: Played) -> None:
    before = told.list("JobRun")
    asked = told("runs", "cancel", "held", "--dry-run=client", "-o", "yaml")
    assert yaml.safe_load(asked.out) == {
        "apiVersion": "wavegate.dev/v1alpha1",
        "kind": "JobRun",
        "metadata": {"name": "held", "namespace": "default"},
        "spec": {"canceled": True},
    }
    asked = told("runs", "replay", "first", "second", "--dry-run=client", "-o", "json")
    whole = json.loads(asked.out)
    assert whole["kind"] == "List"
    assert [each["spec"]["replayOf"] for each in whole["items"]] == ["first", "second"]
    assert told.list("JobRun") == before


def test_a_replay_is_a_run_of_the_job_with_what_the_run_had_but_its_key(told: Played) -> None:
    asked = told("runs", "replay", "jobrun.wavegate.dev/first", "first")
    assert asked.code == 0, asked.err
    (new,) = (each for each in told.list("JobRun") if each["spec"].get("replayOf"))
    assert asked.out == f"jobrun.wavegate.dev/{new['metadata']['name']} created\n"
    wanted = {"jobName": "bad", "replayOf": "first", "priority": 3, "concurrencyKey": "c"}
    assert {key: new["spec"][key] for key in wanted} == wanted
    assert not {"payload", "idempotencyKey", "notBefore"} & set(new["spec"])
    assert new["metadata"]["ownerReferences"][0]["name"] == "bad"
    why = json.loads(told("why", "jr/first", "-o", "json").out)
    assert f"it was replayed: {new['metadata']['name']}" in why["evidence"]


def test_a_replay_is_executed_with_the_payload_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[str] = []

    async def replayed(stage: Stage) -> None:
        async def answer(call: Call) -> Heard:
            bodies.append(call.body)
            return Heard(http_status=404 if len(bodies) == 1 else 200)

        runs = Runs(stage)
        stage.cluster.endpoints.answer = answer
        runs.job("app")
        runs.ask("one", "app", payload='{"a": 1}')
        await runs.says("one", "Rejected")
        job, one = stage.cluster.get("HTTPJob", "app"), stage.cluster.get("JobRun", "one")
        assert job is not None
        assert one is not None
        body, path = run_document(job, "two", replay_spec("one", one["spec"])), BY_KIND["JobRun"]
        stage.cluster.server.request(
            Administrator("user"), "POST", path.collection("default"), body=body
        )
        await runs.says("two", "Completed")
        assert runs.status("two")["triggeredBy"] == "Replay"

    play(replayed, monkeypatch, nodes=0)
    assert bodies == ['{"a": 1}', '{"a": 1}']


def test_every_run_can_be_listed_and_told(ended: Played) -> None:
    listed = names(ended("runs", "list"))
    assert len(listed) == len(ended.list("JobRun"))
    for name in listed:
        assert ended("runs", "get", name).code == 0


@pytest.mark.parametrize("name", group.commands)
def test_the_help_of_each_fits_into_80_columns_and_has_an_example(name: str, ended: Played) -> None:
    told = ended("runs", name, "--help")
    assert told.code == 0
    assert max(map(len, told.out.splitlines())) <= 80
    assert f"Example: wavegate runs {name}" in told.out
