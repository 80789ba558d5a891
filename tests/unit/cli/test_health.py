"""``health``: how the runs of HTTPJobs have ended, over a window that ends now."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.told import Played, Stage, play
from unit.cli.run_stories import Runs
from wavegate.api.httpjob_status import WindowHealth
from wavegate.cli.commands import health as command
from wavegate.cli.run_health import HEALTH_HEAD_WIDE, health_document, health_row
from wavegate.domain.times import parse_time
from wavegate.runs.tallies import SPANS

NOW = parse_time("2026-11-27T10:20:00Z") or 0.0
BILL: dict[str, Any] = {
    "metadata": {"namespace": "shop", "name": "bill"},
    "status": {
        "health": {
            "since": "2026-11-21T12:00:00.000000Z",
            "asOf": "2026-11-27T09:20:00Z",
            "hours": {"2026-11-27T09": "9,1,,,1, 18000 3 87:9"},
            "days": {"2026-11-22": "81,9,,,, 162000 3 87:81", "2026-11-01": ",5,,,, 0 3"},
        }
    },
}


def told_of(window: Any, now: float = NOW) -> list[str]:
    row = health_row(health_document(BILL, window, now), now, everywhere=False, wide=True)
    named = dict(zip(HEALTH_HEAD_WIDE, row, strict=True))
    assert named["NAME"] == "bill"
    return [named[each] for each in ("SCORE", "SUCCESS", "RUNS", "CANCELED", "SINCE", "COUNTED")]


def test_a_window_ends_now_and_says_since_when_it_counts() -> None:
    counted = ["2026-11-21T12:00:00Z", "60m ago"]
    assert told_of("1h") == ["93.0", "90.0%", "11", "1", "2026-11-27T09:00:00Z", "60m ago"]
    assert told_of("7d") == ["93.0", "90.0%", "101", "1", *counted]
    assert told_of("30d") == ["90.0", "85.7%", "106", "1", *counted]


def test_as_time_passes_runs_leave_the_window_though_nothing_is_written() -> None:
    later = NOW + 8 * 3600
    assert told_of("1h", later) == ["-", "-", "0", "0", "2026-11-27T17:00:00Z", "9h ago"]
    assert told_of("1d", later)[:4] == ["93.0", "90.0%", "11", "1"]
    assert told_of("7d", NOW + 9 * 86400)[:4] == ["-", "-", "0", "0"]


def test_for_programs_it_has_what_the_status_has_and_null_for_what_there_is_not() -> None:
    fields = {field.alias or name for name, field in WindowHealth.model_fields.items()}
    for window in SPANS:
        found = health_document(BILL, window, NOW)
        assert set(found) == {"namespace", "name", "window", "since", "asOf", *fields}
    empty = health_document(BILL, "1h", NOW + 86400)
    assert (empty["score"], empty["p95Ms"], empty["total"]) == (None, None, 0)


def test_a_job_of_which_nothing_is_known_has_no_score() -> None:
    job = {"metadata": {"namespace": "shop", "name": "new"}, "spec": {}}
    row = health_row(health_document(job, "7d", NOW), NOW, everywhere=True, wide=True)
    assert row == ["shop", "new", "-", "-", "-", "-", "0", "-", "never", *["0"] * 6]


def test_the_command_knows_all_windows() -> None:
    (option,) = [each for each in command.health.params if each.name == "window"]
    assert tuple(option.type.choices) == tuple(SPANS)  # type: ignore[attr-defined]


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Played:
    async def jobs(stage: Stage) -> None:
        runs = Runs(stage)
        runs.job("good")
        runs.job("bad", "s422")
        runs.job("idle")
        for name in ("good", "bad"):
            runs.ask(f"{name}-1", name)
        await stage.until("they are counted", lambda: all_are_counted(stage))

    return play(jobs, monkeypatch, nodes=0)


def all_are_counted(stage: Stage) -> bool:
    jobs = {each["metadata"]["name"]: each["status"] for each in stage.cluster.list("HTTPJob")}
    return all("asOf" in jobs[name].get("health", {}) for name in ("good", "bad"))


def test_the_command_tells_of_each_job(played: Played) -> None:
    asked = played("health", "--window", "1d")
    assert (asked.code, asked.err) == (0, "")
    lines = [line.split() for line in asked.out.splitlines()]
    assert lines[0][:3] == ["NAME", "SCORE", "SUCCESS"]
    assert [line[:3] for line in lines[1:]] == [
        ["bad", "0.0", "0.0%"],
        ["good", "100.0", "100.0%"],
        ["idle", "-", "-"],
    ]
    items = json.loads(played("health", "hj/bad", "-o", "json").out)["items"]
    assert [(each["name"], each["failed"], each["score"]) for each in items] == [("bad", 1, 0)]
    assert "TIMED OUT" in played("health", "-o", "wide").out
    assert played("health", "-A").out.splitlines()[0].startswith("NAMESPACE   NAME")


def test_what_it_cannot_tell_of_is_an_error(played: Played) -> None:
    for arguments, words in (
        (("none",), "no HTTPJob none in namespace default"),
        (("good", "--window", "2h"), "'2h' is not one of"),
        (("fj/app",), "fj/app"),
    ):
        asked = played("health", *arguments)
        assert (asked.code, asked.out) == (2, "")
        assert words in asked.err
