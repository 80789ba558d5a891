"""``make scan``: checkov and kube-score on what the chart renders, by default and for ci/*-values.

Exit code 1 where one of them finds something. What is not asked is listed here, with its reason.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from wavelab import binaries

ROOT: Final = Path(__file__).resolve().parents[1]
CHART: Final = ROOT / "charts" / "wavegate"

NOT_ASKED: Final = {
    "CKV_K8S_43": "the digest of an image is known to who pushes it: image.digest",
    "CKV_K8S_15": "Always would keep operator pods from starting while the registry is away; a"
    " version's tag is not moved, and image.pullPolicy and image.digest are there",
}
"""Checks of checkov."""
NOT_SCORED: Final = {
    "container-image-pull-policy": NOT_ASKED["CKV_K8S_15"],
    "container-ephemeral-storage-request-and-limit": "the pods write nothing, and nodes that do not"
    " account for local storage would refuse them",
}
"""Tests of kube-score."""


def rendered(values: Path | None) -> str:
    """What helm makes of the chart."""
    helm = str(binaries.path_of("helm"))
    command = [helm, "template", "wavegate", str(CHART), "--namespace", "wavegate-system"]
    options = [] if values is None else ["--values", str(values)]
    done = subprocess.run([*command, *options], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def scan(checkov: str, file: Path) -> int:
    """Scan one rendered file; how many of the two scanners found something."""
    score = str(binaries.path_of("kube-score"))
    commands = [
        [
            *(checkov, "--framework", "kubernetes", "--compact", "--quiet", "--skip-download"),
            *("--skip-check", ",".join(NOT_ASKED), "--file", str(file)),
        ],
        [
            *(score, "score", "--kubernetes-version", "v1.32", "--output-format", "ci"),
            *(f"--ignore-test={name}" for name in NOT_SCORED),
            str(file),
        ],
    ]
    found = 0
    for command in commands:
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=file.parent)
        if done.returncode != 0:
            lines = done.stdout.splitlines()
            told = [line for line in lines if not line.startswith(("[OK]", "[SKIPPED]"))]
            print("\n".join(told), done.stderr, sep="\n")
            found += 1
    return found


def main() -> int:
    """Scan all; the first argument is the directory with checkov's environment."""
    checkov = str(Path(sys.argv[1]).resolve() / "bin" / "checkov")
    binaries.ensure(("helm", "kube-score"), lambda said: print(said, file=sys.stderr))
    found = 0
    with tempfile.TemporaryDirectory() as directory:
        for values in (None, *sorted((CHART / "ci").glob("*-values.yaml"))):
            name = "default values" if values is None else f"ci/{values.name}"
            file = Path(directory) / "rendered.yaml"
            file.write_text(rendered(values))
            failed = scan(checkov, file)
            print(f"{name}: {'findings' if failed else 'nothing found'}")
            found += failed
    for check, why in {**NOT_ASKED, **NOT_SCORED}.items():
        print(f"not asked: {check}: {why}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
