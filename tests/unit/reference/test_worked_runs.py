"""What the pages on runs in docs/concepts show of the rules is worked through with the rules.

Its tables are those of the modules' docstrings; a table that is shown and not worked through here
fails, and so does a number or a word of the page that the code has otherwise.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

import pytest

from support.run_pages import concepts_of_runs
from support.runs_world import NOW, job, run, version
from wavegate.api.durations import parse_duration
from wavegate.api.httpjob import Rate, Retry, Schedule, VersionPolicy
from wavegate.api.trigger import Dependency
from wavegate.reference.tables import docstring_table
from wavegate.runs.answers import RETRYABLE, Outcome, judge, phase_after
from wavegate.runs.callbacks import VERBS, CallbackView, hash_of, overdue, standing
from wavegate.runs.circuit import FAILURES, Circuits
from wavegate.runs.cron import Cron
from wavegate.runs.dependencies import Upstream, latest, unmet
from wavegate.runs.job_health import COUNTED_AS, Tally, health, score, stability
from wavegate.runs.lineage import MAX_DEPTH, depth
from wavegate.runs.pools import Pools
from wavegate.runs.rate import granted
from wavegate.runs.retry import delay
from wavegate.runs.schedule import ON_TIME, decide
from wavegate.runs.tallies import begins
from wavegate.runs.version_policy import version_for
from wavegate.runs.webhook_body import _OF_SPEC, _TOLD, body
from wavegate.runs.webhooks import DELAYS, result_of

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = concepts_of_runs()
SHOWN: Final = re.compile(r"generated: table (runs\.\w+(?: \d)?) -->")
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)

Row = Mapping[str, str]
"""A row's cells by the head of their column."""


def answer_row(row: Row) -> None:
    statuses, headers = {
        "2xx": (range(200, 300), {}),
        "of an Async job 202": ([202], {}),
        "408, 425, 429, 5xx but 501 and 505": (TRIED, {}),
        "the same with ``X-Run-Non-Retryable: true``": (TRIED, {"X-Run-Non-Retryable": "true"}),
        "anything else; 3xx too, as redirects are not followed": (
            {*range(300, 600)} - TRIED,
            {},
        ),
    }[row["answer"]]
    for status in statuses:
        found = judge(status, headers, 0.0, is_async="Async" in row["answer"])
        assert (found.outcome, found.retryable) == (row["outcome"], row["tried again"] == "yes")


TRIED: Final = {408, 425, 429, *range(500, 600)} - {501, 505}


def phase_row(row: Row) -> None:
    for outcome in outcomes(row["outcome"]):
        again = outcome in RETRYABLE
        found = [phase_after(outcome, again, *of) for of in ((1, 3), (3, 3), (1, 1))]
        assert found == [row[each] for each in ("left", "none left, of several", "the only one")]


def outcomes(cell: str) -> list[Outcome]:
    """Those that a cell names."""
    return [each for each in OUTCOMES if each in re.findall(r"\w+", cell)]


def retry_row(row: Row) -> None:
    strategy, _, more = row["attempts that failed"].partition(", ")
    fields: dict[str, Any] = {"strategy": strategy, "jitterPercent": 0}
    if more.startswith("delays "):
        fields["delays"] = more.removeprefix("delays ").replace(" ", "").split(",")
    elif more:
        assert more == "maxDelay 1 h"
    retry = Retry.model_validate(fields)
    for failed, told in list(row.items())[1:]:
        assert delay(retry, int(failed), 0.5) == parse_duration(told.replace(" ", ""))


def test_the_rate_grants_what_its_table_says() -> None:
    head, granted_cells, clocks = docstring_table(importlib.import_module("wavegate.runs.rate"))
    rate, clock = Rate.model_validate({"max": 3, "window": "60s"}), None
    for moment, told, after in list(zip(head, granted_cells, clocks, strict=True))[1:]:
        # Far from 0, which stands for no clock.
        found = granted(rate, clock, 1000.0 + float(moment))
        assert ("yes" if found is not None else "no") == told
        clock = found if found is not None else clock
        assert clock == 1000.0 + float(after)


