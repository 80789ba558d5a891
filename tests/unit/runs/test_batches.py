"""What a batch does next: accepted or refused as a whole, made in portions, counted, ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from support.batches_world import (
    UID,
    batch,
    items,
    made,
    member,
    observed,
    read,
    running,
    said,
    told,
    without_spec,
)
from support.runs_world import NOW, job, run
from wavegate.domain.actions import DeleteRecord
from wavegate.domain.observed import Refusal
from wavegate.domain.times import format_time
from wavegate.runs.batch_actions import BatchPlan, CreateItemRun, Read
from wavegate.runs.batch_observed import Problem
from wavegate.runs.batches import READ_AGAIN, SETTLES, TOLD_EVERY, plan
from wavegate.runs.naming import item_name
from wavegate.runs.observed import RunView
from wavegate.runs.statuses import Impossible

LINES = {"configMapKeyRef": {"name": "lines", "key": "l"}}


def actions(found: BatchPlan) -> list[Any]:
    return [action for step in found.steps for action in step.actions]


def creates(found: BatchPlan) -> list[CreateItemRun]:
    return [action for action in actions(found) if isinstance(action, CreateItemRun)]


def reads(found: BatchPlan) -> bool:
    return any(isinstance(action, Read) for action in actions(found))


# Before anything is made.


@pytest.mark.parametrize(
    ("jobs", "reason"),
    [
        pytest.param({}, "JobMissing", id="no job"),
        pytest.param({"app": replace(job(), deleting=True)}, "JobMissing", id="going"),
        pytest.param({"app": without_spec(job())}, "JobInvalid", id="not understood"),
    ],
)
def test_without_its_job_a_batch_waits(jobs: dict[str, Any], reason: str) -> None:
    of = batch(items=items(3))
    assert said(of, jobs=jobs) == ("Pending", reason)
    going = batch(running("..."), items=items(3))
    found = plan(observed(going, jobs=jobs))
    assert (told(found)["state"], told(found)["reason"]) == ("Running", reason)
    assert made(found) == []


def test_nothing_is_made_before_it_is_on_record_that_all_is_well() -> None:
    of = batch(items=items(3))
    first = plan(observed(of, read=None))
    assert reads(first)
    assert told(first) == {}
    found = plan(observed(of))
    assert (told(found)["state"], told(found)["progress"]) == ("Running", "...")
    assert made(found) == []
    assert made(plan(observed(batch(told(found), items=items(3))))) == ["k0", "k1", "k2"]


def test_one_wrong_item_refuses_all() -> None:
    of = batch(items=items(30))
    wrong = [Problem(f"k{n}", "PayloadInvalid", "payload: lacks a" * 50) for n in range(20)]
    found = plan(observed(of, read=read(of, problems=wrong, wrong=25)))
    status = told(found)
    assert (status["state"], status["reason"]) == ("Refused", "ItemsInvalid")
    assert status["message"].startswith("25 of 30 runs cannot be made, so none is: k0: payload")
    assert len(status["errors"]) == 20
    assert max(len(each["message"]) for each in status["errors"]) == 256
    assert made(found) == []


def test_one_wrong_thing_is_enough() -> None:
    of = batch(items=items(30))
    wrong = [Problem("", "TooLarge", "payloads of 800000 bytes")]
    status = told(plan(observed(of, read=read(of, problems=wrong, wrong=1))))
    assert status["message"] == "1 of 30 runs cannot be made, so none is: payloads of 800000 bytes"


def test_items_are_judged_by_the_schema_that_the_job_has_now() -> None:
    of = batch(items=items(3))
    assert reads(plan(observed(of, read=read(of, version_key="another"))))


def test_a_config_map_that_is_not_there_is_looked_for_now_and_then() -> None:
    of = batch(itemsFrom=LINES)
    missing = read(of, unreadable="there is no ConfigMap lines", version_key="")
    found = plan(observed(of, read=missing))
    assert told(found)["message"] == "there is no ConfigMap lines"
    assert not reads(found)
    assert found.wake_at == NOW + READ_AGAIN
    assert reads(plan(observed(of, read=missing, now=NOW + READ_AGAIN)))


def test_a_spec_that_is_not_understood_is_refused() -> None:
    of = replace(batch(items=items(1)), spec=None, invalid="spec.items: too long")
    status = told(plan(replace(observed(batch(items=items(1))), batch=of)))
    assert (status["state"], status["message"]) == ("Refused", "spec.items: too long")


def test_canceled_before_it_was_accepted_it_makes_nothing() -> None:
    assert said(batch(items=items(3), canceled=True)) == ("Canceled", "Canceled")


# Making.


def test_the_name_of_a_run_follows_from_batch_and_key() -> None:
    of = batch(running(".."), items=[{"key": "a", "priority": 3, "metadata": {}}, {"key": "b"}])
    first, second = creates(plan(observed(of)))
    assert first.name == item_name("app", UID, "a") != second.name
    assert (first.number, first.spec) == (0, {"jobName": "app", "priority": 3})
    (other, _) = creates(plan(replace(observed(of), batch=replace(of, uid="another"))))
    assert other.name != first.name, "a batch of the same name that is made later is another"


@pytest.mark.parametrize(
    ("room", "progress", "keys", "reason"),
    [
        (1000, "....", ["k0", "k1", "k2", "k3"], ""),
        (2, "....", ["k0", "k1"], "MaxQueued"),
        (0, "....", [], "MaxQueued"),
        (1, "oC..", ["k2"], "MaxQueued"),
        (2, "oC..", ["k2", "k3"], ""),
    ],
)
def test_as_many_are_made_as_there_is_room_for(
    room: int, progress: str, keys: list[str], reason: str
) -> None:
    there = [member(n) for n, letter in enumerate(progress) if letter == "o"]
    found = plan(observed(batch(running(progress), items=items(4)), *there, room={"app": room}))
    assert made(found) == keys
    assert told(found).get("reason", "") == reason
    assert found.unmade == {"app": progress.count(".")}


def test_a_run_that_the_server_refuses_is_told_and_the_others_are_made() -> None:
    of = batch(running("..."), items=items(3))
    key = f"JobRun/{item_name('app', UID, 'k1')}"
    found = plan(observed(of, refusals={key: Refusal("exceeded quota", "Forbidden", NOW)}))
    assert made(found) == ["k0", "k1", "k2"]
    assert told(found)["reason"] == "RunRefused"
    assert told(found)["message"].endswith("is refused: exceeded quota")


def test_lines_that_are_not_what_they_were_are_not_made() -> None:
    of = batch(running("..", itemsHash="sha256:a"), itemsFrom=LINES)
    lines = batch(items=items(2))
    same, other = (read(lines, digest=f"sha256:{each}") for each in "ab")
    assert made(plan(observed(of, read=same))) == ["k0", "k1"]
    found = plan(observed(of, read=other))
    assert (made(found), told(found)["reason"]) == ([], "ItemsChanged")
    assert reads(plan(observed(of, read=None)))
    gone = read(lines, unreadable="there is no ConfigMap lines")
    assert told(plan(observed(of, read=gone)))["reason"] == "ItemsMissing"
    assert reads(plan(observed(of, read=other, now=NOW + READ_AGAIN)))


def test_canceled_it_makes_no_more_and_waits_for_what_it_has_made() -> None:
    of = batch(running("o.."), items=items(3), canceled=True)
    found = plan(observed(of, member(0)))
    assert (made(found), told(found)["reason"]) == ([], "Canceling")
    found = plan(observed(of, member(0, "Canceled", reason="Canceled")))
    status = told(found)
    assert status["state"] == "Canceled"
    assert status["message"].endswith("0 of 3 runs completed, 1 canceled, 2 not made")
    assert "errors" not in status


# Counting.


@pytest.mark.parametrize(
    ("phases", "state", "message"),
    [
        (("Completed", "Completed"), "Completed", "2 of 2 runs completed"),
        (("Completed", "Failed"), "Failed", "1 of 2 runs completed, 1 failed"),
        (("Completed", "Canceled"), "Failed", "1 of 2 runs completed, 1 canceled"),
        (("Expired", "DeadLetter"), "Failed", "0 of 2 runs completed, 2 failed"),
        (("Completed", "Queued"), "", ""),
    ],
)
def test_it_ends_once_all_have_ended(phases: tuple[str, str], state: str, message: str) -> None:
    of = batch(running("oo", counts={"total": 2, "open": 2}), items=items(2))
    there = [member(n, phase, reason="Why") for n, phase in enumerate(phases)]
    status = told(plan(observed(of, *there)))
    if state:
        assert (status["state"], status["message"]) == (state, message)
        assert status["completionTime"]
    else:
        assert status["progress"] == "Co"


def test_what_went_wrong_is_told_once_and_of_the_first_twenty() -> None:
    of = batch(running("o" * 30), items=items(30))
    there = [member(n, "Failed", reason="Rejected", message="answered 422") for n in range(12)]
    first = told(plan(observed(of, *there, *(member(n) for n in range(12, 30)))))
    assert first["errors"][0] == {
        "key": "k0",
        "run": "app-0",
        "reason": "Rejected",
        "message": "Failed: answered 422",
    }
    assert len(first["errors"]) == 12
    again = batch(first, items=items(30))
    rest = [member(n, "DeadLetter", reason="Unavailable") for n in range(12, 30)]
    status = told(plan(observed(again, *there, *rest)))
    assert [each["key"] for each in status["errors"]] == [f"k{n}" for n in range(20)]


def test_a_run_that_is_gone_is_not_made_again() -> None:
    of = batch(running("oC.o"), items=items(4))
    found = plan(observed(of, member(3, deleting=True)))
    assert made(found) == ["k2"]
    assert told(found)["progress"] == "GC.G"
    assert [each["key"] for each in told(found)["errors"]] == ["k0", "k3"]


@pytest.mark.parametrize(
    ("seconds", "ended", "is_told"),
    [
        pytest.param(0, 4, False, id="little news"),
        pytest.param(0, 5, True, id="a twentieth"),
        pytest.param(TOLD_EVERY, 1, True, id="after a while"),
        pytest.param(TOLD_EVERY, 0, False, id="none"),
    ],
)
def test_progress_is_told_now_and_then(seconds: float, ended: int, is_told: bool) -> None:
    status = running("o" * 100, updatedAt=format_time(NOW))
    there = [member(n, "Completed" if n < ended else "Queued") for n in range(100)]
    found = plan(observed(batch(status, items=items(100)), *there, now=NOW + seconds))
    assert bool(told(found)) is is_told
    if ended == 4:
        assert found.wake_at == NOW + TOLD_EVERY


# What has ended.


def test_what_has_ended_never_changes() -> None:
    for state in ("Completed", "Failed", "Refused", "Canceled"):
        of = batch({"observedGeneration": 1, "state": state}, items=items(2))
        assert plan(observed(of)) == BatchPlan()
    with pytest.raises(Impossible):
        plan(observed(batch({"state": "Failed?"}, items=items(1))))


def test_what_is_changed_of_it_once_it_has_ended_is_seen() -> None:
    ended = {"observedGeneration": 1, "state": "Failed", "reason": "RunsFailed", "message": "no"}
    of = replace(batch(ended, items=items(1), finishedTTL="1h"), generation=2)
    status = told(plan(observed(of)))
    assert (status["observedGeneration"], status["state"], status["message"]) == (2, "Failed", "no")


def test_it_is_removed_once_its_time_is_over() -> None:
    ended = {"state": "Completed", "observedGeneration": 1, "completionTime": format_time(NOW - 60)}
    of = batch(ended, items=items(1), finishedTTL="1h")
    assert plan(observed(of)).wake_at == NOW - 60 + 3600
    (action,) = actions(plan(observed(of, now=NOW + 3600)))
    assert isinstance(action, DeleteRecord)
    assert (action.kind, action.uid) == ("RunBatch", UID)
    assert actions(plan(observed(batch(ended, items=items(1)), now=NOW + 1e9))) == []


def test_one_that_is_being_deleted_does_nothing() -> None:
    of = replace(batch(running(".."), items=items(2)), deleting=True)
    assert plan(replace(observed(batch(items=items(2))), batch=of)) == BatchPlan()


# Many that are there.


def waiting(name: str, **facts: Any) -> RunView:
    return run(name, **{"created": NOW - 10, **facts})


def test_how_many_are_canceled_is_on_record_first() -> None:
    of = batch(cancel={})
    runs = [waiting("a"), waiting("b"), waiting("later", created=NOW)]
    first = told(plan(observed(of, active=runs)))
    assert (first["state"], first["counts"]) == ("Running", {"total": 2, "open": 2})
    going = batch({**first, "updatedAt": format_time(NOW)}, cancel={})
    status = told(plan(observed(going, active=[])))
    assert (status["state"], status["reason"]) == ("Completed", "AllEnded")
    assert status["counts"] == {"total": 2, "open": 0}
    assert status["message"] == "2 runs matched: HTTPJob app"


def test_a_batch_that_cancels_waits_for_what_may_not_be_heard_of_yet() -> None:
    of = replace(batch(running("", counts={"total": 0, "open": 0}), cancel={}), created=NOW)
    found = plan(replace(observed(batch(cancel={})), batch=of, active=[]))
    assert told(found) == {}
    assert found.wake_at == NOW + SETTLES
    late = plan(replace(observed(batch(cancel={})), batch=of, active=[], now=NOW + SETTLES))
    assert told(late)["reason"] == "NoneMatched"


def ended(name: str, phase: str = "Failed", **facts: Any) -> RunView:
    return run(name, phase=phase, **{"completed": NOW - 10, **facts})


def test_which_are_replayed_is_on_record_first() -> None:
    of = batch(replay={})
    runs = [ended("b"), ended("a"), ended("good", "Completed"), ended("late", completed=NOW)]
    found = plan(observed(of, finished=runs))
    assert told(found)["runs"] == ["a", "b"]
    assert made(found) == []
    going = batch(told(found), replay={})
    then = plan(observed(going, finished=[*runs, ended("c")]))
    assert made(then) == ["a", "b"]
    assert [each.replay_of for each in creates(then)] == ["a", "b"]
    gone = plan(observed(going, finished=runs[:1]))
    assert (made(gone), told(gone)["progress"]) == (["b"], "G.")
    assert told(gone)["errors"][0]["message"] == "it was deleted before it was replayed"


@pytest.mark.parametrize(
    ("runs", "jobs", "state", "reason"),
    [
        pytest.param([], {"app": job()}, "Completed", "NoneMatched", id="none"),
        pytest.param([ended("a")], {}, "Refused", "RunsInvalid", id="no job"),
        pytest.param(
            [ended(f"r{n}") for n in range(501)], {"app": job()}, "Refused", "TooMany", id="501"
        ),
        pytest.param(
            [ended(f"r{n}") for n in range(500)], {"app": job()}, "Running", "Running", id="500"
        ),
    ],
)
def test_all_are_replayed_or_none(
    runs: list[RunView], jobs: dict[str, Any], state: str, reason: str
) -> None:
    assert said(batch(replay={}), finished=runs, jobs=jobs) == (state, reason)
