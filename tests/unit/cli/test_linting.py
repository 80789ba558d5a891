"""What ``lint`` finds, held against what the real API server is known to refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.api_rules import RULES, Rule
from integration.choice_rules import CHOICE_RULES
from integration.one_shot_rules import ONE_SHOT_RULES
from integration.record_rules import RECORD_RULES
from integration.timeout_rules import TIMEOUT_RULES
from wavegate.cli.linting import advice, problems, refusals
from wavegate.cli.main import main

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.yaml"))
OF_ONE_DOCUMENT = [
    rule
    for rule in (*RULES, *CHOICE_RULES, *TIMEOUT_RULES, *ONE_SHOT_RULES, *RECORD_RULES)
    if rule.old is None
]


def wanted(rule: Rule) -> str:
    """The field of which the server speaks first."""
    return rule.says.removeprefix('unknown field "').partition(": ")[0].rstrip('"')


@pytest.mark.parametrize("rule", OF_ONE_DOCUMENT, ids=lambda rule: rule.name)
def test_what_the_server_takes_has_no_problem_and_what_it_refuses_has_that_problem(
    rule: Rule,
) -> None:
    assert refusals(rule.good) == []
    found = refusals(rule.bad)
    assert any(each.startswith(wanted(rule)) for each in found), (rule.says, found)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_have_no_problem(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        if document["apiVersion"].startswith("wavegate.dev/"):
            assert problems(document) == []


def job(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "wavegate.dev/v1alpha1",
        "kind": "FleetJob",
        "metadata": {"name": "app"},
        "spec": {"type": "query", "config": {"command": ["look"]}, **spec},
    }


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (job(), []),
        (job(config={"comand": ["look"]}), ["spec.config.comand: is not known"]),
        (
            job(type="config", config={"files": [{"path": "etc/a", "content": "x"}]}),
            ["spec.config.files[0].path: must be absolute"],
        ),
        (
            job(type="config", config={"files": [{"path": "/etc/app/a", "content": "x"}]}),
            [],
        ),
        (job(type="pipeline", config={"a": "x" * 262_200}), ["spec.config: has 262"]),
        ({**job(), "kind": "Deployment"}, ["kind: Deployment is not of wavegate.dev/v1alpha1"]),
        ({**job(), "apiVersion": "apps/v1"}, ["apiVersion: must be wavegate.dev/v1alpha1"]),
        ({**job(), "metadata": {}}, ["metadata.name: is required"]),
        ({**job(), "metadata": {"name": "App_1"}}, ["metadata.name: is required and must be"]),
    ],
)
def test_what_the_operator_would_say_is_said_too(
    document: dict[str, Any], found: list[str]
) -> None:
    told = problems(document)
    assert bool(told) == bool(found), told
    for words in found:
        assert words in "; ".join(told)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("X-Tenant", False),
        ("Traceparent-X", False),
        ("Idempotency-Key", True),
        ("TRACEPARENT", True),
        ("X-Run-Anything", True),
        ("wEBHOOK-ID", True),
    ],
)
def test_a_header_that_each_call_has_anyway_is_a_problem(name: str, problem: bool) -> None:
    http = {"url": "https://a.example/", "headers": [{"name": name, "value": "x"}]}
    found = problems({**job(), "kind": "HTTPJob", "spec": {"http": http}})
    assert bool(found) == problem
    assert all(each.startswith("spec.http.headers: ") for each in found)


def test_what_has_no_effect_is_advice() -> None:
    settings = {"maxParallel": 3, "canaryCount": 2, "healthCheck": {"deadline": "1m"}}
    assert advice(job(rollout={"strategy": "Immediate", **settings})) == [
        "spec.rollout.canaryCount: has no effect with strategy Immediate",
        "spec.rollout.maxParallel: has no effect with strategy Immediate",
        "spec.rollout.healthCheck: has no effect with strategy Immediate",
    ]
    assert advice(job(rollout={"strategy": "Rolling", **settings})) == [
        "spec.rollout.canaryCount: has no effect with strategy Rolling"
    ]
    assert advice(job(rollout={"strategy": "Canary", **settings})) == []


def write(path: Path, *documents: dict[str, Any]) -> str:
    path.write_text(yaml.safe_dump_all(documents))
    return str(path)


def test_the_command_names_file_object_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = job(), job(priority=101)
    one = write(tmp_path / "a.yaml", good, {"apiVersion": "v1", "kind": "ConfigMap"})
    assert main(["lint", "-f", one]) == 0
    assert capsys.readouterr() == ("", "1 object, no problem\n")
    without_effect = job(rollout={"autoPromote": True})
    two = write(tmp_path / "b.yaml", bad, without_effect)
    assert main(["lint", "-f", one, "-f", two]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"{two}: FleetJob app: spec.priority: 101 is not from 0 to 100",
        f"{two}: FleetJob app: advice: {advice(without_effect)[0]}",
    ]
    assert err == "3 objects, 1 problem\n"
    empty = write(tmp_path / "c.yaml", {"apiVersion": "v1", "kind": "ConfigMap"})
    assert main(["lint", "-f", empty]) == 2
    assert "no object of wavegate.dev" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (job(timeouts={"queue": "9999999999999h"}), "spec.timeouts.queue"),
        (job(template={"spec": {"containers": ["main"]}}), "spec.template.spec.containers[0]"),
        (
            job(template={"spec": {"activeDeadlineSeconds": 2**63}}),
            "spec.template.spec.activeDeadlineSeconds",
        ),
        (job(labels={"team": "edge\n"}), "spec.labels.team"),
        ({**job(), "metadata": {"name": "a" * 254}}, "metadata.name"),
    ],
)
def test_what_has_no_value_is_a_problem_and_not_a_crash(document: Any, field: str) -> None:
    found = refusals(document)
    assert found
    assert found[0].startswith(field)


def test_a_null_is_a_field_that_is_not_given() -> None:
    assert refusals(job(description=None, rollout={"strategy": None})) == []


def of_kind(kind: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "wavegate.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "app"},
        "spec": spec,
    }


ENDPOINT = {"url": "https://echo.example/"}


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (of_kind("HTTPJob", http=ENDPOINT), ""),
        (of_kind("HTTPJob", http={}), "spec.http: needs a url or a serviceRef, and not both"),
        (of_kind("HTTPJob", http={"uri": "x"}), "spec.http.uri: is not known"),
        (
            of_kind("HTTPJob", http=ENDPOINT, trigger={"schedule": {"cron": "0 0 30 2 *"}}),
            "spec.trigger.schedule.cron: '0 0 30 2 *' never comes",
        ),
        (
            of_kind("HTTPJob", http=ENDPOINT, trigger={"timeZone": "Mars/Olympus"}),
            "spec.trigger.timeZone: 'Mars/Olympus' is no time zone",
        ),
        (
            of_kind("HTTPJob", http=ENDPOINT, runs={"payloadSchema": {"type": "objekt"}}),
            "spec.runs.payloadSchema: is not valid",
        ),
        (of_kind("JobRun", jobName="app", payload='{"a": 1}'), ""),
        (of_kind("JobRun", jobName="app", payload="{"), "spec.payload: is not JSON"),
        (of_kind("JobRun", jobName="app", priority=11), "spec.priority: 11"),
        (of_kind("JobRun", payload="{}"), "spec.jobName"),
        (of_kind("RunBatch", jobName="app", items=[{"key": "a", "payload": "{}"}]), ""),
        (
            of_kind("RunBatch", jobName="app", items=[{"key": "a"}, {"key": "b", "payload": "{"}]),
            "spec.items[1].payload: is not JSON",
        ),
        (
            of_kind("RunBatch", jobName="app", items=[{"key": "a"}, {"key": "a"}]),
            "spec.items[1]",
        ),
        (of_kind("RunBatch", cancel={}), "spec: cancel needs a jobName"),
        (of_kind("RunBatch", jobName="app"), "spec: needs exactly one of items"),
    ],
)
def test_http_jobs_and_runs_are_held_against_the_rules_of_runs(
    document: dict[str, Any], found: str
) -> None:
    told = problems(document)
    assert bool(told) == bool(found), told
    assert found in "; ".join(told)
    assert advice(document) == []
