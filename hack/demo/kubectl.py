"""kubectl as the demonstration uses it: the same commands that a user would type."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from demo.errors import DemoError

Document = dict[str, Any]

_LOG_LINE = re.compile(r"[EWI]\d{4} \d\d:")


class Kubectl:
    """Commands against one cluster. ``kubeconfig`` None: what the environment says."""

    def __init__(self, program: str, kubeconfig: Path | None) -> None:
        self.program = program
        self.kubeconfig = kubeconfig

    def __call__(self, *arguments: str, given: str | None = None) -> str:
        """Run a command; returns what it prints. Raises DemoError with kubectl's own words."""
        command = [self.program]
        if self.kubeconfig is not None:
            command.append(f"--kubeconfig={self.kubeconfig}")
        done = subprocess.run(
            [*command, *arguments], input=given, text=True, capture_output=True, check=False
        )
        if done.returncode != 0:
            raise DemoError(f"kubectl {' '.join(arguments)}: {_words(done.stderr)}")
        return done.stdout

    def items(self, kinds: str, *arguments: str) -> list[Document]:
        """The objects of one or more kinds."""
        answer = json.loads(self("get", kinds, "-o", "json", *arguments))
        return list(answer.get("items", []))


def _words(errors: str) -> str:
    """What kubectl says to its user, without the lines that its client library logs before."""
    said = [line for line in errors.strip().splitlines() if not _LOG_LINE.match(line)]
    return "\n".join(said) or errors.strip()