def pool_row(row: Row) -> None:
    pool, rate = ("shop", "pool"), Rate(max=int(row["could grant"]), window=60.0)
    pools = Pools()
    for name in row["waiting, the longest first"].replace("nobody", "").split(", "):
        if name:
            pools.passed(("shop", name), {}, ["pool"], begins=False)
    seen = pools.seen(pool, rate, None, ("shop", row["asks"]), 1000.0)
    assert seen.turn == int(row["may begin"].partition(":")[0])


def lineage_row(row: Row) -> None:
    known = {
        f"depth {number}": run(f"depth {number}", lineage_depth=number, asked_by=("gone",))
        for number in range(1, 11)
    }
    known |= {"none": run("none"), "itself": run("itself", asked_by=("other",))}
    known["other"] = run("other", asked_by=("itself",))
    named = NAMED.findall(row["the run names"]) if row["the run names"] != "none" else []
    found = depth([each.replace("one that names none", "none") for each in named], known.get)
    told = "none" if not found else str(found) if found <= MAX_DEPTH else f"above {MAX_DEPTH}"
    assert row["its depth"] == told
    assert row["a run"] == ("is refused" if found > MAX_DEPTH else "starts")


NAMED: Final = re.compile(r"depth \d+|one that names none|gone|itself")


def dependency_row(row: Row) -> None:
    ended = []
    for number, told in enumerate(row["the other job's runs, the latest last"].split(", ")):
        phase, _, ago = told.partition(" ")
        if phase != "none":
            at = NOW - (parse_duration(ago.removesuffix(" ago")) if ago else 60 - number)
            ended.append(run(f"run-{number}", phase=phase, completed=at))
    asked = {"jobName": "other", "condition": row["condition"]}
    if row["freshness"] != "none":
        asked["freshness"] = row["freshness"]
    upstream = Upstream(exists=True, latest=latest(ended))
    held = unmet([Dependency.model_validate(asked)], {"other": upstream}, NOW)
    assert (held.reason if held else "starts") == {"waits": "DependencyPending"}.get(
        row["a run"], "starts"
    )


def version_row(row: Row) -> None:
    versions = []
    for told in f"{row['its own']}, {row['versions after it']}".replace(", none", "").split(", "):
        number, _, what = told.partition(" ")
        if what != "removed":
            spec = job(runs={"backwardsCompatible": what == "compatible"})
            versions.append(version(spec, int(number)))
    for policy in get_args(VersionPolicy):
        found = version_for(policy, 1, versions)
        assert (str(found.version) if found is not None else "none") == row[policy], policy


def cron_row(row: Row) -> None:
    zone = ZoneInfo("Europe/Berlin")
    day = {
        "clock put forward from 02:00 to 03:00": datetime(2026, 3, 29, tzinfo=zone),
        "clock put back from 03:00 to 02:00": datetime(2026, 10, 25, tzinfo=zone),
    }[row["on the day"]]
    cron = Cron.parse(row["Europe/Berlin"].strip("`"), "Europe/Berlin")
    end = day.replace(hour=23, minute=59).timestamp()
    ticks, count = cron.between(day.timestamp() - 1, end, 100)
    times = [datetime.fromtimestamp(tick, UTC).astimezone(zone) for tick in ticks]
    told = [f"{each:%H:%M}" for each in times]
    match row["instants"]:
        case "one, at 03:00":
            assert told == ["03:00"]
        case "four, from 03:00 to 03:45":
            assert told == ["03:00", "03:15", "03:30", "03:45"]
        case "one, at the first 02:30":
            assert [(each, at.fold) for each, at in zip(told, times, strict=True)] == [("02:30", 0)]
        case "24, two hours between 02:00 and 03:00":
            assert count == len(set(told)) == 24
            assert ticks[3] - ticks[2] == 7200
        case other:
            pytest.fail(other)


def catch_up_row(row: Row) -> None:
    ticks = {
        "the newest tick": 1,
        f"the newest tick, if it is at most {ON_TIME:g} s late": 1,
        "the newest 100": 100,
    }[row["made up for, of the ticks that are at most startingDeadline late"]]
    policy = row["catchUp"]
    of_all = {"catchUp": policy, "startingDeadline": "168h", "concurrencyPolicy": "Allow"}
    assert len(decided(200, **of_all).ticks) == ticks
    late = decided(200, ON_TIME + 1, **of_all).ticks
    assert bool(late) == (policy != "None")


