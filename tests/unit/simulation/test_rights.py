"""Rights are those of the roles that the manifests bind to the account, and no others."""

from __future__ import annotations

from pathlib import Path

from wavegate.simulation.rights import Account, load_roles

MANIFESTS = Path(__file__).parents[3] / "manifests"


def test_a_role_counts_in_its_namespace_and_a_cluster_role_in_all():
    account = Account("wavegate", load_roles(MANIFESTS))
    leases = ("coordination.k8s.io", "leases")
    assert account.may("update", *leases, "wavegate-system")
    assert not account.may("update", *leases, "default")
    assert account.may("create", "", "pods", "default")
    assert not account.may("update", "", "pods", "default")
    assert account.may("update", "wavegate.dev", "fleetjobs/status", "default")
    assert not account.may("update", "wavegate.dev", "fleetjobs", "default")


def test_somebody_else_s_roles_are_not_ours(tmp_path: Path):
    (tmp_path / "roles.yaml").write_text(
        """
kind: ClusterRole
metadata: {name: theirs}
rules: [{apiGroups: [""], resources: [secrets], verbs: [get]}]
---
kind: ClusterRoleBinding
metadata: {name: theirs}
roleRef: {kind: ClusterRole, name: theirs}
subjects: [{kind: ServiceAccount, name: they}]
"""
    )
    assert load_roles(tmp_path) == []
    assert [each["metadata"]["name"] for each in load_roles(tmp_path, "they")] == ["theirs"]
