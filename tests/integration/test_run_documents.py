"""HTTPJobs and JobRuns as the API server keeps them: whole, with defaults, and by field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from integration.conftest import Api, collection
from integration.run_documents import (
    FULL_BATCH,
    FULL_JOB,
    FULL_RUN,
    RUN_STATUSES,
    http_job,
    job_run,
    run_batch,
)
from rows import fields, leaves
from wavegate.api.httpjob import HTTPJobSpec
from wavegate.api.httpjob_status import HTTPJobStatus
from wavegate.api.jobrun import JobRunSpec, JobRunStatus
from wavegate.api.runbatch import RunBatchSpec, RunBatchStatus

pytestmark = pytest.mark.cluster

WHOLE: dict[str, tuple[dict[str, Any], type[BaseModel]]] = {
    "HTTPJob.spec": (FULL_JOB["spec"], HTTPJobSpec),
    "HTTPJob.status": (RUN_STATUSES["HTTPJob"][1], HTTPJobStatus),
    "JobRun.spec": (FULL_RUN["spec"], JobRunSpec),
    "JobRun.status": (RUN_STATUSES["JobRun"][1], JobRunStatus),
    "RunBatch.spec": (FULL_BATCH["spec"], RunBatchSpec),
    "RunBatch.status": (RUN_STATUSES["RunBatch"][1], RunBatchStatus),
}
OTHERS = (
    *("RunBatch.spec.itemsFrom.", "RunBatch.spec.cancel.", "RunBatch.spec.replay."),
    *("HTTPJob.spec.http.serviceRef.", "JobRun.spec.payloadFrom.", "JobRun.spec.replayOf"),
)
"""Fields in whose place another one stands."""


def paths(path: str, document: object) -> Iterator[str]:
    """Every path in a document, as `rows` writes them."""
    yield path
    for child in document if isinstance(document, list) else ():
        yield from paths(f"{path}[]", child)
    for name, child in document.items() if isinstance(document, dict) else ():
        yield from paths(f"{path}.{name}", child)


@pytest.mark.parametrize("root", WHOLE)
def test_a_whole_document_has_every_field(root: str) -> None:
    document, model = WHOLE[root]
    wanted = [path for path in leaves(root, model) if not path.startswith(OTHERS)]
    assert set(wanted) <= set(fields())
    assert [path for path in wanted if path not in set(paths(root, document))] == []


@pytest.mark.parametrize("obj", [FULL_JOB, FULL_RUN, FULL_BATCH], ids=lambda obj: obj["kind"])
def test_a_whole_spec_is_kept_and_understood(api: Api, obj: dict[str, Any]) -> None:
    code, answer = api.create(obj, dry=True)
    assert code == 201, answer
    assert answer["spec"] == obj["spec"]
    model = WHOLE[f"{obj['kind']}.spec"][1]
    read = model.model_validate(answer["spec"])
    assert model.model_validate(read.to_dict()) == read


def test_defaults_are_those_of_the_models(api: Api) -> None:
    _, answer = api.create(http_job(), dry=True)
    assert answer["status"] == {"observedGeneration": -1}
    assert answer["spec"] == {
        "http": {"url": "https://echo.example/run", "timeout": "5m", "completion": "Sync"},
        "runs": {
            "retry": {
                "maxAttempts": 3,
                "strategy": "Exponential",
                "initialDelay": "1s",
                "maxDelay": "1h",
                "jitterPercent": 20,
            },
            "limits": {"maxQueued": 1000},
            "dedupWindow": "0s",
            "versionPolicy": "Pin",
            "backwardsCompatible": False,
            "successfulHistoryLimit": 3,
            "failedHistoryLimit": 10,
        },
        "trigger": {"timeZone": "UTC"},
        "suspend": False,
        "revisionHistoryLimit": 10,
    }
    assert HTTPJobSpec.model_validate(answer["spec"]) == HTTPJobSpec.model_validate(
        http_job()["spec"]
    )
    _, answer = api.create(http_job(trigger={"schedule": {"cron": "@daily"}}), dry=True)
    assert answer["spec"]["trigger"]["schedule"] == {
        "cron": "@daily",
        "concurrencyPolicy": "Forbid",
        "catchUp": "Latest",
        "startingDeadline": "5m",
    }
    _, answer = api.create(job_run(), dry=True)
    assert answer["status"] == {"observedGeneration": -1, "phase": "Queued"}, "without a write"
    assert answer["spec"] == {
        "jobKind": "HTTPJob",
        "jobName": "echo",
        "priority": 0,
        "debug": False,
        "canceled": False,
    }
    _, answer = api.create(run_batch(), dry=True)
    assert answer["status"] == {"observedGeneration": -1}
    assert answer["spec"] == {**run_batch()["spec"], "canceled": False}


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("spec.jobName=chosen", ["first", "second"]),
        ("spec.jobName=echo", ["third"]),
        ("status.phase=Completed", ["second"]),
        ("spec.jobName=chosen,status.phase!=Completed", ["first"]),
    ],
)
def test_runs_are_selected_by_field(api: Api, selector: str, found: list[str]) -> None:
    made = [
        job_run("first", jobName="chosen"),
        job_run("second", jobName="chosen"),
        job_run("third"),
    ]
    base = collection(made[0])
    try:
        for obj in made:
            obj["metadata"]["labels"] = {"test": "selected"}
            code, answer = api.create(obj)
            assert code == 201, answer
        code, answer = api.patch(made[1], {"status": {"phase": "Completed"}}, sub="/status")
        assert code == 200, answer
        query = selector.replace("=", "%3D").replace(",", "%2C").replace("!", "%21")
        code, answer = api.request("GET", f"{base}?labelSelector=test&fieldSelector={query}")
        assert code == 200, answer
        assert [each["metadata"]["name"] for each in answer["items"]] == found
    finally:
        for obj in made:
            api.request("DELETE", f"{base}/{obj['metadata']['name']}")
