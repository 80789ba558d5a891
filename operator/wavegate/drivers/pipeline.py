"""Job type ``pipeline``: a document for the administrator's pipeline engine.

The engine is one of the Benthos family: ``run FILE``, JSON counters on ``/metrics``, ``/ready``
once its input and output are connected. It checks its config before it runs it, and ends with
exit 1 and the refusal in its log if it does not like it.

Only the rendered copy says where the engine serves these (``http.address``, ``http.enabled``) and
in which form (``metrics``): whatever the user wrote there is overridden, because the operator and
the readiness probe would otherwise look in vain. All other settings of ``http`` are kept.
"""

from __future__ import annotations

from typing import Any, Final

from wavegate.api.fleetjob import FleetJobSpec
from wavegate.api.names import CONFIG_MOUNT_PATH, MAIN_CONTAINER
from wavegate.domain.actions import CounterSource
from wavegate.domain.observed import PlanSettings
from wavegate.drivers.document import FILE_NAME, DocumentError, bounded_config, document

PORT: Final = 4195
"""Where the engine serves its counters and its readiness."""

_USER: Final = 65532
_COUNTERS: Final = CounterSource(
    port=PORT,
    path="/metrics",
    format="JSON",
    errors=("processor_error", "output_error"),
    total=("input_received",),
)


class PipelineDriver:
    """Runs the job's config in the engine."""

    def image(self, settings: PlanSettings) -> str:
        """The administrator's engine image."""
        return settings.pipeline_image

    def document(self, spec: FleetJobSpec, image: str, settings: PlanSettings) -> dict[str, str]:  # noqa: ARG002
        """The config with the address and form of its counters, as ``config.yaml``.

        Raises DocumentError if it is missing, too long, or if it or its ``http`` is no mapping.
        """
        config = bounded_config(spec)
        if config is None:
            raise DocumentError("spec.config: is required for type pipeline")
        if not isinstance(config, dict):
            raise DocumentError("spec.config: must be a mapping for type pipeline")
        http = config.get("http") or {}
        if not isinstance(http, dict):
            raise DocumentError("spec.config: http must be a mapping")
        served = {
            "http": {**http, "enabled": True, "address": f"0.0.0.0:{PORT}"},
            "metrics": {"json_api": {}},
        }
        return {FILE_NAME: document({**config, **served})}

    def pod(self, spec: FleetJobSpec, image: str, settings: PlanSettings) -> dict[str, Any]:  # noqa: ARG002
        """The engine's pod, which satisfies the restricted Pod Security Standard.

        No liveness probe: a restart is a failure that is judged, not one that is caused.
        """
        main = {
            "name": MAIN_CONTAINER,
            "image": image,
            "args": ["run", f"{CONFIG_MOUNT_PATH}/{FILE_NAME}"],
            "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": _NODE_NAME}}}],
            "ports": [{"name": "http", "containerPort": PORT}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": PORT}, "periodSeconds": 2},
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
        }
        security = {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        return {
            "spec": {
                "automountServiceAccountToken": False,
                "securityContext": security,
                "containers": [main],
            }
        }

    def counters(self, spec: FleetJobSpec) -> CounterSource | None:  # noqa: ARG002
        """What the engine failed to process or send, of all that it received."""
        return _COUNTERS


_NODE_NAME: Final = "spec.nodeName"
