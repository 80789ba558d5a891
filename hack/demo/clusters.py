"""The cluster that the demonstration runs on: made here with real or simulated nodes, or given."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Protocol

import yaml

import wavelab
from demo.errors import DemoError
from demo.installed import InstalledOperator
from demo.kubectl import Kubectl
from wavelab import binaries
from wavelab.process import INSTANCE_VARIABLE
from wavelab.state import load

Progress = Callable[[str], None]

ROOT = Path(__file__).parents[2]
LAB = "demo"
SYSTEM = "wavegate-system"
POOL = "pool=edge"
LEAST_NODES = 3
"""A canary, a node that fails, and a bystander."""


class Stage(Protocol):
    """A cluster ready for the acts."""

    runs_pods: bool
    """Whether its pods really run; False: nodes are simulated."""
    kubectl: Kubectl
    selector: str
    namespace: str
    lease_namespace: str

    def prepare(self, progress: Progress) -> None:
        """Make the cluster, if it is to be made, and install CRDs and rights."""

    def operator_kubeconfig(self) -> Path:
        """A kubeconfig with the operator's own ServiceAccount's token."""

    def marks(self) -> dict[str, str]:
        """Environment of the operator's process, by which removing the cluster finds it."""

    def installed_operator(self) -> InstalledOperator | None:
        """The operator that is in the cluster already; None: one is run here."""

    def remove(self, progress: Progress) -> None:
        """Take away everything that was made."""

    def how_to_use(self, operator: int) -> list[str]:
        """Commands for a person who keeps it; ``operator``: the process's id."""


class LabStage:
    """A cluster of its own, by wavelab."""

    namespace = "demo"
    selector = POOL
    lease_namespace = SYSTEM

    def __init__(self, nodes: int, *, runs_pods: bool) -> None:
        self.runs_pods = runs_pods
        self._nodes = nodes
        self._made = False
        self._lab = wavelab.Cluster(LAB)
        self.kubectl = Kubectl(str(binaries.path_of("kubectl")), self._lab.kubeconfig)

    def prepare(self, progress: Progress) -> None:
        if self._lab.status()["state"] == "running":
            # Its job is at some later version, and whoever kept it may still be looking at it.
            raise DemoError(
                f"cluster {LAB} of an earlier demonstration is running; `make down` removes it"
            )
        self._made = True
        if self.runs_pods:
            self._lab.up(nodes=self._nodes, progress=progress)
        else:
            self._lab.up(simulated=self._nodes, progress=progress)
        self.kubectl("label", "nodes", "--all", "--overwrite", POOL)
        progress("installing the CRDs and the operator's rights")
        _install(self.kubectl, SYSTEM)
        create_namespace(self.kubectl, self.namespace)

    def operator_kubeconfig(self) -> Path:
        return Path(self._lab.service_account_kubeconfig(SYSTEM, "wavegate"))

    def marks(self) -> dict[str, str]:
        state = load(LAB)
        return {INSTANCE_VARIABLE: state.instance} if state is not None else {}

    def installed_operator(self) -> None:
        return None

    def remove(self, progress: Progress) -> None:
        if self._made:
            self._lab.down(progress)

    def how_to_use(self, operator: int) -> list[str]:  # noqa: ARG002 - `make down` finds it
        return [
            f"export KUBECONFIG={self._lab.kubeconfig}",
            f"{self.kubectl.program} -n {self.namespace} get fj,fd,ex",
            "make down    # removes every trace",
        ]


