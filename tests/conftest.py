"""Hypothesis profiles (`HYPOTHESIS_PROFILE=nightly` looks for long); no stray event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings

from support import shared
from support.campaign import collect_rarely

# The same examples in each run of the same test: a change is judged by its own merits. The nightly
# profile is the one that explores.
settings.register_profile(
    "default", max_examples=300, deadline=None, print_blob=True, derandomize=True
)
settings.register_profile(
    "nightly", settings.get_profile("default"), max_examples=10_000, derandomize=False
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_configure() -> None:
    # Otherwise pytest-asyncio makes a loop for tests that need none, and nobody closes it.
    asyncio.set_event_loop(None)
    shared.begin()


def pytest_unconfigure() -> None:
    shared.end()


def pytest_collection_finish() -> None:
    # Thousands of tests are much to look through for rubbish each time.
    collect_rarely()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("alone") and shared.is_worker():
        pytest.fail("it disturbs others: run it without -n")


_measured: list[str] = []


@pytest.fixture
def measured() -> Callable[[str], None]:
    """Tell a figure that was measured: all of them are printed at the end."""
    return _measured.append


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["measured"] = _measured


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _measured.extend(getattr(node, "workeroutput", {}).get("measured", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _measured:
        terminalreporter.section("measured")
        for line in _measured:
            terminalreporter.write_line(line)
