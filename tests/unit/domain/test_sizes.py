"""How many nodes a rollout and each of its waves have, and until when that is renewed."""

from __future__ import annotations

from typing import Any

import pytest

from unit.domain.builders import NOW, deployment, settings
from wavegate.domain.sizes import SETTLING, Sizes, pinned_sizes, sizes

pytestmark = pytest.mark.row("Waves")


@pytest.mark.row(
    "spec.rollout.strategy",
    "spec.rollout.maxParallel",
    "spec.rollout.canaryCount",
    "spec.rollout.canaryPercent",
)
@pytest.mark.parametrize(
    ("rollout", "kind", "total", "expected", "count"),
    [
        pytest.param({"maxParallel": "10%"}, "Update", 30, (0, 3), 10, id="10% of 30 is 3"),
        pytest.param({"maxParallel": "10%"}, "Update", 31, (0, 4), 8, id="10% of 31 is 4"),
        pytest.param({}, "Update", 100, (0, 10), 10, id="10% where not given"),
        pytest.param({"maxParallel": "1%"}, "Update", 5, (0, 1), 5, id="at least one"),
        pytest.param({"maxParallel": 50}, "Update", 7, (0, 7), 1, id="at most all"),
        pytest.param({"maxParallel": "100%"}, "Update", 7, (0, 7), 1, id="100% is one wave"),
        pytest.param({"maxParallel": 4}, "Update", 10, (0, 4), 3, id="Rolling 4, 4, 2"),
        pytest.param(
            {"strategy": "Canary", "maxParallel": 4, "canaryCount": 1},
            "Update",
            10,
            (1, 4),
            4,
            id="Canary 1, 4, 4, 1",
        ),
        pytest.param({"strategy": "Canary"}, "Update", 50, (1, 5), 11, id="one canary by default"),
        pytest.param(
            {"strategy": "Canary", "canaryPercent": 10}, "Update", 31, (4, 4), 8, id="canaryPercent"
        ),
        pytest.param(
            {"strategy": "Canary", "canaryPercent": 50, "canaryCount": 2},
            "Update",
            10,
            (2, 1),
            9,
            id="canaryCount wins",
        ),
        pytest.param({"strategy": "Immediate"}, "Update", 9, (0, 9), 1, id="Immediate: all"),
        pytest.param(
            {"strategy": "Canary"}, "Rollback", 9, (0, 9), 1, id="no canary in a rollback"
        ),
        pytest.param({"maxParallel": 4}, "Update", 0, (0, 1), 1, id="no node at all"),
        pytest.param(
            {"strategy": "Canary", "canaryCount": 5}, "Update", 2, (2, 1), 1, id="no more canaries"
        ),
    ],
)
def test_sizes_of_waves(
    rollout: dict[str, Any], kind: str, total: int, expected: tuple[int, int], count: int
) -> None:
    found = sizes(settings(**rollout), kind, total)
    assert (found.canary, found.wave) == expected
    assert found.waves == count
    assert found.total == total


def test_only_the_first_wave_is_of_canary_size() -> None:
    assert [Sizes(10, 1, 4).of(wave) for wave in (1, 2, 3)] == [1, 4, 4]
    assert Sizes(10, 0, 4).of(1) == 4


@pytest.mark.parametrize(
    ("since", "begun", "total"),
    [
        pytest.param(0.0, False, 12, id="renewed"),
        pytest.param(SETTLING, False, 1, id="not for ever"),
        pytest.param(0.0, True, 1, id="not once something was made"),
    ],
)
def test_what_was_pinned_for_the_first_of_many_nodes(since: float, begun: bool, total: int) -> None:
    pinned = deployment(1, started=NOW - since, total=1, wave_size=1)
    found = pinned_sizes(settings(maxParallel="25%"), pinned, 12, begun=begun, now=NOW)
    assert found == sizes(settings(maxParallel="25%"), "Update", total)


def test_what_is_pinned_holds_without_a_target() -> None:
    pinned = deployment(1, started=NOW, total=9, wave_size=4)
    assert pinned_sizes(settings(), pinned, 0, begun=False, now=NOW) == Sizes(9, 0, 4)