def policy_row(row: Row) -> None:
    for policy in row["concurrencyPolicy"].split(", "):
        busy, free = (
            decided(3, running=running, catchUp="All", concurrencyPolicy=policy)
            for running in (True, False)
        )
        match row["of those become runs"]:
            case "all":
                assert (len(busy.ticks), len(free.ticks)) == (3, 3)
            case "the newest one, if no scheduled run is left; the others are skipped":
                assert (len(busy.ticks), busy.skipped) == (0, 3)
                assert (len(free.ticks), free.skipped) == (1, 2)
            case "the newest one, and scheduled runs for ticks before it are canceled":
                assert (len(busy.ticks), busy.replace, free.replace) == (1, True, False)
            case other:
                pytest.fail(other)


def decided(ticks: int, late: float = 0.0, running: bool = False, **fields: Any) -> Any:
    """What becomes of so many ticks, a minute apart, of which the last is so late."""
    schedule = Schedule.model_validate({"cron": "* * * * *", **fields})
    last = 1_800_000_000.0
    cron = Cron.parse(schedule.cron, "UTC")
    return decide(schedule, cron, last - 60 * ticks, None, last + late, running)


def circuit_row(row: Row) -> None:
    same = row["says"] == "the same: more calls do not help it"
    says = "it is not well" if same else row["says"]
    cell = row["outcome"]
    in_words = cell == "time-outs; connect, DNS and TLS failures; resets"
    for outcome in outcomes(NOT_REACHED if in_words else cell):
        circuits = Circuits()
        for _ in range(FAILURES - 1):
            circuits.ended("e", "TimedOut", 0.0, 0.0)
        circuits.ended("e", outcome, 0.0, 0.0)
        opened = bool(circuits.held(1.0)[0])
        circuits.ended("e", "TimedOut", 0.0, 0.0)
        counted_on = bool(circuits.held(1.0)[0])
        found = "it is not well" if opened else "nothing" if counted_on else "it answers"
        assert found == says, outcome


def counted_row(row: Row) -> None:
    phases = [phase for phase, counts_as in COUNTED_AS.items() if counts_as == row["counts as"]]
    assert phases == row["phases"].split(", ")


def score_row(row: Row) -> None:
    runs, canceled, completed = (int(row[each]) for each in ("runs", "canceled", "completed"))
    average, p95 = (
        parse_duration(row[each].replace(" ", "")) if row[each] != "none" else None
        for each in ("average", "p95")
    )
    steady = stability(average, p95)
    assert steady == float(row["stability"])
    counts = {"completed": completed, "canceled": canceled, "failed": runs - completed - canceled}
    rate = health(Tally(counts)).success_rate  # type: ignore[arg-type]
    found = score(rate, steady) if rate is not None else None
    assert found == (None if row["score"] == "none" else float(row["score"]))


def window_row(row: Row) -> None:
    now = datetime(2026, 11, 27, 10, 20, tzinfo=UTC)
    begun = datetime.fromtimestamp(begins(row["window"], now.timestamp()), UTC)  # type: ignore[arg-type]
    of = "" if begun.month == now.month else " of the month before,"
    assert f"{begun:%d}th{of} {begun:%H:%M}" == row["begins"]


NOT_REACHED: Final = "TimedOut ConnectFailed DnsFailed TlsFailed Reset"


def receiver_row(row: Row) -> None:
    statuses = {
        "2xx, also where the rest of the answer does not come": range(200, 300),
        "410": [410],
        "anything else, a redirect too, or nothing": [None, 302, 404, 429, 500],
    }[row["the receiver answers"]]
    found = {"Delivered": "Delivered", "Gone": "and the webhook is paused", "Failed": "tried again"}
    assert {found[result_of(status)] in row["the delivery is"] for status in statuses} == {True}


def delays_row(row: Row) -> None:
    waits = [row[str(number)] for number in range(1, len(DELAYS) + 2)]
    assert waits[-1] == "none"
    assert [parse_duration(each.replace(" ", "").replace("min", "m")) for each in waits[:-1]] == [
        *DELAYS
    ]


