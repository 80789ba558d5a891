"""The table of wavegate.domain.hold: whose fault it is that numbers cannot be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from unit.domain.builders import NOW, execution, fleet, job_spec, node, pod, version
from wavegate.domain.health import HealthRecord, Window, WindowResult
from wavegate.domain.hold import Holding, holding

pytestmark = pytest.mark.row("Unreadable")

READ = WindowResult(Window.GOOD, NOW, "fine", 0, 10)
UNREAD = WindowResult(Window.UNREADABLE, NOW, "http://10.0.0.1/metrics: timed out")
OLD = execution(1, node="n1", stable=True)
NEW = [execution(1, node=name, version=2, created=NOW - 30) for name in ("n2", "n3")]


def held(old: WindowResult | None, *new: WindowResult | None, **fields: Any) -> Holding:
    claims = [OLD, *fields.pop("claims", NEW)]
    pods, health = [], {}
    for claim, last in zip(claims, (old, *new), strict=True):
        uid = f"pod-{claim.node}"
        pods.append(pod(claim, uid=uid, ready=fields.get(f"ready_{claim.node}", True)))
        if last is not None:
            health[uid] = HealthRecord(uid, NOW, None, 0, last=last)
    versions = fields.get("versions", [version(1, stable=True), version(2)])
    nodes = [node(claim.node) for claim in claims]
    return holding(
        fleet(nodes=nodes, executions=claims, pods=pods, health=health, versions=versions)
    )


@pytest.mark.parametrize(
    ("old", "new", "is_held"),
    [
        pytest.param(UNREAD, (UNREAD, UNREAD), True, id="nobody can be read"),
        pytest.param(None, (UNREAD, UNREAD), True, id="the old one has no window yet"),
        pytest.param(READ, (UNREAD, UNREAD), False, id="an old version's can be read"),
        pytest.param(UNREAD, (READ, UNREAD), False, id="one of the judged can be read"),
        pytest.param(UNREAD, (None, UNREAD), False, id="one has not closed a window yet"),
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
    found = held(UNREAD, UNREAD, UNREAD)
    assert [claim.name for _, claim in found.references] == ["app-n1-1"]


def test_without_counters_there_is_nothing_to_hold() -> None:
    check = {"interval": "5s", "deadline": "1m"}
    plain = [version(n, spec=job_spec(rollout={"healthCheck": check})) for n in (1, 2)]
    assert not held(UNREAD, UNREAD, UNREAD, versions=plain).why


def test_nobody_being_judged_holds_nothing() -> None:
    assert holding(fleet(executions=[OLD], versions=[version(1, stable=True)])) == Holding()
