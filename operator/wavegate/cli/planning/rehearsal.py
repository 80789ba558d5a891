"""A rehearsal: the operator's rules on what was read, in virtual time, with pods that are healthy.

It goes on until the rollout has ended and nothing is left to do. Where a person is waited for, that
person is played: the gate is promoted, what is paused goes on; the forecast names both.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from wavegate.cli.planning.stage import Stage
from wavegate.cli.sight import ENDED, Document, Sight, at
from wavegate.domain.observed import PlanSettings

_MOST_PASSES: Final = 200_000
_LONGEST: Final = 30 * 86_400.0
"""Virtual seconds after which a rehearsal is given up: 5,000 nodes one by one take less."""


@dataclass
class Rehearsed:
    """What came of it."""

    deployment: str = ""
    """Name of the rollout that was made; empty where none is."""
    kind: str = ""
    waves: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Nodes in the order in which they are taken, by wave; 0: outside waves."""
    writes: Mapping[str, int] = field(default_factory=Counter)
    peak: int = 0
    """Most nodes that served at the start and do not at one moment."""
    peak_by_zone: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    """From the first write to the end of the rollout, the least that it can take."""
    state: str = ""
    """Of the rollout at the end: Completed, or where it waits for what a rehearsal has not."""
    message: str = ""
    """The job's at the end."""
    waits_for_person: Sequence[str] = ()
    """Where somebody had to act: AwaitingPromotion, Paused."""


def rehearse(
    sight: Sight,
    nodes: Sequence[Document],
    now: float,
    settings: PlanSettings,
    zones: Mapping[str, str] | None = None,
) -> Rehearsed:
    """Play the job of ``sight`` to its end. ``zones``: by node, for the peak in each."""
    stage = Stage(sight, nodes, now, settings)
    return _Rehearsal(stage, sight, zones or {}).play()


class _Rehearsal:
    def __init__(self, stage: Stage, sight: Sight, zones: Mapping[str, str]) -> None:
        self._stage = stage
        self._known = {each["metadata"]["name"] for each in sight.deployments}
        self._begun = stage.now
        self._zones = zones
        self._serving = stage.serving()
        self._result = Rehearsed(peak_by_zone=Counter())
        self._persons: list[str] = []

    def play(self) -> Rehearsed:
        for _ in range(_MOST_PASSES):
            wrote = sum(self._stage.writes.values())
            wake_at = self._stage.carry_out().wake_at
            self._look()
            if sum(self._stage.writes.values()) > wrote or self._person_acts():
                continue
            if self._is_over() or not self._stage.pass_to(wake_at):
                break
            self._look()
            if self._stage.now - self._begun > _LONGEST:
                break
        return self._told()

    def _look(self) -> None:
        down = self._serving - self._stage.serving()
        if len(down) > self._result.peak:
            self._result.peak = len(down)
        by_zone = Counter(self._zones[name] for name in down if name in self._zones)
        found = self._result.peak_by_zone
        self._result.peak_by_zone = {
            zone: max(by_zone[zone], found.get(zone, 0)) for zone in {*by_zone, *found}
        }

    def _deployments(self) -> list[Document]:
        return self._stage.documents("FleetDeployment")

    def _person_acts(self) -> bool:
        """Whether somebody had to, and did."""
        for each in self._deployments():
            if at(each, "status", "state") != "Paused":
                continue
            name, reason = each["metadata"]["name"], str(at(each, "status", "reason"))
            self._persons.append(reason)
            if reason == "AwaitingPromotion":
                self._stage.change("FleetDeployment", name, {"promoted": True})
                return True
            job = self._stage.job
            rollout = {**(job.raw_spec.get("rollout") or {}), "paused": False}
            self._stage.change("FleetJob", job.name, {"rollout": rollout})
            self._stage.change("FleetDeployment", name, {"paused": False})
            return True
        return False

    def _is_over(self) -> bool:
        """Whether nothing is open; after a pass that wrote nothing, nothing is left to do."""
        is_open = any(not _is_over(each) for each in self._deployments())
        return not is_open and not self._stage.is_moving

    def _told(self) -> Rehearsed:
        result, rollout = self._result, self._rollout_of_the_end()
        for each in self._stage.taken:
            result.waves[each.wave].append(each.node)
        result.writes = dict(self._stage.writes)
        result.waits_for_person = tuple(dict.fromkeys(self._persons))
        result.seconds = self._stage.now - self._begun
        state = self._stage.job.status.get("state") or {}
        result.message = str(state.get("message") or "")
        if rollout is not None:
            result.deployment = rollout["metadata"]["name"]
            result.kind = rollout["spec"]["type"]
            result.state = str(at(rollout, "status", "state") or "")
        return result

    def _rollout_of_the_end(self) -> Document | None:
        made = [each for each in self._deployments() if each["metadata"]["name"] not in self._known]
        return made[-1] if made else None


def _is_over(deployment: Document) -> bool:
    return at(deployment, "status", "state") in ENDED
