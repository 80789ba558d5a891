"""Sizes: how many nodes a rollout and each of its waves have.

Size = the number given, or max(1, ceil(share of the total)). The total is the number of targets at
the start, and no wave has more nodes than that.

| strategy | targets | canaries | maxParallel | nodes in each wave |
| --- | --- | --- | --- | --- |
| Rolling | 10 | | 4 | 4, 4, 2 |
| Rolling | 31 | | 10% | 4, 4, 4, 4, 4, 4, 4, 3 |
| Rolling | 5 | | 1% | 1, 1, 1, 1, 1 |
| Rolling | 7 | | 100% | 7 |
| Canary | 10 | canaryCount 1 | 4 | 1, 4, 4, 1 |
| Canary | 20 | | 25% | 1, 5, 5, 5, 4 |
| Canary | 31 | canaryPercent 10 | 9 | 4, 9, 9, 9 |
| Immediate | 10 | | 4 | 10 |

The total and the size of a wave are pinned by the first pass that has a target, before the first
execution is made, so that nodes that come and go change no wave. Labels are put on one node after
the other: for two seconds, and as long as nothing was made, what was pinned for the first node that
had one is renewed, and nothing is taken by a count that is outdated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from wavegate.api.defaults import resolve_count
from wavegate.api.rollout import RolloutSettings
from wavegate.domain.observed import DeploymentView

SETTLING = 2.0
"""Seconds. Times have whole ones, so it is at least one."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Pinned when a rollout starts; all in nodes."""

    total: int
    canary: int
    """Size of wave 1 where the strategy is Canary, else 0; no more than may be canaries."""
    wave: int

    def of(self, wave: int) -> int:
        return self.canary if wave == 1 and self.canary else self.wave

    @property
    def waves(self) -> int:
        """How many waves the total takes."""
        later = max(0, self.total - self.canary)
        return max(1, (1 if self.canary else 0) + -(-later // max(1, self.wave)))


def sizes(rollout: RolloutSettings, kind: str, total: int) -> Sizes:
    """Sizes for a number of targets. A rollback is one wave, bounded by its places alone."""
    if rollout.strategy == "Immediate" or kind == "Rollback":
        return Sizes(total, 0, max(1, total))
    wave = min(resolve_count(rollout.max_parallel or "10%", total), max(1, total))
    if rollout.strategy != "Canary":
        return Sizes(total, 0, wave)
    canary = rollout.canary_count
    if canary is None:
        canary = resolve_count(f"{rollout.canary_percent or 1}%", total)
    return Sizes(total, min(canary, max(1, total)), wave)


def pinned_sizes(
    rollout: RolloutSettings, deployment: DeploymentView, targets: int, *, begun: bool, now: float
) -> Sizes:
    """The sizes of a rollout: what is pinned, or, until that holds, those for the present targets.

    ``begun``: whether it has made an execution.
    """
    started = deployment.started
    settling = not begun and started is not None and now - started < SETTLING
    if not deployment.total or (settling and targets):
        return sizes(rollout, deployment.type, targets)
    pinned = sizes(rollout, deployment.type, deployment.total)
    return replace(pinned, wave=deployment.wave_size or pinned.wave)
