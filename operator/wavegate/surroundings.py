"""Clocks, chance and names: what a process takes from the machine that it runs on."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random, SystemRandom


def _boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _new_id() -> str:
    return uuid.uuid4().hex[:8]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Those of a real machine, unless others are given."""

    now: Callable[[], float] = time.time
    """Epoch seconds."""
    monotonic: Callable[[], float] = time.monotonic
    boottime: Callable[[], float] = _boottime
    """Seconds that go on while the machine sleeps."""
    rng: Random = field(default_factory=SystemRandom)
    new_id: Callable[[], str] = _new_id
    """Names a pass."""
