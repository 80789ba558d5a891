"""Pre-pull: the next wave's images are pulled while the present one is judged.

Where rollout.prePull is on, each node that would be taken next, were the wave in progress judged
well at this moment, gets a pod that pulls those of the version's images that the node does not run
already (see drivers.pull). There are at most as many of them as a wave is wide, those on their way
out included. Such a pod is kept until the node's new pod is there, so that it holds the images and
a pull that takes long goes on while the old pod stops; it goes at once when its node is not to be
taken any more, and when its rollout ends in whatever way.

| the wave in progress | on the nodes of the next one |
| --- | --- |
| is judged | pods are made, at most maxParallel |
| waits at its gate for a person | the same |
| waits for a pod of its own | those that are there stay, none is made |
| is paused by a person | the same |
| was judged well, its node is claimed | kept until the node's own new pod is there |
| has a write refused, by a quota for one | removed |
| the rollout failed, was canceled, superseded or completed | removed |
| none yet, a rollback, or Immediate | none |

It is a help and nothing more: nobody waits for such a pod, none of its failures is an execution's,
it takes no room from the job's own pods, and where it is refused the rollout says so and goes on.

Invariants: such a pod counts nowhere as a pod of the job; nothing is made while no wave is in
progress; none is left when its rollout has ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Final

from wavegate.domain.actions import CreatePull, DeletePod, Step, Urgency
from wavegate.domain.evidence import clean
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import PullView
from wavegate.domain.rollout import Outlook
from wavegate.domain.waves import Progress, next_takes
from wavegate.drivers.pull import images, missing, render_pull

PULL: Final = "pull/"
"""How keys of its steps begin; the node's name follows."""

_LONGEST_REFUSAL: Final = 300


def pulls(
    fleet: Fleet, run: Progress | None, stands: Outlook | None, claimed: Collection[str]
) -> list[Step]:
    """Steps on pods that pull early. ``claimed``: nodes that are claimed in this very pass."""
    if run is None or stands is None or not _is_wanted(run, stands) or _is_in_the_way(fleet):
        return remove(fleet.observed.pulls)
    upcoming = [take.node for take in next_takes(fleet, run, may_advance=True, free_places=None)]
    waiting = {name for name in run.unsettled if fleet.chains[name].own_pod is None}
    over = [
        each
        for each in fleet.observed.pulls
        if each.owner_uid != run.version.uid or each.node not in {*upcoming, *waiting}
    ]
    steps = remove(over)
    if not (waiting or claimed or stands.reason == "Paused"):
        steps += _made(fleet, run, upcoming)
    return steps


def remove(pulls: Iterable[PullView]) -> list[Step]:
    """Steps that delete these pods."""
    by_node: dict[str, list[PullView]] = defaultdict(list)
    for each in pulls:
        if not each.deleting:
            by_node[each.node].append(each)
    return [
        Step(
            f"{PULL}{node}",
            Urgency.CLEAN,
            tuple(DeletePod(p.name, p.uid, p.resource_version, "NoLongerPulls") for p in pods),
        )
        for node, pods in by_node.items()
    ]


def refused(fleet: Fleet, run: Progress | None) -> str:
    """That the server lets no image be pulled early, in its words; empty where it does."""
    if run is None:
        return ""
    refusals = fleet.observed.refusals.items()
    found = min((each for each in refusals if each[0].startswith(PULL)), default=None)
    if found is None:
        return ""
    said = clean(found[1].message, _LONGEST_REFUSAL)
    return f"goes on without spec.rollout.prePull, whose pods are refused: {said}"


def _is_wanted(run: Progress, stands: Outlook) -> bool:
    if not run.rollout.pre_pull or run.rollout.strategy == "Immediate" or run.is_rollback:
        return False
    goes_on = stands.state in ("InProgress", "Paused") and not stands.stamp_stable
    return goes_on and run.deployment.started is not None and run.current > 0


def _is_in_the_way(fleet: Fleet) -> bool:
    """Whether something of the job itself is refused: by a quota, there may be room without."""
    return any(not key.startswith(PULL) for key in fleet.observed.refusals)


def _made(fleet: Fleet, run: Progress, names: Iterable[str]) -> list[Step]:
    template = fleet.template(run.version)
    under_way = {key.removeprefix(PULL) for key in fleet.observed.busy if key.startswith(PULL)} | {
        each.node for each in fleet.observed.pulls
    }
    steps: list[Step] = []
    for name in names:
        if len(under_way) >= run.sizes.wave:
            break
        if name in under_way:
            continue
        wanted = missing(template, _in_use(fleet, name))
        if not wanted:
            continue
        manifest = render_pull(fleet.job, run.version, name, template, wanted)
        action = CreatePull(run.version.name, run.version.uid, name, manifest)
        group = f"{PULL}v{run.version.version}"
        steps.append(Step(f"{PULL}{name}", Urgency.CLEAN, (action,), group))
        under_way.add(name)
    return steps


def _in_use(fleet: Fleet, node: str) -> Collection[str]:
    """Images that the job runs on a node now."""
    chain = fleet.chains.get(node)
    live = chain.live if chain is not None else None
    version = fleet.versions.get(live.version) if live is not None and live.stable_at else None
    return images(fleet.template(version)) if version is not None and version.spec else ()
