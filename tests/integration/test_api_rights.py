"""The operator's rights: all that its work needs, and nothing beside it."""

from __future__ import annotations

import pytest

from integration.conftest import Api

pytestmark = pytest.mark.cluster

OPERATOR = "system:serviceaccount:wavegate-system:wavegate"
OWN = "wavegate.dev"

READ = ("get", "list", "watch")
NEEDED: dict[tuple[str, str], tuple[str, ...]] = {
    (OWN, "fleetjobs"): (*READ, "create"),
    (OWN, "fleetdeployments"): (*READ, "create", "delete"),
    (OWN, "jobversions"): (*READ, "create", "delete"),
    (OWN, "executions"): (*READ, "create", "delete"),
    (OWN, "httpjobs"): READ,
    (OWN, "jobruns"): (*READ, "create", "delete"),
    (OWN, "ratelimitpools"): READ,
    (OWN, "runbatches"): (*READ, "delete"),
    (OWN, "fleetjobs/status"): ("update", "patch"),
    (OWN, "fleetdeployments/status"): ("update", "patch"),
    (OWN, "jobversions/status"): ("update", "patch"),
    (OWN, "executions/status"): ("update", "patch"),
    (OWN, "httpjobs/status"): ("update", "patch"),
    (OWN, "jobruns/status"): ("update", "patch"),
    (OWN, "runbatches/status"): ("update", "patch"),
    (OWN, "fleetjobs/finalizers"): ("update",),
    (OWN, "httpjobs/finalizers"): ("update",),
    (OWN, "jobversions/finalizers"): ("update",),
    (OWN, "executions/finalizers"): ("update",),
    ("", "pods"): (*READ, "create", "delete"),
    ("", "configmaps"): ("get", "create"),
    ("", "nodes"): READ,
    ("", "services"): ("list", "watch"),
    ("events.k8s.io", "events"): ("create",),
}
OTHERS: tuple[tuple[str, str], ...] = (
    ("", "secrets"),
    ("", "namespaces"),
    ("", "serviceaccounts"),
    ("", "serviceaccounts/token"),
    ("", "pods/exec"),
    ("", "pods/log"),
    ("", "pods/eviction"),
    ("", "pods/status"),
    ("", "nodes/status"),
    ("", "nodes/proxy"),
    ("", "events"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("apps", "daemonsets"),
    ("coordination.k8s.io", "leases"),
    ("rbac.authorization.k8s.io", "clusterroles"),
    ("rbac.authorization.k8s.io", "rolebindings"),
)
VERBS = (*READ, "create", "update", "patch", "delete", "deletecollection")


def allowed(api: Api, group: str, resource: str, namespace: str) -> set[str]:
    """The verbs that the operator may use."""
    name, _, sub = resource.partition("/")
    may = set()
    for verb in VERBS:
        attributes = {
            "group": group,
            "resource": name,
            "subresource": sub,
            "verb": verb,
            "namespace": namespace,
        }
        code, answer = api.request(
            "POST",
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SubjectAccessReview",
                "spec": {"user": OPERATOR, "resourceAttributes": attributes},
            },
        )
        assert code == 201, answer
        if answer["status"]["allowed"]:
            may.add(verb)
    return may


@pytest.mark.parametrize(("group", "resource"), [*NEEDED, *OTHERS])
def test_the_operator_may_do_what_it_needs_and_no_more(api: Api, group: str, resource: str) -> None:
    assert allowed(api, group, resource, "team-a") == set(NEEDED.get((group, resource), ()))


def test_its_lease_is_in_its_own_namespace_only(api: Api) -> None:
    group, resource = "coordination.k8s.io", "leases"
    assert allowed(api, group, resource, "wavegate-system") == {*READ, "create", "update"}
    assert allowed(api, group, resource, "kube-system") == set()