class GivenStage:
    """The cluster that KUBECONFIG names. All but CRDs and cluster roles is in one namespace."""

    runs_pods = True

    def __init__(self, selector: str, namespace: str) -> None:
        self._built = shutil.which("kubectl") is None
        program = str(binaries.path_of("kubectl")) if self._built else "kubectl"
        self.kubectl = Kubectl(program, None)
        self.selector = selector
        self.namespace = namespace
        self.lease_namespace = namespace
        self._installed = False
        self._private: Path | None = None

    def prepare(self, progress: Progress) -> None:
        self._build_kubectl(progress)
        self._refuse_where_unfit()
        progress(f"installing the CRDs, and everything else in namespace {self.namespace}")
        self._installed = True
        create_namespace(self.kubectl, self.namespace)
        _install(self.kubectl, self.namespace)

    def _build_kubectl(self, progress: Progress) -> None:
        if self._built:
            binaries.ensure(("kubectl",), progress)

    def _refuse_where_unfit(self) -> None:
        """What is there already is somebody's, and would be removed at the end."""
        if ".wavegate.dev" in self.kubectl("get", "crd", "-o", "name"):
            raise DemoError(
                "this cluster has our CRDs already: somebody uses them, and the demonstration"
                " would remove them at its end. Use another cluster."
            )
        self._refuse_namespace()
        for kind in ("clusterrole", "clusterrolebinding"):
            if self._is_there(kind, "wavegate"):
                raise DemoError(f"{kind} wavegate is in this cluster already")
        self._refuse_few_nodes()

    def _is_there(self, kind: str, name: str) -> bool:
        return bool(self.kubectl("get", kind, name, "--ignore-not-found", "-o", "name").strip())

    def _refuse_namespace(self) -> None:
        if self._is_there("namespace", self.namespace):
            raise DemoError(
                f"namespace {self.namespace} is in this cluster already; choose another by"
                " --namespace"
            )

    def _refuse_few_nodes(self) -> None:
        found = self.kubectl.items("nodes", "-l", self.selector)
        if len(found) < LEAST_NODES:
            raise DemoError(
                f"{len(found) or 'no'} nodes have the label {self.selector}; choose at least"
                f" {LEAST_NODES} for the demonstration: kubectl label node NAME {self.selector}"
            )

    def operator_kubeconfig(self) -> Path:
        token = self.kubectl(
            "create", "token", "wavegate", "-n", self.namespace, "--duration=1h"
        ).strip()
        text = self.kubectl("config", "view", "--raw", "--minify", "--flatten")
        config = yaml.safe_load(text)
        config["users"] = [{"name": "wavegate", "user": {"token": token}}]
        config["contexts"][0]["context"]["user"] = "wavegate"
        # Not removed at exit by itself: the operator may be left running.
        self._private = Path(mkdtemp(prefix="wavegate-demo-"))
        path = self._private / "operator.kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return path

    def marks(self) -> dict[str, str]:
        return {}

    def installed_operator(self) -> InstalledOperator | None:
        return None

    def remove(self, progress: Progress) -> None:
        if not self._installed:
            return
        progress("removing what was installed")
        with suppress(DemoError):
            self.kubectl("delete", "fleetjobs", "--all", "-n", self.namespace, "--timeout=60s")
        for kind in ("clusterrolebinding", "clusterrole"):
            self.kubectl("delete", kind, "wavegate", "--ignore-not-found")
        self.kubectl("delete", "namespace", self.namespace, "--ignore-not-found", "--timeout=120s")
        self.kubectl("delete", "--ignore-not-found", "-f", str(ROOT / "crds"))
        if self._private is not None:
            shutil.rmtree(self._private)

    def how_to_use(self, operator: int) -> list[str]:
        return [
            f"kubectl -n {self.namespace} get fj,fd,ex",
            "and to remove it all:",
            f"kubectl -n {self.namespace} delete fj --all",
            f"kill {operator}    # the operator",
            "kubectl delete clusterrolebinding,clusterrole wavegate",
            f"kubectl delete namespace {self.namespace}",
            "kubectl delete -f crds",
        ]


class InstalledStage(GivenStage):
    """The cluster of KUBECONFIG with what is installed there; only a namespace is made."""

    def installed_operator(self) -> InstalledOperator:
        return InstalledOperator(self.kubectl)

    def prepare(self, progress: Progress) -> None:
        self._build_kubectl(progress)
        if "fleetjobs.wavegate.dev" not in self.kubectl("get", "crd", "-o", "name"):
            raise DemoError("this cluster has no CRDs of ours: install the operator first")
        self._refuse_namespace()
        self._refuse_few_nodes()
        progress(f"making namespace {self.namespace}")
        self._installed = True
        create_namespace(self.kubectl, self.namespace)

    def remove(self, progress: Progress) -> None:
        if not self._installed:
            return
        progress(f"removing namespace {self.namespace}")
        with suppress(DemoError):
            self.kubectl("delete", "fleetjobs", "--all", "-n", self.namespace, "--timeout=60s")
        self.kubectl("delete", "namespace", self.namespace, "--ignore-not-found", "--timeout=120s")

    def how_to_use(self, operator: int) -> list[str]:  # noqa: ARG002 - it is not ours to end
        return [
            f"kubectl -n {self.namespace} get fj,fd,ex",
            "and to remove it all:",
            f"kubectl -n {self.namespace} delete fj --all",
            f"kubectl delete namespace {self.namespace}",
        ]


def stage_for(kind: str | None, nodes: int, selector: str, namespace: str) -> Stage:
    """The stage that was asked for; without a wish, real nodes for root, else simulated ones."""
    if kind in ("current", "installed"):
        if not all(selector.partition("=")):
            raise DemoError(
                f"CLUSTER={kind} needs SELECTOR=KEY=VALUE: the label of the nodes to use, at least"
                f" {LEAST_NODES}; to choose a node: kubectl label node NAME {POOL}"
            )
        chosen = GivenStage if kind == "current" else InstalledStage
        return chosen(selector, namespace)
    if kind is None:
        kind = "wavelab" if os.geteuid() == 0 else "simulated"
    return LabStage(nodes, runs_pods=kind == "wavelab")


def create_namespace(kubectl: Kubectl, name: str) -> None:
    """Make a namespace whose pods must satisfy the restricted Pod Security Standard."""
    body = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    }
    kubectl("apply", "-f", "-", given=yaml.safe_dump(body))


def _install(kubectl: Kubectl, system: str) -> None:
    kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
    kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(ROOT / "crds"))
    rights = (ROOT / "manifests" / "rights.yaml").read_text()
    kubectl("apply", "-f", "-", given=rights.replace(SYSTEM, system))
