"""The alerts: valid, each fires when it should and not before, and has its section to read."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.alerts import (
    FILES,
    RULES_FILE,
    RUNBOOKS,
    metrics_in,
    promtool,
    queries,
    rules,
    shortened,
)
from support.chart import only, template
from wavegate.reference.markdown import anchor
from wavegate.reference.metrics import exposed_name, known_families

OURS = '{instance="a:8080",job="wavegate-metrics"}'
OTHER = '{instance="b:8080",job="another"}'
JOB = 'job_namespace="web",job_name="edge"'
UP = {f"wavegate_build_info{OURS}": "1x200"}
INFO = "wavegate_fleetjob_info"
PASSES = '{controller="fleetjob"}'
QUEUE = '{name="fleetjob"}'
LABELS = {"job_namespace": "web", "job_name": "edge"}


def series(name: str, labels: str, values: str) -> dict[str, str]:
    return {f"{name}{{{labels}}}": values}


def mine(name: str, values: str, labels: str = "") -> dict[str, str]:
    """Of our process, and nothing of others."""
    more = f",{labels}" if labels else ""
    return {f"{name}{OURS[:-1]}{more}}}": values, **UP}


def info(values: str, **labels: str) -> dict[str, str]:
    told = "".join(f',{key}="{value}"' for key, value in labels.items())
    return {f"{INFO}{{{JOB}{told}}}": values}


PROGRESS = "wavegate_rollout_progress_timestamp_seconds"
WAITING = "wavegate_rollout_waiting_since_timestamp_seconds"
STALLED = series("wavegate_fleetjob_condition", f'{JOB},type="Stalled",status="true"', "1x200")
BACK = {"state": "Running", "reason": "RolledBack", "version": "3", "stable_version": "2"}
CASES: list[tuple[str, str, dict[str, str], str, dict[str, str] | None]] = [
    ("WavegateDown", "no operator", {f"up{OURS}": "0x200"}, "6m", {}),
    ("WavegateDown", "not for long", {f"wavegate_build_info{OURS}": "1x3 _x200"}, "11m", None),
    ("WavegateDown", "it is there", UP, "60m", None),
    ("WavegateNoLeader", "a standby", mine("leader_election_master_status", "0x200"), "3m", {}),
    ("WavegateNoLeader", "a leader", mine("leader_election_master_status", "1x200"), "3m", None),
    (
        "WavegateNoLeader",
        "another controller leads",
        {
            f"leader_election_master_status{OTHER}": "1x200",
            **mine("leader_election_master_status", "0x200"),
        },
        "3m",
        {},
    ),
    (
        "WavegateReconcileErrors",
        "each minute",
        {f"controller_runtime_reconcile_errors_total{PASSES}": "0+1x200"},
        "25m",
        {},
    ),
    (
        "WavegateReconcileErrors",
        "once",
        {f"controller_runtime_reconcile_errors_total{PASSES}": "0x5 1x200"},
        "30m",
        None,
    ),
    (
        "WavegateReconcileErrors",
        "of another controller",
        {'controller_runtime_reconcile_errors_total{controller="x"}': "0+1x200"},
        "25m",
        None,
    ),
    (
        "WavegateQueueStuck",
        "no pass",
        {
            f"workqueue_depth{QUEUE}": "3x200",
            f"controller_runtime_reconcile_total{PASSES}": "7x200",
        },
        "20m",
        {},
    ),
    (
        "WavegateQueueStuck",
        "no step ends",
        {"wavegate_steps_pending": "3x200", "wavegate_steps_total": "7x200"},
        "20m",
        {},
    ),
    (
        "WavegateQueueStuck",
        "busy",
        {
            f"workqueue_depth{QUEUE}": "3x200",
            f"controller_runtime_reconcile_total{PASSES}": "0+60x200",
            "wavegate_steps_pending": "3x200",
            "wavegate_steps_total": "0+60x200",
        },
        "60m",
        None,
    ),
    (
        "WavegateQueueStuck",
        "idle",
        {
            f"workqueue_depth{QUEUE}": "0x200",
            f"controller_runtime_reconcile_total{PASSES}": "7x200",
            "wavegate_steps_pending": "0x200",
            "wavegate_steps_total": "7x200",
        },
        "60m",
        None,
    ),
    (
        "WavegateWatchStale",
        "silent",
        {'wavegate_watch_silence_seconds{resource="pods"}': "0+60x200"},
        "13m",
        {"resource": "pods"},
    ),
    (
        "WavegateWatchStale",
        "bookmarks come",
        {'wavegate_watch_silence_seconds{resource="pods"}': "60x200"},
        "60m",
        None,
    ),
    (
        "WavegateThrottled",
        "held back",
        mine("rest_client_rate_limiter_duration_seconds_sum", "0+40x200"),
        "26m",
        {},
    ),
    (
        "WavegateThrottled",
        "answered 429",
        mine("rest_client_requests_total", "0+1x200", 'code="429",method="POST"'),
        "26m",
        {},
    ),
    (
        "WavegateThrottled",
        "held back in a big rollout",
        mine("rest_client_rate_limiter_duration_seconds_sum", "0+40x8 320x200"),
        "40m",
        None,
    ),
    (
        "WavegateThrottled",
        "another controller",
        {f'rest_client_requests_total{OTHER[:-1]},code="429"}}': "0+1x200", **UP},
        "60m",
        None,
    ),
    ("WavegateRolloutStalled", "no progress", series(PROGRESS, JOB, "1x200"), "46m", LABELS),
    ("WavegateRolloutStalled", "no rollout", series(PROGRESS, JOB, "0x200"), "180m", None),
    ("WavegateRolloutStalled", "progress", series(PROGRESS, JOB, "0+60x200"), "180m", None),
    (
        "WavegateRolloutStalled",
        "no canary",
        {**STALLED, **info("1x200", state="Deploying", reason="NoCanary")},
        "16m",
        LABELS,
    ),
    ("WavegateRolloutStalled", "rolled back", {**STALLED, **info("1x200", **BACK)}, "60m", None),
    (
        "WavegateRolledBack",
        "back",
        info("1x200", **BACK),
        "2m",
        {**LABELS, "version": "3", "stable_version": "2"},
    ),
    ("WavegateRolledBack", "well", info("1x200", state="Running", reason="Running"), "60m", None),
    (
        "WavegateRolloutFailed",
        "failed",
        info("1x200", state="RolloutFailed", reason="CanaryFailed"),
        "2m",
        {**LABELS, "reason": "CanaryFailed"},
    ),
    ("WavegateRolloutFailed", "rolled back", info("1x200", **BACK), "60m", None),
    ("WavegateAwaitingPromotion", "waits", series(WAITING, JOB, "60x300"), "243m", LABELS),
    ("WavegateAwaitingPromotion", "not long", series(WAITING, JOB, "60x300"), "200m", None),
    ("WavegateAwaitingPromotion", "nobody", series(WAITING, JOB, "0x300"), "290m", None),
]
"""Alert, case, series (a value a minute), when it is looked at, and the labels of what fires."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(promtool()), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.chart
def test_prometheus_takes_the_rules_as_they_are_and_shortened(tmp_path: Path) -> None:
    short = tmp_path / "alerts.yaml"
    short.write_text(shortened(RULES_FILE.read_text()))
    for path in (RULES_FILE, short):
        done = run("check", "rules", "--lint=all", "--lint-fatal", str(path))
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{len(rules())} rules found" in done.stdout
    assert re.findall(r"\d+[mh]\b|3600", short.read_text()) == []


