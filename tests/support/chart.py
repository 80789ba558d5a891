"""The chart, rendered by real Helm."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from wavelab import binaries

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "wavegate"
NAMESPACE = "wavegate-system"
_PREVIOUS = ROOT / "tests" / "fixtures" / "previous" / "charts" / "wavegate"
CI_VALUES = sorted((CHART / "ci").glob("*-values.yaml"))
PROGRAMS = ("helm", "helm3")

Document = dict[str, Any]


def run_helm(
    *arguments: str, program: str = "helm", given: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Helm 4, or Helm 3 as ``helm3``; the caller looks at the code."""
    # `make test` has built it before, so that no test's time-out pays for it.
    binaries.ensure([program], lambda _: None)
    command = [str(binaries.path_of(program)), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, input=given)


def template_text(*arguments: str, program: str = "helm", given: str | None = None) -> str:
    """What ``helm template`` prints for a release ``wavegate``."""
    command = ("template", "wavegate", str(CHART), "--namespace", NAMESPACE)
    done = run_helm(*command, *arguments, program=program, given=given)
    assert done.returncode == 0, done.stderr
    return done.stdout


def template(*arguments: str, program: str = "helm", values: Any = None) -> list[Document]:
    """The rendered documents; ``values`` are as a values file."""
    if values is not None:
        arguments = (*arguments, "--values", "-")
    given = None if values is None else yaml.safe_dump(values)
    text = template_text(*arguments, program=program, given=given)
    return [each for each in yaml.safe_load_all(text) if each]


def only(documents: Sequence[Document], kind: str, name: str | None = None) -> Document:
    """The one document of the kind, and name."""
    (found,) = (
        each
        for each in documents
        if each["kind"] == kind and name in (None, each["metadata"]["name"])
    )
    return found


def operator_container(documents: Sequence[Document]) -> Document:
    """The operator's container in the Deployment."""
    containers = only(documents, "Deployment")["spec"]["template"]["spec"]["containers"]
    (found,) = (each for each in containers if each["name"] == "operator")
    return dict(found)


def previous(directory: Path) -> Path:
    """The chart of the release before, made in the directory.

    It is kept without its CRDs and has the present ones, since the present operator, which it runs
    here, refuses to begin with older ones.
    """
    made = directory / "wavegate"
    shutil.copytree(_PREVIOUS, made)
    shutil.copytree(CHART / "files" / "crds", made / "files" / "crds")
    return made
