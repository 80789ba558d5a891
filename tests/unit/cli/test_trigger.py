"""``trigger``: the run that it makes, the one that stands, and waiting for its end."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.told import Played, Stage, play
from unit.cli.run_stories import Runs
from wavegate.cli.asking import run_document
from wavegate.domain.times import format_time, parse_time
from wavegate.kube.errors import AlreadyExists
from wavegate.kube.resources import BY_KIND
from wavegate.runs.naming import keyed_name
from wavegate.simulation.kinds import SERVED
from wavegate.simulation.rights import Administrator

USER = Administrator("user")
SCHEMA = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}


async def a_job(stage: Stage) -> None:
    runs = Runs(stage)
    runs.job("bill")
    runs.job("strict", runs={"payloadSchema": SCHEMA})
    runs.job("off", suspend=True)
    runs.job("odd", trigger={"timeZone": "Mars/Olympus"})
    await stage.until(
        "each has a state",
        lambda: all(each["status"].get("state") for each in stage.cluster.list("HTTPJob")),
    )


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Played:
    return play(a_job, monkeypatch, nodes=0)


def set_status(told: Played, name: str, **status: Any) -> None:
    """As the operator would, which plays no more."""
    kind = SERVED["JobRun"].resource
    there = told.get("JobRun", name)
    assert there is not None
    body = {**there, "status": {**(there.get("status") or {}), **status}}
    told.server.request(USER, "PUT", kind.status("default", name), body=body)


def one_run(told: Played) -> dict[str, Any]:
    (run,) = told.list("JobRun")
    return run


def test_it_makes_a_run_that_the_job_owns(told: Played) -> None:
    asked = told("trigger", "hj/bill")
    assert asked.code == 0, asked.err
    run, job = one_run(told), told.get("HTTPJob", "bill")
    assert job is not None
    name = run["metadata"]["name"]
    assert asked.out == f"jobrun.wavegate.dev/{name} created\n"
    assert asked.err == f"wavegate why {name} -n default says what it waits for, or its end\n"
    assert name.startswith("bill-")
    assert run["metadata"]["labels"] == {
        "wavegate.dev/job": "bill",
        "wavegate.dev/job-kind": "HTTPJob",
    }
    assert run["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "wavegate.dev/v1alpha1",
            "kind": "HTTPJob",
            "name": "bill",
            "uid": job["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    assert run["spec"]["jobName"] == "bill"
    assert "payload" not in run["spec"]
    assert told("trigger", "bill").code == 0
    assert len(told.list("JobRun")) == 2


def test_what_it_makes_is_executed_and_the_server_refuses_its_name_a_second_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def asks(stage: Stage) -> None:
        await a_job(stage)
        job = stage.cluster.get("HTTPJob", "bill")
        assert job is not None
        name = keyed_name("bill", job["metadata"]["uid"], "k")
        spec = {"payload": '{"a": 1}', "idempotencyKey": "k"}
        path, body = BY_KIND["JobRun"].collection("default"), run_document(job, name, spec)
        stage.cluster.server.request(USER, "POST", path, body=body)
        await Runs(stage).says(name, "Completed")
        with pytest.raises(AlreadyExists):
            stage.cluster.server.request(USER, "POST", path, body=body)

    play(asks, monkeypatch, nodes=0)


def test_each_option_has_its_field(told: Played) -> None:
    asked = told(
        *("trigger", "bill", "--payload", ' {"a": 1}\n', "--priority", "7", "--debug"),
        *("--concurrency-key", "c", "--metadata", "month=11", "--metadata", "note=a=b"),
        *("--delay", "10m", "--dry-run=client", "-o", "yaml"),
    )
    assert (asked.code, asked.err) == (0, "")
    assert yaml.safe_load(asked.out)["spec"] == {
        "jobName": "bill",
        "payload": '{"a": 1}',
        "priority": 7,
        "debug": True,
        "concurrencyKey": "c",
        "metadata": {"month": "11", "note": "a=b"},
        "notBefore": format_time(told.now + 600),
    }
    assert told.list("JobRun") == []
    asked = told(
        *("trigger", "bill", "--not-before", "2030-01-01T01:00:00+01:00"),
        *("--dry-run=client", "-o", "json"),
    )
    assert json.loads(asked.out)["spec"]["notBefore"] == "2030-01-01T00:00:00Z"


def test_the_payload_comes_from_a_file_or_from_stdin(
    told: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "payload.json"
    path.write_text('{"a": 1}\n')
    assert told("trigger", "strict", "-f", str(path)).code == 0
    assert one_run(told)["spec"]["payload"] == '{"a": 1}'
    monkeypatch.setattr("sys.stdin", io.StringIO('{"a": 2}'))
    assert told("trigger", "strict", "-f", "-", "--key", "k").code == 0
    payloads = {each["spec"]["payload"] for each in told.list("JobRun")}
    assert payloads == {'{"a": 1}', '{"a": 2}'}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("none",), "no HTTPJob none in namespace default"),
        (("bill", "--payload", "{"), "payload: is not JSON"),
        (("strict", "--payload", '{"a": "x"}'), "payload.a: must be of type integer"),
        (("strict",), 'without --payload or -f it is {}; payload: lacks "a"'),
        (("bill", "--payload", f'"{"x" * 8192}"'), "has 8194 bytes, and 8192 are allowed"),
        (("bill", "--payload", "1", "-f", "x"), "--payload and -f: give one of them"),
        (("bill", "-f", "/nowhere.json"), "/nowhere.json: No such file"),
        (("bill", "--delay", "1m", "--not-before", "2030-01-01T00:00:00Z"), "give one of them"),
        (("bill", "--delay", "soon"), "is not a duration"),
        (("bill", "--not-before", "soon"), "write it as 2026-11-27T02:00:00Z"),
        (("bill", "--priority", "11"), "0<=x<=10"),
        (("bill", "--metadata", "a"), "'a' is not of the form KEY=VALUE"),
        (("bill", "--key", ""), "--key: is empty"),
        (("bill", "--wait", "--dry-run=client"), "a dry run makes no run"),
    ],
)
def test_what_would_be_refused_is_not_sent(
    arguments: tuple[str, ...], words: str, told: Played
) -> None:
    asked = told("trigger", *arguments)
    assert (asked.code, asked.out) == (2, "")
    assert words in asked.err
    assert told.list("JobRun") == []


def test_asking_twice_with_a_key_makes_one_run(told: Played) -> None:
    asked = told("trigger", "bill", "--key", "nov", "--payload", "1")
    assert asked.code == 0, asked.err
    name = one_run(told)["metadata"]["name"]
    again = told("trigger", "bill", "--key", "nov", "--payload", "1")
    assert (again.code, again.out) == (0, f"jobrun.wavegate.dev/{name} stands already\n")
    set_status(told, name, phase="Completed", reason="Completed")
    assert told("trigger", "bill", "--key", "nov", "--payload", "1").out == again.out
    other = told("trigger", "bill", "--key", "nov", "--payload", "2")
    assert other.code == 2
    assert f"the key nov was used by JobRun {name} with another payload" in other.err
    assert one_run(told)["metadata"]["name"] == name
    assert told("trigger", "bill", "--key", "dec").out.endswith(" created\n")


@pytest.mark.parametrize("phase", ["Failed", "DeadLetter", "Canceled", "Expired"])
def test_a_key_whose_run_has_failed_is_free_again(phase: str, told: Played) -> None:
    told("trigger", "bill", "--key", "nov")
    name = one_run(told)["metadata"]["name"]
    for number in (2, 3):
        set_status(told, name if number == 2 else f"{name}-2", phase=phase, reason=phase)
        rehearsed = told("trigger", "bill", "--key", "nov", "--dry-run=client")
        assert rehearsed.out == f"jobrun.wavegate.dev/{name}-{number} created (dry run)\n"
        asked = told("trigger", "bill", "--key", "nov")
        assert asked.out == f"jobrun.wavegate.dev/{name}-{number} created\n"
    assert told("trigger", "bill", "--key", "nov").out.endswith(f"{name}-3 stands already\n")


def test_a_key_lives_for_24_hours(told: Played) -> None:
    told("trigger", "bill", "--key", "nov")
    asked = parse_time(one_run(told)["metadata"]["creationTimestamp"])
    assert asked is not None
    told.now = asked + 24 * 3600 - 1
    assert "stands already" in told("trigger", "bill", "--key", "nov").out
    told.now += 1
    assert told("trigger", "bill", "--key", "nov").out.endswith("-2 created\n")


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ("off", "HTTPJob off is suspended: it waits for wavegate enable off -n default"),
        ("odd", "HTTPJob odd is not understood: wavegate why hj/odd -n default says why"),
    ],
)
def test_of_a_job_that_starts_none_that_is_said(job: str, words: str, told: Played) -> None:
    asked = told("trigger", job)
    assert (asked.code, asked.err) == (0, f"{words}\n")


@pytest.mark.parametrize(
    ("phase", "code"), [("Completed", 0), ("DeadLetter", 1), ("Canceled", 1), ("Failed", 1)]
)
def test_waiting_tells_each_phase_and_ends_with_the_run(
    phase: str, code: int, told: Played
) -> None:
    def meanwhile() -> None:
        name = one_run(told)["metadata"]["name"]
        if one_run(told)["status"]["phase"] == "Queued":
            set_status(told, name, phase="Executing", reason="Executing", message="attempt 1 of 3")
            asyncio.get_running_loop().call_later(0.6, meanwhile)
        elif "attempt" not in one_run(told)["status"]:
            set_status(told, name, attempt=1)  # what is told stays as it is
            asyncio.get_running_loop().call_later(0.6, meanwhile)
        else:
            set_status(told, name, phase=phase, reason="Because", message="that is how it ended")

    told.meanwhile = meanwhile
    asked = told("trigger", "bill", "--wait", "--timeout", "20s")
    name = one_run(told)["metadata"]["name"]
    assert asked.code == code, asked.err
    assert asked.out.splitlines() == [
        f"jobrun.wavegate.dev/{name} created",
        f"{name}: {phase} (Because): that is how it ended",
    ]
    assert asked.err.splitlines() == ["Queued", "Executing: attempt 1 of 3"]


def test_waiting_with_a_key_waits_for_the_run_that_stands(told: Played) -> None:
    told("trigger", "bill", "--key", "nov")
    name = one_run(told)["metadata"]["name"]
    set_status(told, name, phase="Completed", reason="Completed", message="answered 200")
    asked = told("trigger", "bill", "--key", "nov", "--wait", "-o", "json")
    assert (asked.code, asked.err) == (0, "")
    assert json.loads(asked.out)["metadata"]["name"] == name


def test_waiting_ends_with_the_time_or_with_the_object(told: Played) -> None:
    asked = told("trigger", "bill", "--wait", "--timeout", "600ms")
    assert asked.code == 3
    name = one_run(told)["metadata"]["name"]
    assert f"not ended after 0.6 s; wavegate why {name} says" in asked.err
    told.delete("JobRun", name)
    told.meanwhile = lambda: told.delete("JobRun", one_run(told)["metadata"]["name"])
    asked = told("trigger", "bill", "--wait", "--timeout", "20s")
    assert asked.code == 2
    assert "was deleted meanwhile: by somebody, or by the history limits" in asked.err
