"""manifests/ is what the chart renders; README and CRDs of the chart are as they are made."""

from __future__ import annotations

import pytest
import yaml

import chart as chart_files
from support.chart import ROOT, Document, template

pytestmark = pytest.mark.chart


def test_manifests_are_as_the_chart_renders_them() -> None:
    for path, text in chart_files.manifests().items():
        assert path.read_text() == text, f"{path.relative_to(ROOT)}: make generate"


def documents(name: str) -> list[Document]:
    return list(yaml.safe_load_all((ROOT / "manifests" / name).read_text()))


def test_install_yaml_is_the_whole_chart_without_helm() -> None:
    plain = documents("install.yaml")
    made = [each for each in template() if "helm.sh/hook" not in str(each["metadata"])]
    names = {(each["kind"], each["metadata"]["name"]) for each in plain}
    assert names == {(each["kind"], each["metadata"]["name"]) for each in made} | {
        ("Namespace", "wavegate-system")
    }
    assert "helm" not in (ROOT / "manifests" / "install.yaml").read_text().lower()


def test_rights_yaml_is_what_an_operator_outside_the_cluster_needs() -> None:
    kinds = [each["kind"] for each in documents("rights.yaml")]
    assert sorted(kinds) == sorted(
        ["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]
    )
