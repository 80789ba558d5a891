"""What is wrong with a job's spec that its schema cannot know."""

from __future__ import annotations

from wavegate.api.asked import Asked
from wavegate.api.trigger import Trigger
from wavegate.runs.cron import Cron
from wavegate.runs.payload import schema_problems
from wavegate.runs.wall_clock import time_zone


def job_problems(spec: Asked) -> list[str]:
    """``field: what is wrong``: cron expressions, the time zone, the payload schema."""
    found = _trigger_problems(spec.trigger)
    if spec.runs.payload_schema is not None:
        words = schema_problems(spec.runs.payload_schema)
        found += [f"spec.runs.payloadSchema: {words}"] if words else []
    return found


def _trigger_problems(trigger: Trigger) -> list[str]:
    try:
        time_zone(trigger.time_zone)
    except ValueError as error:
        return [f"spec.trigger.timeZone: {error}"]
    crons = [("spec.trigger.schedule.cron", trigger.schedule.cron)] if trigger.schedule else []
    crons += [
        (f"spec.trigger.windows[{number}].cron", window.cron)
        for number, window in enumerate(trigger.windows)
        if window.cron is not None
    ]
    found = []
    for path, text in crons:
        try:
            Cron.parse(text, trigger.time_zone)
        except ValueError as error:
            found.append(f"{path}: {error}")
    return found
