"""What the API server refuses of spec.runs, of HTTPJobs and FleetJobs; see `api_rules`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from integration.api_rules import Object, Rule
from integration.between import between
from integration.trigger_rules import Job


def runs_rules(job: Job) -> Iterator[Rule]:
    """``job(runs=...)`` makes a job of the kind with that section."""
    for rules in (_section_rules, _limit_rules):
        for rule in rules(job):
            yield replace(rule, name=f"{rule.good['kind']} {rule.name}")


def _section_rules(job: Job) -> Iterator[Rule]:
    def runs(**given: Any) -> Object:
        return job(runs=given)

    def retry(**given: Any) -> Object:
        return runs(retry=given)

    says = "spec.runs.retry.delays: is required for the strategy Custom, and for no other"
    custom = retry(strategy="Custom", delays=["1s"])
    yield Rule("Custom without delays", custom, retry(strategy="Custom"), says)
    yield Rule("Custom with no delay", custom, retry(strategy="Custom", delays=[]), says)
    yield Rule("delays without Custom", retry(), retry(delays=["1s"]), says)
    yield Rule("delays with Fixed", custom, retry(strategy="Fixed", delays=["1s"]), says)
    says = "spec.runs.retry.initialDelay: must not be above maxDelay"
    good = retry(initialDelay="1m", maxDelay="1m")
    yield Rule("initialDelay above", good, retry(initialDelay="61s", maxDelay="1m"), says)
    says = "spec.runs.retry.strategy: Unsupported value"
    yield Rule("strategy", retry(strategy="Linear"), retry(strategy="linear"), says)
    longest = {"initialDelay": "24h", "maxDelay": "24h"}
    for field in longest:
        name = f"spec.runs.retry.{field}"
        good, bad = retry(**longest), retry(**{**longest, field: "25h"})
        yield Rule(f"{name} high", good, bad, f"{name}: must be between 0s and 24h")
        bad = retry(**{field: "-1s"})
        yield Rule(f"{name} low", good, bad, f"{name}: Invalid value")
    for field, low, high in (("maxAttempts", 1, 100), ("jitterPercent", 0, 100)):
        for good_value, bad_value in ((low, low - 1), (high, high + 1)):
            good, bad = retry(**{field: good_value}), retry(**{field: bad_value})
            yield Rule(f"retry {field} {bad_value}", good, bad, f"spec.runs.retry.{field}")
    for field, least, most, low, high in (
        ("dedupWindow", "0s", "24h", "-1s", "25h"),
        ("ttl", "1s", "8760h", "999ms", "8761h"),
        ("finishedTTL", "0s", "8760h", "-1s", "8761h"),
    ):
        yield from between(field, f"spec.runs.{field}", runs, (least, most), (low, high))
    says = "spec.runs.versionPolicy: Unsupported value"
    yield Rule("versionPolicy", runs(versionPolicy="Latest"), runs(versionPolicy="Any"), says)
    for field in ("successfulHistoryLimit", "failedHistoryLimit"):
        for value, wrong in ((0, -1), (10_000, 10_001)):
            good, bad = runs(**{field: value}), runs(**{field: wrong})
            yield Rule(f"{field} {wrong}", good, bad, f"spec.runs.{field}")


def _limit_rules(job: Job) -> Iterator[Rule]:
    def limits(**given: Any) -> Object:
        return job(runs={"limits": given})

    def rate(**given: Any) -> Object:
        return limits(rate={"max": 1, "window": "1m", **given})

    for field in ("maxConcurrency", "maxConcurrencyPerKey", "maxQueued"):
        for value, wrong in ((1, 0), (10_000, 10_001)):
            good, bad = limits(**{field: value}), limits(**{field: wrong})
            yield Rule(f"{field} {wrong}", good, bad, f"spec.runs.limits.{field}")
    for value, wrong in ((1, 0), (100_000, 100_001)):
        says = "spec.runs.limits.rate.max"
        yield Rule(f"rate max {wrong}", rate(max=value), rate(max=wrong), says)
    field = "spec.runs.limits.rate.window"
    yield from between("window", field, rate, ("1s", "24h"), ("999ms", "25h"))
    yield Rule("rate without window", rate(), limits(rate={"max": 1}), f"{field}: Required value")
    says = "spec.runs.limits.rate.onLimit: Unsupported value"
    yield Rule("onLimit", rate(onLimit="Reject"), rate(onLimit="Drop"), says)
    good, bad = ([f"pool-{number}" for number in range(many)] for many in (8, 9))
    says = "spec.runs.limits.pools"
    yield Rule("9 pools", limits(pools=good), limits(pools=bad), f"{says}: Too many")
    yield Rule(
        "a pool twice", limits(pools=["a"]), limits(pools=["a", "a"]), f"{says}[1]: Duplicate value"
    )