@pytest.mark.chart
@pytest.mark.parametrize(
    ("alert", "case", "given", "at", "labels"), CASES, ids=lambda x: str(x)[:24]
)
def test_an_alert_fires_when_it_should_and_not_before(
    alert: str,
    case: str,
    given: dict[str, str],
    at: str,
    labels: dict[str, str] | None,
    tmp_path: Path,
) -> None:
    (rule,) = (each for each in rules() if each["alert"] == alert)
    expected: list[dict[str, Any]] = []
    if labels is not None:
        expected = [{"exp_labels": {**rule["labels"], **labels}}]
    found = fired(tmp_path, given, alert, at)
    assert [each["exp_labels"] for each in expected] == found


def fired(tmp_path: Path, given: dict[str, str], alert: str, at: str) -> list[dict[str, str]]:
    """The labels with which an alert fires then, without its name; promtool says what it found."""
    test = {
        "rule_files": [str(RULES_FILE)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": v} for name, v in given.items()],
                "alert_rule_test": [
                    {"eval_time": at, "alertname": alert, "exp_alerts": [{"exp_labels": NEVER}]}
                ],
            }
        ],
    }
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump(test))
    done = run("test", "rules", str(path))
    assert done.returncode == 1, "promtool tells what fired because it is told to expect another"
    got = (done.stdout + done.stderr).partition("got:")[2]
    return [
        {key: value for key, value in re.findall(r'(\w+)="([^"]*)"', line) if key != "alertname"}
        for line in re.findall(r"Labels:\{([^}]*)\}", got)
    ]


