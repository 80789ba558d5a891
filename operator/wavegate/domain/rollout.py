"""Rollout: the life of a FleetDeployment, from its acceptance to its end.

Its states and what changes them are the table TRANSITIONS; a rollout that is open is accepted, one
at a time. Terminal states never change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wavegate.domain.budget import exceeded
from wavegate.domain.fleet import Fleet
from wavegate.domain.gate import Gate, gate
from wavegate.domain.observed import DeploymentView, VersionView
from wavegate.domain.sources import NOT_CONFIGURED
from wavegate.domain.timeouts import QUEUE_TIMEOUT, TOTAL_TIMEOUT, queue_ends, total_ends
from wavegate.domain.times import format_time, parse_time
from wavegate.domain.waiting import away
from wavegate.domain.waves import Progress

TRANSITIONS: Final[tuple[tuple[str, str, str], ...]] = (
    ("", "accepted, no node can be taken yet", "Pending"),
    ("", "accepted", "InProgress"),
    ("", "accepted, and paused", "Paused"),
    ("", "canceled, or superseded by another", "Canceled"),
    ("", "refused, or failures that it took over count", "Failed"),
    ("Pending", "the first target: total and wave size are pinned", "InProgress"),
    ("Pending", "paused", "Paused"),
    ("Pending", "canceled, or superseded by another", "Canceled"),
    ("Pending", "refused, or failures that it took over count", "Failed"),
    ("Pending", "no node in time: spec.timeouts.queue, or spec.timeouts.total", "Failed"),
    ("InProgress", "paused, or its gate waits for a person", "Paused"),
    ("InProgress", "all are updated within the budget, or a Stop and nothing runs", "Completed"),
    ("InProgress", "a canary failed, above the budget, or unreadable too long", "Failed"),
    ("InProgress", "its time is over: spec.timeouts.total", "Failed"),
    ("InProgress", "canceled, or superseded by another", "Canceled"),
    ("Paused", "resumed or promoted", "InProgress"),
    ("Paused", "no target is left before it began", "Pending"),
    ("Paused", "all are updated, within the budget", "Completed"),
    ("Paused", "a canary failed, above the budget, or unreadable too long", "Failed"),
    ("Paused", "its time is over: spec.timeouts.total", "Failed"),
    ("Paused", "canceled, or superseded by another", "Canceled"),
)
"""State of a FleetDeployment (empty: none yet), what happens, state after it."""


_MOST_NAMED: Final = 3
_MOST_LABELS: Final = 256
"""Nodes, and characters of labels, in a message."""


STALLING: Final = frozenset({"NoCanary", NOT_CONFIGURED})
"""Reasons for which an open rollout goes on only when somebody has changed something."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """Where an open rollout stands, and what is to be done about it."""

    state: str
    reason: str
    message: str
    may_take: bool = False
    """Whether nodes may be taken at all."""
    may_advance: bool = False
    """Whether the next wave may be begun."""
    stamp_stable: bool = False
    """Its version is to be recorded as stable first; Completed is written by a later pass."""
    passed_gate: bool = False


def is_paused(fleet: Fleet, deployment: DeploymentView) -> bool:
    return deployment.paused or fleet.spec.rollout.paused


def outlook(
    fleet: Fleet, run: Progress, held: str, given_up: bool, until: float | None = None
) -> Outlook:
    """Decide on an accepted, open rollout.

    ``held``: the address and error where no number can be read (see hold), else empty; ``until``:
    when it is given up because of that; ``given_up``: that time has come.
    """
    deployment = run.deployment
    if is_stamped(fleet, run.version, deployment):
        return _completed(run)  # it had ended before whatever came since
    if deployment.canceled:
        return Outlook("Canceled", "Canceled", _so_far("canceled", run))
    stands = gate(run)
    # One that has begun nothing has nothing to give up: what cannot be read runs for another.
    given_up = given_up and deployment.started is not None
    if failure := _failure(run, stands, held if given_up else ""):
        return failure
    if over := _ended(run) if _is_over(run, stands) else _timed_out(fleet, run):
        return over
    missing = fleet.judging_of(run.version, deployment.name).missing_source
    if missing and not run.is_rollback:
        state = "Pending" if deployment.started is None else "InProgress"
        return Outlook(state, NOT_CONFIGURED, missing)
    if deployment.started is None:
        return _before_the_start(fleet, run)
    passed = stands in (Gate.PASSED, Gate.NONE)
    promoted = stands is Gate.PASSED
    if is_paused(fleet, deployment):
        return Outlook("Paused", "Paused", _paused(fleet, run), passed_gate=promoted)
    if stands is Gate.AWAITING:
        message = (
            f"{_so_far('the canaries are stable', run)}; waits for a person: set spec.promoted of"
            f" FleetDeployment {deployment.name} to true, or spec.canceled"
        )
        return Outlook("Paused", "AwaitingPromotion", message)
    if stands is Gate.NO_CANARY:
        return Outlook("InProgress", "NoCanary", _no_canary(fleet, run), may_take=True)
    may_advance = run.judged and passed and (stands is Gate.NONE or deployment.promoted_gate)
    if held:
        return Outlook("InProgress", "MetricsUnreadable", _held(held, until))
    message, reason = progress_message(run), "Progressing"
    if not (run.candidates or run.absent or run.unsettled or run.updated or run.occupied):
        message = (
            f"{message}; its targets have left{away(fleet, run.version)}, waits for a node: label,"
            " uncordon or repair one"
        )
        reason = "NoTargets"
    return Outlook("InProgress", reason, message, True, may_advance, passed_gate=promoted)


def fails(run: Progress) -> bool:
    """Whether its failures end it."""
    return _failure(run, gate(run), "") is not None


def _failure(run: Progress, stands: Gate, given_up: str) -> Outlook | None:
    if stands is Gate.FAILED:
        return Outlook("Failed", "CanaryFailed", f"the canary gate refused it: {_first(run)}")
    # Immediate is judged at its end, when every target runs or has failed.
    immediate = run.rollout.strategy == "Immediate" and not run.is_rollback
    broken = exceeded(len(run.failed), run.sizes.total, run.rollout)
    if broken and not immediate:
        reason = "RollbackFailed" if run.is_rollback else "BudgetExceeded"
        return Outlook("Failed", reason, f"{broken}: {_first(run)}")
    if given_up:
        return Outlook("Failed", "MetricsUnreadable", f"gave up, nothing can be read: {given_up}")
    return None


def _is_over(run: Progress, stands: Gate) -> bool:
    """Updated and failed reach the total, or no target is left: the rest is catch-up."""
    if run.deployment.started is None or stands not in (Gate.PASSED, Gate.NONE):
        return False
    if stands is Gate.PASSED and not run.deployment.promoted_gate:
        return False  # the passed gate goes on record first
    if not run.updated and not run.failed:
        return False  # nothing is decided on nothing
    reached = len(run.updated) + len(run.failed) >= run.sizes.total
    nobody_left = not (run.candidates or run.absent or run.unsettled)
    return reached or nobody_left


def _ended(run: Progress) -> Outlook:
    broken = exceeded(len(run.failed), run.sizes.total, run.rollout)
    if broken or not run.updated:
        reason = "RollbackFailed" if run.is_rollback else "BudgetExceeded"
        none = "it ended well on no node" if run.is_one_shot else "no node became stable"
        why = broken or none
        return Outlook("Failed", reason, f"{why}: {_first(run)}")
    return Outlook(
        run.deployment.state, run.deployment.reason, progress_message(run), stamp_stable=True
    )


def is_stamped(fleet: Fleet, version: VersionView, deployment: DeploymentView) -> bool:
    """Whether this rollout has made its version the stable one: nothing undoes that.

    Times have whole seconds, so that a stamp of the second in which it began may be that of the
    rollout before it, which has completed since.
    """
    stamped, started = version.stable_at, deployment.started
    if stamped is None or started is None or stamped < started:
        return False
    return not any(
        each.to_version == version.version
        and each.sequence < deployment.sequence
        and each.state == "Completed"
        and (parse_time(each.status.get("completedAt")) or 0.0) >= stamped
        for each in fleet.accepted
    )


def _completed(run: Progress) -> Outlook:
    total = len(run.updated) + len(run.failed)
    does = "ended well on" if run.is_one_shot else "reached"
    message = f"v{run.version.version} {does} {len(run.updated)} of {total} nodes"
    if run.withdrawn:
        message += f", {len(run.withdrawn)} withdrawn on the way"
    if run.failed:
        reason = "CompletedWithFailures" if run.is_one_shot else "Degraded"
        return Outlook("Completed", reason, f"{message}; {_first(run)}")
    return Outlook("Completed", "Completed", message)


def _held(why: str, until: float | None) -> str:
    given_up = f", given up at {format_time(until)}" if until is not None else ""
    return (
        f"held, no judgement and no rollback: no counters can be read ({why}); read again with"
        f" each window{given_up}; check the port, the path and that the operator may reach the pods"
    )


def _timed_out(fleet: Fleet, run: Progress) -> Outlook | None:
    ends = total_ends(run.deployment, run.version)
    if ends is None or fleet.now < ends:
        return None
    message = _so_far(f"its time was over at {format_time(ends)} (spec.timeouts.total)", run)
    return Outlook("Failed", TOTAL_TIMEOUT, message)


def _before_the_start(fleet: Fleet, run: Progress) -> Outlook:
    if run.sizes.total == 0 or not (run.candidates or run.updated or run.unsettled):
        return _without_a_target(fleet, run)
    if is_paused(fleet, run.deployment):
        return Outlook("Paused", "Paused", _paused(fleet, run))
    return Outlook("InProgress", "Progressing", progress_message(run))


def _without_a_target(fleet: Fleet, run: Progress) -> Outlook:
    message = f"no node that can be used matches the selector{away(fleet, run.version)}"
    ends = queue_ends(run.deployment, run.version)
    if ends is None:
        return Outlook("Pending", "NoTargets", message)
    if fleet.now < ends:
        message = f"{message}; given up at {format_time(ends)} (spec.timeouts.queue)"
        return Outlook("Pending", "NoTargets", message)
    message = f"{message}: given up at {format_time(ends)} (spec.timeouts.queue)"
    return Outlook("Failed", QUEUE_TIMEOUT, message)


def progress_message(run: Progress) -> str:
    """The one line that says where a rollout is."""
    if run.is_rollback:
        done = f"{len(run.updated)} of {run.sizes.total} nodes on v{run.version.version}"
        return f"rolling back: {done}"
    kind = " (canary)" if run.is_canary else ""
    wave = f"wave {run.shown_wave} of {run.shown_waves}{kind}"
    text = f"{wave}: {len(run.updated)} of {run.sizes.total} nodes updated"
    if run.failed:
        text += f", {len(run.failed)} failed ({_first(run)})"
    if run.withdrawn:
        text += f", {len(run.withdrawn)} withdrawn"
    return text + _came_since(run)


def _paused(fleet: Fleet, run: Progress) -> str:
    """That it is paused, and which field a person has to change."""
    where = f"spec.paused of FleetDeployment {run.deployment.name}"
    if fleet.spec.rollout.paused:
        where = f"spec.rollout.paused of FleetJob {fleet.job.name}"
    return _so_far(f"paused until a person sets {where} to false", run)


def _no_canary(fleet: Fleet, run: Progress) -> str:
    """Why no node can be a canary, and who can change that."""
    wanted = run.rollout.canary_selector.match_labels
    if not wanted:
        return (
            f"no node is left to be a canary{away(fleet, run.version)}; waits for a target: label,"
            " uncordon or repair a node"
        )
    placement = fleet.placement(run.version)
    nodes = [node for node in fleet.nodes.values() if placement.belongs(node)]
    matching = [node for node in nodes if node.name in run.able]
    found = f"{len(matching) or 'none'} of the job's {len(nodes)} nodes"
    if matching:
        named = [f"{node.name} {placement.absence(node) or 'taken'}" for node in matching]
        found += f", no target now ({', '.join(named[:_MOST_NAMED])})"
    labels = ",".join(f"{key}={value}" for key, value in sorted(wanted.items()))
    return (
        f"no node can be a canary: spec.rollout.canarySelector.matchLabels"
        f" ({labels[:_MOST_LABELS]}) matches {found}; waits until one can: label a node that is to"
        f" be a canary, or change the field of FleetJob {fleet.job.name}"
    )


def _so_far(what: str, run: Progress) -> str:
    done = f"{what}: {len(run.updated)} of {run.sizes.total} nodes updated"
    return done + _came_since(run)


def _came_since(run: Progress) -> str:
    return f", {run.added} came since it began" if run.added else ""


def _first(run: Progress) -> str:
    """The failure that speaks for the others."""
    ordered = sorted(run.failed.values(), key=lambda each: (each.updated, each.node))
    if not ordered:
        return "nothing was ever stable"
    first = ordered[0]
    state = first.status.get("observedState") or {}
    more = f" (and {len(ordered) - 1} more)" if len(ordered) > 1 else ""
    return f"{first.node}: {state.get('message', 'failed')}{more}"
