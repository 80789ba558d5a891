"""Readings of poisoned metrics pages, over HTTP from another process (see `pages`)."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from hostile.meter import MIB, MILLISECONDS, Costs, without_garbage_collection
from hostile.pages import IN_TIME, PAGES, Page
from wavegate.domain.actions import CounterSource
from wavegate.domain.health import Reading, Unreadable
from wavegate.health import scrape
from wavegate.health.scrape import open_session, read_counters

ROOT = Path(__file__).parents[2]
BUSY = 20.0
"""Seconds more than a reading takes, where the machine has much to do; without an end it takes
longer."""
SOON = 0.5
"""Seconds after which readings are ended of which only the memory is measured."""

Measured = tuple[Reading | Unreadable, float, float]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Of a server of all pages."""
    server = subprocess.Popen(
        [sys.executable, "-m", "hostile.pages"],
        env={"PYTHONPATH": f"{ROOT}/tests:{ROOT}/operator"},
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    yield int(server.stdout.readline())
    server.kill()
    server.wait()
    server.stdout.close()


async def _read(page: Page, port: int) -> Reading | Unreadable:
    source = CounterSource(port, page.path, page.format, ("errs",), ("reqs",))
    async with open_session() as session:
        return await read_counters(session, "127.0.0.1", source)


def _measured(port: int, page: Page, *, memory: bool) -> Measured:
    """The reading, what it cost this thread (ms) or process (MiB), and seconds."""
    costs = Costs(memory)
    with asyncio.Runner() as runner, costs.of(page.name, "a reading"):
        begun = time.monotonic()
        outcome = runner.run(_read(page, port))
        seconds = time.monotonic() - begun
    return outcome, costs.most[page.name], seconds


@pytest.fixture(scope="module")
def waited_for(port: int) -> Mapping[Page, Measured]:
    """What the readings cost that have to be ended, side by side: each in a thread of its own."""
    pages = [page for page in PAGES if page.within == IN_TIME]
    with ThreadPoolExecutor(len(pages)) as pool, without_garbage_collection():
        return dict(
            zip(pages, pool.map(partial(_measured, port, memory=False), pages), strict=True)
        )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_reading_ends_within_its_bounds(
    page: Page,
    port: int,
    waited_for: Mapping[Page, Measured],
    measured: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with without_garbage_collection():
        known = waited_for.get(page) or _measured(port, page, memory=False)
        outcome, milliseconds, seconds = known
        if page in waited_for:
            monkeypatch.setattr(scrape, "TIMEOUT", SOON)
        again, mib, _ = _measured(port, page, memory=True)
    measured(f"{page.name:34} {milliseconds:5.1f} ms {mib:4.1f} MiB {seconds:4.1f} s")
    for each, limit in ((outcome, "2 s"), (again, f"{scrape.TIMEOUT:g} s")):
        if isinstance(page.told, Reading):
            assert each == page.told
        else:
            assert isinstance(each, Unreadable), each
            assert page.told.replace("2 s", limit) in each.error
            assert 0 < len(each.error) <= 200
            assert each.error.isprintable()
    assert seconds < page.within + BUSY
    assert milliseconds < MILLISECONDS
    assert mib < MIB


def test_nothing_else_was_asked_for(port: int) -> None:
    """Wherever a page has sent us."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/asked", timeout=5) as answer:
        asked = set(json.load(answer))
    assert asked <= {page.path for page in PAGES}
    assert "/fine" not in asked
