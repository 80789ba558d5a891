"""``runs bulk``, and ``runs cancel`` and ``replay`` of many: the batches that they make."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.told import Played, Stage, Told, play
from unit.cli.run_stories import Runs
from wavegate.api.runbatch import MAX_BYTES
from wavegate.cli.batching import expressions_of, names_of, portions
from wavegate.cli.errors import CliError
from wavegate.runs.batch_items import read_line, size_of
from wavegate.simulation.kinds import SERVED
from wavegate.simulation.rights import Administrator

SCHEMA = {"type": "object", "required": ["a"]}


async def a_job(stage: Stage) -> None:
    runs = Runs(stage)
    runs.job("bill")
    runs.job("strict", runs={"payloadSchema": SCHEMA})
    await stage.until(
        "each has a state",
        lambda: all(each["status"].get("state") for each in stage.cluster.list("HTTPJob")),
    )


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Played:
    return play(a_job, monkeypatch, nodes=0)


def lines(path: Path, *items: Any) -> str:
    file = path / "items.jsonl"
    file.write_text(
        "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in items)
    )
    return str(file)


def specs(told: Played) -> list[dict[str, Any]]:
    found = sorted(told.list("RunBatch"), key=lambda each: str(each["metadata"]["name"]))
    return [each["spec"] for each in found]


def set_status(told: Played, name: str, **status: Any) -> None:
    """As the operator would, which plays no more."""
    kind = SERVED["RunBatch"].resource
    there = told.get("RunBatch", name)
    assert there is not None
    body = {**there, "status": {**there["status"], **status}}
    told.server.request(Administrator("user"), "PUT", kind.status("default", name), body=body)


def test_lines_become_the_items_of_a_batch(told: Played, tmp_path: Path) -> None:
    path = lines(
        tmp_path,
        {"payload": {"a": 1.0}},
        "",
        {"key": "second", "payload": '{"a": 1.0}', "priority": 3, "metadata": {"x": "y"}},
        {"idempotencyKey": "k", "ttl": "10m"},
    )
    asked = told(
        "runs", "bulk", "-f", path, "--job", "hj/bill", "--name", "nov", "--label", "s=crm"
    )
    assert (asked.code, asked.out) == (0, "runbatch.wavegate.dev/nov created\n"), asked.err
    assert asked.err == "kubectl get rb -n default says how far they have come\n"
    (spec,) = specs(told)
    assert spec == {
        "jobName": "bill",
        "labels": {"s": "crm"},
        "finishedTTL": "24h",
        "canceled": False,
        "items": [
            {"key": "line-00001", "payload": '{"a":1.0}'},
            {"key": "second", "payload": '{"a": 1.0}', "priority": 3, "metadata": {"x": "y"}},
            {"key": "line-00004", "idempotencyKey": "k", "ttl": "10m"},
        ],
    }


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "is not JSON: Expecting property name enclosed in double quotes (column 2)"),
        ("[1]", 'is no JSON object: write {"payload": …}'),
        ('{"payload": "hello"}', "payload: is not JSON: Expecting value (line 1, column 1)"),
        ('{"payload": NaN}', "is not JSON: NaN and Infinity are not"),
        ('{"payload": 1e999}', "payload: is not JSON: NaN and Infinity are not"),
        ('{"payload": {"b": 1}}', 'payload: lacks "a"'),
        ("{}", 'payload: lacks "a"'),
        ('{"invoice": 1}', "invoice: is not known to this release; the body of the call belongs"),
        ('{"payload": {}, "priority": 11}', "priority: input should be less than or equal to 10"),
        ('{"key": "a", "key": "b"}', "has an object with the same key twice"),
        ('{"key": "one", "payload": {"a": 1}}', "key: is that of an item before it"),
        ('{"idempotencyKey": "k"}', "idempotencyKey: is that of an item before it, one"),
        ('{"payload": {"a": "%s"}}' % ("ä" * 5000), "payload:"),
    ],
)
def test_with_one_wrong_line_nothing_is_sent(
    line: str, words: str, told: Played, tmp_path: Path
) -> None:
    first = {"key": "one", "payload": {"a": 1}, "idempotencyKey": "k"}
    asked = told("runs", "bulk", "-f", lines(tmp_path, first, "", line), "--job", "strict")
    assert asked.code == 2
    head, told_line = asked.err.splitlines()
    assert head == "error: nothing was sent:"
    assert told_line.split(", ", 1)[1].startswith(f"line 3: {words}"), told_line
    assert told.list("RunBatch") == []


def test_of_many_wrong_lines_the_first_twenty_are_named(told: Played, tmp_path: Path) -> None:
    asked = told("runs", "bulk", "-f", lines(tmp_path, *(["{"] * 30)), "--job", "bill")
    assert len(asked.err.splitlines()) == 22
    assert asked.err.endswith("and 10 more\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--job", "none"), "no HTTPJob none in namespace default"),
        (("--job", "bill", "--name", "a" * 60), "--name: must have 1 to 59 characters"),
        (("--job", "bill", "--label", "x"), "'x' is not of the form KEY=VALUE"),
        (("--job", "bill", "--wait", "--dry-run=client"), "--wait: a dry run makes nothing"),
    ],
)
def test_what_cannot_be_is_refused(
    arguments: tuple[str, ...], words: str, told: Played, tmp_path: Path
) -> None:
    asked = told("runs", "bulk", "-f", lines(tmp_path, {}), *arguments)
    assert asked.code == 2
    assert words in asked.err
    assert told.list("RunBatch") == []


def test_an_empty_file_is_no_batch(told: Played, tmp_path: Path) -> None:
    asked = told("runs", "bulk", "-f", lines(tmp_path, "", " "), "--job", "bill")
    assert (asked.code, "has no items: write one a line" in asked.err) == (2, True)


def test_a_dry_run_prints_what_would_be_applied(
    told: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"payload": {}}\n'))
    asked = told("runs", "bulk", "-f", "-", "--job", "bill", "--dry-run=client", "-o", "yaml")
    assert asked.code == 0
    document = yaml.safe_load(asked.out)
    assert (document["kind"], len(document["spec"]["items"])) == ("RunBatch", 1)
    assert told.list("RunBatch") == []


def test_a_long_file_becomes_several_batches_and_can_be_sent_again(
    told: Played, tmp_path: Path
) -> None:
    path = lines(tmp_path, *({"payload": {"a": n}} for n in range(1234)))
    asked = told("runs", "bulk", "-f", path, "--job", "bill", "--name", "nov")
    assert asked.out.splitlines() == [f"runbatch.wavegate.dev/nov-0{n} created" for n in (1, 2, 3)]
    assert [len(spec["items"]) for spec in specs(told)] == [500, 500, 234]
    keys = [each["key"] for spec in specs(told) for each in spec["items"]]
    assert len(set(keys)) == 1234
    told.delete("RunBatch", "nov-02")
    again = told("runs", "bulk", "-f", path, "--job", "bill", "--name", "nov")
    assert again.code == 0
    assert again.err.splitlines()[:2] == [
        "RunBatch nov-01 stands already",
        "RunBatch nov-03 stands already",
    ]
    assert len(told.list("RunBatch")) == 3
    other = lines(tmp_path, *({"payload": {"b": n}} for n in range(600)))
    asked = told("runs", "bulk", "-f", other, "--job", "bill", "--name", "nov")
    assert (asked.code, "nov-01 is there already, with other items" in asked.err) == (2, True)


def test_where_the_server_says_no_in_between_it_says_how_to_go_on(
    told: Played, tmp_path: Path
) -> None:
    path = lines(tmp_path, *({"payload": {"a": n}} for n in range(600)))
    told("runs", "bulk", "-f", lines(tmp_path, {"payload": 1}), "--job", "bill", "--name", "nov-02")
    path = lines(tmp_path, *({"payload": {"a": n}} for n in range(600)))
    asked = told("runs", "bulk", "-f", path, "--job", "bill", "--name", "nov")
    assert asked.code == 2
    assert "1 of 2 batches were made; the same command with --name nov goes on" in asked.err


def test_batches_are_no_larger_than_is_allowed() -> None:
    items = [(n, read_line(n, json.dumps({"payload": ["x" * 8000]}))) for n in range(1, 201)]
    parts = list(portions(items))
    assert sum(map(len, parts)) == 200
    sizes = [sum(len(each["payload"]) for each in part) for part in parts]
    assert max(sizes) <= MAX_BYTES < max(sizes) + size_of(items[0][1])


@pytest.mark.parametrize(
    ("state", "code"), [("Completed", 0), ("Failed", 1), ("Refused", 1), ("Canceled", 1)]
)
def test_waiting_says_how_far_they_have_come_and_what_became_of_them(
    state: str, code: int, told: Played, tmp_path: Path
) -> None:
    def meanwhile() -> None:
        counts = {"total": 1000, "completed": 998, "failed": 2, "pending": 0, "open": 0}
        errors = [{"key": "k", "run": "bill-1", "reason": "Rejected", "message": "Failed: no"}]
        message = "998 of 1000 runs completed"
        set_status(told, "nov", state=state, message=message, counts=counts, errors=errors)

    told.meanwhile = meanwhile
    path = lines(tmp_path, {"payload": 1})
    asked = told("runs", "bulk", "-f", path, "--job", "bill", "--name", "nov", "--wait")
    assert asked.code == code, asked.err
    assert asked.out.splitlines()[1:] == [
        f"nov: {state}: 998 of 1000 runs completed",
        "  k (run bill-1): Failed: no",
    ]
    assert asked.err.splitlines() == [
        "nothing is made yet",
        "1,000 of 1,000 runs have ended: 998 completed, 2 failed",
    ]


def test_waiting_ends_with_the_time_or_with_the_object(told: Played, tmp_path: Path) -> None:
    path = lines(tmp_path, {"payload": 1})
    given = ("runs", "bulk", "-f", path, "--job", "bill", "--name", "nov", "--wait")
    assert told(*given, "--timeout", "600ms").code == 3
    told.meanwhile = lambda: told.delete("RunBatch", "nov")
    asked = told(*given, "--timeout", "20s")
    assert (asked.code, "RunBatch nov was deleted meanwhile" in asked.err) == (2, True)


def one(told: Played, asked: Told) -> dict[str, Any]:
    assert asked.code == 0, asked.err
    (found,) = told.list("RunBatch")
    assert asked.out == f"runbatch.wavegate.dev/{found['metadata']['name']} created\n"
    told.delete("RunBatch", found["metadata"]["name"])
    return dict(found["spec"])


def test_many_are_canceled_or_replayed_by_a_batch(told: Played) -> None:
    common = {"canceled": False, "finishedTTL": "24h"}
    asked = told("runs", "cancel", "--job", "hj/bill")
    assert one(told, asked) == {**common, "jobName": "bill", "cancel": {}}
    asked = told("runs", "cancel", "-l", "a=b,c in (d,e)", "--phase", "Queued")
    chosen = {"matchExpressions": ["a=b", "c in (d,e)"], "phases": ["Queued"]}
    assert one(told, asked) == {**common, "cancel": chosen}
    asked = told("runs", "replay", "--job", "bill", "--phase", "DeadLetter", "--phase", "Failed")
    phases = {"phases": ["DeadLetter", "Failed"]}
    assert one(told, asked) == {**common, "jobName": "bill", "replay": phases}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name the runs, or choose them by -l or --job"),
        (("--phase", "Queued"), "name the runs, or choose them by -l or --job"),
        (("-l", " "), "name the runs, or choose them by -l or --job"),
        (("one", "--job", "bill"), "name runs, or choose them by -l, --job and --phase; not both"),
        (("one", "--wait"), "name runs, or choose them by -l, --job and --phase; not both"),
        (("-l", "a=b=c"), "--selector: 'a=b=c' is not a match expression: write k=v"),
        (("--job", "none"), "no HTTPJob none in namespace default"),
        (("--job", "bill", "--wait", "--dry-run=client"), "--wait: a dry run makes nothing"),
    ],
)
def test_they_are_never_chosen_by_nothing(
    arguments: tuple[str, ...], words: str, told: Played
) -> None:
    asked = told("runs", "cancel", *arguments)
    assert (asked.code, words in asked.err) == (2, True), asked.err
    assert told.list("RunBatch") == []


@pytest.mark.parametrize(
    ("selector", "parts"),
    [
        ("a=b", ["a=b"]),
        ("a=b, c!=d ,!e", ["a=b", "c!=d", "!e"]),
        ("a in (b,c),d notin (e)", ["a in (b,c)", "d notin (e)"]),
        ("", []),
    ],
)
def test_a_selector_is_taken_apart(selector: str, parts: list[str]) -> None:
    assert expressions_of(selector) == parts


def test_a_selector_that_is_none_is_refused() -> None:
    with pytest.raises(CliError, match="is not a match expression"):
        expressions_of("a=(b")


def test_names_sort_as_the_lines_do() -> None:
    assert names_of("x", 1) == ["x"]
    assert names_of("x", 2) == ["x-01", "x-02"]
    assert names_of("x", 120) == sorted(names_of("x", 120))
