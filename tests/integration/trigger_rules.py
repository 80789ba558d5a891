"""What the API server refuses of spec.trigger, of HTTPJobs and FleetJobs; see `api_rules`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from integration.api_rules import Object, Rule
from integration.between import between

Job = Callable[..., Object]
_CRON: Final = "must have five fields"


def trigger_rules(job: Job) -> Iterator[Rule]:
    """``job(trigger=...)`` makes a job of the kind with that section."""
    for rules in (_time_rules, _dependency_rules):
        for rule in rules(job):
            yield replace(rule, name=f"{rule.good['kind']} {rule.name}")


def _time_rules(job: Job) -> Iterator[Rule]:
    def schedule(**given: Any) -> Object:
        return job(trigger={"schedule": {"cron": "@hourly", **given}})

    def window(**given: Any) -> Object:
        return job(trigger={"windows": [given]})

    path = "spec.trigger.schedule"
    for good, bad in (
        ("*/5 * * * *", "*/5 * * *"),
        ("0 8-18 * * Mon-Fri", "0 0 8 * * *"),
        ("@daily", "@secondly"),
        ("0  0 1,15 * *", "0;0 1 * *"),
    ):
        right, wrong = schedule(cron=good), schedule(cron=bad)
        yield Rule(f"cron {bad}", right, wrong, f"{path}.cron: {_CRON}")
        says = f"spec.trigger.windows.cron: {_CRON}"
        yield Rule(f"window {bad}", window(cron=good), window(cron=bad), says)
    yield Rule(
        "schedule without cron",
        schedule(),
        job(trigger={"schedule": {}}),
        f"{path}.cron: Required value",
    )
    for field, good, bad in (
        ("concurrencyPolicy", "Queue", "queue"),
        ("catchUp", "None", "Some"),
    ):
        right, wrong = schedule(**{field: good}), schedule(**{field: bad})
        yield Rule(field, right, wrong, f"{path}.{field}: Unsupported value")
    field = f"{path}.startingDeadline"
    yield from between("startingDeadline", field, schedule, ("10s", "168h"), ("9s", "169h"))
    night = {"start": "22:00", "end": "06:00"}
    says = "spec.trigger.windows: each needs a cron, or start and end"
    good = window(**night, days=["Mon"])
    for number, bad in enumerate(
        (
            {"start": "22:00"},
            {"end": "06:00"},
            {"days": ["Mon"]},
            {},
            {**night, "cron": "@hourly"},
            {"cron": "@hourly", "days": ["Mon"]},
        )
    ):
        yield Rule(f"window {number}", good, window(**bad), says)
    says = "spec.trigger.windows: start and end must differ"
    yield Rule("empty window", good, window(start="06:00", end="06:00"), says)
    for field in night:
        says = f"spec.trigger.windows.{field}: must be from 00:00 to 23:59"
        for bad in ("24:00", "6:000"):
            yield Rule(f"window {field} {bad}", good, window(**{**night, field: bad}), says)
    days = "spec.trigger.windows[0].days[1]: Duplicate value"
    yield Rule("days", good, window(**night, days=["Mon", "Mon"]), days)
    days = "spec.trigger.windows[0].days[0]: Unsupported value"
    yield Rule("day", good, window(**night, days=["Monday"]), days)
    zone = job(trigger={"timeZone": "America/Port-au-Prince"})
    bad = job(trigger={"timeZone": "Europe/Zürich"})
    yield Rule("time zone", zone, bad, "spec.trigger.timeZone: Invalid value")


def _dependency_rules(job: Job) -> Iterator[Rule]:
    def needs(*jobs: str, **given: Any) -> Object:
        return job(trigger={"dependsOn": [{"jobName": each, **given} for each in jobs]})

    path = "spec.trigger.dependsOn"
    says = f"{path}: a job cannot depend on itself"
    own, kind = job()["metadata"]["name"], job()["kind"]
    other = next(each for each in ("HTTPJob", "FleetJob") if each != kind)
    yield Rule("itself", needs("other", jobKind=kind), needs(own, jobKind=kind), says)
    yield Rule("its name", needs(own, jobKind=other), needs(own, jobKind=kind), says)
    yield Rule("twice", needs("a", "b"), needs("a", "a"), f"{path}[1]: Duplicate value")
    many = [f"job-{number}" for number in range(11)]
    yield Rule("many", needs(*many[:10]), needs(*many), f"{path}: Too many")
    yield Rule("job name", needs("a" * 40), needs("a" * 41), f"{path}[0].jobName: Too long")
    says = f"{path}[0].condition: Unsupported value"
    yield Rule("condition", needs("a", condition="Failed"), needs("a", condition="Bad"), says)
    says = f"{path}[0].jobKind: Unsupported value"
    yield Rule("job kind", needs("a", jobKind="FleetJob"), needs("a", jobKind="Job"), says)
    says = f"{path}[0].mode: Unsupported value"
    yield Rule("mode", needs("a", mode="Trigger"), needs("a", mode="Both"), says)

    def fresh(**given: Any) -> Object:
        return needs("a", **given)

    field = f"{path}.freshness"
    yield from between("freshness", field, fresh, ("1s", "8760h"), ("999ms", "8761h"))
