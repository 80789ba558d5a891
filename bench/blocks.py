"""A block of a run: all acts of one contender with certain limits, each measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Final

from bench.contenders import (
    Bare,
    Contender,
    DaemonSet,
    FleetJob,
    Validated,
    clear,
    pattern_of,
    ready_on,
)
from bench.errors import BenchError
from bench.lab import RAISED, SHIPPED, Lab, Operator
from bench.meter import Meter, quiet

Row = dict[str, Any]
Block = tuple[str, type[Contender]]
"""Limits and contender."""

BLOCKS: Final[tuple[Block, ...]] = (
    (SHIPPED, DaemonSet),
    (SHIPPED, FleetJob),
    (RAISED, DaemonSet),
    (RAISED, FleetJob),
    (RAISED, Validated),
    (RAISED, Bare),
)
"""What is compared. Bare requests have no limits of their own."""

WARM_UP: Final = {"kubernetes.io/hostname": "sim-001"}
"""The one node on which each contender works before it is measured."""

POLL_SECONDS: Final = 0.2
SAY_SECONDS: Final = 5.0
ACT_SECONDS: Final = 900.0
"""An act that takes longer ends the benchmark."""

_IMAGES: Final = {"create": "app:1", "roll": "app:2", "rollback": "app:1"}


def order(blocks: Iterable[Block], seed: int, run: int) -> list[Block]:
    """Shuffled by seed and run."""
    shuffled = list(blocks)
    Random(f"{seed}/{run}").shuffle(shuffled)
    return shuffled


async def play(lab: Lab, nodes: int, limits: str, kind: type[Contender], run: str) -> list[Row]:
    """One block: all acts of a contender; what it has made is removed after it."""
    await lab.set_limits(limits)
    await _warm_up(lab, limits, kind)
    rows = []
    async with _operator(lab, limits, kind) as operator:
        contender = kind(lab.api, nodes)
        for act in kind.acts:
            name = f"{run} {limits} {kind.name} {act}"
            row = await _measure(lab, contender, act, operator, name)
            rows.append(
                {"limits": limits, "contender": kind.name, "act": act, "nodes": nodes, **row}
            )
            await _check(lab, act, nodes, name)
    # Whoever deletes does it at its own rate: raised, this takes seconds.
    await lab.set_limits(RAISED)
    lab.say("removing what was made")
    await clear(lab.api)
    lab.say("waiting until nothing is written")
    await quiet(lab)
    return rows


@asynccontextmanager
async def _operator(lab: Lab, limits: str, kind: type[Contender]) -> AsyncIterator[Operator | None]:
    if kind.has_operator:
        async with lab.operator(limits) as operator:
            yield operator
    else:
        yield None


async def _warm_up(lab: Lab, limits: str, kind: type[Contender]) -> None:
    """Play it on one node: whoever was started anew is at work after that."""
    played: type[Contender] = FleetJob if kind is Bare else kind
    async with _operator(lab, limits, played):
        await anext(played(lab.api, 1, WARM_UP).play("create"))
        while not await ready_on(lab.api):  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
        if kind is Bare:
            Bare.pattern = await pattern_of(lab.api)
    await clear(lab.api)


async def _measure(
    lab: Lab, contender: Contender, act: str, operator: Operator | None, name: str
) -> Row:
    meter = Meter(lab, operator)
    await meter.begin()
    began, curve = time.monotonic(), [(0.0, 0)]
    telling = asyncio.create_task(_tell(lab, name, began, curve))
    try:
        async with asyncio.timeout(ACT_SECONDS):
            async for updated in contender.play(act):
                curve.append((round(time.monotonic() - began, 2), updated))  # noqa: PERF401
    except TimeoutError as error:
        raise BenchError(f"{name}: not done after {ACT_SECONDS:.0f} s: {curve[-1]}") from error
    finally:
        telling.cancel()
    meter.done()
    told = await contender.told()
    await meter.end()
    figures = meter.figures
    lab.say(f"{name}: {figures['seconds']:.1f} s")
    return {**figures, **told, "curve": curve}


async def _tell(lab: Lab, name: str, began: float, curve: list[tuple[float, int]]) -> None:
    while True:
        await asyncio.sleep(SAY_SECONDS)
        lab.say(f"{name}: {curve[-1][1]} nodes after {time.monotonic() - began:.0f} s")


async def _check(lab: Lab, act: str, nodes: int, name: str) -> None:
    """What was measured is what was meant. Raises BenchError."""
    wanted = _IMAGES.get(act)
    found = await ready_on(lab.api)
    right = sum(image == wanted for image in found.values())
    if wanted is not None and right != nodes:
        raise BenchError(f"{name}: {right} of {nodes} nodes run {wanted}")
    if wanted is None and found:
        raise BenchError(f"{name}: {len(found)} pods are left")
