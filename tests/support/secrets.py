"""The right to read Secrets, where a test gives it."""

from __future__ import annotations

from support.operator_process import USER
from support.space import Space

_GROUP = "rbac.authorization.k8s.io"


def allow_secrets(space: Space) -> None:
    """Give the operator the right to read the Secrets of the test's namespace."""
    base = f"/apis/{_GROUP}/v1/namespaces/{space.name}"
    role = {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "Role",
        "metadata": {"name": "secrets"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
    }
    binding = {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "secrets"},
        "roleRef": {"apiGroup": _GROUP, "kind": "Role", "name": "secrets"},
        "subjects": [
            {"kind": "ServiceAccount", "name": "wavegate", "namespace": "wavegate-system"}
        ],
    }
    space.client.create(f"{base}/roles", role)
    space.client.create(f"{base}/rolebindings", binding)
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": USER,
            "resourceAttributes": {
                "resource": "secrets",
                "verb": "get",
                "namespace": space.name,
            },
        },
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    space.wait(
        "the right is known",
        lambda: space.client.request("POST", path, review)["status"]["allowed"],
    )
