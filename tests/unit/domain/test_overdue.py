"""The table of wavegate.domain.overdue, row by row, and what is asked for it."""

from __future__ import annotations

import pytest

from unit.domain.builders import NOW, execution, fleet, node, pod
from wavegate.domain.overdue import STOP_LIMIT, is_overdue, looks, looks_at, stop_overdue
from wavegate.domain.plan import plan

pytestmark = pytest.mark.row("Occupied")

OLD, NEW = execution(1), execution(2, "Pending")


@pytest.mark.parametrize(
    ("deletion", "found", "overdue", "read"),
    [
        pytest.param(None, NOW, False, False, id="not being deleted"),
        pytest.param(NOW - 59, NOW, False, False, id="for less than a minute"),
        pytest.param(NOW - 60, None, False, True, id="never read"),
        pytest.param(NOW - 60, NOW - 1, False, True, id="read before the minute was over"),
        pytest.param(NOW - 60, NOW, True, True, id="read since"),
        pytest.param(NOW - 300, NOW - 200, True, True, id="read once is enough"),
    ],
)
def test_when_a_pod_is_overdue(
    deletion: float | None, found: float | None, overdue: bool, read: bool
) -> None:
    stopping = pod(OLD, deletion=deletion)
    seen = fleet(
        executions=[OLD, NEW],
        pods=[stopping],
        still_there={} if found is None else {stopping.uid: found},
    )
    assert is_overdue(seen, stopping) is overdue
    assert (stop_overdue(seen, seen.chains["n1"]) is stopping) is overdue
    asked = [(each.pod_name, each.pod_uid, each.since) for each in looks(seen)]
    assert asked == ([(stopping.name, stopping.uid, (deletion or 0) + STOP_LIMIT)] if read else [])


def test_a_node_is_not_occupied_by_its_own_pod() -> None:
    own = pod(NEW, deletion=NOW - 60)
    seen = fleet(executions=[OLD, NEW], pods=[own], still_there={own.uid: NOW})
    assert is_overdue(seen, own)
    assert stop_overdue(seen, seen.chains["n1"]) is None


def test_a_stranger_s_pod_is_not_read() -> None:
    stranger = pod(OLD, owner_kind="ReplicaSet", deletion=NOW - 60)
    assert not list(looks(fleet(nodes=[node()], pods=[stranger])))


def test_a_pass_is_made_when_the_minute_is_over_and_asks_for_the_read() -> None:
    seen = fleet(executions=[OLD, NEW], pods=[pod(OLD, deletion=NOW - 59)])
    assert looks_at(seen) == [NOW + 1]
    assert plan(seen.observed).wake_at == NOW + 1
    late = fleet(executions=[OLD, NEW], pods=[pod(OLD, deletion=NOW - 60)])
    assert looks_at(late) == []
    assert [each.since for each in plan(late.observed).looks] == [NOW]
