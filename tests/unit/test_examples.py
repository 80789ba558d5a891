"""What users are shown as examples is what the models take."""

from __future__ import annotations

import pytest

from support.examples import Example, example_files, shown_in_readme, shown_on_pages
from wavegate.api.fleetdeployment import FleetDeploymentSpec
from wavegate.api.fleetjob import load_job_spec
from wavegate.api.httpjob import load_http_job_spec
from wavegate.api.jobrun import JobRunSpec
from wavegate.api.names import API_VERSION
from wavegate.api.ratelimitpool import RateLimitPoolSpec
from wavegate.api.runbatch import RunBatchSpec
from wavegate.cli.linting import advice, problems
from wavegate.runs.payload import problems as payload_problems
from wavegate.runs.problems import job_problems

EXAMPLES = [*example_files(), *shown_in_readme()]
SHOWN = [*EXAMPLES, *shown_on_pages()]


def test_the_readme_shows_a_job() -> None:
    assert sum(len(each.jobs) for each in shown_in_readme()) == 1


@pytest.mark.parametrize("example", SHOWN, ids=lambda each: each.source)
def test_an_example_is_valid(example: Example) -> None:
    assert example.objects
    for each in example.objects:
        assert each["apiVersion"] == API_VERSION
        match each["kind"]:
            case "FleetJob":
                load_job_spec(each["spec"])
            case "FleetDeployment":
                FleetDeploymentSpec.model_validate(each["spec"])
            case "HTTPJob":
                assert job_problems(load_http_job_spec(each["spec"])) == []
            case "RateLimitPool":
                RateLimitPoolSpec.model_validate(each["spec"])
            case "RunBatch":
                RunBatchSpec.model_validate(each["spec"])
            case kind:
                assert kind == "JobRun"
                JobRunSpec.model_validate(each["spec"])


@pytest.mark.parametrize("example", SHOWN, ids=lambda each: each.source)
def test_lint_finds_nothing_wrong_with_it(example: Example) -> None:
    assert [said for each in example.objects for said in problems(each)] == []


@pytest.mark.parametrize("example", shown_on_pages(), ids=lambda each: each.source)
def test_no_field_on_a_page_is_without_effect(example: Example) -> None:
    assert [said for each in example.objects for said in advice(each)] == []


def test_every_page_of_a_task_that_needs_yaml_has_some() -> None:
    pages = {example.source.partition(" ")[0] for example in shown_on_pages()}
    assert len([page for page in pages if page.startswith("docs/howto/")]) >= 9


@pytest.mark.parametrize(
    ("kind", "job_kind"),
    [
        ("FleetDeployment", "FleetJob"),
        ("JobRun", "HTTPJob"),
        ("JobRun", "FleetJob"),
        ("RunBatch", "HTTPJob"),
    ],
)
def test_what_names_a_job_names_one_of_an_example(kind: str, job_kind: str) -> None:
    jobs = {job["metadata"]["name"] for each in SHOWN for job in each.of(job_kind)}
    specs = [each["spec"] for example in SHOWN for each in example.of(kind)]
    default = "HTTPJob" if kind == "JobRun" else job_kind
    named = {spec["jobName"] for spec in specs if spec.get("jobKind", default) == job_kind}
    assert named
    assert named <= jobs


def test_a_run_has_a_payload_that_its_job_takes() -> None:
    """Of all that are shown with one: in one case at least the job has a schema."""
    specs = {
        job["metadata"]["name"]: load_http_job_spec(job["spec"])
        for each in SHOWN
        for job in each.of("HTTPJob")
    }
    compared = 0
    runs = [run["spec"] for each in SHOWN for run in each.of("JobRun")]
    asked_for = [spec for spec in runs if spec.get("jobKind") != "FleetJob"]
    batches = [batch["spec"] for each in SHOWN for batch in each.of("RunBatch")]
    asked_for += [
        {**item, "jobName": batch["jobName"]} for batch in batches for item in batch["items"]
    ]
    for run in asked_for:
        schema = specs[run["jobName"]].runs.payload_schema
        if "payload" in run:
            assert payload_problems(run["payload"], schema) == ""
            compared += schema is not None
    assert compared
