"""A real API server with simulated nodes, the CRDs and the operator's rights; one a session.

Tests share the cluster and the operator, each in a namespace of its own, and run side by side. One
that changes what others look at (it kills the operator, adds nodes to the pool, counts all writes)
is marked ``alone``.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import yaml

import wavelab
from support import shared
from support.answering import Endpoint
from support.crds import install_crds
from support.jobs import POOL, container
from support.operator_process import OperatorProcess
from support.rollouts import settled_on
from support.space import Space
from wavegate.api.crds import KINDS
from wavegate.api.names import API_VERSION
from wavelab.client import Client
from wavelab.network import free_ports

ROOT = Path(__file__).parents[2]
NODES = 20
NAMESPACE = f"api-tests-{shared.worker()}"
"""Where objects without a namespace of their own are sent."""
PLURALS = {kind.kind: kind.plural for kind in KINDS}
CALLS = ("--call-network=127.0.0.0/8", "--read-secrets")
"""Options of the session's operator: it may call tests, and read the Secrets that it has rights to,
which are none but where a test gives it some."""


LONGEST_IDLE: Final = 20.0
"""Seconds that a connection is kept without a request."""


class Api:
    """Requests to the API server as the kubeconfig's user, over one connection that is kept."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        self._headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}
        context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
        )
        server = urlsplit(cluster["server"])
        self._connection = http.client.HTTPSConnection(
            str(server.hostname), server.port, timeout=30, context=context
        )
        self._used = time.monotonic()

    def close(self) -> None:
        self._connection.close()

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        content: str = "application/json",
        accept: str = "application/json",
    ) -> tuple[int, Any]:
        """The answer's status and its document."""
        if time.monotonic() > self._used + LONGEST_IDLE:
            self._connection.close()  # the server closes it soon; http.client opens another
        self._used = time.monotonic()
        self._connection.request(
            method,
            path,
            None if body is None else json.dumps(body),
            {**self._headers, "Content-Type": content, "Accept": accept},
        )
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def create(self, obj: dict[str, Any], *, dry: bool = False) -> tuple[int, Any]:
        """POST with strict field validation."""
        return self.request("POST", collection(obj) + _query(dry=dry), obj)

    def patch(
        self, obj: dict[str, Any], change: dict[str, Any], *, dry: bool = False, sub: str = ""
    ) -> tuple[int, Any]:
        """Merge patch of the object, or of its subresource ``sub`` such as ``/status``."""
        path = f"{collection(obj)}/{obj['metadata']['name']}{sub}{_query(dry=dry)}"
        return self.request("PATCH", path, change, "application/merge-patch+json")


def collection(obj: dict[str, Any]) -> str:
    """Where objects of this one's kind and namespace are."""
    namespace = obj["metadata"].get("namespace", NAMESPACE)
    return f"/apis/{API_VERSION}/namespaces/{namespace}/{PLURALS[obj['kind']]}"


def _query(*, dry: bool) -> str:
    return "?fieldValidation=Strict" + ("&dryRun=All" if dry else "")


@pytest.fixture(scope="session")
def cluster() -> wavelab.Cluster:
    """The cluster, its nodes Ready and the CRDs served; removed at the end of the session."""
    lab = wavelab.Cluster(shared.CLUSTER)
    with shared.once("cluster") as is_first:
        if is_first:
            _bring_up(lab)
    return lab


def _bring_up(lab: wavelab.Cluster) -> None:
    try:
        lab.down()  # of a run that was killed
        lab.up(simulated=NODES, labels=POOL)
        install_crds(lab)
        lab.kubectl("apply", "--filename", str(ROOT / "manifests" / "rights.yaml"))
    except BaseException:
        lab.down()
        raise


@pytest.fixture(scope="session")
def api(cluster: wavelab.Cluster) -> Iterator[Api]:
    """Requests to the cluster's API server as its administrator."""
    requests = Api(Path(cluster.kubeconfig))
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    code, answer = requests.request("POST", "/api/v1/namespaces", space)
    assert code == 201, answer
    yield requests
    requests.close()


@pytest.fixture(scope="session")
def cluster_client(cluster: wavelab.Cluster) -> Client:
    """The administrator's requests."""
    return cluster.client()


@pytest.fixture
def operator(shared_operator: OperatorProcess) -> OperatorProcess:
    """The operator, running: a test before may have ended in the middle of its kills."""
    if not shared_operator.running:
        assert not shared.is_worker(), f"the operator ended:\n{shared_operator.log()[-3000:]}"
        shared_operator.start()
    return shared_operator


@pytest.fixture(scope="session")
def shared_operator(cluster: wavelab.Cluster) -> Iterator[OperatorProcess]:
    """The real operator process under its own ServiceAccount, with the rights as shipped."""
    log = shared.directory() / "operator.log"
    with shared.once("operator") as is_first:
        if is_first:
            config = cluster.service_account_kubeconfig("wavegate-system", "wavegate")
            [port] = free_ports(1, ())
            called_back = (
                f"--callback-bind=127.0.0.1:{port}",
                f"--callback-url=http://127.0.0.1:{port}",
            )
            process = OperatorProcess(config, log, *CALLS, *called_back)
            process.start()
            shared.keep_operator(process)
        else:
            process = OperatorProcess.adopted(shared.operator_pid(), log)
    yield process
    if not shared.is_worker():
        process.close()


@pytest.fixture
def second_operator(cluster: wavelab.Cluster, tmp_path: Path) -> Iterator[OperatorProcess]:
    """Another replica, not started."""
    config = cluster.service_account_kubeconfig("wavegate-system", "wavegate")
    process = OperatorProcess(config, tmp_path / "log")
    yield process
    process.close()


@pytest.fixture
def space(cluster_client: Client, request: pytest.FixtureRequest) -> Iterator[Space]:
    """A namespace for one test."""
    digest = hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]
    made = Space(cluster_client, f"test-{digest}")
    yield made
    cluster_client.delete(f"/api/v1/namespaces/{made.name}")


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """What jobs call in one test."""
    made = Endpoint()
    yield made
    made.close()


def _with_nodes(cluster: wavelab.Cluster, number: int) -> Iterator[int]:
    """So many simulated nodes while a test runs; those added are removed after it."""
    names = [f"extra-{index:03}" for index in range(number - NODES)]
    cluster.add_simulated(names, POOL)
    yield number
    for name in names:
        cluster.remove_node(name)


@pytest.fixture
def fifty_nodes(cluster: wavelab.Cluster) -> Iterator[int]:
    yield from _with_nodes(cluster, 50)


@pytest.fixture
def hundred_nodes(cluster: wavelab.Cluster) -> Iterator[int]:
    yield from _with_nodes(cluster, 100)


@pytest.fixture
def settled(space: Space, operator: OperatorProcess) -> Iterator[Space]:
    """A job ``app`` whose first version runs on every node."""
    space.apply("app", container("app:1", strategy="Rolling", maxParallel="100%"))
    space.wait("v1 runs on every node", lambda: settled_on(space, 1))
    yield space
    space.delete("FleetJob", "app")
    space.wait("nothing is left of the job", lambda: not space.list("Pod"))
