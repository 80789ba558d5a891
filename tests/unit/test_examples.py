"""What users are shown as examples is what the models take."""

from __future__ import annotations

import pytest

from support.examples import Example, example_files, shown_in_readme
from wavegate.api.fleetdeployment import FleetDeploymentSpec
from wavegate.api.fleetjob import load_job_spec
from wavegate.api.names import API_VERSION

SHOWN = [*example_files(), *shown_in_readme()]


def test_the_readme_shows_a_job() -> None:
    assert sum(len(each.jobs) for each in shown_in_readme()) == 1


@pytest.mark.parametrize("example", SHOWN, ids=lambda each: each.source)
def test_an_example_is_valid(example: Example) -> None:
    assert example.objects
    for each in example.objects:
        assert each["apiVersion"] == API_VERSION
        assert each["kind"] in ("FleetJob", "FleetDeployment")
        if each["kind"] == "FleetJob":
            load_job_spec(each["spec"])
        else:
            FleetDeploymentSpec.model_validate(each["spec"])


def test_a_deployment_acts_on_the_job_of_an_example() -> None:
    jobs = {job["metadata"]["name"] for each in SHOWN for job in each.jobs}
    named = {each["spec"].get("jobName") for example in SHOWN for each in example.objects}
    assert named - {None} <= jobs
