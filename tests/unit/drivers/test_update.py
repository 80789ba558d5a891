"""Job type update: the command of a query, and the cordon."""

from __future__ import annotations

import pytest

from wavegate.api.fleetjob import FleetJobSpec, load_job_spec
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.document import DocumentError
from wavegate.drivers.driver import driver_for
from wavegate.drivers.pod import template_of
from wavegate.drivers.update import UpdateDriver

DRIVER = UpdateDriver()
CLOSED = {
    "key": "node.kubernetes.io/unschedulable",
    "operator": "Exists",
    "effect": "NoSchedule",
}


def update(template=None, **config) -> FleetJobSpec:
    config = {"command": ["update", "--now"], **config}
    return load_job_spec({"type": "update", "config": config, "template": template})


def refusal(spec, image="u:1"):
    with pytest.raises(DocumentError) as refused:
        DRIVER.document(spec, image, PlanSettings())
    return str(refused.value)


@pytest.mark.row("spec.config")
def test_the_container_runs_the_command_with_the_administrators_image():
    (main,) = DRIVER.pod(update(env={"A": "b"}), "u:1", PlanSettings())["spec"]["containers"]
    assert (main["image"], main["command"]) == ("u:1", ["update", "--now"])
    assert {"name": "A", "value": "b"} in main["env"]
    assert DRIVER.image(PlanSettings(update_image="u:2")) == "u:2"
    assert DRIVER.counters(update()) is None


@pytest.mark.row("spec.config")
@pytest.mark.parametrize("own", [None, [{"key": "dedicated", "operator": "Exists"}]])
def test_its_pod_tolerates_the_cordon_whatever_the_template_tolerates(own):
    template = {"spec": {"tolerations": own}} if own else None
    pods = {
        wants: template_of(update(template, cordon=wants), "u:1", PlanSettings())["spec"]
        for wants in (True, False)
    }
    assert CLOSED in pods[True]["tolerations"]
    assert CLOSED not in pods[False]["tolerations"]


@pytest.mark.row("spec.config")
@pytest.mark.parametrize("wrong", ["yes", 1, {}])
def test_cordon_is_true_or_false(wrong):
    assert refusal(update(cordon=wrong)).startswith("spec.config.cordon: input should be a valid")


def test_a_query_does_not_know_it():
    spec = load_job_spec({"type": "query", "config": {"command": ["x"], "cordon": True}})
    with pytest.raises(DocumentError, match=r"^spec\.config\.cordon: is not known"):
        driver_for("query").document(spec, "q:1", PlanSettings())


def test_without_an_image_both_ways_out_are_named():
    assert "--update-image" in refusal(update(), image="")
