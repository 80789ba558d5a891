"""Status documents: written whole, counted, and only where they say something new."""

from __future__ import annotations

from typing import Any

import pytest

from sim.schema import STATUS_MODELS
from unit.domain.builders import NOW, deployment, execution, fleet, version
from wavegate.domain.actions import Verdict
from wavegate.domain.records import execution_status, pruned, stable_version_status, stamped
from wavegate.domain.times import format_time
from wavegate.domain.verdict import Judgement


def test_what_is_empty_is_left_out_but_nought_and_false_stay() -> None:
    document: dict[str, Any] = {"a": None, "b": "", "c": {}, "d": [], "e": 0, "f": False, "g": "x"}
    assert pruned(document) == {"e": 0, "f": False, "g": "x"}


def test_a_document_is_stamped_only_where_it_is_new() -> None:
    first = stamped({"state": "a"}, {"observedGeneration": -1}, 1, NOW)
    assert first == {
        "state": "a",
        "observedGeneration": 1,
        "revision": 1,
        "updatedAt": format_time(NOW),
    }
    assert stamped({"state": "a"}, first, 1, NOW + 60) is None
    again = stamped({"state": "a"}, first, 2, NOW + 60)
    assert again is not None
    assert (again["revision"], again["observedGeneration"]) == (3, 2)


@pytest.mark.row("status.revision")
def test_revision_counts_the_spec_changes_that_no_write_has_seen() -> None:
    seen = {"observedGeneration": 2, "revision": 7}
    assert (stamped({"state": "b"}, seen, 2, NOW) or {})["revision"] == 8
    assert (stamped({"state": "b"}, seen, 6, NOW) or {})["revision"] == 12
    assert (stamped({"state": "b"}, {}, 6, NOW) or {})["revision"] == 6, "generation 1 is no change"


@pytest.mark.parametrize(
    ("observed", "ready", "desired"),
    [
        ("Running", "True", "Running"),
        ("Completed", "True", "Running"),
        ("Validating", "False", "Running"),
        ("Failed", "False", "Running"),
        ("Stopped", "False", "Stopped"),
    ],
)
def test_the_record_of_a_judgement(observed: str, ready: str, desired: str) -> None:
    write = execution_status(fleet(), execution(1), Judgement(observed, "words"))
    STATUS_MODELS["Execution"].model_validate(dict(write.status))
    facts = {"message": "words", "details": {"reason": observed}}
    assert write.status["observedState"] == {"stateType": observed, **facts}
    why = facts if desired == "Stopped" else {}
    assert write.status["desiredState"] == {"stateType": desired, **why}
    assert write.status["conditions"][0]["status"] == ready
    assert write.resource_version == "1"


def test_what_was_once_recorded_is_kept() -> None:
    ended = {"exitCode": 3}
    old = {"podUid": "p", "previousExecution": "app-n1-0", "revision": 4, "result": ended}
    claim = execution(1, stable_at=NOW - 9, status=old)
    status = execution_status(fleet(), claim, Judgement("Degraded")).status
    assert (status["podUid"], status["previousExecution"]) == ("p", "app-n1-0")
    assert status["stableAt"] == format_time(NOW - 9)
    assert (status["revision"], status["result"]) == (5, ended)


