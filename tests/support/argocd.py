"""The CRDs of Argo CD: the API server holds the examples in gitops/ to them."""

from __future__ import annotations

from pathlib import Path

from support.pinned import module_directory


def crds() -> list[Path]:
    """The files of the CRDs Application and ApplicationSet."""
    directory = module_directory("argocd", "github.com/argoproj/argo-cd/v3") / "manifests" / "crds"
    return [directory / f"{kind}-crd.yaml" for kind in ("application", "applicationset")]
