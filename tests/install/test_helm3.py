"""The same chart by Helm 3: install, upgrade, roll back, uninstall, while a job runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from install.release import Release
from install.test_install import apply_version, promote, said_of, settle, state_of_the_job
from support.chart import NAMESPACE, ROOT, previous

pytestmark = [pytest.mark.nodes, pytest.mark.install]

HELM = "helm3"


def test_install_upgrade_rollback_and_uninstall(release: Release, tmp_path: Path) -> None:
    kubectl = release.lab.kubectl
    kubectl("label", "nodes", "--all", "--overwrite", "pool=edge")
    assert "helm test wavegate" in release.install(chart=previous(tmp_path))
    apply_version(release, 1)
    promote(release, 1)
    release.wait("the job says so", lambda: said_of(release) == "Running")
    settle(release)
    before, writes = state_of_the_job(release), len(release.writes())
    release.upgrade("--set", "settings.lostAfter=30m")
    release.wait("a new pod leads", release.leads)
    settle(release)
    release.helm("rollback", "wavegate", "1", "--wait", "--timeout=2m")
    release.wait("a pod of the first revision leads", release.leads)
    settle(release)
    assert state_of_the_job(release) == before
    assert release.writes()[writes:] == []
    assert "Succeeded" in release.helm("test", "wavegate", "--timeout=1m")
    kubectl("delete", "fleetjobs", "--all", "--all-namespaces")
    release.wait("its pods are gone", lambda: not release.items("pods", "-n", "default"))
    release.helm("uninstall", "wavegate", "--wait", "--timeout=1m")
    assert len(release.items("crd")) == 4
    kubectl("delete", "--filename", str(ROOT / "crds"))
    kubectl("delete", "namespace", NAMESPACE)


def test_crds_applied_by_hand_are_left_to_whoever_applied_them(release: Release) -> None:
    kubectl = release.lab.kubectl
    kubectl("apply", "--server-side", "--filename", str(ROOT / "crds"))
    before = {each["metadata"]["name"]: each["metadata"]["uid"] for each in release.items("crd")}
    release.install("--set", "crds.enabled=false")
    apply_version(release, 1)
    promote(release, 1)
    kubectl("delete", "fleetjobs", "--all", "--all-namespaces")
    release.wait("its pods are gone", lambda: not release.items("pods", "-n", "default"))
    release.helm("uninstall", "wavegate", "--wait", "--timeout=1m")
    after = {each["metadata"]["name"]: each["metadata"]["uid"] for each in release.items("crd")}
    assert after == before
    kubectl("delete", "--filename", str(ROOT / "crds"))
    kubectl("delete", "namespace", NAMESPACE)
