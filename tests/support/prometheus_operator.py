"""The CRDs of the Prometheus operator, as its Go module carries them.

Nothing of it runs here: the API server holds what the chart makes of these kinds to them.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

_PINNED = Path(__file__).parents[1] / "fixtures" / "prometheus-operator"
_MODULE = "github.com/prometheus-operator/prometheus-operator"
KINDS = ("ServiceMonitor", "PodMonitor", "PrometheusRule")
"""Kinds that the chart can make."""


def crds() -> list[Path]:
    """The files of the CRDs of ``KINDS``; the module's hash is checked against its go.sum."""
    said = subprocess.run(
        ["go", "mod", "download", "-json", _MODULE],
        cwd=_PINNED,
        env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    directory = Path(json.loads(said)["Dir"]) / "example" / "prometheus-operator-crd"
    return [directory / f"monitoring.coreos.com_{kind.lower()}s.yaml" for kind in KINDS]
