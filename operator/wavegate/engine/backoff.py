"""When a step that did not succeed may be tried again, and what the server said of it.

Half a second, doubling up to a minute, with jitter, by step: a step that cannot succeed costs one
request a minute and holds up no other. A step that only has to look again (a lost race) is tried
again at once the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

from wavegate.cache.store import JobKey
from wavegate.domain.observed import Refusal

FIRST: Final = 0.5
LONGEST: Final = 60.0

GRACE: Final = 2.0
"""Seconds for which a refusal is shown beyond its back-off.

The next try is under way then; a status that shows the refusal does not flicker meanwhile.
"""


@dataclass(frozen=True, slots=True)
class _Trouble:
    failures: int
    until: float
    refusal: Refusal | None


class Backoff:
    """Troubles by job and step key. ``now``: epoch seconds; ``rng``: for the jitter."""

    def __init__(self, now: Callable[[], float], rng: Random) -> None:
        self._now = now
        self._rng = rng
        self._troubles: dict[JobKey, dict[str, _Trouble]] = {}

    def blocked(self, job: JobKey, step: str) -> bool:
        """Whether the step may not be tried yet."""
        trouble = self._troubles.get(job, {}).get(step)
        return trouble is not None and self._now() < trouble.until

    def delayed(self, job: JobKey) -> frozenset[str]:
        """The job's steps that may not be tried yet."""
        now, troubles = self._now(), self._troubles.get(job, {})
        return frozenset(step for step, trouble in troubles.items() if now < trouble.until)

    def succeeded(self, job: JobKey, step: str) -> None:
        """All is well; the next failure is the first again."""
        troubles = self._troubles.get(job, {})
        troubles.pop(step, None)
        if not troubles:
            self._troubles.pop(job, None)

    def look_again(self, job: JobKey, step: str) -> None:
        """The step met something else than the plan had seen."""
        before = self._troubles.get(job, {}).get(step)
        delay = self._delay(before.failures - 1) if before else 0.0
        self._set(job, step, delay, None)

    def failed(
        self,
        job: JobKey,
        step: str,
        refusal: Refusal | None = None,
        retry_after: float | None = None,
    ) -> None:
        """It failed; not before ``retry_after`` seconds where the server asked for it."""
        before = self._troubles.get(job, {}).get(step)
        delay = self._delay(before.failures if before else 0)
        self._set(job, step, max(delay, retry_after or 0.0), refusal)

    def refusals(self, job: JobKey) -> Mapping[str, Refusal]:
        """What stands in the way of the job's steps, by step key."""
        now = self._now()
        return {
            step: trouble.refusal
            for step, trouble in self._troubles.get(job, {}).items()
            if trouble.refusal is not None and now < trouble.until + GRACE
        }

    def next_change(self, job: JobKey) -> float | None:
        """When the first back-off, or the showing of a refusal, ends; None without one."""
        now = self._now()
        ends = (
            moment
            for trouble in self._troubles.get(job, {}).values()
            for moment in (trouble.until, trouble.until + GRACE)
        )
        return min((moment for moment in ends if moment > now), default=None)

    def keep_only(self, job: JobKey, steps: set[str]) -> None:
        """Forget old troubles of all other steps: those neither wanted any more nor under way."""
        troubles = self._troubles.get(job, {})
        over = self._now() - GRACE
        for step in [name for name, found in troubles.items() if found.until < over]:
            if step not in steps:
                self.succeeded(job, step)

    def _set(self, job: JobKey, step: str, delay: float, refusal: Refusal | None) -> None:
        troubles = self._troubles.setdefault(job, {})
        failures = troubles[step].failures + 1 if step in troubles else 1
        troubles[step] = _Trouble(failures, self._now() + delay, refusal)

    def _delay(self, failures: int) -> float:
        return min(LONGEST, FIRST * 2.0 ** min(failures, 16)) * self._rng.uniform(0.8, 1.2)
