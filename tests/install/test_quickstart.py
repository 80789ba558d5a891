"""The quick start on a cluster that is there: Helm, the command line in its own environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import wavelab
from quickstart.page import PAGE, ROOT, Step, alike, steps
from quickstart.walk import Shell, walk
from wavelab import binaries

pytestmark = [pytest.mark.nodes, pytest.mark.install]


@pytest.fixture
def environment(lab: wavelab.Cluster, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A reader's: Helm and kubectl, a home, and a registry that the nodes need not ask."""
    binaries.ensure(["helm", "kubectl"], lambda _: None)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("helm", "kubectl"):
        (programs / name).symlink_to(binaries.path_of(name))
    yield {
        "KUBECONFIG": str(lab.kubeconfig), "HOME": str(tmp_path), "REGISTRY": "wavegate.local",
        "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": "",
    }  # fmt: skip
    (ROOT / "hello.yaml").unlink(missing_ok=True)


def test_its_commands_do_what_the_page_shows(
    environment: dict[str, str], lab: wavelab.Cluster, took: Callable[[str], None]
) -> None:
    chosen = [step for step in steps(PAGE.read_text()) if "installed" in step.ways]

    def after(step: Step, shell: Shell) -> None:
        if "export IMAGE=" in step.script:
            shell.export("IMAGE", "wavegate.local/busybox:1.36")  # these nodes cannot pull

    printed = walk(chosen, environment, after)
    shown = [step for step in chosen if step.output is not None]
    assert [alike(printed[step.script]) for step in shown] == [
        alike(step.output or "") for step in shown
    ]
    took(f"steps of the quick start, by the chart: {len(chosen)}")
    assert ".wavegate.dev" not in lab.kubectl("get", "crd", "-o", "name"), "cleaned up as it says"
