"""The CRDs as a real API server understands them: each rule passes and refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import wavelab
from integration.api_rules import RULES, Rule, container, deployment, execution, job, version
from integration.choice_rules import CHOICE_RULES
from integration.conftest import ROOT, Api, collection
from integration.one_shot_rules import ONE_SHOT_RULES
from integration.record_rules import RECORD_RULES
from integration.run_documents import RUN_STATUSES
from integration.run_rules import RUN_RULES
from integration.timeout_rules import TIMEOUT_RULES
from unit.api.duration_table import BAD, GOOD
from wavegate.api.crds import KINDS, crd

pytestmark = pytest.mark.cluster

ALL_RULES = (
    *RULES,
    *CHOICE_RULES,
    *TIMEOUT_RULES,
    *ONE_SHOT_RULES,
    *RECORD_RULES,
    *RUN_RULES,
)
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
DAY = 86400.0
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


def said(answer: Any) -> list[str]:
    """What the server said: each cause with its field before it, and each rule's own words."""
    lines: list[str] = []
    for cause in (answer.get("details") or {}).get("causes", []):
        text: str = cause["message"]
        lines.append(f"{cause.get('field', '')}: {text}")
        lines += [
            text[at + 2 :] for at in range(len(text)) if text.startswith((": spec", ": meta"), at)
        ]
    return lines or [answer["message"].rsplit("strict decoding error: ", maxsplit=1)[-1]]


@pytest.fixture(scope="module")
def stored(api: Api) -> Iterator[dict[str, dict[str, Any]]]:
    """The objects that the rules about changes begin with, by kind and name."""
    made: dict[str, dict[str, Any]] = {}
    for rule in ALL_RULES:
        if rule.old is not None and _key(rule.old) not in made:
            status, answer = api.create(rule.old)
            assert status == 201, answer
            made[_key(rule.old)] = answer
            if "status" in rule.old:
                change = {"status": rule.old["status"]}
                status, answer = api.patch(rule.old, change, sub="/status")
                assert status == 200, answer
    yield made
    for obj in made.values():
        status, answer = api.request("DELETE", _path_of(obj))
        assert status == 200, answer


def _key(obj: dict[str, Any]) -> str:
    return f"{obj['kind']}/{obj['metadata']['name']}"


def _path_of(obj: dict[str, Any]) -> str:
    return f"{collection(obj)}/{obj['metadata']['name']}"


def send(api: Api, rule: Rule, body: dict[str, Any]) -> tuple[int, Any]:
    if rule.old is not None:
        return api.patch(rule.old, body, dry=True)
    return api.create(body, dry=True)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.name)
def test_a_rule_passes_what_is_right_and_names_the_field_of_what_is_wrong(
    api: Api, rule: Rule
) -> None:
    status, answer = send(api, rule, rule.good)
    assert status in (200, 201), answer["message"]
    status, answer = send(api, rule, rule.bad)
    assert status in (400, 422), answer
    lines = said(answer)
    assert any(line.startswith(rule.says) for line in lines), lines


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_cel_rule_has_a_row(kind: Any) -> None:
    """So that a rule that is taken out, or never worked, is missed."""
    schema = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    messages = set(_messages(schema))
    rows = {rule.says for rule in ALL_RULES if (rule.old or rule.bad)["kind"] == kind.kind}
    for message in messages:
        own = [
            says
            for says in rows
            if message.startswith(says) and sum(m.startswith(says) for m in messages) == 1
        ]
        assert own, f"no row in api_rules.py is refused with: {message}"


def _messages(node: dict[str, Any]) -> Iterator[str]:
    for rule in node.get("x-kubernetes-validations", []):
        yield rule["message"]
    for child in node.get("properties", {}).values():
        yield from _messages(child)
    for key in ("items", "additionalProperties"):
        if key in node:
            yield from _messages(node[key])


