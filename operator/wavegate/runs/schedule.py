"""Schedule: which of the ticks that passed become runs.

Ticks count from when the schedule came into force. Of those since the last one that was decided
on, some are made up for, by `catchUp`, and of these some become runs, by `concurrencyPolicy`; all
others are counted, as missed, or as skipped where only Forbid stood against them. However many
there are, the schedule goes on and the counts are exact.

| catchUp | made up for, of the ticks that are at most startingDeadline late |
| --- | --- |
| Latest | the newest tick |
| None | the newest tick, if it is at most 10 s late |
| All | the newest 100 |

| concurrencyPolicy | of those become runs |
| --- | --- |
| Allow, Queue | all |
| Forbid | the newest one, if no scheduled run is left; the others are skipped |
| Replace | the newest one, and scheduled runs for ticks before it are canceled |
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from wavegate.api.trigger import CatchUp, Schedule
from wavegate.runs.cron import Cron

ON_TIME: Final = 10.0
"""Seconds by which a tick may be late where nothing is made up for: somebody has to look."""

_MOST: Final[dict[CatchUp, int]] = {"Latest": 1, "None": 1, "All": 100}


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the ticks until now. Ticks and times are epoch seconds, rising."""

    ticks: list[float]
    """To make runs for."""
    handled: float | None
    """The newest tick that is decided on; to be put on record once the runs are made."""
    missed: int
    """Ticks that came too late or were not made up for."""
    skipped: int
    """Ticks that Forbid left out."""
    replace: bool
    """Scheduled runs for ticks before ``handled`` are to be canceled."""
    next_tick: float


def decide(
    schedule: Schedule,
    cron: Cron,
    since: float,
    last_tick: float | None,
    now: float,
    running: bool,
    made: Collection[float] = (),
) -> Decision:
    """What becomes of the ticks in ``(since, now]`` after ``last_tick``, the last one decided on.

    ``since``: when the schedule came into force: created, changed or resumed. ``running``: a
    scheduled run has not ended. ``made``: ticks that have a run, also of expressions before this
    one. After a crash there are some later than ``last_tick``; those that are ticks of this
    expression are decided on already, and count as nothing else.
    """
    after = since if last_tick is None else max(since, last_tick)
    newest, count = cron.between(after, now, _MOST[schedule.catch_up])
    late = ON_TIME if schedule.catch_up == "None" else schedule.starting_deadline
    due = [tick for tick in newest if now - tick <= late or tick in made]
    policy = schedule.concurrency_policy
    chosen = due[-1:] if policy in ("Forbid", "Replace") else due
    ticks = [tick for tick in chosen if tick not in made and not (policy == "Forbid" and running)]
    left = [tick for tick in due if tick not in made and tick not in ticks]
    skipped = len(left) if policy == "Forbid" else 0
    decided = sum(after < tick <= now and cron.next_after(tick - 1) == tick for tick in made)
    return Decision(
        ticks=ticks,
        handled=newest[-1] if newest else None,
        missed=count - decided - len(ticks) - skipped,
        skipped=skipped,
        replace=policy == "Replace" and running and bool(due) and due[-1] == newest[-1],
        next_tick=cron.next_after(max(after, now)),
    )
