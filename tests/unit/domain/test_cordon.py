"""Cordon: whose it is, how the rules see it, and when it is undone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sim.world import once
from unit.domain.builders import execution, job, node, observed, pod, version
from wavegate.api.fleetjob import load_job_spec
from wavegate.domain import cordon
from wavegate.domain.actions import UncordonNode
from wavegate.domain.cordon import as_open, leftovers, undo, wants_cordon
from wavegate.domain.observed import Cordon, NodeView, Taint

pytestmark = pytest.mark.row("Cordon")

OURS = Cordon("default", "app", "job-uid", "app-n1-1")
RUNS = execution(1)
ENDED = execution(1, "Completed", stable=True)


def closed(by: Cordon | None = OURS) -> NodeView:
    taint = Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")
    other = Taint("dedicated", "gpu", "NoSchedule")
    return node(unschedulable=True, taints=(taint, other), cordoned_by=by)


def left(by: Cordon | None = OURS, **fields: Any) -> bool:
    seen = observed(nodes=[closed(by)], **fields)
    return "n1" in leftovers(seen, cordon.closed(seen.nodes))


def test_its_own_cordon_looks_open_to_a_job_and_others_do_not() -> None:
    nodes = {"n1": closed()}
    seen = as_open(job(), nodes, cordon.closed(nodes))["n1"]
    assert (seen.unschedulable, [taint.key for taint in seen.taints]) == (False, ["dedicated"])
    for by in (None, replace(OURS, job_uid="another")):
        nodes = {"n1": closed(by)}
        assert as_open(job(), nodes, cordon.closed(nodes)) is nodes


def test_it_stays_while_its_execution_works() -> None:
    assert not left(executions=[RUNS])


@pytest.mark.parametrize("state", ["Completed", "Failed", "Stopped"])
def test_it_is_undone_once_its_execution_has_ended_or_is_gone(state: str) -> None:
    assert left(executions=[execution(1, state)])
    assert left(executions=[replace(RUNS, deleting=True)])
    assert left()


def test_not_before_its_pod_has_stopped() -> None:
    stopping = pod(ENDED, deletion=1.0)
    assert not left(executions=[ENDED], pods=[stopping])
    assert left(executions=[ENDED], pods=[pod(ENDED, phase="Succeeded")])
    assert left(executions=[ENDED], pods=[pod(execution(2))]), "another's pod does not count"


def test_of_a_former_job_of_the_name_it_is_undone() -> None:
    assert left(replace(OURS, job_uid="former"), executions=[RUNS])


def test_of_other_jobs_and_other_people_it_is_not_ours_to_undo() -> None:
    assert not left(None)
    assert not left(replace(OURS, job="other"))
    assert not left(replace(OURS, namespace="other"))


def test_of_a_job_that_is_being_deleted_it_is_undone_once_its_pod_has_stopped() -> None:
    going = job(deleting=True)
    assert left(job=going, executions=[RUNS])
    assert not left(job=going, executions=[RUNS], pods=[pod(RUNS)])


def test_undoing_names_the_cordon_that_was_seen() -> None:
    assert undo("n1", OURS).actions == (UncordonNode("n1", OURS),)
    assert undo("n1", OURS).key == "node/n1"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        (OURS.text, OURS),
        ("default/app/job-uid/app-n1-1", OURS),
        ("default/app/job-uid", None),
        ("a/b/c/d/e", None),
        ("a//c/d", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_what_is_not_ours_is_not_read(text: object, parsed: Cordon | None) -> None:
    assert Cordon.parse(text) == parsed


@pytest.mark.row("spec.config")
def test_only_an_update_that_says_so_cordons() -> None:
    def wants(kind: str, **config: object) -> bool:
        spec = {**once(job_type=kind), "config": {"command": ["x"], **config}}
        return wants_cordon(version(spec=load_job_spec(spec)))

    assert wants("update", cordon=True)
    assert not wants("update")
    assert not wants("update", cordon=False)
    assert not wants("query", cordon=True)
