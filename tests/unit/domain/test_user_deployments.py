"""Which of the users' deployments are accepted, and how the others end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from unit.domain.builders import NOW, deployment, fleet, job, job_spec, version
from wavegate.domain.user_deployments import Answer, answers, first_in_line

pytestmark = pytest.mark.row("User deployments")

V1, V2, V3 = version(1, stable=True), version(2, stable=True), version(3)
DONE = deployment(2, "Completed")
FAILED = deployment(3, "Failed", reason="CanaryFailed")
OPEN = deployment(3)


def users(kind: str, to_version: int = 0, state: str = "", **fields: Any) -> Any:
    given = {"name": "by-hand", "type": kind, "owner_uid": "", "to_version": to_version}
    waiting = {"sequence": 0, "accepted": None, "started": None, "workload_hash": ""}
    given |= {"from_version": 0, **waiting}
    return deployment(9, state, **{**given, **fields})


def answer(view: Any, made: Any) -> Answer | None:
    """What becomes of it; None where nothing stands against it."""
    return next((said for each, said in answers(view) if each is made), None)


@pytest.mark.parametrize(
    ("made", "others", "reason"),
    [
        pytest.param(users("Restart"), [DONE], None, id="Restart of the stable version"),
        pytest.param(users("Restart", 3), [DONE, FAILED], None, id="Restart of what failed"),
        pytest.param(users("Restart"), [DONE, OPEN], "RolloutOpen", id="Restart in a rollout"),
        pytest.param(
            users("Restart"),
            [DONE, deployment(3, "", sequence=0)],
            "RolloutOpen",
            id="Restart before a rollout that is about to begin",
        ),
        pytest.param(users("Restart", 9), [DONE], "VersionMissing", id="Restart of nothing"),
        pytest.param(users("Rollback", 1), [DONE], None, id="Rollback to what completed"),
        pytest.param(users("Rollback", 1), [DONE, OPEN], None, id="Rollback in a rollout"),
        pytest.param(users("Rollback", 3), [DONE], "NeverStable", id="Rollback to what never did"),
        pytest.param(users("Rollback", 9), [DONE], "VersionMissing", id="Rollback to nothing"),
        pytest.param(users("Stop"), [DONE, OPEN], None, id="Stop"),
        pytest.param(users("Update", 2), [DONE], "MadeByTheOperator", id="Update"),
        pytest.param(users("Create", 1), [], "MadeByTheOperator", id="Create"),
        pytest.param(users("Stop", canceled=True), [DONE], "Canceled", id="canceled at once"),
        pytest.param(
            users("Rollback", 1, from_version=1), [DONE], "FromVersionDiffers", id="from elsewhere"
        ),
        pytest.param(users("Rollback", 1, from_version=2), [DONE], None, id="from where it is"),
    ],
)
def test_what_is_accepted_and_what_is_refused(made: Any, others: list[Any], reason: Any) -> None:
    view = fleet(versions=[V1, V2, V3], deployments=[*others, made])
    said = answer(view, made)
    assert (said.reason if said is not None else None) == reason
    assert first_in_line(view) is (made if reason is None else None)


def later(kind: str, **fields: Any) -> Any:
    return users(kind, 1 if kind == "Rollback" else 0, name="later", created=NOW, **fields)


@pytest.mark.parametrize(
    ("first", "then", "next_one", "superseded"),
    [
        pytest.param("Restart", later("Stop"), "later", True, id="a Stop after a Restart"),
        pytest.param("Restart", later("Rollback"), "later", True, id="a Rollback after a Restart"),
        pytest.param("Rollback", later("Stop"), "later", True, id="a Stop after a Rollback"),
        pytest.param("Stop", later("Rollback"), "later", True, id="a Rollback after a Stop"),
        pytest.param("Stop", later("Stop"), "later", True, id="a Stop after a Stop"),
        pytest.param("Stop", later("Restart"), "by-hand", False, id="a Restart after a Stop"),
        pytest.param("Restart", later("Restart"), "by-hand", False, id="a Restart after another"),
        pytest.param(
            "Restart", later("Stop", canceled=True), "by-hand", False, id="a Stop that is canceled"
        ),
    ],
)
@pytest.mark.parametrize("suspend", [False, True])
def test_a_rollback_or_stop_takes_the_place_of_what_waits_before_it(
    first: str, then: Any, next_one: str, superseded: bool, suspend: bool
) -> None:
    made = users(first, 1 if first == "Rollback" else 0)
    view = fleet(
        job=job(job_spec(suspend=suspend)), versions=[V1, V2], deployments=[DONE, then, made]
    )
    following = first_in_line(view)
    assert following is not None
    assert following.name == next_one
    said = answer(view, made)
    assert (said is not None) is superseded
    if said is not None:
        assert (said.state, said.reason) == ("Canceled", "Superseded")
        assert "later" in said.message


def test_a_restart_needs_something_that_was_ever_stable() -> None:
    made = users("Restart")
    said = answer(fleet(versions=[V3], deployments=[made]), made)
    assert said is not None
    assert (said.state, said.reason) == ("Failed", "NoStableVersion")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (users("Rollback", 9), "spec.toVersion: the job has no v9; it has v1, v2, v3"),
        (users("Rollback", 3), "go back to one of v1, v2, or try it by a Restart"),
        (users("Update"), "spec.type: Update deployments are made by the operator"),
    ],
)
def test_a_refusal_names_the_field_and_the_way_out(made: Any, words: str) -> None:
    said = answer(fleet(versions=[V1, V2, V3], deployments=[DONE, made]), made)
    assert said is not None
    assert words in said.message


def test_one_that_a_former_job_accepted_ends_when_another_job_has_its_name() -> None:
    left = users("Restart", state="InProgress", sequence=4, status={"jobUid": "another"})
    view = fleet(job=job(), versions=[V1], deployments=[left])
    assert [(each.name, said.state, said.reason) for each, said in answers(view)] == [
        ("by-hand", "Canceled", "JobReplaced")
    ]
    assert view.accepted == (), "nor does it count for the job that is there now"
    ended = replace(left, state="Completed")
    assert answers(fleet(versions=[V1], deployments=[ended])) == []
