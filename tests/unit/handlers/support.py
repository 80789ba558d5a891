"""Calls kopf's handlers as kopf does."""

from __future__ import annotations

from typing import Any

import kopf

Handler = Any


def handler_of(registry: kopf.OperatorRegistry) -> Handler:
    """The one watching handler of a registry."""
    (handler,) = registry._watching.get_all_handlers()
    return handler


def document(kind: str, name: str, version: int, **spec: Any) -> dict[str, Any]:
    """An object as a watch delivers it."""
    return {
        "apiVersion": "wavegate.dev/v1alpha1",
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": "web",
            "uid": f"u-{name}",
            "resourceVersion": str(version),
        },
        "spec": spec,
    }
