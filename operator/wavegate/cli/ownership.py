"""Who owns a field of an object: what Git applies is changed in Git.

A tool that applies from Git writes a field back within minutes, so a change made past it is none.
Which field managers do so is told by their names, and by the labels and annotations that these
tools put on what they apply. Helm is one of them: its next upgrade writes the field back.
"""

from __future__ import annotations

import json
from typing import Final

from wavegate.cli.sight import Document, at

_MANAGERS: Final = ("argocd", "flux", "kustomize-controller", "helm")
"""Beginnings of names of field managers."""

_LABELS: Final = (
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("helm.toolkit.fluxcd.io/name", "Flux"),
    ("argocd.argoproj.io/instance", "Argo CD"),
)
_ANNOTATIONS: Final = (
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("meta.helm.sh/release-name", "Helm"),
)

_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


def applied_by(document: Document) -> str:
    """The tool that applies the object from Git; empty where none is known to."""
    labels = at(document, "metadata", "labels") or {}
    annotations = at(document, "metadata", "annotations") or {}
    for key, tool in _LABELS:
        if key in labels:
            return tool
    for key, tool in _ANNOTATIONS:
        if key in annotations:
            return tool
    for each in at(document, "metadata", "managedFields") or ():
        manager = str(each.get("manager", ""))
        is_spec = at(each, "fieldsV1", "f:spec") is not None
        if is_spec and manager.lower().startswith(_MANAGERS):
            return manager
    return ""


def owner_of(document: Document, *path: str) -> str:
    """The tool that applies this field of the spec from Git; empty where none does.

    One that applies on its own side is recorded for defaults as well; what it has really applied
    stands in an annotation.
    """
    for each in at(document, "metadata", "managedFields") or ():
        manager = str(each.get("manager", ""))
        if not manager.lower().startswith(_MANAGERS):
            continue
        if at(each, "fieldsV1", "f:spec", *(f"f:{key}" for key in path)) is None:
            continue
        if (
            each.get("operation") == "Apply"
            or at(_last_applied(document), "spec", *path) is not None
        ):
            return manager
    return ""


def set_by(document: Document, *path: str) -> tuple[str, str] | None:
    """Which field manager set a field of the spec last, and when; None where nobody is known."""
    found = None
    for each in at(document, "metadata", "managedFields") or ():
        owned = at(each, "fieldsV1", "f:spec", *(f"f:{key}" for key in path))
        if owned is not None and "subresource" not in each:
            candidate = (str(each.get("manager", "")), str(each.get("time", "")))
            found = max(found, candidate, key=lambda pair: pair[1]) if found else candidate
    return found


def _last_applied(document: Document) -> Document:
    text = at(document, "metadata", "annotations", _LAST_APPLIED)
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
