"""Go modules of which nothing runs here: what they carry is held against what we make."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

_FIXTURES = Path(__file__).parents[1] / "fixtures"


def module_directory(fixture: str, module: str) -> Path:
    """Where the module is that the fixture's go.mod pins; its hash is checked by its go.sum."""
    said = subprocess.run(
        ["go", "mod", "download", "-json", module],
        cwd=_FIXTURES / fixture,
        env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return Path(json.loads(said)["Dir"])
