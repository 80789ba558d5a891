"""Which runs a batch cancels or replays."""

from __future__ import annotations

from typing import Any

import pytest

from support.batches_world import UID, batch
from support.runs_world import NOW, run
from wavegate.runs.observed import RunView
from wavegate.runs.selection import to_cancel, to_replay

MADE = NOW - 3
"""The second in which the batch was made."""
LABELS = {"matchLabels": {"source": "crm"}}


def names(runs: list[RunView]) -> list[str]:
    return [each.name for each in runs]


@pytest.mark.parametrize(
    ("chosen", "job", "facts", "matches"),
    [
        pytest.param({}, "app", {}, True, id="of the job"),
        pytest.param({}, "app", {"job": "other"}, False, id="of another job"),
        pytest.param({}, "app", {"job_kind": "FleetJob"}, False, id="of another kind"),
        pytest.param(LABELS, None, {"job_kind": "FleetJob", "labels": {"source": "crm"}}, False),
        pytest.param(LABELS, None, {"labels": {"source": "crm"}}, True, id="label"),
        pytest.param(LABELS, None, {"labels": {"source": "x"}}, False, id="other value"),
        pytest.param(LABELS, None, {}, False, id="no label"),
        pytest.param(LABELS, "app", {"job": "b", "labels": {"source": "crm"}}, False, id="both"),
        pytest.param({"matchExpressions": ["a!=b", "!c"]}, None, {}, True, id="expressions"),
        pytest.param(
            {"matchExpressions": ["a!=b", "!c"]},
            None,
            {"labels": {"c": ""}},
            False,
            id="one",
        ),
        pytest.param({"phases": ["Delayed"]}, "app", {"phase": "Queued"}, False, id="phase"),
        pytest.param({"phases": ["Delayed"]}, "app", {"phase": "Delayed"}, True, id="that phase"),
        pytest.param({}, "app", {"created": MADE}, True, id="the same second"),
        pytest.param({}, "app", {"created": MADE + 1}, False, id="later"),
    ],
)
def test_canceled_is_what_matches(
    chosen: dict[str, Any], job: str | None, facts: dict[str, Any], matches: bool
) -> None:
    of = batch(jobName=job, cancel=chosen)
    one = run("one", **{"created": MADE - 10, **facts})
    assert bool(to_cancel(of, [one])) is matches


@pytest.mark.parametrize(
    ("chosen", "facts", "matches"),
    [
        ({}, {"phase": "Failed"}, True),
        ({}, {"phase": "DeadLetter"}, True),
        ({}, {"phase": "Expired"}, True),
        ({}, {"phase": "Completed"}, False),
        ({}, {"phase": "Canceled"}, False),
        ({"phases": ["Canceled"]}, {"phase": "Canceled"}, True),
        ({"phases": ["Completed"]}, {"phase": "Failed"}, False),
        ({}, {"phase": "Failed", "completed": MADE + 0.999}, True),
        ({}, {"phase": "Failed", "completed": MADE + 1}, False),
        ({}, {"phase": "Failed", "batch": UID}, False),
        ({}, {"phase": "Failed", "batch": "another"}, True),
    ],
)
def test_replayed_is_what_ended_badly_or_as_is_said(
    chosen: dict[str, Any], facts: dict[str, Any], matches: bool
) -> None:
    of = batch(replay=chosen)
    one = run("one", **{"completed": MADE - 10, **facts})
    assert bool(to_replay(of, [one])) is matches


def test_they_are_in_the_order_of_their_ends() -> None:
    runs = [
        run(name, phase="Failed", completed=at) for name, at in (("b", 2.0), ("c", 1.0), ("a", 2.0))
    ]
    assert names(to_replay(batch(replay={}), runs)) == ["c", "a", "b"]


def test_a_batch_of_items_selects_nothing() -> None:
    of = batch(items=[{"key": "a"}])
    assert to_cancel(of, [run("one", created=0.0)]) == []
    assert to_replay(of, [run("one", phase="Failed")]) == []
