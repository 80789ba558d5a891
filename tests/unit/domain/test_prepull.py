"""The table of wavegate.domain.prepull, row by row, and what bounds such pods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from unit.domain.builders import (
    NOW,
    deployment,
    execution,
    fleet,
    job,
    job_spec,
    node,
    pod,
    progress,
    version,
)
from wavegate.domain.actions import CreatePull, DeletePod, Step, Urgency
from wavegate.domain.blockers import in_the_way
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import ExecutionView, NodeView, PullView, Refusal
from wavegate.domain.prepull import pulls, refused, remove
from wavegate.domain.rollout import outlook
from wavegate.domain.waves import Progress

pytestmark = pytest.mark.row("Pre-pull")

NAMES = ("n1", "n2", "n3", "n4", "n5", "n6")
ORDER = fleet(nodes=[node(name) for name in NAMES]).ordered(NAMES)
"""The order in which nodes have their turn."""
CANARY, SECOND, THIRD = ORDER[:1], ORDER[1:3], ORDER[3:5]
V1 = version(1, stable=True)
JUDGED = "Validating"
PULL_V2 = {"owner_uid": "jv-2"}


def pull(on: str, **fields: Any) -> PullView:
    values = {"name": f"pull-{on}", "uid": f"uid-{on}", "resource_version": "7", **PULL_V2}
    return PullView(node=on, **{**values, **fields})


def members(wave: int, names: list[str], observed: str = "Running") -> list[ExecutionView]:
    """What v2 has on these nodes, stable where it is Running."""
    return [
        execution(
            2, observed, stable=observed == "Running", version=2, node=name, wave=wave, uid=name
        )
        for name in names
    ]


def seen(
    taken: list[ExecutionView],
    *,
    by: dict[str, Any] | None = None,
    spec: dict[str, Any] | None = None,
    more: Sequence[NodeView] = (),
    **fields: Any,
) -> tuple[Fleet, Progress]:
    """v1 runs on six nodes, v2 has taken some: a canary, then waves of two."""
    given = {"canaryCount": 1, "maxParallel": 2, "prePull": True, **(spec or {})}
    v2 = version(2, spec=job_spec(fields.pop("image", "app:2"), rollout=given))
    old = [execution(1, stable=True, node=name) for name in NAMES]
    opened = deployment(2, **{"total": 6, "wave_size": 2, **(by or {})})
    made = fleet(
        job=job(v2.spec),
        nodes=[*(node(name) for name in NAMES), *more],
        versions=(V1, v2),
        deployments=(deployment(1, "Completed"), opened),
        executions=[*old, *taken],
        **{"pods": [pod(each, uid=f"pod-{each.node}") for each in taken], **fields},
    )
    return made, progress(made, opened, v2)


def steps(made: Fleet, run: Progress, claimed: tuple[str, ...] = ()) -> list[Step]:
    return pulls(made, run, outlook(made, run, "", given_up=False), claimed)


def found(all_steps: list[Step]) -> tuple[list[str], list[str]]:
    """On which nodes pods are made, and names of those that go."""
    actions = [action for step in all_steps for action in step.actions]
    return (
        [each.node for each in actions if isinstance(each, CreatePull)],
        [each.name for each in actions if isinstance(each, DeletePod)],
    )


PROMOTED = {"promoted_gate": True}
REFUSED = Refusal("exceeded quota: pods", "Forbidden", NOW)
WAITING = {"spec": {"autoPromote": False}}


@pytest.mark.parametrize(
    ("taken", "more", "makes", "removes"),
    [
        pytest.param(members(1, CANARY, JUDGED), {}, SECOND, [], id="is judged"),
        pytest.param(members(1, CANARY), WAITING, SECOND, [], id="waits at its gate"),
        pytest.param(
            members(1, CANARY, JUDGED), {"by": {"paused": True}}, [], [], id="is paused: none more"
        ),
        pytest.param(
            members(1, CANARY, JUDGED),
            {"by": {"paused": True}, "pulls": [pull(SECOND[0])]},
            [],
            [],
            id="is paused: those that are there stay",
        ),
        pytest.param(
            [*members(1, CANARY), *members(2, SECOND, "Pending")],
            {"by": PROMOTED, "pulls": [pull(SECOND[0])], "pods": ()},
            [],
            [],
            id="was judged well, and waits for a pod of its own",
        ),
        pytest.param(
            members(1, CANARY, JUDGED),
            {"pulls": [pull(SECOND[0])], "refusals": {"node/n9": REFUSED}},
            [],
            [f"pull-{SECOND[0]}"],
            id="has a write refused",
        ),
        pytest.param(
            members(1, CANARY, "Failed"),
            {"pulls": [pull(SECOND[0])]},
            [],
            [f"pull-{SECOND[0]}"],
            id="the rollout failed",
        ),
        pytest.param(
            members(1, CANARY, JUDGED),
            {"by": {"canceled": True}, "pulls": [pull(SECOND[0])]},
            [],
            [f"pull-{SECOND[0]}"],
            id="the rollout was canceled",
        ),
        pytest.param(
            members(1, ORDER),
            {"by": PROMOTED, "pulls": [pull(SECOND[0])]},
            [],
            [f"pull-{SECOND[0]}"],
            id="the rollout is about to be completed",
        ),
        pytest.param([], {}, [], [], id="none is in progress yet"),
        pytest.param(
            members(1, CANARY, JUDGED), {"by": {"type": "Rollback"}}, [], [], id="a rollback"
        ),
        pytest.param(
            members(1, CANARY, JUDGED), {"spec": {"strategy": "Immediate"}}, [], [], id="Immediate"
        ),
        pytest.param(
            members(1, CANARY, JUDGED), {"spec": {"prePull": False}}, [], [], id="it is not on"
        ),
        pytest.param(
            members(1, CANARY, JUDGED), {"by": {"started": None}}, [], [], id="nothing is pinned"
        ),
    ],
)
def test_when_images_are_pulled_early(
    taken: list[ExecutionView], more: dict[str, Any], makes: list[str], removes: list[str]
) -> None:
    assert found(steps(*seen(taken, **more))) == (makes, removes)


def test_a_joiner_is_nobody_s_next_when_the_rollout_is_about_to_be_completed() -> None:
    made, run = seen(members(1, ORDER), by=PROMOTED, more=[node("n7", created=NOW - 1)])
    assert run.candidates == ["n7"]
    assert found(steps(made, run)) == ([], [])


def test_without_an_open_rollout_every_such_pod_goes() -> None:
    made, _ = seen([], pulls=[pull("n1"), pull("n2", owner_uid="jv-1")])
    assert found(pulls(made, None, None, ())) == ([], ["pull-n1", "pull-n2"])


def test_once_a_node_has_its_own_new_pod_it_needs_the_other_no_more() -> None:
    taken = [*members(1, CANARY), *members(2, SECOND, "Pending")]
    held = [pull(name) for name in SECOND]
    own = [pod(each, uid=f"pod-{each.node}") for each in taken[1:]]
    made, run = seen(taken, by=PROMOTED, pulls=held, pods=own[:1])
    assert found(steps(made, run)) == ([], [f"pull-{SECOND[0]}"])
    made, run = seen(taken, by=PROMOTED, pods=own)
    assert found(steps(made, run)) == (list(THIRD), []), "and the next wave has its turn"


@pytest.mark.parametrize(
    ("there", "makes"),
    [
        pytest.param([pull(SECOND[0])], SECOND[1:], id="one is there"),
        pytest.param([pull("n9", deleting=True)], SECOND[:1], id="one is on its way out elsewhere"),
        pytest.param([pull("n8"), pull("n9")], [], id="two are to go first"),
        pytest.param(
            [pull(SECOND[0], owner_uid="jv-1", deleting=True)],
            SECOND[1:],
            id="one of an earlier version is still on the node",
        ),
    ],
)
def test_there_are_never_more_than_a_wave_is_wide(there: list[PullView], makes: list[str]) -> None:
    made, run = seen(members(1, CANARY, JUDGED), pulls=there)
    assert found(steps(made, run))[0] == list(makes)


def test_creates_that_are_under_way_count() -> None:
    busy = frozenset({f"pull/{SECOND[0]}", f"node/{SECOND[1]}"})
    made, run = seen(members(1, CANARY, JUDGED), busy=busy)
    assert found(steps(made, run))[0] == SECOND[1:]
    made, run = seen(members(1, CANARY, JUDGED), busy=frozenset({"pull/n8", "pull/n9"}))
    assert found(steps(made, run))[0] == []


def test_a_wave_that_is_wider_than_maxparallel_is_pulled_for_bit_by_bit() -> None:
    """A canary wave of three that a pass has begun to fill, where waves are of two."""
    taken = members(1, CANARY, JUDGED)
    made, run = seen(taken, spec={"canaryCount": 4})
    assert run.vacancies() == 3
    assert found(steps(made, run))[0] == ORDER[1:3]


def test_what_is_claimed_in_this_pass_needs_no_pod_any_more_but_keeps_one() -> None:
    made, run = seen(members(1, CANARY), by=PROMOTED, pulls=[pull(SECOND[0])])
    assert found(steps(made, run, tuple(SECOND))) == ([], [])


def test_a_pod_of_another_version_goes_and_its_node_gets_its_own_once_it_is_gone() -> None:
    made, run = seen(members(1, CANARY, JUDGED), pulls=[pull(SECOND[0], owner_uid="jv-1")])
    assert found(steps(made, run)) == (list(SECOND[1:]), [f"pull-{SECOND[0]}"])


def test_a_node_that_runs_the_image_already_needs_none() -> None:
    assert found(steps(*seen(members(1, CANARY, JUDGED), image="app:1"))) == ([], [])


def test_an_image_that_a_node_was_never_stable_with_may_not_be_there() -> None:
    made, run = seen(members(1, CANARY, JUDGED), image="app:1")
    unwell = [replace(each, stable_at=None) for each in made.observed.executions]
    made = Fleet(replace(made.observed, executions=unwell), made.spec)
    assert set(found(steps(made, run))[0]) == set(SECOND)


def test_it_is_the_least_urgent_of_all_and_begins_slowly() -> None:
    made, run = seen(members(1, CANARY, JUDGED))
    first = steps(made, run)[0]
    assert (first.key, first.urgency) == (f"pull/{SECOND[0]}", Urgency.CLEAN)
    assert first.group == "pull/v2"
    action = first.actions[0]
    assert isinstance(action, CreatePull)
    assert (action.version_name, action.version_uid) == ("app-v2", "jv-2")


def test_each_is_deleted_once_and_exactly_as_it_was_seen() -> None:
    [step] = remove([pull("n1"), pull("n2", deleting=True)])
    assert step.key == "pull/n1"
    assert step.actions == (DeletePod("pull-n1", "uid-n1", "7", "NoLongerPulls"),)


def test_a_refusal_is_told_and_stands_in_nobodys_way() -> None:
    said = {"pull/n2": REFUSED}
    made, _ = seen(members(1, CANARY, JUDGED), refusals=said)
    words = "goes on without spec.rollout.prePull, whose pods are refused: exceeded quota: pods"
    assert refused(made) == words
    assert in_the_way(made) is None
    other = {**said, "node/n1": Refusal("no", "Forbidden", NOW)}
    found_other = in_the_way(fleet(refusals=other))
    assert found_other is not None
    assert found_other.message.startswith("node/n1: no")
    assert refused(seen([])[0]) == ""
