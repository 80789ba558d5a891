"""Cron: at which instants an expression comes, in a time zone.

Five fields (minute, hour, day of month, month, day of week) or a name such as ``@daily``. Where
both days are given, either will do; where one of them begins with ``*``, both must hold.

A schedule is one of wall-clock minutes, and each of them comes at most once: an hour that repeats
counts once, when it first passes, and a minute that is left out comes when the clock is put
forward, once however many there are of them.

| Europe/Berlin | on the day | instants |
| --- | --- | --- |
| `30 2 * * *` | clock put forward from 02:00 to 03:00 | one, at 03:00 |
| `*/15 2,3 * * *` | the same | four, from 03:00 to 03:45 |
| `30 2 * * *` | clock put back from 03:00 to 02:00 | one, at the first 02:30 |
| `0 * * * *` | the same | 24, two hours between 02:00 and 03:00 |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from math import inf
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from wavegate.runs.wall_clock import DAY, instant_of, time_zone, wall_time

NAMED: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_VALUES: Final = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31, L or LW",
    "month": "1 to 12 or JAN to DEC",
    "day-of-week": "0 to 7, SUN to SAT, 5L or 5#2",
}
_ANY_TIME: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - a wall time
"""What comes within 50 years from here comes within 50 years from anywhere: the longest wait is
the 40 years for a leap day on a given day of the week."""
_ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Cron:
    """An expression that comes, in a zone."""

    text: str
    zone: ZoneInfo
    _fields: CronSim = field(repr=False, compare=False)

    @staticmethod
    def parse(text: str, zone: str) -> Cron:
        """The expression in the zone of that IANA name.

        Raises ValueError, with what is wrong and what to write instead.
        """
        return _parse(text, zone)

    def next_after(self, instant: float) -> float:
        """The first instant after another."""
        return next(
            tick
            for wall in self.walls_after(wall_time(self.zone, instant))
            if (tick := instant_of(self.zone, wall)) > instant
        )

    def between(self, after: float, until: float, most: int) -> tuple[list[float], int]:
        """The newest ``most`` instants in ``(after, until]``, rising, and how many there are.

        The instants of a day are looked at one by one only for those that are returned and for a
        day that is not a whole one or not of 24 hours; of the others there are as many as minutes
        times hours. So it takes time by days, not by instants.
        """
        ticks: list[float] = []
        count = 0
        oldest = inf
        first, last = wall_time(self.zone, after), self._last_wall(until)
        day, end = last.date(), self._midnight(last.date() + _ONE_DAY)
        while day >= first.date():
            begin = self._midnight(day)
            if not self._on(day):
                pass
            elif len(ticks) >= most and after < begin and end <= until and end - begin == DAY:
                count += len(self._fields.hours) * len(self._fields.minutes)
                oldest = begin + 3600 * min(self._fields.hours) + 60 * min(self._fields.minutes)
            else:
                for wall in self._walls_back(day, first, last):
                    tick = instant_of(self.zone, wall)
                    if after < tick <= until and tick < oldest:
                        oldest = tick
                        count += 1
                        if len(ticks) < most:
                            ticks.append(tick)
            day, end = day - _ONE_DAY, begin
        return ticks[::-1], count

    def matches(self, instant: float) -> bool:
        """Whether the clock shows one of its minutes, in an hour that repeats both times."""
        wall = wall_time(self.zone, instant)
        return (
            wall.minute in self._fields.minutes
            and wall.hour in self._fields.hours
            and self._on(wall.date())
        )

    def walls_after(self, wall: datetime) -> Iterator[datetime]:
        """Its wall times after another, rising."""
        return CronSim(NAMED.get(self.text, self.text), wall)

    def _on(self, day: date) -> bool:
        return day.month in self._fields.months and self._fields.match_day(day)

    def _walls_back(self, day: date, after: datetime, until: datetime) -> Iterator[datetime]:
        """Its wall times on a day that is its own, in ``(after, until]``, falling."""
        for hour in sorted(self._fields.hours, reverse=True):
            for minute in sorted(self._fields.minutes, reverse=True):
                wall = datetime.combine(day, time(hour, minute))
                if after < wall <= until:
                    yield wall

    def _last_wall(self, instant: float) -> datetime:
        """The latest wall time that the clock has shown: in an hour that repeats, its end."""
        wall = wall_time(self.zone, instant)
        since = instant - instant_of(self.zone, wall)
        return wall + timedelta(seconds=since // 1)

    def _midnight(self, day: date) -> float:
        return instant_of(self.zone, datetime.combine(day, time()))


@lru_cache(maxsize=4096)
def _parse(text: str, zone: str) -> Cron:
    expression = NAMED.get(text, text)
    parts = expression.split()
    if len(parts) != len(_VALUES):
        raise ValueError(
            f"{text[:128]!r} is no cron expression: write five fields, which are minute, hour,"
            f" day of month, month and day of week, or one of {', '.join(NAMED)}"
        )
    _check(text, parts)
    try:
        fields = CronSim(expression, _ANY_TIME)
        next(fields)
    except (CronSimError, StopIteration):
        raise ValueError(
            f"{text!r} never comes: no month that it names has such a day; change the day of"
            " month, the month or the day of week"
        ) from None
    return Cron(text, time_zone(zone), fields)


def _check(text: str, parts: list[str]) -> None:
    """Raises ValueError for the first field that cannot be read, each of them looked at alone."""
    for number, (name, values) in enumerate(_VALUES.items()):
        alone = ["*"] * len(parts)
        alone[number] = parts[number]
        try:
            CronSim(" ".join(alone), _ANY_TIME)
        except (CronSimError, ValueError):
            raise ValueError(
                f"{text[:128]!r}: its {name} {parts[number][:32]!r} is not understood: write *,"
                f" or values from {values}, as lists 1,2, ranges 1-5 and steps */2"
            ) from None