def told_row(row: Row) -> None:
    error = {"class": "Reset", "message": "m"}
    status = {**dict.fromkeys(_TOLD, "x"), "phase": "Failed", "lastError": error}
    document = {
        "metadata": {"name": "n", "namespace": "s", "uid": "u", "creationTimestamp": "t"},
        "spec": {"jobName": "app", **dict.fromkeys(_OF_SPEC, "x")},
        "status": {**status, "metadata": {"large": "x" * 70_000}},
    }
    data = json.loads(body(document))["data"] | {"metadata": {}}
    shown = {name for each in rows("runs.webhook_body") for name in NAMES.findall(each["field"])}
    assert shown - {"or", "and"} == set(data)
    assert set(NAMES.findall(row["field"])) - {"or", "and"} <= set(data)


NAMES: Final = re.compile(r"\w+")


def silence_row(row: Row) -> None:
    view = CallbackView(heartbeat_timeout=60.0, deadline=1600.0, accepted=1000.0)
    silent = {"less than heartbeatTimeout": (59.9,), "heartbeatTimeout": (60.0, 599.9)}
    silent["anything"] = (0.0, 60.0, 700.0)
    for seconds in silent[row["silent for"]]:
        whole = 600.0 if row["since its begin"] == "completionTimeout" else seconds
        now = 1000.0 + max(whole, seconds)
        found = overdue(view, now - seconds, 0.0, now)
        assert (found.outcome if found else "waits") == row["the attempt"]


def call_back_row(row: Row) -> None:
    outcome: Any = {"called back Completed": "Completed", "called back Failed": "Failed"}
    outcome = outcome.get(row["the attempt"])
    view = CallbackView(token_hash=hash_of("uid", 1, "token"), outcome=outcome)
    executes = row["the attempt"] == "is called or waits"
    for verb in VERBS:
        assert standing(view, "uid", 1, executes, verb, "token") == row[verb]
        assert standing(view, "uid", 1, executes, verb, "another") == "Refused"


WORKED: Final[Mapping[str, Callable[[Row], None]]] = {
    "runs.answers": answer_row,
    "runs.answers 2": phase_row,
    "runs.retry": retry_row,
    "runs.pools": pool_row,
    "runs.version_policy": version_row,
    "runs.dependencies": dependency_row,
    "runs.lineage": lineage_row,
    "runs.cron": cron_row,
    "runs.schedule": catch_up_row,
    "runs.schedule 2": policy_row,
    "runs.circuit 2": circuit_row,
    "runs.job_health": counted_row,
    "runs.job_health 2": score_row,
    "runs.tallies": window_row,
    "runs.webhooks": receiver_row,
    "runs.webhooks 2": delays_row,
    "runs.webhook_body": told_row,
    "runs.callbacks": silence_row,
    "runs.callbacks 2": call_back_row,
}


def rows(block: str) -> list[Row]:
    name, _, number = block.partition(" ")
    module = importlib.import_module(f"wavegate.{name}")
    head, *cells = docstring_table(module, int(number or 1))
    found: list[Row] = []
    for row in cells:
        above = found[-1] if found else {}
        named = zip(head, row, strict=True)
        found.append({key: above[key] if cell == "the same" else cell for key, cell in named})
    return found


@pytest.mark.parametrize(
    ("block", "row"),
    [
        pytest.param(block, row, id=f"{block}: {next(iter(row.values()))}")
        for block in WORKED
        for row in rows(block)
    ],
)
def test_a_row_is_what_the_rule_makes_of_it(block: str, row: Row) -> None:
    WORKED[block](row)


def test_every_table_that_the_page_shows_is_worked_through() -> None:
    assert set(SHOWN.findall(PAGE)) == {*WORKED, "runs.rate"}


@pytest.mark.parametrize("table", ["runs.answers 2", "runs.circuit 2"])
def test_a_table_by_outcome_has_each_of_them(table: str) -> None:
    named = " ".join(row["outcome"] for row in rows(table))
    if table == "runs.circuit 2":
        named += f" {NOT_REACHED} Fault"  # a fault of our own is no call
    assert set(outcomes(named)) == set(OUTCOMES)
