"""What an API server does, asked of the simulated one and of the real one in the same words.

The cases are in `conformance`. One that differs between the two is a failure: the simulation is
only worth as much as this list.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import urllib.request
from pathlib import Path
from random import Random
from typing import Any

import pytest

from conformance import (
    creating,
    deleting,
    listing,
    patching,
    rights,
    schemas,
    updating,
    watching,
)
from conformance.subject import CASES, Case, Document, Subject, pod
from wavegate.kube.access import Access
from wavegate.kube.errors import ApiError, Forbidden
from wavegate.kube.transport import JSON, HttpTransport
from wavegate.simulation.kinds import NAMESPACES
from wavegate.simulation.loop import VirtualLoop
from wavegate.simulation.rights import Account, Administrator, load_roles
from wavegate.simulation.server import Server
from wavegate.simulation.transport import SimulatedTransport
from wavelab.state import load

ROOT = Path(__file__).parents[2]
LISTS = (creating, schemas, updating, patching, deleting, listing, watching, rights)


@pytest.mark.parametrize("test", CASES, ids=lambda each: each.__name__)
@pytest.mark.parametrize("kind", ["simulated", pytest.param("real", marks=pytest.mark.cluster)])
def test_servers_agree(kind: str, test: Case, request: pytest.FixtureRequest):
    digest = hashlib.sha256(test.__name__.encode()).hexdigest()[:8]
    if kind == "simulated":
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(_simulated(test, f"case-{digest}"))
        return
    cluster = request.getfixturevalue("cluster")
    account = cluster.service_account_kubeconfig("wavegate-system", "wavegate")
    asyncio.run(_real(test, f"case-{digest}", cluster, str(account)))


def test_the_list_is_whole():
    """Each list is imported, and each has something to say."""
    told = {each.__module__ for each in CASES}
    assert told == {each.__name__ for each in LISTS}
    assert len(CASES) >= 60


async def _simulated(test: Case, namespace: str) -> None:
    server = Server(lambda: 1_700_000_000.0 + asyncio.get_running_loop().time(), Random(1))
    admin = SimulatedTransport(server, Administrator())
    roles = load_roles(ROOT / "manifests")
    operator = SimulatedTransport(server, Account("wavegate", roles))

    async def compact() -> None:
        server.store.compact()

    await _in_namespace(test, Subject(admin, operator, namespace, compact))


async def _real(test: Case, namespace: str, cluster: Any, account: str) -> None:
    as_admin = await Access.from_kubeconfig(str(cluster.kubeconfig))
    as_operator = await Access.from_kubeconfig(account)
    state = load(cluster.name)
    assert state is not None

    async def compact() -> None:
        """Tell etcd to forget everything that is not of now."""
        await asyncio.to_thread(_compact_etcd, state.etcd_client_port)

    async with HttpTransport(as_admin) as admin, HttpTransport(as_operator) as operator:
        await _in_namespace(test, Subject(admin, operator, namespace, compact))


def _compact_etcd(port: int) -> None:
    def ask(path: str, body: Document) -> Document:
        url = f"http://127.0.0.1:{port}/v3/kv/{path}"
        request = urllib.request.Request(url, json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return dict(json.loads(answer.read()))

    revision = ask("range", {"key": "AA=="})["header"]["revision"]
    ask("compaction", {"revision": revision, "physical": True})


async def _in_namespace(test: Case, subject: Subject) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": subject.namespace}}
    await subject.admin.request("POST", NAMESPACES.collection(), body=space)
    try:
        await _usable(subject)
        await test(subject)
    finally:
        for path in subject.made:
            await subject.admin.request("DELETE", path)
        await subject.admin.request("DELETE", NAMESPACES.object(None, subject.namespace))


async def _usable(subject: Subject) -> None:
    """The real server refuses pods until the namespace has got its ServiceAccount."""
    for _ in range(100):
        try:
            await subject.create(pod("first"), dryRun="All")
        except Forbidden:
            await asyncio.sleep(0.1)
        else:
            return


def test_what_the_operator_does_not_use_is_not_simulated():
    """501, so that a new use is noticed."""
    server = Server(lambda: 0.0, Random(1))
    asked: list[tuple[str, str, dict[str, Any], str]] = [
        ("PATCH", "/api/v1/namespaces/x/pods/one", {}, "application/json-patch+json"),
        ("PATCH", "/api/v1/namespaces/x/pods/one", {}, "application/apply-patch+yaml"),
        ("GET", "/api/v1/namespaces/x/pods", {"labelSelector": "a in (b)"}, JSON),
        ("GET", "/api/v1/namespaces/x/pods", {"fieldSelector": "spec.nodeName=a"}, JSON),
        ("GET", "/api/v1/namespaces/x/endpoints", {}, JSON),
        ("DELETE", "/api/v1/namespaces/x/pods", {}, JSON),
        ("GET", "/api/v1/namespaces/x/pods/one/log", {}, JSON),
    ]
    for method, path, query, content in asked:
        with pytest.raises(ApiError) as caught:
            server.request(Administrator(), method, path, query, {}, content)
        assert caught.value.status == 501, (method, path, query)