NEVER = {"nothing": "has this label"}


def test_each_alert_is_tried_both_ways() -> None:
    names = {each["alert"] for each in rules()}
    assert {alert for alert, *_, labels in CASES if labels is not None} == names
    assert {alert for alert, *_, labels in CASES if labels is None} == names


def test_each_alert_has_its_section_and_each_section_its_alert() -> None:
    sections = re.findall(r"^## (\w+)$", RUNBOOKS.read_text(), re.MULTILINE)
    assert sorted(sections) == sorted(each["alert"] for each in rules())
    for each in rules():
        page, _, fragment = each["annotations"]["runbook_url"].partition("#")
        assert (page, fragment) == ("docs/operations/runbooks.md", anchor(each["alert"]))


@pytest.mark.parametrize("alert", [each["alert"] for each in rules()])
def test_a_section_says_what_is_seen_has_three_commands_and_a_way_out(alert: str) -> None:
    text = RUNBOOKS.read_text().partition(f"## {alert}\n")[2].partition("\n## ")[0]
    meaning, commands, way_out = re.split(r"```(?:sh)?\n", text)
    assert "What a user sees: " in meaning
    assert len(commands.strip().splitlines()) == 3
    assert way_out.strip().startswith("Way out: ")


def test_every_metric_that_is_named_exists() -> None:
    known = {exposed_name(each) for each in known_families()}
    assert {"process_resident_memory_bytes", "wavegate_rollouts_total"} <= known
    for each in rules():
        assert metrics_in(each["expr"]) <= known, each["alert"]
        assert metrics_in(each["expr"]), each["alert"]
    for query in queries():
        assert metrics_in(query.expr) <= known, query
        assert metrics_in(query.expr), query


def test_dashboards_are_small_and_without_an_address_of_a_prometheus() -> None:
    paths = sorted((FILES / "dashboards").glob("*.json"))
    assert [path.stem for path in paths] == ["fleet", "operator", "rollout"]
    for path in paths:
        document = json.loads(path.read_text())
        assert document["uid"] == f"wavegate-{path.stem}"
        assert len(path.read_text()) < 20_000
        sources = {json.dumps(panel["datasource"]) for panel in document["panels"]}
        assert sources == {'{"type": "prometheus", "uid": "${datasource}"}'}


@pytest.mark.chart
def test_the_rule_is_the_file_of_alerts_and_dashboards_are_the_files() -> None:
    switches = {"prometheusRule": {"enabled": True}, "dashboards": {"enabled": True}}
    documents = template(values={"metrics": switches})
    rule = only(documents, "PrometheusRule")
    assert rule["spec"] == yaml.safe_load(RULES_FILE.read_text())
    for path in (FILES / "dashboards").glob("*.json"):
        found = only(documents, "ConfigMap", f"wavegate-dashboard-{path.stem}")
        assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert found["data"] == {f"wavegate-{path.name}": path.read_text()}
