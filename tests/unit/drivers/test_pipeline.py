"""Job type pipeline: the engine's document, its pod and its counters."""

from __future__ import annotations

import copy
import json

import pytest

from unit.drivers.views import CONFIG, pipeline
from wavegate.api.fleetjob import FleetJobSpec
from wavegate.domain.actions import CounterSource
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.document import DocumentError
from wavegate.drivers.pipeline import PipelineDriver

DRIVER = PipelineDriver()


def rendered(**config):
    return json.loads(
        DRIVER.document(pipeline(config={**CONFIG, **config}), "", PlanSettings())["config.yaml"]
    )


def test_the_image_is_the_administrators():
    assert DRIVER.image(PlanSettings(pipeline_image="registry.example/e:2")) == (
        "registry.example/e:2"
    )


def test_the_rendered_copy_serves_counters_as_json_where_the_operator_looks():
    assert rendered() == {
        **CONFIG,
        "http": {"enabled": True, "address": "0.0.0.0:4195"},
        "metrics": {"json_api": {}},
    }


def test_address_and_form_are_overridden_and_other_http_settings_kept():
    http = {"address": "127.0.0.1:80", "enabled": False, "debug_endpoints": True}
    config = rendered(http=http, metrics={"prometheus": {}, "mapping": "deleted()"})
    assert config["http"] == {"enabled": True, "address": "0.0.0.0:4195", "debug_endpoints": True}
    assert config["metrics"] == {"json_api": {}}


def test_the_users_config_is_not_changed():
    spec = pipeline(config={**CONFIG, "http": {"address": "x"}})
    before = copy.deepcopy(spec.config)
    DRIVER.document(spec, "", PlanSettings())
    assert spec.config == before


def test_a_null_http_is_one_that_is_not_set():
    assert rendered(http=None)["http"]["address"] == "0.0.0.0:4195"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param(None, "is required for type pipeline", id="none"),
        pytest.param(["input"], "must be a mapping", id="a list"),
        pytest.param({"http": "0.0.0.0:1"}, "http must be a mapping", id="http is a string"),
        pytest.param({"a": "x" * 300_000}, "has 300008 bytes", id="too long"),
    ],
)
def test_a_config_that_cannot_be_rendered_is_refused_by_its_field(config, message):
    spec = FleetJobSpec.model_construct(type="pipeline", config=config)
    with pytest.raises(DocumentError, match=rf"^spec\.config: {message}"):
        DRIVER.document(spec, "", PlanSettings())


def test_errors_are_those_of_processors_and_outputs_of_all_that_inputs_received():
    assert DRIVER.counters(pipeline()) == CounterSource(
        4195, "/metrics", "JSON", ("processor_error", "output_error"), ("input_received",)
    )


def test_the_pod_runs_the_document_and_is_ready_when_the_engine_is_connected():
    (main,) = DRIVER.pod(pipeline(), "registry.example/e:2", PlanSettings())["spec"]["containers"]
    assert main["name"] == "main"
    assert main["image"] == "registry.example/e:2"
    assert main["args"] == ["run", "/etc/wavegate/config.yaml"]
    assert main["readinessProbe"]["httpGet"] == {"path": "/ready", "port": 4195}
    assert main["readinessProbe"]["periodSeconds"] <= 2
    assert "livenessProbe" not in main


def test_a_config_can_read_the_name_of_its_node():
    (main,) = DRIVER.pod(pipeline(), "e", PlanSettings())["spec"]["containers"]
    by_node = {"fieldRef": {"fieldPath": "spec.nodeName"}}
    assert main["env"] == [{"name": "NODE_NAME", "valueFrom": by_node}]


def test_the_pod_satisfies_the_restricted_pod_security_standard():
    pod = DRIVER.pod(pipeline(), "e", PlanSettings())["spec"]
    (main,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert main["securityContext"]["allowPrivilegeEscalation"] is False
    assert main["securityContext"]["readOnlyRootFilesystem"] is True
    assert main["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["automountServiceAccountToken"] is False
