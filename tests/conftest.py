"""Hypothesis profiles (`HYPOTHESIS_PROFILE=nightly` looks for long); no stray event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import pytest
from hypothesis import settings

settings.register_profile("default", max_examples=300, deadline=None, print_blob=True)
settings.register_profile("nightly", settings.get_profile("default"), max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_configure() -> None:
    # Otherwise pytest-asyncio makes a loop for tests that need none, and nobody closes it.
    asyncio.set_event_loop(None)


_measured: list[str] = []


@pytest.fixture
def measured() -> Callable[[str], None]:
    """Tell a figure that was measured: all of them are printed at the end."""
    return _measured.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _measured:
        terminalreporter.section("measured")
        for line in _measured:
            terminalreporter.write_line(line)
