"""etcd, the API server, the controller manager and the scheduler of one cluster."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from wavelab import binaries, credentials
from wavelab.client import ApiError, Client
from wavelab.errors import RefusedError, WavelabError
from wavelab.process import Processes
from wavelab.state import State

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")

# A node is NotReady this many seconds after its last sign of life: a renewed lease, every 2 s by
# kubelets (nodes.py) and every 6 s by simulated nodes (simulated.py).
NODE_GRACE_SECONDS = 14
NODE_PERIOD_SECONDS = 2

_AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
"""


class ControlPlane:
    """Starts and watches the four programs; everything it needs to know stands in the state."""

    def __init__(self, state: State, processes: Processes) -> None:
        self._state = state
        self._processes = processes
        self.directory = state.directory / "control-plane"
        self.tokens = self.directory / "tokens.csv"
        self.authority = self.directory / "certificates" / "apiserver.crt"

    @property
    def admin_kubeconfig(self) -> Path:
        """The administrator's kubeconfig file."""
        return self._state.directory / "kubeconfig"

    def client(self, user: str = credentials.ADMIN, *, timeout: float = 30.0) -> Client:
        """An API client as one of the static users."""
        secret = credentials.token(self.tokens, user)
        return Client(self._state.server, secret, self.authority, timeout=timeout)

    def start(self) -> None:
        """Start all four and wait until the server serves and makes default ServiceAccounts."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        credentials.create_tokens(self.tokens)
        self._create_signing_key()
        (self.directory / "audit-policy.yaml").write_text(_AUDIT_POLICY)
        self._run("etcd", self._etcd_flags())
        self._run("kube-apiserver", self._apiserver_flags())
        self._wait_ready()
        self.write_kubeconfig(self.admin_kubeconfig, credentials.ADMIN)
        self._start_controllers()
        # The ServiceAccount admission plugin refuses a pod whose account does not exist yet.
        self._wait(
            "the default ServiceAccount",
            lambda: self.client().exists("/api/v1/namespaces/default/serviceaccounts/default"),
            "kube-controller-manager",
        )

    def _start_controllers(self) -> None:
        controllers = self.write_kubeconfig(
            self.directory / "controllers.kubeconfig", credentials.CONTROLLERS
        )
        scheduler = self.write_kubeconfig(
            self.directory / "scheduler.kubeconfig", credentials.SCHEDULER
        )
        self._run("kube-controller-manager", self._controller_flags(controllers))
        self._run("kube-scheduler", self._scheduler_flags(scheduler))

    def restart_controllers(self) -> None:
        """Run controllers and scheduler with the settings that the state has now."""
        for program in ("kube-scheduler", "kube-controller-manager"):
            self._processes.stop(program, grace=5)
        self._start_controllers()

    def restart(self) -> None:
        """Serve at the address the state has now; objects stay, kubeconfig files are written anew.

        Sent before real nodes join: pods cannot reach a server that listens on loopback.
        """
        for program in reversed(PROGRAMS[1:]):
            self._processes.stop(program, grace=5)
        # The server signs its own certificate for the address it finds at start.
        for old in self.authority.parent.glob("apiserver.*"):
            old.unlink()
        self.start()

    def healthy(self) -> bool:
        """Whether all four programs run and the server says it is ready."""
        if not all(self._processes.alive(program) for program in PROGRAMS):
            return False
        try:
            self.client(timeout=5).get("/readyz")
        except (WavelabError, OSError, KeyError):
            return False
        return True

    def write_kubeconfig(
        self, path: Path, user: str, *, secret: str | None = None, namespace: str = "default"
    ) -> Path:
        """Write a kubeconfig for a static user, or for `user` with the given token."""
        text = credentials.kubeconfig(
            self._state.server,
            self.authority,
            user,
            secret or credentials.token(self.tokens, user),
            namespace,
        )
        credentials.write_private(path, text)
        return path

    def _run(self, program: str, flags: list[str]) -> None:
        if not self._processes.alive(program):
            self._processes.start(program, [str(binaries.path_of(program)), *flags])

    def _create_signing_key(self) -> None:
        """Create the key that signs ServiceAccount tokens.

        The API server's own certificate key will not do: it changes with the server's address.
        """
        key = self.directory / "service-accounts.key"
        if not key.exists():
            if shutil.which("openssl") is None:
                raise RefusedError("a cluster's signing key is made by `openssl`: install it")
            made = subprocess.run(
                ["openssl", "genrsa", "2048"], check=True, capture_output=True, text=True
            )
            credentials.write_private(key, made.stdout)

    def _etcd_flags(self) -> list[str]:
        client = f"http://127.0.0.1:{self._state.etcd_client_port}"
        peer = f"http://127.0.0.1:{self._state.etcd_peer_port}"
        return [
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            # The data live as long as the cluster; a power cut may take both.
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def _apiserver_flags(self) -> list[str]:
        state = self._state
        key = self.directory / "service-accounts.key"
        flags = [
            f"--etcd-servers=http://127.0.0.1:{state.etcd_client_port}",
            f"--bind-address={state.api_address}",
            f"--advertise-address={state.api_address}",
            f"--secure-port={state.api_port}",
            f"--cert-dir={self.authority.parent}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--token-auth-file={self.tokens}",
            f"--service-cluster-ip-range={service_range(state)}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--allow-privileged=true",
            "--kubelet-preferred-address-types=InternalIP",
            "--profiling=false",
            # A lab's server answers whoever asks in turn; 429s would only blur measurements.
            "--max-requests-inflight=1000",
            "--max-mutating-requests-inflight=500",
        ]
        if not state.nodes:
            # Nobody removes the not-ready taint of a simulated node: the controller that would
            # is off there. So the plugin that sets it is off, too.
            flags.append("--disable-admission-plugins=TaintNodesByCondition")
        if state.audit:
            flags += [
                f"--audit-policy-file={self.directory / 'audit-policy.yaml'}",
                f"--audit-log-path={state.directory / 'audit.log'}",
                "--audit-log-maxsize=2000",
            ]
        return flags

    def _controller_flags(self, config: Path) -> list[str]:
        flags = [
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            "--secure-port=0",
            "--leader-elect=false",
            "--use-service-account-credentials=true",
            f"--root-ca-file={self.authority}",
            f"--service-account-private-key-file={self.directory / 'service-accounts.key'}",
            f"--node-monitor-grace-period={NODE_GRACE_SECONDS}s",
            f"--node-monitor-period={NODE_PERIOD_SECONDS}s",
            "--profiling=false",
        ]
        if not self._state.nodes:
            flags.append("--controllers=*,-nodelifecycle,-taint-eviction-controller")
        if self._state.client_rate:
            # Two by default, and one DaemonSet a test should not wait for another's.
            flags += [*self._client_flags(), "--concurrent-daemonset-syncs=10"]
        return flags

    def _scheduler_flags(self, config: Path) -> list[str]:
        flags = [
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            "--secure-port=0",
            "--leader-elect=false",
            "--profiling=false",
        ]
        return [*flags, *self._client_flags()]

    def _client_flags(self) -> list[str]:
        rate = self._state.client_rate
        return [f"--kube-api-qps={rate}", f"--kube-api-burst={2 * rate}"] if rate else []

    def _wait_ready(self) -> None:
        def ready() -> bool:
            if not self.authority.exists():
                return False
            try:
                self.client(timeout=5).get("/readyz")
            except (ApiError, OSError):
                return False
            return True

        self._wait("the API server", ready, "kube-apiserver")

    def _wait(self, what: str, done: Callable[[], bool], program: str) -> None:
        deadline = time.monotonic() + 90
        while not done():
            if not self._processes.alive(program) or time.monotonic() > deadline:
                words = self._processes.last_words(program)
                raise WavelabError(f"{what} did not come; {program} said:\n{words}")
            time.sleep(0.1)


def service_range(state: State) -> str:
    """Addresses of Services: the upper half of the cluster's own /16."""
    return f"{state.network}.128.0/17"
