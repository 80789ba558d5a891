"""The rendered rules are those of docs/reference/permissions.md: no more, no less."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from support.chart import ROOT, Document, template

pytestmark = pytest.mark.chart

PAGE = ROOT / "docs" / "reference" / "permissions.md"
Right = tuple[str, str, str]
"""API group, resource, verb."""


def allowed(heading: str) -> dict[Right, str]:
    """The rights that the page lists under a heading, with their reasons."""
    section = PAGE.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and cells[0] not in ("group", "---"):
            group, resource, verbs, why = cells
            for verb in verbs.split(", "):
                found[(group, resource, verb)] = why
    assert found, heading
    return found


def rights(document: Document) -> Iterator[Right]:
    for rule in document["rules"]:
        assert not rule.keys() - {"apiGroups", "resources", "verbs"}
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield (group, resource, verb)


def rendered(kind: str, name: str, *arguments: str) -> list[Right]:
    """The rights of the first role of this kind and name."""
    found = [
        each
        for each in template(*arguments)
        if each["kind"] == kind and each["metadata"]["name"] == name
    ]
    return sorted(rights(found[0]))


NAMESPACED = "In the namespaces that it looks after"
CLUSTER = "In the whole cluster"


def test_cluster_wide() -> None:
    listed = sorted([*allowed(NAMESPACED), *allowed(CLUSTER)])
    assert rendered("ClusterRole", "wavegate") == listed


def test_namespaced() -> None:
    chosen = ("--set", "watchNamespaces={team-a}")
    assert rendered("Role", "wavegate", *chosen) == sorted(allowed(NAMESPACED))
    assert rendered("ClusterRole", "wavegate", *chosen) == sorted(allowed(CLUSTER))


def test_leader_election() -> None:
    assert rendered("Role", "wavegate-leader") == sorted(allowed("In its own namespace"))


def test_cordon() -> None:
    cordon = rendered("ClusterRole", "wavegate-cordon", "--set", "rbac.cordon=true")
    assert cordon == sorted(allowed("With rbac.cordon"))


def test_secrets() -> None:
    secrets = allowed("With rbac.secrets")
    listed = sorted([*allowed(NAMESPACED), *secrets])
    assert list(secrets) == [("", "secrets", "get")]
    chosen = ("--set", "watchNamespaces={team-a}", "--set", "rbac.secrets=true")
    assert rendered("Role", "wavegate", *chosen) == listed


def test_the_operator_is_bound_to_these_roles_and_no_others() -> None:
    bound = {
        (each["roleRef"]["kind"], each["roleRef"]["name"])
        for each in template()
        if each["kind"] in ("RoleBinding", "ClusterRoleBinding")
    }
    assert bound == {("ClusterRole", "wavegate"), ("Role", "wavegate-leader")}


def test_nothing_rendered_or_listed_is_what_must_never_be() -> None:
    roles = [
        each
        for each in template("--set", "rbac.cordon=true")
        if each["kind"] in ("Role", "ClusterRole")
    ]
    assert len(roles) >= 7
    for role in roles:
        for group, resource, verb in rights(role):
            words = (group, resource, verb)
            assert "*" not in words
            assert resource not in ("secrets", "nodes/proxy", "pods/exec", "pods/attach")
            assert resource != "serviceaccounts/token"
            assert verb not in ("escalate", "bind", "impersonate")


def test_every_right_has_its_reason() -> None:
    for heading in re.findall(r"^## (.+)$", PAGE.read_text(), re.MULTILINE)[:4]:
        assert all(allowed(heading).values()), heading


def test_a_promoter_changes_deployments_alone() -> None:
    found = rendered("ClusterRole", "wavegate-promoter")
    changing = [right for right in found if right[2] not in ("get", "list", "watch")]
    assert changing == [
        ("wavegate.dev", "fleetdeployments", "patch"),
        ("wavegate.dev", "fleetdeployments", "update"),
    ]
