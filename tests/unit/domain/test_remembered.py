"""The table of wavegate.domain.remembered, and when the job's status is read at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from unit.domain.builders import JOB_UID, NOW, deployment, fleet, job, version
from wavegate.domain.observed import DeploymentView
from wavegate.domain.remembered import recalled, to_remember

pytestmark = pytest.mark.row("Wanted version", "status.lastAccepted")


def said(kind: str, state: str = "InProgress", **fields: Any) -> DeploymentView:
    """Accepted 300 s ago as the fourth; a user's unless it is a Create or Update."""
    own = kind in ("Create", "Update")
    given = {
        "type": kind,
        "name": "app-v3" if own else "by-hand",
        "owner_uid": JOB_UID if own else "",
        "to_version": 0 if kind == "Stop" else 3,
        "from_version": 2,
        "sequence": 4,
        "accepted": NOW - 300,
        "workload_hash": "" if kind == "Stop" else "w3",
    }
    return deployment(3, state, **{**given, **fields})


def memory(of: DeploymentView) -> dict[str, Any]:
    return dict(to_remember(job(), [of], lambda each: not each.owner_uid))


def recall(
    of: DeploymentView, *others: DeploymentView, stamped: float | None = None
) -> DeploymentView | None:
    seen = job(status={"lastAccepted": memory(of)})
    return recalled(seen, others, {3: version(3, stable_at=stamped)})


@pytest.mark.parametrize(
    ("of", "stamped", "wanted"),
    [
        pytest.param(
            said("Rollback", "Completed"),
            None,
            ("Completed", "Because"),
            id="a Rollback that ended",
        ),
        pytest.param(
            said("Rollback"), NOW - 300, ("Completed", "Completed"), id="a Rollback, stamped since"
        ),
        pytest.param(
            said("Rollback"), NOW - 301, ("Canceled", "Canceled"), id="a Rollback, stamped before"
        ),
        pytest.param(said("Restart"), None, ("Canceled", "Canceled"), id="an open Restart"),
        pytest.param(said("Stop"), None, ("Completed", "Completed"), id="an open Stop"),
        pytest.param(
            said("Stop", "Completed"), None, ("Completed", "Because"), id="a Stop that ended"
        ),
        pytest.param(
            said("Stop", "Canceled"), None, ("Canceled", "Because"), id="a Stop that was canceled"
        ),
        pytest.param(
            said("Restart", "Failed"), None, ("Failed", "Because"), id="a Restart that failed"
        ),
        pytest.param(said("Update"), None, ("Canceled", "Superseded"), id="an open Update"),
        pytest.param(
            said("Update", "Completed"), None, ("Completed", "Because"), id="an Update that ended"
        ),
        pytest.param(
            said("Rollback", name="app-v3-rollback", owner_uid=JOB_UID),
            None,
            None,
            id="an open automatic Rollback",
        ),
        pytest.param(
            said("Rollback", "Completed", name="app-v3-rollback", owner_uid=JOB_UID),
            None,
            ("Completed", "Because"),
            id="an automatic Rollback that ended",
        ),
    ],
)
def test_how_one_whose_object_is_gone_is_recalled(
    of: DeploymentView, stamped: float | None, wanted: tuple[str, str] | None
) -> None:
    given = replace(of, reason="Because") if of.terminal else of
    found = recall(given, deployment(1, "Completed"), stamped=stamped)
    assert ((found.state, found.reason) if found is not None else None) == wanted
    if found is not None:
        same = ("name", "uid", "type", "owner_uid", "from_version", "to_version", "workload_hash")
        assert all(getattr(found, each) == getattr(given, each) for each in same)
        assert (found.created, found.accepted, found.sequence) == (of.created, NOW - 300, 4)


@pytest.mark.parametrize(
    "others",
    [
        pytest.param([said("Stop", "Completed")], id="its object is there"),
        pytest.param(
            [said("Stop", "", sequence=0, accepted=None)], id="its object is seen as it was before"
        ),
        pytest.param([deployment(5, uid="another", sequence=5)], id="a newer one was accepted"),
    ],
)
def test_what_is_there_or_newer_is_read_alone(others: list[DeploymentView]) -> None:
    assert recall(said("Stop", "Completed"), *others) is None
    assert recall(said("Stop", "Completed"), deployment(3, uid="another", sequence=3)) is not None


def test_a_job_without_a_memory_recalls_nothing() -> None:
    assert recalled(job(), [], {}) is None
    assert fleet(deployments=[deployment(1)]).recalled is None


def test_the_one_that_is_recalled_is_the_last_that_was_accepted() -> None:
    seen = job(status={"lastAccepted": memory(said("Stop", "Completed"))})
    view = fleet(job=seen, deployments=[deployment(1, "Completed")])
    assert [each.name for each in view.accepted] == ["app-v1", "by-hand"]
    assert [each.name for each in view.deployments] == ["app-v1"], "nothing is written of it"


def test_what_is_remembered_is_of_the_newest_object() -> None:
    older, newer = deployment(2, "Completed"), said("Stop")
    users = lambda each: not each.owner_uid  # noqa: E731
    kept = to_remember(job(), [newer, older], users)
    assert (kept["name"], kept["byUser"], kept["sequence"]) == ("by-hand", True, 4)
    assert "state" not in kept, "it is open"
    seen = job(status={"lastAccepted": kept})
    ended = replace(newer, state="Completed", reason="Stopped", status={"message": "stopped"})
    kept = to_remember(seen, [older, ended], users)
    assert (kept["state"], kept["reason"], kept["message"]) == ("Completed", "Stopped", "stopped")


def test_what_is_remembered_stays_where_no_object_is_so_new() -> None:
    kept = memory(said("Stop", "Completed"))
    seen = job(status={"lastAccepted": kept})
    users = lambda each: not each.owner_uid  # noqa: E731
    assert to_remember(seen, [deployment(2, "Completed")], users) == kept
    assert to_remember(seen, [], users) == kept
    assert to_remember(job(), [deployment(1, "", sequence=0)], users) == {}
