"""Which runs a batch cancels or replays: those there were when it was made, and that match.

To cancel, a run must have been asked for no later than in the second in which the batch was made,
and not have ended; to replay, have ended no later than in that second, and not be of this batch.
Creation times are whole seconds. Runs of FleetJobs are none of a batch's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wavegate.api.runbatch import CancelSelection, ReplaySelection
from wavegate.domain.selector import parse
from wavegate.runs.batch_observed import BatchView
from wavegate.runs.observed import RunView
from wavegate.runs.states import ENDED_BADLY


def to_cancel(batch: BatchView, active: Iterable[RunView]) -> list[RunView]:
    """Of runs that have not ended, those that the batch cancels."""
    if batch.spec is None or batch.spec.cancel is None:
        return []
    chosen = batch.spec.cancel
    return [
        run
        for run in active
        if run.created <= batch.created
        and (not chosen.phases or run.phase in chosen.phases)
        and _matches(batch.job, chosen, run)
    ]


def to_replay(batch: BatchView, finished: Iterable[RunView]) -> list[RunView]:
    """Of runs that have ended, those that the batch replays, in the order of their ends."""
    if batch.spec is None or batch.spec.replay is None:
        return []
    chosen = batch.spec.replay
    phases = frozenset(chosen.phases) or ENDED_BADLY
    found = [
        run
        for run in finished
        if (run.completed or 0.0) < batch.created + 1.0
        and run.batch != batch.uid
        and run.phase in phases
        and _matches(batch.job, chosen, run)
    ]
    return sorted(found, key=lambda run: (run.completed or 0.0, run.name))


def words_of(batch: BatchView) -> str:
    """Which runs are meant, for people."""
    spec = batch.spec
    chosen = None if spec is None else spec.cancel or spec.replay
    if chosen is None:
        return ""
    labels: Sequence[str] = [f"{key}={value}" for key, value in sorted(chosen.match_labels.items())]
    parts = [f"HTTPJob {batch.job}"] if batch.job else []
    parts += [*labels, *chosen.match_expressions]
    parts += [" or ".join(chosen.phases)] if chosen.phases else []
    return ", ".join(parts)


def _matches(job: str, chosen: CancelSelection | ReplaySelection, run: RunView) -> bool:
    if run.job_kind != "HTTPJob" or (job and run.job != job):
        return False
    if any(run.labels.get(key) != value for key, value in chosen.match_labels.items()):
        return False
    return all(parse(text).holds(run.labels) for text in chosen.match_expressions)
