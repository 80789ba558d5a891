"""Job types query and update: a command, its variables, whose image runs it, and the cordon."""

from __future__ import annotations

import json

import pytest

from wavegate.api.fleetjob import FleetJobSpec, load_job_spec
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.command import QUERY, UPDATE
from wavegate.drivers.document import DocumentError
from wavegate.drivers.pod import template_of

pytestmark = pytest.mark.row("spec.config")

CONFIG = {"command": ["sh", "-c", "uname -r"], "env": {"LIMIT": "3"}}
IMAGE = "registry.example/q:1"
CLOSED = {
    "key": "node.kubernetes.io/unschedulable",
    "operator": "Exists",
    "effect": "NoSchedule",
}


def query(config=None, template=None) -> FleetJobSpec:
    return load_job_spec({"type": "query", "config": config or CONFIG, "template": template})


def document(spec, image=IMAGE):
    return QUERY.document(spec, image, PlanSettings())


def test_the_container_runs_the_command_with_its_variables_and_the_nodes_name():
    (main,) = QUERY.pod(query(), IMAGE, PlanSettings())["spec"]["containers"]
    assert (main["name"], main["image"], main["command"]) == ("main", IMAGE, CONFIG["command"])
    by_node = {"fieldRef": {"fieldPath": "spec.nodeName"}}
    assert main["env"] == [
        {"name": "NODE_NAME", "valueFrom": by_node},
        {"name": "LIMIT", "value": "3"},
    ]


def test_the_pod_satisfies_the_restricted_pod_security_standard():
    pod = QUERY.pod(query(), IMAGE, PlanSettings())["spec"]
    (main,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert main["securityContext"]["allowPrivilegeEscalation"] is False
    assert main["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["automountServiceAccountToken"] is False


def test_the_command_may_read_its_config():
    assert json.loads(document(query())["config.yaml"]) == CONFIG


def test_the_image_is_the_templates_or_the_administrators():
    template = {"spec": {"containers": [{"name": "main", "image": "mine:1"}]}}
    assert QUERY.image(PlanSettings(query_image=IMAGE)) == IMAGE
    (main,) = template_of(query(template=template), IMAGE, PlanSettings())["spec"]["containers"]
    assert (main["image"], main["command"]) == ("mine:1", CONFIG["command"])
    assert document(query(template=template), image="")


@pytest.mark.parametrize(
    "template", [None, {"spec": {"containers": [{"name": "side", "image": "s:1"}]}}]
)
def test_without_an_image_it_is_refused_and_both_ways_out_are_named(template):
    with pytest.raises(DocumentError) as refused:
        document(query(template=template), image="")
    assert str(refused.value).startswith("spec.template.spec.containers: type query has no image")
    assert "main" in str(refused.value)
    assert "--query-image" in str(refused.value)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"env": {}}, "spec.config.command: is required"),
        ({"command": []}, "spec.config.command: list should have at least 1 item"),
        ({"command": "uname -r"}, "spec.config.command: input should be a valid list"),
        ({"command": ["a", 1]}, "spec.config.command[1]: input should be a valid string"),
        ({"command": ["a\0b"]}, "spec.config.command[0]: must not contain a NUL"),
        ({"command": ["a"], "env": {"LIMIT": 3}}, "spec.config.env.LIMIT: input should be a valid"),
        ({"command": ["a"], "env": {"1A": "x"}}, "spec.config.env.1A"),
        ({"command": ["a"], "comand": ["b"]}, "spec.config.comand: is not known"),
        ({"command": ["a"], "env": {"A": "x" * 40_000}}, "spec.config.env.A: string should have"),
        ({"command": ["a"] * 300}, "spec.config.command: list should have at most 256"),
    ],
)
def test_a_wrong_config_is_refused_by_its_field(config, says):
    with pytest.raises(DocumentError) as refused:
        document(query(config))
    assert str(refused.value).startswith(says), refused.value


def test_many_problems_are_told_by_the_first_five():
    with pytest.raises(DocumentError, match=r"and 3 more$"):
        document(query({"command": ["a"], **{f"x{n}": 1 for n in range(8)}}))


def test_it_is_judged_by_how_it_ends():
    assert QUERY.counters(query()) is None


def update(template=None, **config) -> FleetJobSpec:
    config = {"command": ["update", "--now"], **config}
    return load_job_spec({"type": "update", "config": config, "template": template})


def refusal(spec, image="u:1"):
    with pytest.raises(DocumentError) as refused:
        UPDATE.document(spec, image, PlanSettings())
    return str(refused.value)


def test_an_update_runs_its_command_with_the_administrators_image():
    (main,) = UPDATE.pod(update(env={"A": "b"}), "u:1", PlanSettings())["spec"]["containers"]
    assert (main["image"], main["command"]) == ("u:1", ["update", "--now"])
    assert {"name": "A", "value": "b"} in main["env"]
    assert UPDATE.image(PlanSettings(update_image="u:2")) == "u:2"
    assert UPDATE.counters(update()) is None


@pytest.mark.parametrize("own", [None, [{"key": "dedicated", "operator": "Exists"}]])
def test_an_update_s_pod_tolerates_the_cordon_whatever_the_template_tolerates(own):
    template = {"spec": {"tolerations": own}} if own else None
    pods = {
        wants: template_of(update(template, cordon=wants), "u:1", PlanSettings())["spec"]
        for wants in (True, False)
    }
    assert CLOSED in pods[True]["tolerations"]
    assert CLOSED not in pods[False]["tolerations"]


@pytest.mark.parametrize("wrong", ["yes", 1, {}])
def test_cordon_is_true_or_false(wrong):
    assert refusal(update(cordon=wrong)).startswith("spec.config.cordon: input should be a valid")


def test_a_query_knows_no_cordon():
    spec = load_job_spec({"type": "query", "config": {"command": ["x"], "cordon": True}})
    with pytest.raises(DocumentError, match=r"^spec\.config\.cordon: is not known"):
        QUERY.document(spec, "q:1", PlanSettings())


def test_an_update_without_an_image_is_refused_and_both_ways_out_are_named():
    assert "--update-image" in refusal(update(), image="")
