"""One line a decision, once it is on record."""

from __future__ import annotations

import logging

import pytest

from unit.engine.support import claim
from wavegate.domain.actions import (
    Action,
    CordonNode,
    CreateDeployment,
    CreatePod,
    CreateVersion,
    DeletePod,
    Note,
    SetStatus,
    UncordonNode,
)
from wavegate.domain.observed import Cordon
from wavegate.engine.decisions import log_notes, notes_of

EDGE = ("web", "edge")
CORDON = Cordon("web", "edge", "u", "edge-a-1")
FACTS = {"version": 2, "wave": 1, "rate": 0.5, "reason": None}
NOTES = (Note("GatePassed", "passed"), Note("RolloutFailed", "bad", warning=True, facts=FACTS))


@pytest.mark.parametrize(
    ("action", "lines"),
    [
        pytest.param(
            SetStatus("FleetDeployment", "edge-v2", "u", "1", {}, notes=NOTES),
            [
                ("INFO", "passed", {"decision": "GatePassed"}),
                (
                    "WARNING",
                    "bad",
                    {"decision": "RolloutFailed", "version": 2, "wave": 1, "rate": 0.5},
                ),
            ],
            id="a status, by its notes",
        ),
        pytest.param(SetStatus("Execution", "e", "u", "1", {}), [], id="a status without news"),
        pytest.param(
            CreateVersion("edge-v2", 2, {}, "h", "", "", {}),
            [("INFO", "edge-v2 is made of the spec", {"decision": "VersionMade", "version": 2})],
            id="a version",
        ),
        pytest.param(
            CreateDeployment("edge-v2", "Update", 1, 2, {}),
            [
                (
                    "INFO",
                    "edge-v2 is to bring v1 to v2",
                    {
                        "decision": "RolloutMade",
                        "type": "Update",
                        "version": 2,
                        "deployment": "edge-v2",
                    },
                )
            ],
            id="a rollout",
        ),
        pytest.param(
            claim("a"),
            [
                (
                    "INFO",
                    "a is taken for v1 in wave 1",
                    {
                        "decision": "NodeTaken",
                        "version": 1,
                        "wave": 1,
                        "deployment": "edge-v1",
                        "node": "a",
                        "attempt": 1,
                    },
                )
            ],
            id="a claim",
        ),
        pytest.param(CreatePod("edge-a-1", "a", 1, "edge-v1"), [], id="its pod follows from it"),
        pytest.param(
            DeletePod("edge-a", "u", "1", "replaced by v2"),
            [("INFO", "pod edge-a is stopped: replaced by v2", {"decision": "PodStopped"})],
            id="a pod's end",
        ),
        pytest.param(
            CordonNode("a", "u", CORDON),
            [("INFO", "a is cordoned", {"decision": "NodeCordoned", "node": "a"})],
            id="a cordon",
        ),
        pytest.param(
            UncordonNode("a", CORDON),
            [("INFO", "a is opened", {"decision": "NodeOpened", "node": "a"})],
            id="its end",
        ),
    ],
)
def test_what_is_said_of_an_action(
    action: Action,
    lines: list[tuple[str, str, dict[str, object]]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        log_notes(EDGE, "e1", notes_of(action))
    said = [(each.levelname, each.message, each.fields) for each in caplog.records]  # type: ignore[attr-defined]
    common = {"job": "web/edge", "evalId": "e1"}
    assert said == [(level, words, {**common, **facts}) for level, words, facts in lines]