@pytest.mark.row("Blame")
@pytest.mark.parametrize(
    ("claim", "judgement", "expected"),
    [
        pytest.param(
            execution(1, "Validating"),
            Judgement("Failed", "boom", {"reason": "Exited"}),
            (Verdict("failed", "Exited"), "ExecutionFailed"),
            id="it failed",
        ),
        pytest.param(
            execution(1, "Validating"),
            Judgement("Validating", "", {"withdrawn": "Cordoned"}),
            (Verdict("withdrawn", "Cordoned"), "ExecutionWithdrawn"),
            id="it was withdrawn",
        ),
        pytest.param(
            execution(1, "Validating", details={"withdrawn": "Cordoned"}),
            Judgement("Running", "", {"withdrawn": "Cordoned"}),
            None,
            id="withdrawn before",
        ),
        pytest.param(
            execution(1, "Validating", details={"withdrawn": "Cordoned"}),
            Judgement("Failed", "boom", {"reason": "Exited", "withdrawn": "Cordoned"}),
            (Verdict("failed", "Exited"), "ExecutionFailed"),
            id="withdrawn before, and failed by itself",
        ),
        pytest.param(
            execution(1, stable=True),
            Judgement("Stopped", "", {"reason": "NodeGone", "withdrawn": "NodeGone"}),
            None,
            id="its node went away after its verdict",
        ),
        pytest.param(
            execution(1, "Validating"),
            Judgement("Running", "healthy after 2 good windows", stable_at=NOW),
            (None, "ExecutionStable"),
            id="it became stable",
        ),
        pytest.param(
            execution(1, stable=True),
            Judgement("Running", "ready again", stable_at=NOW - 50),
            None,
            id="it was stable before",
        ),
        pytest.param(
            execution(1),
            Judgement("Completed", "ended", {"reason": "Completed"}, stable_at=NOW),
            (Verdict("completed", "Completed"), "ExecutionCompleted"),
            id="it ended well",
        ),
        pytest.param(execution(1), Judgement("Running", "well"), None, id="it is well"),
    ],
)
def test_a_verdict_is_told_and_counted_once(
    claim: Any, judgement: Judgement, expected: tuple[Verdict | None, str] | None
) -> None:
    write = execution_status(fleet(), claim, judgement)
    assert [(note.counted, note.reason) for note in write.notes] == ([expected] if expected else [])
    assert not any(note.is_event for note in write.notes), "the number of nodes is not told"


def test_a_failure_is_told_with_the_numbers_that_decided() -> None:
    window = {"errors": "25", "total": "50", "rate": "0.5000", "limit": "0.1"}
    claim = execution(2, "Validating", version=2, wave=3)
    judgement = Judgement("Failed", "bad", {"reason": "ErrorRateExceeded", **window})
    (note,) = execution_status(fleet(), claim, judgement).notes
    assert note.warning
    assert note.facts == {
        "version": 2,
        "wave": 3,
        "deployment": "app-v2",
        "node": "n1",
        "blame": "ErrorRateExceeded",
        "errors": 25,
        "total": 50,
        "rate": 0.5,
        "limit": 0.1,
    }


def test_the_windows_of_a_verdict_stay_whatever_is_told_later() -> None:
    claim = execution(1, stable=True, details={"windows": "good 0/10, good 0/10"})
    later = execution_status(fleet(), claim, Judgement("Degraded", "not ready", {"hint": "Wait"}))
    assert later.status["details"] == {"windows": "good 0/10, good 0/10", "hint": "Wait"}
    again = execution_status(fleet(), claim, Judgement("Running", "", {"windows": "bad 9/10"}))
    assert again.status["details"] == {"windows": "bad 9/10"}


def test_a_version_is_stamped_stable_and_keeps_the_rest_of_its_status() -> None:
    write = stable_version_status(
        fleet(), version(2, status={"job": {"version": 1}}), deployment(2)
    )
    STATUS_MODELS["JobVersion"].model_validate(dict(write.status))
    assert write.status["stable"] is True
    assert write.status["stableAt"] == format_time(NOW)
    assert write.status["job"] == {"version": 1}


def test_a_stamp_is_not_before_what_it_has_to_follow_where_the_clock_went_back() -> None:
    ahead = deployment(2, started=NOW + 300)
    write = stable_version_status(fleet(), version(2), ahead)
    assert write.status["stableAt"] == format_time(NOW + 300), "not before its rollout began"
    former = deployment(1, "Completed", status={"completedAt": format_time(NOW + 600)})
    again = deployment(1, type="Rollback", name="back", sequence=3, started=NOW - 5)
    fleet_after = fleet(deployments=[former, again])
    write = stable_version_status(fleet_after, version(1), again)
    assert write.status["stableAt"] == format_time(NOW + 601), "nor that of the rollout before it"
