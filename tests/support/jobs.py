"""Job specs for tests on simulated nodes: containers whose pods do what an annotation says."""

from __future__ import annotations

from typing import Any

POOL = {"pool": "shared"}
"""Label of the simulated nodes that all tests have in common."""


def container(
    image: str = "app:1", fate: str = "", fate_on: str = "", **rollout: Any
) -> dict[str, Any]:
    """A container job, canary first by default.

    ``fate``: of every pod; ``fate_on``: ``NODE=FATE,…`` (wavelab says which fates there are).
    """
    annotations = {}
    if fate:
        annotations["wavelab.dev/fate"] = fate
    if fate_on:
        annotations["wavelab.dev/fate-on"] = fate_on
    settings: dict[str, Any] = {
        "strategy": "Canary",
        "autoPromote": True,
        "maxParallel": 3,
        "healthCheck": {"interval": "1s", "successThreshold": 1, "deadline": "15s"},
        **rollout,
    }
    return {
        "type": "container",
        "selector": {"matchLabels": POOL},
        "template": {
            **({"metadata": {"annotations": annotations}} if annotations else {}),
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [{"name": "main", "image": image}],
            },
        },
        "rollout": {key: value for key, value in settings.items() if value is not None},
    }
