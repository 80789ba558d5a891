"""What the schema cannot know is told with the field that it is about."""

from __future__ import annotations

from typing import Any

import pytest

from wavegate.api.httpjob import load_http_job_spec
from wavegate.runs.problems import job_problems

DAILY = {"cron": "@daily"}


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        ({}, []),
        ({"trigger": {"schedule": DAILY, "timeZone": "Europe/Berlin"}}, []),
        ({"trigger": {"timeZone": "Mars/Olympus"}}, ["spec.trigger.timeZone"]),
        (
            {"trigger": {"schedule": DAILY, "windows": [DAILY], "timeZone": "Mars/Olympus"}},
            ["spec.trigger.timeZone"],
        ),
        (
            {"trigger": {"schedule": {"cron": "61 * * * *"}, "windows": [DAILY]}},
            ["spec.trigger.schedule.cron"],
        ),
        (
            {"trigger": {"windows": [DAILY, {"cron": "0 24 * * *"}]}},
            ["spec.trigger.windows[1].cron"],
        ),
        ({"runs": {"payloadSchema": {"type": "text"}}}, ["spec.runs.payloadSchema"]),
        (
            {
                "runs": {"payloadSchema": {"type": "text"}},
                "trigger": {"schedule": {"cron": "0 0 31 2 *"}},
            },
            ["spec.trigger.schedule.cron", "spec.runs.payloadSchema"],
        ),
    ],
    ids=["nothing", "a zone", "no zone", "no zone, once", "cron", "window", "schema", "two"],
)
def test_each_problem_names_its_field(spec: dict[str, Any], fields: list[str]) -> None:
    found = job_problems(load_http_job_spec({"http": {"url": "http://echo.example/"}, **spec}))
    assert [line.partition(": ")[0] for line in found] == fields
    assert all(line.partition(": ")[2] for line in found)