@pytest.mark.parametrize("text", [*GOOD, *BAD])
def test_the_server_and_python_agree_about_durations(api: Api, text: str) -> None:
    health = {"deadline": text}
    status, answer = api.create(
        job(rollout={"strategy": "Rolling", "healthCheck": health}), dry=True
    )
    if 0 < GOOD.get(text, 0) <= DAY:
        assert status == 201, answer["message"]
    else:
        assert status == 422, answer
        assert any(line.startswith("spec.rollout.healthCheck.deadline") for line in said(answer))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_accepted(api: Api, path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        status, answer = api.create(document, dry=True)
        assert status == 201, answer["message"]


def test_defaults_are_those_of_the_models(api: Api) -> None:
    _, answer = api.create(job(), dry=True)
    assert answer["status"] == {"observedGeneration": -1}
    assert answer["spec"] == {
        "type": "pipeline",
        "config": {"input": {}},
        "priority": 50,
        "revisionHistoryLimit": 10,
        "restartPolicy": "OnFailure",
        "suspend": False,
        "rollout": {
            "autoPromote": False,
            "maxFailedNodes": 10,
            "maxFailedNodesPercent": 10,
            "noAutoRollback": False,
            "paused": False,
            "prePull": False,
        },
    }
    _, answer = api.create(deployment(), dry=True)
    assert answer["status"] == {"observedGeneration": -1}
    assert "rollout" not in answer["spec"]
    _, answer = api.create(deployment(rollout={"maxParallel": 5}), dry=True)
    assert answer["spec"]["rollout"] == {"maxParallel": 5}, "the rest is as in the version"
    _, answer = api.create(version(), dry=True)
    assert "status" not in answer
    _, answer = api.create(execution(), dry=True)
    assert answer["status"]["observedState"]["stateType"] == "Pending", "without a write"


def test_config_and_template_are_kept(api: Api) -> None:
    pod = {
        "containers": [{"name": "main", "image": "i", "env": [{"name": "A"}]}],
        "tolerations": [],
    }
    obj = container(pod)
    obj["spec"]["config"] = {"a": {"b": [1, 2.5, "c"]}, "d": {}}
    _, answer = api.create(obj, dry=True)
    assert answer["spec"]["template"] == {"spec": pod}
    assert answer["spec"]["config"] == obj["spec"]["config"]


CONDITION = {
    "type": "Ready",
    "status": "False",
    "reason": "Deploying",
    "message": "wave 1 of 3",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
    "observedGeneration": 1,
}
STATUSES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "FleetJob": (
        job("shown"),
        {
            "observedGeneration": 1,
            "conditions": [CONDITION],
            "version": 2,
            "stableVersion": 1,
            "failedVersion": 1,
            "revision": 7,
            "updatedAt": "2026-01-01T00:00:00Z",
            "state": {"stateType": "Deploying", "message": "wave 1 of 3", "details": {"a": "b"}},
            "nodes": {
                "desired": 20,
                "updated": 2,
                "stable": 1,
                "failed": 0,
                "lost": 0,
                "notReady": 0,
            },
            "versions": [{"version": 1, "nodes": 18}, {"version": 2, "nodes": 2}],
            "rollout": {
                "type": "Update",
                "startedAt": "2026-01-01T00:00:00Z",
                "totalNodes": 20,
                "updatedNodes": 2,
                "failedNodes": 0,
                "addedNodes": 0,
                "currentWave": 1,
                "totalWaves": 3,
                "canaryNodes": ["node-1"],
                "canaryPromoted": False,
                "rollbackToVersion": 1,
            },
            "lastAccepted": {
                "name": "shown-v2",
                "uid": "u",
                "byUser": False,
                "type": "Update",
                "fromVersion": 1,
                "toVersion": 2,
                "workloadHash": "h1:0",
                "sequence": 2,
                "createdAt": "2026-01-01T00:00:00Z",
                "acceptedAt": "2026-01-01T00:00:00Z",
            },
        },
        ["shown", "pipeline", "2", "1", "Deploying", "1", "3", "2", "20", "0", "wave 1 of 3"],
    ),
    "FleetDeployment": (
        deployment("shown", type="Update", toVersion=2),
        {
            "observedGeneration": 1,
            "conditions": [CONDITION],
            "state": "InProgress",
            "reason": "Deploying",
            "message": "wave 0 of 3",
            "currentWave": 1,
            "totalWaves": 3,
            "totalNodes": 20,
            "updatedNodes": 2,
            "failedNodes": 0,
            "addedNodes": 0,
            "waveSize": 5,
            "canaryNodes": ["node-1"],
            "canaryPromoted": True,
            "startedAt": "2026-01-01T00:00:00Z",
            "completedAt": "2026-01-01T00:00:00Z",
            "updatedAt": "2026-01-01T00:00:00Z",
            "acceptedAt": "2026-01-01T00:00:00Z",
            "sequence": 4,
            "jobUid": "u",
            "jobType": "pipeline",
            "workloadHash": "h1:0",
            "resolved": {"fromVersion": 1, "toVersion": 2, "rollout": {"maxParallel": "10%"}},
            "healthCheckDeadline": "2026-01-01T00:00:00Z",
            "healthyDeadline": "2026-01-01T00:00:00Z",
            "lastProgressTime": "2026-01-01T00:00:00Z",
            "failures": [
                {
                    "node": "node-1",
                    "nodeUid": "u",
                    "execution": "e",
                    "reason": "Exited",
                    "message": "m",
                    "exitCode": 137,
                    "lastLogLine": "l",
                    "at": "2026-01-01T00:00:00Z",
                    "window": {"errors": 3, "total": 10, "rate": 0.3, "limit": 0.1},
                }
            ],
            "revision": 3,
        },
        ["shown", "job", "Update", "1", "2", "InProgress", "1", "3", "2", "20", "0", "wave 0 of 3"],
    ),
    "Execution": (
        execution(nodeName="node-7"),
        {
            "observedGeneration": 1,
            "conditions": [CONDITION],
            "desiredState": {"stateType": "Running", "message": "m", "details": {"a": "b"}},
            "observedState": {"stateType": "Validating", "message": "window 1 of 2"},
            "details": {"exitCode": "1"},
            "previousExecution": "a",
            "nextExecution": "b",
            "revision": 1,
            "updatedAt": "2026-01-01T00:00:00Z",
            "podUid": "u",
        },
        ["job-abc-1", "job", "1", "node-7", "0", "Validating", "window 1 of 2"],
    ),
    "JobVersion": (
        version(),
        {
            "observedGeneration": 1,
            "conditions": [CONDITION],
            "job": {"version": 1, "any": {"thing": 1}},
            "stable": True,
            "stableAt": "2026-01-01T00:00:00Z",
        },
        ["job-v1", "1", "true"],
    ),
    **RUN_STATUSES,
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_a_full_status_is_stored_and_shown(api: Api, kind: Any) -> None:
    obj, status, cells = STATUSES[kind.kind]
    code, made = api.create(obj)
    assert code == 201, made
    try:
        assert kind.spec.model_validate(made["spec"])
        if kind.status is not None:
            code, answer = api.patch(obj, {"status": status}, sub="/status")
            assert code == 200, answer
            assert answer["status"] == status, "a field is missing in the schema"
            model = kind.status.model_validate(answer["status"])
            assert model.to_dict()["observedGeneration"] == 1
        assert shown(api, _path_of(made)) == cells
    finally:
        code, answer = api.request("DELETE", _path_of(made))
        assert code == 200, answer


def test_a_version_shows_the_job_that_owns_it(api: Api) -> None:
    obj = version()
    other = {"apiVersion": "v1", "kind": "ConfigMap", "name": "not-it", "uid": "u0"}
    owner = {"apiVersion": obj["apiVersion"], "kind": "FleetJob", "name": "job", "uid": "u1"}
    obj["metadata"]["ownerReferences"] = [other, {**owner, "controller": True}]
    code, table = api.request("POST", collection(obj) + "?dryRun=All", obj, accept=TABLE)
    assert code == 201, table
    assert cells(table) == ["job-v1", "job", "1"]


def shown(api: Api, path: str) -> list[str]:
    """The cells that ``kubectl get`` prints for an object, without times ago and what is empty."""
    code, table = api.request("GET", path, accept=TABLE)
    assert code == 200, table
    return cells(table)


def cells(table: Any) -> list[str]:
    row = table["rows"][0]["cells"]
    return [
        str(cell).lower() if isinstance(cell, bool) else str(cell)
        for column, cell in zip(table["columnDefinitions"], row, strict=True)
        if column["priority"] == 0 and column["type"] != "date" and cell not in (None, "")
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"state": {"stateType": "Deleted"}},
        {"conditions": [CONDITION, CONDITION]},
        {"rollout": {"canaryNodes": [f"n{i}" for i in range(21)]}},
        {"versions": [{"version": i, "nodes": 1} for i in range(11)]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_status_is_bounded(api: Api, change: dict[str, Any]) -> None:
    obj = job("bounded")
    code, made = api.create(obj)
    assert code == 201, made
    try:
        code, answer = api.patch(obj, {"status": change}, sub="/status", dry=True)
        assert code == 422, answer
    finally:
        api.request("DELETE", _path_of(made))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_kubectl_explains_every_field(api: Api, cluster: wavelab.Cluster, kind: Any) -> None:
    schema = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    code, document = api.request("GET", "/openapi/v3/apis/wavegate.dev/v1alpha1")
    assert code == 200
    served = document["components"]["schemas"][f"dev.wavegate.v1alpha1.{kind.kind}"]
    for part in ("spec", "status") if kind.status is not None else ("spec",):
        assert _paths(served["properties"][part]) == _paths(schema["properties"][part])
        text = cluster.kubectl("explain", f"{kind.plural}.{part}")
        assert "<no description>" not in text
    recursive = cluster.kubectl("explain", kind.plural, "--recursive")
    assert "<no description>" not in recursive


def _paths(node: dict[str, Any], path: str = "") -> dict[str, str]:
    """Every field with its description, as served or as made."""
    found = {path: " ".join(node.get("description", "").split())}
    for name, child in node.get("properties", {}).items():
        found |= _paths(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in node:
            found |= _paths(node[key], f"{path}[]")
    return found


@pytest.mark.parametrize(
    "selector",
    [
        "spec.nodeName=node-9",
        "spec.jobName=chosen",
        "spec.jobVersion=9",
        "spec.deploymentName=chosen-v9",
        "spec.nodeName=node-9,spec.jobName=chosen",
    ],
)
def test_executions_are_selected_by_field(api: Api, selector: str) -> None:
    obj = execution(nodeName="node-9", jobName="chosen", jobVersion=9, deploymentName="chosen-v9")
    code, made = api.create(obj)
    assert code == 201, made
    try:
        base = _path_of(made).rsplit("/", 1)[0]
        query = selector.replace("=", "%3D").replace(",", "%2C")
        code, found = api.request("GET", f"{base}?fieldSelector={query}")
        assert code == 200, found
        assert [item["metadata"]["name"] for item in found["items"]] == [made["metadata"]["name"]]
        code, found = api.request("GET", f"{base}?fieldSelector={query}x")
        assert (code, found["items"]) == (200, [])
    finally:
        api.request("DELETE", _path_of(made))
