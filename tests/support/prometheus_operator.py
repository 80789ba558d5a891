"""The CRDs of the Prometheus operator: the API server holds what the chart makes to them."""

from __future__ import annotations

from pathlib import Path

from support.pinned import module_directory

KINDS = ("ServiceMonitor", "PodMonitor", "PrometheusRule")
"""Kinds that the chart can make."""


def crds() -> list[Path]:
    """The files of the CRDs of ``KINDS``."""
    module = "github.com/prometheus-operator/prometheus-operator"
    directory = module_directory("prometheus-operator", module) / "example"
    files = directory / "prometheus-operator-crd"
    return [files / f"monitoring.coreos.com_{kind.lower()}s.yaml" for kind in KINDS]
