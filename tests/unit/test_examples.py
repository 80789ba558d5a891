"""What users are shown as examples is what the models take."""

from __future__ import annotations

import pytest

from support.examples import Example, example_files, shown_in_readme, shown_on_pages
from wavegate.api.fleetdeployment import FleetDeploymentSpec
from wavegate.api.fleetjob import load_job_spec
from wavegate.api.names import API_VERSION
from wavegate.cli.linting import advice, problems

EXAMPLES = [*example_files(), *shown_in_readme()]
SHOWN = [*EXAMPLES, *shown_on_pages()]


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


@pytest.mark.parametrize("example", SHOWN, ids=lambda each: each.source)
def test_lint_finds_nothing_wrong_with_it(example: Example) -> None:
    assert [said for each in example.objects for said in problems(each)] == []


@pytest.mark.parametrize("example", shown_on_pages(), ids=lambda each: each.source)
def test_no_field_on_a_page_is_without_effect(example: Example) -> None:
    assert [said for each in example.objects for said in advice(each)] == []


def test_every_page_of_a_task_that_needs_yaml_has_some() -> None:
    pages = {example.source.partition(" ")[0] for example in shown_on_pages()}
    assert len([page for page in pages if page.startswith("docs/howto/")]) >= 9


def test_a_deployment_acts_on_the_job_of_an_example() -> None:
    jobs = {job["metadata"]["name"] for each in SHOWN for job in each.jobs}
    named = {each["spec"].get("jobName") for example in SHOWN for each in example.objects}
    assert named - {None} <= jobs
