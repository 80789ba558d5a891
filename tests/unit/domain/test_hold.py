"""The table of wavegate.domain.hold: whose fault it is that numbers cannot be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from unit.domain.builders import (
    NOW,
    deployment,
    execution,
    fleet,
    job_spec,
    node,
    pod,
    settings,
    version,
)
from wavegate.domain.fleet import Fleet
from wavegate.domain.health import HealthRecord, Window, WindowResult
from wavegate.domain.hold import Held, Holding, holding
from wavegate.domain.judging import Judging
from wavegate.domain.observed import PlanSettings, VersionView

pytestmark = pytest.mark.row("Unreadable")

READ = WindowResult(Window.GOOD, NOW, "fine", 0, 10)
UNREAD = WindowResult(Window.UNREADABLE, NOW, "http://10.0.0.1/metrics: timed out")
OLD = execution(1, node="n1", stable=True)
NEW = [execution(1, node=name, version=2, created=NOW - 30) for name in ("n2", "n3")]


CHECK = {"interval": "5s", "deadline": "1m"}
QUERIES = {"errorQuery": "e[$window]", "totalQuery": "t[$window]"}
POD_METRICS = {"podMetrics": {"port": 8080, "errors": ["e"], "total": ["t"]}}


def from_source(name: str) -> dict[str, Any]:
    return {"prometheus": {"source": name, **QUERIES}}


def reading(number: int, error_rate: dict[str, Any], **fields: Any) -> VersionView:
    """A version whose numbers are read there."""
    check = {**CHECK, "errorRate": error_rate}
    return version(number, spec=job_spec(rollout={"healthCheck": check}), **fields)


def readiness(number: int, **fields: Any) -> VersionView:
    """A version of which no numbers are read."""
    return version(number, spec=job_spec(rollout={"healthCheck": CHECK}), **fields)


def held(old: WindowResult | None, *new: WindowResult | None, **fields: Any) -> Held:
    """What holds version 2, which is new on n2 and n3, while version 1 is stable on n1."""
    seen, found = look(old, *new, **fields)
    return found.of(seen.judging_of(seen.versions[2], ""))


def look(
    old: WindowResult | None, *new: WindowResult | None, **fields: Any
) -> tuple[Fleet, Holding]:
    claims = [OLD, *fields.pop("claims", NEW)]
    pods, health = [], {}
    for claim, last in zip(claims, (old, *new), strict=True):
        uid = f"pod-{claim.node}"
        pods.append(pod(claim, uid=uid, ready=fields.get(f"ready_{claim.node}", True)))
        if last is not None:
            health[uid] = HealthRecord(uid, NOW, None, 0, last=last)
    versions = fields.get("versions", [version(1, stable=True), version(2)])
    nodes = [node(claim.node) for claim in claims]
    settings = PlanSettings(prometheus_sources=frozenset(fields.get("sources", ())))
    seen = fleet(
        nodes=nodes,
        executions=claims,
        pods=pods,
        health=health,
        versions=versions,
        settings=settings,
    )
    return seen, holding(seen)


@pytest.mark.parametrize(
    ("old", "new", "is_held"),
    [
        pytest.param(UNREAD, (UNREAD, UNREAD), True, id="nobody can be read"),
        pytest.param(None, (UNREAD, UNREAD), True, id="the old one has no window yet"),
        pytest.param(READ, (UNREAD, UNREAD), False, id="an old version's can be read"),
        pytest.param(UNREAD, (READ, UNREAD), False, id="one of the judged can be read"),
        pytest.param(UNREAD, (None, UNREAD), True, id="one has not closed a window yet"),
        pytest.param(UNREAD, (None, None), False, id="nobody has"),
    ],
)
def test_when_judging_is_held(
    old: WindowResult | None, new: tuple[WindowResult | None, ...], is_held: bool
) -> None:
    assert bool(held(old, *new).why) is is_held


def test_the_reason_names_the_address_and_the_error() -> None:
    assert held(UNREAD, UNREAD, UNREAD).why == UNREAD.why


def test_a_pod_that_is_not_ready_has_no_say() -> None:
    assert held(UNREAD, UNREAD, READ, ready_n3=False).why
    assert held(READ, UNREAD, UNREAD, ready_n1=False).why


def test_it_is_given_up_when_three_deadlines_have_passed_for_all() -> None:
    old_enough = [replace(each, created=NOW - 180) for each in NEW]
    assert held(UNREAD, UNREAD, UNREAD, claims=old_enough).given_up
    one_younger = [old_enough[0], replace(NEW[1], created=NOW - 179)]
    assert not held(UNREAD, UNREAD, UNREAD, claims=one_younger).given_up


def test_old_pods_are_read_to_tell_whose_fault_it_is() -> None:
    _, found = look(UNREAD, UNREAD, UNREAD)
    assert [claim.name for _, claim in found.references] == ["app-n1-1"]


def test_without_counters_there_is_nothing_to_hold() -> None:
    spec = job_spec(rollout={"healthCheck": {**CHECK, "errorRate": None}})
    plain = [version(n, spec=spec) for n in (1, 2)]
    assert not held(UNREAD, UNREAD, UNREAD, versions=plain).why


def test_nobody_being_judged_holds_nothing() -> None:
    assert holding(fleet(executions=[OLD], versions=[version(1, stable=True)])) == Holding()


@pytest.mark.parametrize(
    ("old", "new", "is_held"),
    [
        pytest.param(from_source("a"), from_source("a"), False, id="read at the same source"),
        pytest.param(from_source("b"), from_source("a"), True, id="read at another source"),
        pytest.param(POD_METRICS, from_source("a"), True, id="read at the pods"),
        pytest.param(from_source("a"), POD_METRICS, True, id="read at a source, new at the pods"),
    ],
)
def test_an_old_version_says_something_of_the_place_where_it_is_read(
    old: dict[str, Any], new: dict[str, Any], is_held: bool
) -> None:
    versions = [reading(1, old, stable=True), reading(2, new)]
    found = held(READ, UNREAD, UNREAD, versions=versions, sources=("a", "b"))
    assert bool(found.why) is is_held


def test_each_place_is_held_by_itself() -> None:
    versions = [version(1, stable=True), reading(2, from_source("a")), reading(3, POD_METRICS)]
    claims = [NEW[0], replace(NEW[1], version=3, workload_hash="w3")]
    seen, found = look(None, UNREAD, READ, claims=claims, versions=versions, sources=("a",))
    second, third = (found.of(seen.judging_of(seen.versions[n], "")) for n in (2, 3))
    assert (second.why, second.given_up) == (UNREAD.why, False)
    assert second.until is not None
    assert third == Held()
    assert found.of(Judging()) == Held()


def test_a_source_that_is_not_configured_is_held_before_anybody_was_read() -> None:
    versions = [version(1, stable=True), reading(2, from_source("a"))]
    found = held(READ, None, None, versions=versions, sources=())
    assert 'the operator has no source "a"' in found.why
    assert not held(READ, None, None, versions=versions, sources=("a",)).why


def test_a_version_whose_numbers_nobody_reads_does_not_keep_another_from_being_held() -> None:
    versions = [readiness(1, stable=True), reading(2, from_source("a"))]
    assert held(None, UNREAD, UNREAD, versions=versions, sources=("a",)).why == UNREAD.why


def test_nothing_is_held_where_nobodys_numbers_are_read() -> None:
    versions = [readiness(1, stable=True), readiness(2)]
    assert look(UNREAD, UNREAD, UNREAD, versions=versions)[1] == Holding()


def test_it_is_held_also_where_only_the_rollout_says_where_its_numbers_are_read() -> None:
    check = {**CHECK, "errorRate": from_source("a")}
    said = deployment(2, rollout=settings(healthCheck=check))
    seen = fleet(
        nodes=[node("n2")],
        executions=[NEW[0]],
        pods=[pod(NEW[0], uid="pod-n2")],
        health={"pod-n2": HealthRecord("pod-n2", NOW, None, 0, last=UNREAD)},
        versions=[readiness(2)],
        deployments=[said],
        settings=PlanSettings(prometheus_sources=frozenset({"a"})),
    )
    found = holding(seen)
    assert found.of(seen.judging_of(seen.versions[2], said.name)).why == UNREAD.why
