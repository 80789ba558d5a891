from __future__ import annotations

import pytest

from wavegate.kube.resources import BY_KIND, EXECUTIONS, NODES, PODS


def test_paths() -> None:
    root = "/apis/wavegate.dev/v1alpha1"
    assert EXECUTIONS.collection() == f"{root}/executions"
    assert EXECUTIONS.collection("shop") == f"{root}/namespaces/shop/executions"
    assert EXECUTIONS.object("shop", "a") == f"{root}/namespaces/shop/executions/a"
    assert EXECUTIONS.status("shop", "a") == f"{root}/namespaces/shop/executions/a/status"
    assert PODS.object("shop", "a") == "/api/v1/namespaces/shop/pods/a"
    assert NODES.object(None, "n1") == "/api/v1/nodes/n1"
    assert (EXECUTIONS.api_version, PODS.api_version) == ("wavegate.dev/v1alpha1", "v1")


def test_a_name_cannot_leave_its_place_in_the_path() -> None:
    assert PODS.object("shop", "a/../b?x") == "/api/v1/namespaces/shop/pods/a%2F..%2Fb%3Fx"


def test_a_namespace_is_given_exactly_where_there_is_one() -> None:
    with pytest.raises(ValueError, match="none was given"):
        PODS.object(None, "a")
    with pytest.raises(ValueError, match="have no namespace"):
        NODES.collection("shop")


def test_kinds_are_found_by_name() -> None:
    assert BY_KIND["Pod"] is PODS
    assert all(kind == resource.kind for kind, resource in BY_KIND.items())
