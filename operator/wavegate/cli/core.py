"""The operator's own core over what the command line has read.

The same pure rules that decide in the operator decide here, so that the two cannot disagree. What
only a running operator knows is not there: windows that are being counted, and its options, for
which the defaults stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wavegate.cache.cluster import ClusterCache
from wavegate.cli.sight import Document, Sight
from wavegate.domain.fleet import Fleet
from wavegate.domain.observed import Observed, PlanSettings, Preparation
from wavegate.domain.plan import plan


def observed_of(
    sight: Sight, nodes: Sequence[Document], now: float, settings: PlanSettings | None = None
) -> Observed:
    """The snapshot that a pass of the operator would see. ``now``: epoch seconds."""
    cache = ClusterCache(lambda _: None, clock=lambda: now)
    fill(cache, [sight.job, *sight.deployments, *sight.executions, *sight.versions, *sight.pods])
    fill(cache, nodes)
    metadata = sight.job["metadata"]
    numbers = (int(each["spec"]["version"]) for each in sight.versions)
    observed = cache.snapshot(
        (metadata["namespace"], metadata["name"]),
        now=now,
        eval_id="",
        operator_started=0.0,
        health={},
        prepared={number: Preparation(ok=True) for number in numbers},
        refusals={},
        # What is read here is read live.
        still_there={pod["metadata"]["uid"]: now for pod in sight.pods},
        settings=settings or PlanSettings(),
    )
    assert observed is not None
    return observed


def fill(cache: ClusterCache, documents: Iterable[Document]) -> None:
    """Show documents to a cache, as if they were answers of the server."""
    for each in documents:
        cache.assume(each["kind"], each)


def fleet_of(observed: Observed) -> Fleet | None:
    """The working view of a snapshot; None where the job's spec is not understood."""
    return Fleet(observed, observed.job.spec) if observed.job.spec is not None else None


def acts_at(observed: Observed) -> float | None:
    """When the operator looks again although nothing changes; None: only on a change."""
    return plan(observed).wake_at
