"""Rate: how many calls of a job begin within a time.

GCRA, which needs one number: the *clock*, the time at which the whole allowance is there again.
Each call that is granted moves it by one interval, ``window / max``, on from where it stood or
from now, whichever is later; one is granted while that leaves the clock at most a window ahead. So
``max`` calls may begin at once, and afterwards one per interval. With 3 calls in 60 s:

| seconds | 0 | 0 | 0 | 0 | 20 | 40 | 60 | 110 |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| granted | yes | yes | yes | no | yes | yes | yes | yes |
| clock after it | 20 | 40 | 60 | 60 | 80 | 100 | 120 | 140 |

Bound: in no half-open interval of k windows are more than ``(k + 1) * max - 1`` granted, so in no
window more than ``2 * max - 1`` (the whole burst, and what is restored before the window is over:
above, 5 in the 60 s from 0), and at sustained load ``max`` per window.

Times are reckoned in whole microseconds, since that is what objects record: a clock that was read
back is the one that was granted. The interval is rounded up, and a window is ``max`` intervals.

The clock is on record wherever a call was granted, and the greatest counts. A rate with more calls,
fewer or a longer window goes on from it as it stands, and so does one that was removed and is given
anew; only where no clock is left on record the whole burst is there. But a clock that was set by a
rate with a longer window may be further ahead than this one can set it, and would lock the job for
as long as that window was. So each counts for no more than a window of this rate after the time at
which it was written, as though that call had been the last of a window: the next one may begin
within an interval (and a second, as times on record may have lost their fraction), and the others
follow evenly. It is that time which counts and not the present, which would move on and keep the
clock ahead of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from wavegate.api.httpjob import Rate
from wavegate.domain.times import MICROS, micros

_GRAIN: Final = 1.0
"""Seconds by which a time on record may be earlier than it was."""


def clock_of(rate: Rate, known: Iterable[tuple[float | None, float | None]]) -> float | None:
    """The clock that counts of all that are on record, epoch seconds; None: there is none.

    ``known``: clocks, each with the time at which it was written, or later: that of a run with the
    start of its attempt, that of the job with the last change of its status, at each of which the
    job keeps what this said. A clock without its time does not count.
    """
    counted = [
        min(micros(clock), micros(written + _GRAIN) + _window(rate))
        for clock, written in known
        if clock is not None and written is not None
    ]
    return max(counted) / MICROS if counted else None


def oldest(rate: Rate, now: float) -> float:
    """Clocks that were written until then lie behind ``now``, whatever they say."""
    return now - _GRAIN - _window(rate) / MICROS


def granted(rate: Rate, clock: float | None, now: float) -> float | None:
    """The clock once a call that begins ``now`` is granted; None: it is not.

    ``clock``: as `clock_of` said, or as the call before it in this pass has left it.
    """
    moment = micros(now)
    later = max(moment, micros(clock or 0.0)) + _interval(rate)
    return later / MICROS if later <= moment + _window(rate) else None


def room(rate: Rate, clock: float | None, now: float) -> int:
    """Calls that would be granted now, one after the other."""
    moment = micros(now)
    later = max(moment, micros(clock or 0.0))
    return max(0, (moment + _window(rate) - later) // _interval(rate))


def ahead(rate: Rate, clock: float | None, calls: int, now: float) -> float | None:
    """The clock once so many more calls count as granted, whether or not they could be."""
    if not calls:
        return clock
    return (max(micros(now), micros(clock or 0.0)) + calls * _interval(rate)) / MICROS


def next_time(rate: Rate, clock: float | None, now: float) -> float:
    """When the next call is granted, epoch seconds; never before ``now``."""
    if granted(rate, clock, now) is not None:
        return now
    return (micros(clock or 0.0) + _interval(rate) - _window(rate)) / MICROS


def _interval(rate: Rate) -> int:
    return -(-micros(rate.window) // rate.max)


def _window(rate: Rate) -> int:
    return _interval(rate) * rate.max
