"""Which runs that have ended, and which versions, are removed.

Only what the job owns: a run that somebody applied without making it the job's stays until they
delete it. A run whose idempotency key lives, and one that knows of a tick, an end or the rate's
clock what is not on record in the job yet, or does not count in its health yet, are kept whatever
the limits say; so is, for each pool, the one that says where its clock stands, until that time,
where other jobs depend on this one, the latest that was carried out, and one whose end its batch
has not on record yet. One of which the job's webhook
is still to be told is kept until it has been, or is given up (see `webhooks`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from wavegate.domain.actions import DeleteRecord, Urgency
from wavegate.domain.times import parse_time
from wavegate.runs.actions import RunStep
from wavegate.runs.counting import Record
from wavegate.runs.dependencies import latest
from wavegate.runs.duplicates import key_lives
from wavegate.runs.observed import AskedJobView, ObservedRuns, RunVersionView, RunView
from wavegate.runs.pool_clocks import PoolClocks
from wavegate.runs.triggering import recorded


def tidied(
    observed: ObservedRuns, job: AskedJobView, versions: Sequence[RunVersionView]
) -> tuple[list[RunStep], float | None]:
    """The removals, and when there may be others; None: not by themselves."""
    ended = [run for run in observed.finished if run.uid not in observed.kept]
    runs = superfluous_runs(job, ended, observed.now, depended_on=observed.depended_on)
    steps = [_removal("JobRun", run) for run in runs]
    # Those of a FleetJob are the fleet's to remove, which knows what runs by them.
    own = versions if job.kind == "HTTPJob" else ()
    old = superfluous_versions(job, own, observed.active)
    steps += [_removal("JobVersion", version) for version in old]
    return steps, _next_removal(job, observed.finished, observed.now)


def superfluous_runs(
    job: AskedJobView, finished: Collection[RunView], now: float, *, depended_on: bool = False
) -> list[RunView]:
    """Runs to remove, the oldest first. ``depended_on``: whether other jobs depend on the job."""
    assert job.spec is not None
    runs = job.spec.runs
    record, telling = Record.of(job, now), set(_telling_of_pools(job, finished, now))
    if depended_on and (counts := latest(finished)) is not None:
        telling.add(counts.uid)
    removable = [
        run
        for run in finished
        if run.owner_uid == job.uid
        and not run.deleting
        and run.uid not in telling
        and not key_lives(run, now)
        and record.has(run)
        and not (run.delivery is not None and runs.webhook is not None)
        and not _is_needed(job, run, now)
    ]
    removable.sort(key=lambda run: (run.completed or 0.0, run.name))
    good = [run for run in removable if run.phase == "Completed"]
    bad = [run for run in removable if run.phase != "Completed"]
    over = {
        run.uid
        for group, limit in (
            (good, runs.successful_history_limit),
            (bad, runs.failed_history_limit),
        )
        for run in group[: max(0, len(group) - limit)]
    }
    if runs.finished_ttl is not None:
        old = now - runs.finished_ttl
        over |= {run.uid for run in removable if (run.completed or 0.0) <= old}
    return [run for run in removable if run.uid in over]


def superfluous_versions(
    job: AskedJobView, versions: Sequence[RunVersionView], active: Iterable[RunView]
) -> list[RunVersionView]:
    """Versions to remove: beyond revisionHistoryLimit, and no run waits for or executes them.

    ``versions`` in rising order, without those that are being deleted.
    """
    assert job.spec is not None
    wanted = {run.version for run in active}
    old = [each for each in versions[:-1] if each.version not in wanted]
    return old[: max(0, len(old) - job.spec.revision_history_limit)]


def _is_needed(job: AskedJobView, run: RunView, now: float) -> bool:
    """Whether it says of ticks, ends or the rate what the job does not say yet."""
    assert job.spec is not None
    if run.after:
        decided = recorded(job)
        depends_on = {each.ref for each in job.spec.trigger.depends_on}
        said = ((name, end) for name, end in run.after.items() if name in depends_on)
        if any(end > decided.get(name, 0.0) for name, end in said):
            return True
    schedule = job.status.get("schedule") or {}
    ticked = parse_time(schedule.get("lastTickTime")) or 0.0
    # A record without a beginning is that of a suspended job: no tick before it goes on counts.
    rests = "expression" in schedule and "since" not in schedule
    ticks = job.spec.trigger.schedule is not None and not rests
    if ticks and (run.scheduled or 0.0) > ticked:
        return True
    rate, clock = job.spec.runs.limits.rate, parse_time(job.status.get("rateClock"))
    if rate is None or run.rate_clock is None:
        return False
    is_over = (run.started or 0.0) + rate.window + 1.0 < now
    return not is_over and run.rate_clock > (clock or 0.0)


def _telling_of_pools(
    job: AskedJobView, finished: Collection[RunView], now: float
) -> dict[str, float]:
    """By uid, runs that say of a pool's clock what no other one says, and until when it counts.

    Of those only that are the job's: the others may be deleted by whoever made them.
    """
    said = [
        (run.uid, pool, clock, run.started)
        for run in finished
        if run.owner_uid == job.uid and not run.deleting and run.started is not None
        for pool, clock in run.pool_clocks.items()
        if clock > now
    ]
    clocks: PoolClocks[str] = PoolClocks()
    for _, pool, clock, started in said:
        clocks.learn(pool, clock, started)
    return {uid: clock for uid, pool, clock, started in said if (clock, started) in clocks.of(pool)}


def _next_removal(job: AskedJobView, finished: Collection[RunView], now: float) -> float | None:
    """When the next finishedTTL is over, or the next pool's clock is passed for whose sake a run
    is kept: those that are over already are removed, or needed."""
    assert job.spec is not None
    ttl = job.spec.runs.finished_ttl
    own = [run for run in finished if run.owner_uid == job.uid]
    times = list(_telling_of_pools(job, finished, now).values())
    times += [(run.completed or 0.0) + ttl for run in own] if ttl is not None else []
    return min((at for at in times if at > now), default=None)


def _removal(kind: str, view: RunView | RunVersionView) -> RunStep:
    action = DeleteRecord(kind, view.name, view.uid, view.resource_version)
    return RunStep(f"{kind}/{view.name}", Urgency.CLEAN, (action,))
