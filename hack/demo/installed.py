"""An operator that is installed in the cluster already."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Final

from demo.errors import DemoError
from demo.kubectl import Kubectl

_LABELS: Final = "app.kubernetes.io/name=wavegate,app.kubernetes.io/component=operator"
_READY_SECONDS: Final = 60.0


class InstalledOperator:
    """The operator's pods in the cluster, of which one leads."""

    pid = 0
    """It is no process of this machine."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self.namespace = ""
        self.name = ""

    @property
    def log(self) -> str:
        """Whose words `tail` tells."""
        return f"pod {self.leader()}" if self.name else "an operator that was not found"

    def start(self) -> None:
        """Find it, and wait until one of its pods leads."""
        found = self._kubectl.items("deployments", "--all-namespaces", "-l", _LABELS)
        if len(found) != 1:
            raise DemoError(
                f"{len(found) or 'no'} installed operators found: helm install wavegate"
                " charts/wavegate -n wavegate-system --create-namespace"
            )
        self.namespace = found[0]["metadata"]["namespace"]
        self.name = found[0]["metadata"]["name"]
        deadline = time.monotonic() + _READY_SECONDS
        while not self.leader():
            if time.monotonic() > deadline:
                raise DemoError(f"no pod of {self.namespace}/{self.name} leads")
            time.sleep(0.5)

    def leader(self) -> str:
        """The pod that leads; empty where none does."""
        leases = self._kubectl.items("leases", "-n", self.namespace)
        for each in leases:
            if each["metadata"]["name"] == self.name:
                return str(each["spec"].get("holderIdentity") or "").rpartition("_")[0]
        return ""

    def stop(self) -> None:
        """It stays: it was there before."""

    def tail(self, lines: int = 15) -> str:
        """The leader's last words."""
        if not self.leader():
            return "(no pod leads)"
        with suppress(DemoError):
            return self._kubectl(
                "logs", "-n", self.namespace, self.leader(), f"--tail={lines}"
            ).strip()
        return "(no log)"
