"""The next step on one node: the table of claims, and what is kept of a node's records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sim.schema import STATUS_MODELS
from unit.domain.builders import (
    NOW,
    chain,
    deployment,
    execution,
    fleet,
    job_spec,
    node,
    pod,
    version,
)
from wavegate.api.names import execution_name, pod_name
from wavegate.domain.actions import (
    Action,
    CreateExecution,
    CreatePod,
    DeletePod,
    DeleteRecord,
    SetStatus,
    Step,
    Urgency,
)
from wavegate.domain.fleet import Fleet
from wavegate.domain.verdict import Judgement
from wavegate.domain.work import (
    NewClaim,
    claim,
    end_older,
    keep_running,
    record,
    remove_leftovers,
    stop,
)

OLD = execution(1, stable=True)
NEW = execution(2, "Pending", version=2)
OLD_POD, NEW_POD = pod(OLD, name="old"), pod(NEW, name="new", uid="pod-2")
V1, V2 = version(1, stable=True), version(2)


def view(**fields: Any) -> Fleet:
    return fleet(
        **{
            "versions": [V1, V2],
            "deployments": [deployment(1, "Completed"), deployment(2)],
            **fields,
        }
    )


def told(step: Step | None) -> list[str]:
    """What a step does, in short."""
    return [_short(action) for action in step.actions] if step is not None else []


def _short(action: Action) -> str:
    match action:
        case CreateExecution():
            return f"claim {action.attempt}"
        case CreatePod():
            return f"pod for {action.execution}"
        case DeletePod():
            return f"delete {action.name}"
        case DeleteRecord():
            return f"forget {action.name}"
        case SetStatus():
            STATUS_MODELS[action.kind].model_validate(dict(action.status))
            return f"{action.name} {action.status['observedState']['stateType']}"
    raise AssertionError(action)


TO_V2 = NewClaim(V2, 1, "app-v2")


def test_a_claim_is_made_before_what_it_replaces_is_stopped() -> None:
    step = claim(view(), chain(OLD, pods=(OLD_POD,)), TO_V2)
    assert told(step) == ["claim 2", "delete old"]
    assert step is not None
    assert (step.key, step.urgency, step.group) == ("node/n1", Urgency.CREATE, "v2")


def test_on_an_empty_node_the_pod_is_made_at_once() -> None:
    name = execution_name("app", "n1", 1)
    assert told(claim(view(), chain(), TO_V2)) == ["claim 1", f"pod for {name}"]


def test_a_claim_says_what_it_is_for() -> None:
    step = claim(view(eval_id="pass-7"), chain(), TO_V2)
    assert step is not None
    made = step.actions[0]
    assert isinstance(made, CreateExecution)
    assert (made.node_uid, made.wave, made.deployment) == ("uid-n1", 1, "app-v2")
    assert (made.workload_hash, made.eval_id) == ("w2", "pass-7")


@pytest.mark.row("spec.labels")
def test_a_claim_carries_the_labels_of_its_version_not_of_the_job_as_it_is_now() -> None:
    labelled = version(2, spec=job_spec("app:2", labels={"team": "red"}))
    step = claim(view(), chain(), NewClaim(labelled, 1, "app-v2"))
    assert step is not None
    made = step.actions[0]
    assert isinstance(made, CreateExecution)
    assert made.labels == {"team": "red"}


def test_no_pod_is_made_before_the_end_of_an_open_older_claim_is_recorded() -> None:
    assert told(claim(view(), chain(OLD), TO_V2)) == ["claim 2"]


def test_a_pod_that_is_going_already_is_not_deleted_again() -> None:
    going = replace(OLD_POD, deletion=NOW + 9)
    assert told(claim(view(), chain(OLD, pods=(going,)), TO_V2)) == ["claim 2"]


@pytest.mark.row("Occupied")
def test_a_node_that_a_former_job_s_pod_occupies_is_not_claimed() -> None:
    former = pod(execution(uid="of another job"))
    assert claim(view(), chain(pods=(former,)), TO_V2) is None


def test_a_fallback_goes_before_new_claims() -> None:
    failed = execution(2, "Failed", version=2)
    step = claim(view(), chain(OLD, failed), NewClaim(V1, 0, "app-v2"))
    assert step is not None
    assert step.urgency is Urgency.REMOVE


POD_FOR_NEW = f"pod for {NEW.name}"


@pytest.mark.parametrize(
    ("claims", "pods", "expected"),
    [
        pytest.param((OLD, NEW), (OLD_POD,), ["delete old"], id="the pod goes first"),
        pytest.param((OLD, NEW), (replace(OLD_POD, deletion=NOW + 9),), [], id="then it waits"),
        pytest.param(
            (OLD, NEW), (), ["app-n1-1 Stopped", POD_FOR_NEW], id="then the record and the new pod"
        ),
        pytest.param(
            (OLD, NEW), (NEW_POD,), ["app-n1-1 Stopped"], id="the new pod is there already"
        ),
        pytest.param((replace(OLD, observed="Stopped"), NEW), (), [], id="nothing is left to end"),
        pytest.param((NEW,), (), [], id="there is no older claim"),
    ],
)
def test_an_older_claim_is_ended(
    claims: tuple[Any, ...], pods: tuple[Any, ...], expected: list[str]
) -> None:
    assert told(end_older(view(), chain(*claims, pods=pods))) == expected


@pytest.mark.row("status.nextExecution")
def test_a_claim_that_was_replaced_says_by_what() -> None:
    step = end_older(view(), chain(OLD, NEW))
    assert step is not None
    write = step.actions[0]
    assert isinstance(write, SetStatus)
    assert write.status["details"]["reason"] == "Replaced"
    assert write.status["nextExecution"] == NEW.name
    assert "stableAt" in write.status, "what was stable stays so on record"


def test_a_former_job_s_pod_does_not_let_the_new_one_start() -> None:
    former = pod(execution(uid="of another job"), name="former")
    assert "delete former" not in told(end_older(view(), chain(OLD, NEW, pods=(former,))))


@pytest.mark.parametrize(
    ("fields", "pods", "expected"),
    [
        pytest.param({}, (), [POD_FOR_NEW], id="a claim without a pod gets one"),
        pytest.param({}, (NEW_POD,), [], id="a pod that runs is left alone"),
        pytest.param(
            {}, (replace(NEW_POD, phase="Failed"),), ["delete new"], id="one that ended is removed"
        ),
        pytest.param(
            {},
            (replace(NEW_POD, phase="Failed", deletion=NOW + 3),),
            [],
            id="one that is going already is waited for",
        ),
        pytest.param({}, (OLD_POD,), [], id="while another pod is there it waits"),
        pytest.param({"versions": [V1]}, (), [], id="its version is missing"),
        pytest.param(
            {"nodes": [node(unschedulable=True)]},
            (),
            [f"{NEW.name} Stopped"],
            id="a node that is no target: withdrawn",
        ),
        pytest.param({"nodes": [node(ready=False)]}, (), [], id="a NotReady node is waited for"),
        pytest.param({"nodes": []}, (), [], id="a node that is gone"),
    ],
)
def test_a_live_claim_is_kept_running(
    fields: dict[str, Any], pods: tuple[Any, ...], expected: list[str]
) -> None:
    assert told(keep_running(view(**fields), chain(NEW, pods=pods), NEW)) == expected


def test_what_was_stable_on_a_cordoned_node_is_not_made_again_and_not_withdrawn() -> None:
    cordoned = view(nodes=[node(unschedulable=True)])
    assert keep_running(cordoned, chain(OLD), OLD) is None


@pytest.mark.parametrize(
    ("claims", "pods", "expected"),
    [
        pytest.param((OLD,), (OLD_POD,), ["delete old"], id="the pod goes first"),
        pytest.param((OLD,), (replace(OLD_POD, deletion=NOW + 9),), [], id="then it waits"),
        pytest.param((OLD,), (), ["app-n1-1 Stopped"], id="then the record"),
        pytest.param((replace(OLD, assumed=True),), (), [], id="nothing is written in flight"),
    ],
)
def test_stopping_a_node(
    claims: tuple[Any, ...], pods: tuple[Any, ...], expected: list[str]
) -> None:
    assert told(stop(view(), chain(*claims, pods=pods), "Suspended")) == expected


def test_a_judgement_that_says_nothing_new_is_not_written() -> None:
    same = Judgement("Pending", "still", {})
    assert record(view(), chain(NEW), NEW, same) is None
    marked = Judgement("Pending", "", {"withdrawn": "Cordoned"})
    assert record(view(), chain(NEW), NEW, marked) is not None


@pytest.mark.parametrize(
    ("state", "news"), [("Starting", True), ("Degraded", True), ("Running", False)]
)
def test_new_words_are_news_only_where_somebody_waits_for_them(state: str, news: bool) -> None:
    before = replace(NEW, observed=state, status={"observedState": {"message": "a"}})
    found = record(view(), chain(before), before, Judgement(state, "b"))
    assert (found is not None) is news


def test_a_verdict_by_the_deadline_is_written_on_a_live_read_of_the_pod() -> None:
    judgement = Judgement("Failed", "late", {"reason": "DeadlineExceeded"}, needs_proof=True)
    step = record(view(), chain(NEW, pods=(NEW_POD,)), NEW, judgement)
    assert step is not None
    write = step.actions[0]
    assert isinstance(write, SetStatus)
    assert write.proof is not None
    assert (write.proof.name, write.proof.uid) == (pod_name("app", NEW.node), "pod-2")
    bare = record(view(), chain(NEW), NEW, judgement)
    assert bare is not None
    without = bare.actions[0]
    assert isinstance(without, SetStatus)
    assert without.proof is not None
    assert (without.proof.name, without.proof.uid) == (pod_name("app", NEW.node), "")


def test_a_failure_is_told_as_an_event_once() -> None:
    judgement = Judgement("Failed", "boom", {"reason": "Exited"})
    step = record(view(), chain(NEW), NEW, judgement)
    assert step is not None
    write = step.actions[0]
    assert isinstance(write, SetStatus)
    assert [note.reason for note in write.notes] == ["ExecutionFailed"]


def leftovers(*claims: Any, pods: tuple[Any, ...] = (), **fields: Any) -> list[str]:
    names = fields.get("open_names", frozenset())
    here = view(nodes=fields.get("nodes", [node()]), versions=fields.get("versions", [V1, V2]))
    return told(remove_leftovers(here, chain(*claims, pods=pods), fields.get("wanted", V2), names))


STABLE_3 = execution(3, version=2, stable=True)
ENDED = replace(OLD, observed="Stopped")


def test_the_pod_of_a_failed_claim_is_removed() -> None:
    failed = execution(2, "Failed", version=2)
    assert leftovers(ENDED, failed, pods=(pod(failed, name="dead"),)) == ["delete dead"]


def test_records_are_kept_until_the_next_is_stable() -> None:
    assert leftovers(ENDED, execution(2, "Failed"), execution(3, "Pending")) == []


@pytest.mark.row("Kept")
def test_the_live_the_replaced_and_the_newest_failed_of_the_wanted_version_are_kept() -> None:
    claims = [
        execution(1, "Failed", version=2),
        execution(2, "Failed", version=2),
        execution(3, "Stopped"),
        execution(4, "Stopped"),
        execution(5, version=2, stable=True),
    ]
    assert leftovers(*claims) == ["forget app-n1-1", "forget app-n1-3"]


@pytest.mark.row("Kept")
def test_the_newest_failed_of_the_stable_version_is_kept_for_a_rollback() -> None:
    claims = [
        execution(1, "Failed", version=2),
        execution(2, "Failed", version=2),
        execution(3, "Stopped", stable=True),
        execution(4, "Failed", version=3),
        execution(5, stable=True),
    ]
    v2, v3 = version(2, stable=True), version(3)
    kept = leftovers(*claims, versions=[V1, v2, v3], wanted=v3)
    assert kept == ["forget app-n1-1", "forget app-n1-3"]


def test_all_of_the_open_deployment_are_kept() -> None:
    claims = [execution(1, "Failed", version=2), execution(2, "Failed", version=2), STABLE_3]
    assert leftovers(*claims, wanted=V1, open_names=frozenset({"app-v2"})) == []
    assert leftovers(*claims, wanted=V1) == ["forget app-n1-1"]


def test_a_record_that_has_not_ended_is_never_removed() -> None:
    assert leftovers(execution(1), execution(2, "Stopped"), STABLE_3) == []


def test_of_a_node_that_is_gone_only_the_open_deployment_s_records_are_kept() -> None:
    claims = [ENDED, execution(2, "Failed", version=2)]
    assert leftovers(*claims, nodes=[], open_names=frozenset({"app-v2"})) == ["forget app-n1-1"]
    assert leftovers(*claims, nodes=[]) == ["forget app-n1-1", "forget app-n1-2"]
    assert leftovers(*claims, nodes=[node(uid="another")]) == [], "attempts rise on one name"
    assert leftovers(execution(1, "Running"), nodes=[]) == [], "its end is recorded first"


def test_an_endless_chain_of_failures_is_shortened() -> None:
    failures = [execution(n, "Failed", version=2) for n in range(1, 14)]
    assert leftovers(*failures[:12]) == []
    assert leftovers(*failures) == [f"forget app-n1-{n}" for n in range(1, 5)]
