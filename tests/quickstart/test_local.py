"""The quick start, command by command as it stands there, on a cluster that it makes itself."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from quickstart.page import PAGE, ROOT, alike, steps
from quickstart.walk import walk

pytestmark = pytest.mark.nodes


@pytest.fixture
def traceless() -> Iterator[None]:
    """Nothing of it is there before, and nothing after."""
    remove = ["make", "--silent", "down", "NAME=quickstart"]
    subprocess.run(remove, cwd=ROOT, check=True)
    yield
    (ROOT / "hello.yaml").unlink(missing_ok=True)
    subprocess.run(remove, cwd=ROOT, check=True)


@pytest.mark.usefixtures("traceless")
def test_its_commands_do_what_the_page_shows(measured: Callable[[str], None]) -> None:
    chosen = [step for step in steps(PAGE.read_text()) if "local" in step.ways]
    begun = time.monotonic()
    # The operator's own port may be taken on this machine.
    printed = walk(chosen, {"WAVEGATE_METRICS_BIND": "127.0.0.1:0"})
    measured(f"the quick start, typed by a machine: {time.monotonic() - begun:.0f} s")
    for step in chosen:
        if step.output is not None:
            said = "repair with: make quickstart"
            assert alike(printed[step.script]) == alike(step.output), said
    assert not (ROOT / "hello.yaml").exists()
