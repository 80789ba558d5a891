"""The chart's objects on the real API server: valid, restricted, and the rights that they give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import wavelab
from integration.conftest import ROOT, Api
from support import prometheus_operator, shared
from support.chart import CI_VALUES, Document, only, template
from support.space import Space

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def namespaces(cluster: wavelab.Cluster) -> None:
    for name in ("team-a", "team-b"):
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        cluster.kubectl("apply", "-f", "-", input=json.dumps(body))


@pytest.fixture(scope="module")
def monitors(cluster: wavelab.Cluster) -> None:
    """The Prometheus operator's kinds that the chart makes; they stay as long as the cluster."""
    files = [f"--filename={each}" for each in prometheus_operator.crds()]
    cluster.kubectl("apply", "--server-side", *files)
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", *files)


def validated(cluster: wavelab.Cluster, documents: list[Document]) -> int:
    """Have the server look at all of them, strictly; how many it took."""
    said = cluster.kubectl(
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=strict",
        "-f",
        "-",
        input=yaml.safe_dump_all(documents),
    )
    return len(said.splitlines())


@pytest.mark.parametrize("file", [None, *CI_VALUES], ids=lambda file: file and file.stem)
def test_the_server_takes_what_is_rendered(
    cluster: wavelab.Cluster, namespaces: None, monitors: None, file: Path | None
) -> None:
    documents = template(*(("--values", str(file)) if file else ()))
    taken = validated(cluster, documents)
    assert taken == len(documents) > 5


def test_the_plain_manifests_are_taken(cluster: wavelab.Cluster) -> None:
    cordon = ROOT / "manifests" / "optional" / "cordon.yaml"
    command = ("apply", "--server-side", "--force-conflicts", "--dry-run=server")
    one = cluster.kubectl(*command, "-f", str(ROOT / "manifests" / "install.yaml"))
    other = cluster.kubectl(*command, "-k", str(ROOT / "manifests"))
    assert sorted(one.splitlines()) == sorted(other.splitlines())
    assert "deployment.apps/wavegate serverside-applied" in one
    assert cluster.kubectl(*command, "-f", str(cordon)).count("wavegate-cordon") == 2


def test_its_pods_satisfy_the_restricted_standard(api: Api) -> None:
    """Pods are what Pod Security refuses; a Deployment it only warns of."""
    documents = template()
    for kind in ("Deployment", "Job"):
        pod = only(documents, kind)["spec"]["template"]
        pod["metadata"]["name"] = kind.lower()
        each = {"apiVersion": "v1", "kind": "Pod", **pod}
        each["metadata"]["namespace"] = "wavegate-system"
        # Not what is asked: the account that the chart makes.
        each["spec"].pop("serviceAccountName", None)
        code, answer = create_pod(api, each)
        assert code == 201, answer
        broken = json.loads(json.dumps(each))
        broken["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
        code, answer = create_pod(api, broken)
        assert code == 403
        assert "restricted" in answer["message"]


def create_pod(api: Api, pod: Document) -> tuple[int, Any]:
    path = "/api/v1/namespaces/wavegate-system/pods?dryRun=All&fieldValidation=Strict"
    return api.request("POST", path, pod)


READ = {"get", "list", "watch"}
CHANGE = {"create", "update", "patch", "delete", "deletecollection"}
VERBS = READ | CHANGE
MAY: dict[str, dict[str, set[str]]] = {
    "view": {
        "fleetjobs": READ,
        "fleetdeployments": READ,
        "jobversions": READ,
        "executions": READ,
        "fleetjobs/status": set(),
    },
    "edit": {
        "fleetjobs": VERBS,
        "fleetdeployments": VERBS,
        "jobversions": READ,
        "executions": READ | {"delete", "deletecollection"},
        "fleetjobs/status": set(),
    },
    "wavegate-promoter": {
        "fleetjobs": READ,
        "fleetdeployments": READ | {"update", "patch"},
        "jobversions": READ,
        "executions": READ,
        "fleetdeployments/status": set(),
    },
}
MAY["admin"] = MAY["edit"]


@pytest.fixture
def user_roles(cluster: wavelab.Cluster) -> Iterator[None]:
    """The chart's roles for users, and what the cluster makes of view, edit and admin."""
    suffixes = ("-view", "-edit", "-admin", "-promoter")
    roles = [
        each
        for each in template()
        if each["kind"] == "ClusterRole" and each["metadata"]["name"].endswith(suffixes)
    ]
    assert len(roles) == 4
    cluster.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(roles))
    yield
    cluster.kubectl("delete", "-f", "-", input=yaml.safe_dump_all(roles))


def test_users_may_do_what_their_role_says(
    cluster: wavelab.Cluster, space: Space, user_roles: None, api: Api
) -> None:
    for role, may_do in MAY.items():
        user = f"{role}-{shared.worker()}"
        cluster.kubectl(
            "create", "rolebinding", role, f"--clusterrole={role}", f"--user={user}",
            "-n", space.name,
        )  # fmt: skip
        for resource, verbs in may_do.items():
            space.wait(
                f"{role} may {sorted(verbs)} {resource}",
                lambda u=user, r=resource, v=verbs: may(api, space.name, u, r) == v,
            )


def may(api: Api, namespace: str, user: str, resource: str) -> set[str]:
    """The verbs that a user may use on a resource of ours."""
    name, _, sub = resource.partition("/")
    found = set()
    for verb in VERBS:
        attributes = {
            "group": "wavegate.dev",
            "resource": name,
            "subresource": sub,
            "verb": verb,
            "namespace": namespace,
        }
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": user, "resourceAttributes": attributes},
        }
        code, answer = api.request(
            "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body
        )
        assert code == 201, answer
        if answer["status"]["allowed"]:
            found.add(verb)
    return found
