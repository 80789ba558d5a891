"""What the commands that only read print, and how they end."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sim.world import spec
from support.told import Played, Stage, play
from unit.cli.run_stories import Runs
from wavegate.cli import cluster as cli_cluster
from wavegate.cli.main import COMMANDS, cli
from wavegate.simulation.fates import ERRS, FINE

QUICKEST_OF = 5

EXAMPLE = Path(__file__).parents[3] / "gitops" / "jobs" / "agent.yaml"
SOURCES = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "operator")}


async def at_the_gate(stage: Stage) -> None:
    await stage.install()
    stage.cluster.apply("app", spec("app:2", autoPromote=False))
    await stage.says("AwaitingPromotion")


async def rolled_back(stage: Stage) -> None:
    await stage.install()
    stage.cluster.fleet.fate = lambda _node, image: ERRS if image == "app:2" else FINE
    stage.cluster.apply("app", spec("app:2"))
    await stage.says("RolledBack")


async def many_nodes(stage: Stage) -> None:
    await stage.install()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Played:
    return play(at_the_gate, monkeypatch)


@pytest.fixture
def back(monkeypatch: pytest.MonkeyPatch) -> Played:
    return play(rolled_back, monkeypatch)


def keys(document: Any) -> Any:
    """Names of all keys, at all levels; a list stands for its first item."""
    if isinstance(document, dict):
        return {key: keys(value) for key, value in document.items()}
    return [keys(document[0])] if isinstance(document, list) and document else None


JOB = {
    **dict.fromkeys(("namespace", "name", "state", "reason", "since", "message", "version")),
    **dict.fromkeys(("stableVersion", "failedVersion", "wave", "waves")),
    "nodes": dict.fromkeys(("desired", "updated", "stable", "failed", "lost", "notReady")),
}
DEPLOYMENT = {
    **dict.fromkeys(("name", "type", "fromVersion", "toVersion", "state", "reason", "message")),
    **dict.fromkeys(("startedAt", "completedAt", "totalNodes", "updatedNodes", "failedNodes")),
    **dict.fromkeys(("wave", "waves")),
}
NODE = dict.fromkeys(("node", "execution", "version", "state", "message"))


@pytest.mark.parametrize(
    ("arguments", "schema"),
    [
        (("list",), {"items": [JOB], "httpJobs": None}),
        (("status", "app"), JOB),
        (("history", "app"), {"items": [DEPLOYMENT]}),
        (
            ("events", "app"),
            {"items": [dict.fromkeys(("time", "type", "reason", "object", "message", "count"))]},
        ),
        (
            ("get", "app"),
            {
                "job": JOB,
                "deployment": DEPLOYMENT,
                "waves": [{"wave": None, "nodes": [NODE]}],
                "before": [{"version": None, "nodes": [NODE]}],
            },
        ),
        (
            ("why", "app"),
            {
                **dict.fromkeys(("kind", "namespace", "name", "state", "reason", "waitsFor")),
                **dict.fromkeys(("says", "since", "who", "nextAt", "next", "runsNow", "ifNot")),
                "evidence": [None],
                "how": [None],
            },
        ),
    ],
    ids=lambda each: each[0] if isinstance(each, tuple) else "",
)
def test_json_and_yaml_have_a_schema_that_does_not_change(
    gate: Played, arguments: tuple[str, ...], schema: Any
) -> None:
    told = gate(*arguments, "-o", "json")
    assert told.err == ""
    document = json.loads(told.out)
    assert keys(document) == schema
    assert yaml.safe_load(gate(*arguments, "-o", "yaml").out) == document


def test_the_tree_has_waves_with_nodes_and_what_still_runs_from_before(gate: Played) -> None:
    lines = gate("get", "app").out.splitlines()
    assert lines[0].startswith("FleetJob app: RolloutPaused  the canaries are stable")
    told = [line.strip("│├└─ ") for line in lines]
    assert "app-v2 (Update): Paused AwaitingPromotion, wave 1 of 3, 1 of 4 nodes updated" in told
    wave = told.index("wave 1 (canary): 1 node: 1 Running")
    assert told[wave + 1].endswith(" v2 Running")
    assert told[wave + 2] == "v1, not by this rollout: 3 nodes: 3 Running"
    assert max(map(len, lines)) <= 80


def test_the_way_back_that_a_person_asks_for_has_no_canaries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def back(stage: Stage) -> None:
        for number in (1, 2):
            stage.cluster.apply("app", spec(f"app:{number}", strategy="Canary"))
            await stage.ended(f"app-v{number}")
        stage.cluster.deploy("back", {"jobName": "app", "type": "Rollback", "toVersion": 1})
        await stage.ended("back")

    told = play(back, monkeypatch)("get", "app").out
    assert "back (Rollback): Completed, 4 of 4 nodes updated" in told
    assert "wave 1: 4 nodes: 4 Running" in told
    assert "canary" not in told


def test_of_many_nodes_those_that_are_not_well_are_named_and_all_with_wide(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def one_bad(stage: Stage) -> None:
        stage.cluster.fleet.fate = lambda node, _: ERRS if node == "n17" else FINE
        stage.cluster.apply(
            "app", spec("app:1", strategy="Rolling", maxParallel="100%", maxFailedNodes=5)
        )
        await stage.until("n17 failed", lambda: stage.deployment("app-v1").get("failedNodes"))

    fleet = play(one_bad, monkeypatch, nodes=30)
    text = fleet("get", "app").out
    assert text.count(" v1 Running") == 11 - text.count("n17 v1")
    assert "n17 v1" in text
    assert "(-o wide names them)" in text
    assert fleet("get", "app", "-o", "wide").out.count(" v1 ") == 30


def test_lists_are_kubectls(gate: Played) -> None:
    head, row = gate("list").out.splitlines()
    assert head.split() == [
        "NAME",
        "STATE",
        "VERSION",
        "STABLE",
        "NODES",
        "FAILED",
        "WAVE",
        "SINCE",
    ]
    assert row.split()[:-1] == [
        *("app", "RolloutPaused", "(AwaitingPromotion)", "v2", "v1", "1/4", "0", "1/3")
    ]
    assert gate("list", "-o", "name").out == "fleetjob.wavegate.dev/app\n"
    assert gate("list", "-A").out.splitlines()[1].startswith("default     app")
    assert gate("list", "-o", "wide").out.splitlines()[1].endswith("or spec.canceled")
    empty = gate("list", "-n", "elsewhere")
    assert (empty.code, empty.out, empty.err) == (0, "", "no jobs in namespace elsewhere\n")
    assert gate("-n", "elsewhere", "list").err == "no jobs in namespace elsewhere\n"


def test_history_tells_how_each_rollout_ended_and_how_long_it_took(back: Played) -> None:
    rows = [line.split("   ") for line in back("history", "app").out.splitlines()[1:]]
    told = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert [row[:5] for row in told] == [
        ["v1", "app-v1", "Create", "Completed", "4/4"],
        ["v2", "app-v2", "Update", "Failed (CanaryFailed)", "0/4"],
        ["v1", "app-v2-rollback", "Rollback", "Completed", "4/4"],
    ]
    assert told[0][6] == "13s"


def test_events_are_of_the_job_and_its_children_oldest_first(back: Played) -> None:
    items = json.loads(back("events", "app", "-o", "json").out)["items"]
    times = [each["time"] for each in items]
    assert times == sorted(times)
    objects = {each["object"].partition("-")[0] for each in items}
    assert objects == {"FleetJob/app", "FleetDeployment/app"}, "of no single execution"
    assert back("events", "none").out == ""
    head, *rows = back("events", "app").out.splitlines()
    assert head.split("   ")[0] == "LAST SEEN"
    assert len(rows) == len(items)


@pytest.mark.parametrize(
    ("story", "code", "words"),
    [
        (many_nodes, 0, "app: Running: v1 runs on 4 nodes"),
        (rolled_back, 1, "app: Running (RolledBack): v2 failed"),
        (at_the_gate, 3, "app: RolloutPaused (AwaitingPromotion)"),
    ],
)
def test_waiting_ends_with_the_rollout_or_with_the_time(
    story: Any, code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = play(story, monkeypatch)("status", "app", "--wait", "--timeout", "600ms")
    assert told.code == code, told.err
    assert told.out.startswith(words)
    assert ("not ended after 0.6 s" in told.err) == (code == 3)


def test_without_wait_the_exit_code_says_nothing_of_the_rollout(back: Played) -> None:
    assert back("status", "app").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("get", "none"), "error: no FleetJob or HTTPJob none in namespace default"),
        (("get",), "Missing argument 'JOB'"),
        (("get", "app", "-o", "html"), "'html' is not one of 'wide', 'json', 'yaml', 'name'"),
        (("get", "app", "-w", "-o", "json"), "error: -w: draws a tree"),
        (("gett", "app"), "No such command 'gett'"),
        (("status", "app", "--timeout", "soon"), "soon"),
    ],
)
def test_what_cannot_be_carried_out_is_code_2_with_words_on_stderr(
    gate: Played, arguments: tuple[str, ...], words: str
) -> None:
    told = gate(*arguments)
    assert (told.code, told.out) == (2, "")
    assert words in told.err


def test_each_command_says_in_its_help_what_the_list_of_commands_says() -> None:
    context = cli.make_context("wavegate", ["--help"], resilient_parsing=True)
    for name, (_, line) in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert (command.help or "").splitlines()[0] == line


def processor_seconds(*command: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], check=True, capture_output=True, env=SOURCES)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(
    ("arguments", "most"),
    [
        pytest.param(["--help"], 15, id="help"),
        pytest.param(["version"], 15, id="version"),
        pytest.param(["get", "--help"], 40, id="help of a command"),
    ],
)
def test_it_starts_at_once(arguments: list[str], most: int, measured: Any) -> None:
    """Beside Python that does nothing, each the quickest of some: machines differ."""
    nothing, took = [], []
    for _ in range(QUICKEST_OF):
        nothing.append(processor_seconds("-c", "pass"))
        took.append(processor_seconds("-m", "wavegate.cli.main", *arguments))
    ratio = min(took) / min(nothing)
    told = f"{min(took):.2f} s of a processor to start, {ratio:.0f} times Python alone"
    measured(f"wavegate {' '.join(arguments)}: {told}")
    assert ratio < most


def test_what_starts_at_once_imports_no_client_and_no_kopf() -> None:
    names = "kopf", "kubernetes", "aiohttp", "pydantic", "rich"
    code = "import sys; from wavegate.cli.main import main; main(['--help']);"
    code += f"sys.exit(' '.join(n for n in {names} if n in sys.modules))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=SOURCES)
    assert done.stderr.strip() == ""


def test_watching_prints_each_change_once_where_there_is_no_terminal(gate: Played) -> None:
    """Until the job is deleted, which another does meanwhile."""
    gate.meanwhile = lambda: gate.delete("FleetJob", "app")
    told = gate("get", "app", "-w")
    assert told.code == 0
    lines = told.out.splitlines()
    assert lines[0].startswith("FleetJob app: RolloutPaused")
    assert len(lines) == len(set(lines))
    assert "\x1b" not in told.out


@pytest.mark.parametrize(
    ("missing", "arguments"), [("rich", ["get", "app"]), ("celpy", ["lint", "-f", str(EXAMPLE)])]
)
def test_in_the_operators_image_a_command_says_which_package_it_lacks(
    missing: str, arguments: list[str]
) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from wavegate.cli.main import main;"
    command = [sys.executable, "-c", f"{code} sys.exit(main({arguments}))"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=SOURCES)
    assert done.returncode == 2
    assert done.stderr == f"error: {missing} is missing: pip install 'wavegate[cli]'\n"


def test_on_a_terminal_the_tree_is_drawn_anew(
    gate: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wavegate.cli.commands.get.is_plain", lambda: False)
    gate.meanwhile = lambda: gate.delete("FleetJob", "app")
    told = gate("get", "app", "-w")
    assert told.code == 0
    assert "wave 1 (canary): 1 node: 1 Running" in told.out
    assert told.out.count("app-v2 (Update)") == 1, "there is no terminal here: the last picture"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_fits_into_80_columns(name: str, gate: Played) -> None:
    told = gate(name, "--help")
    assert told.code == 0
    assert max(map(len, told.out.splitlines())) <= 80


def test_lists_are_read_page_by_page(gate: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = gate("get", "app", "-o", "json")
    monkeypatch.setattr(cli_cluster, "PAGE", 1)
    assert gate("get", "app", "-o", "json") == whole
    assert whole.out.count('"execution"') == 4


@pytest.fixture
def calling(monkeypatch: pytest.MonkeyPatch) -> Played:
    async def one_of_each(stage: Stage) -> None:
        await stage.install()
        runs = Runs(stage)
        runs.job("app")
        daily = {"timeZone": "Europe/Berlin", "schedule": {"cron": "0 3 * * *"}}
        runs.job("bill", trigger=daily, runs={"successfulHistoryLimit": 20})
        for number in range(13):
            runs.ask(f"one-{number:02}", "bill")
        await runs.says("one-12", "Completed")
        await stage.until("each has a version", lambda: all(map(version, jobs(stage))))

    def jobs(stage: Stage) -> list[Any]:
        return stage.cluster.list("HTTPJob")

    def version(job: Any) -> object:
        return job["status"].get("version")

    return play(one_of_each, monkeypatch)


def test_http_jobs_are_listed_below_fleet_jobs(calling: Played) -> None:
    fleet, http = calling("list").out.split("\n\n")
    assert [line.split()[0] for line in fleet.splitlines()] == ["NAME", "app"]
    assert [line.split()[0] for line in http.splitlines()] == ["NAME", "app", "bill"]
    assert http.splitlines()[2].split()[1:] == [
        *("Active", "v1", "0", "3", "*", "*", "*", "in", "3h", "0", "0")
    ]
    assert calling("list", "-o", "name").out.split() == [
        "fleetjob.wavegate.dev/app",
        "httpjob.wavegate.dev/app",
        "httpjob.wavegate.dev/bill",
    ]
    told = json.loads(calling("list", "-o", "json").out)
    assert [each["name"] for each in told["items"]] == ["app"]
    assert [each["name"] for each in told["httpJobs"]] == ["app", "bill"]
    assert set(told["httpJobs"][0]) == {
        *("namespace", "name", "state", "message", "version", "schedule", "timeZone"),
        *("nextTickTime", "webhook", "runs"),
    }


def test_of_an_http_job_its_newest_runs_are_told(calling: Played) -> None:
    lines = calling("get", "bill").out.splitlines()
    assert lines[0] == "HTTPJob bill: Active  runs start as they are asked for"
    assert lines[1].startswith(
        "schedule 0 3 * * * (Europe/Berlin): next 2023-11-15T02:00:00Z (03:00:00 CET, in 3h)"
    )
    shown = [line for line in lines if line.startswith("one-")]
    assert len(shown) == 12
    assert all("Completed" in line for line in shown)
    assert lines[-1] == "and 1 more (-o wide names them)"
    assert calling("get", "bill", "-o", "wide").out.count("one-") == 13
    document = json.loads(calling("get", "bill", "-o", "json").out)
    assert set(document) == {"job", "runs"}
    assert calling("get", "bill", "-o", "name").out.splitlines()[0] == "httpjob.wavegate.dev/bill"
    assert calling("get", "app").out.startswith("FleetJob app: Running")
    assert calling("get", "hj/app").out.startswith("HTTPJob app: Active")
    watched = calling("get", "bill", "-w")
    assert watched.code == 2
    assert "bill is an HTTPJob" in watched.err


@pytest.mark.parametrize(
    "name", ["trigger", "runs", "health", "ticks", "enable", "disable", "clone"]
)
def test_the_commands_for_http_jobs_teach_by_an_example(name: str, gate: Played) -> None:
    assert f"Example: wavegate {name} " in gate(name, "--help").out
