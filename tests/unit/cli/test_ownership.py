"""Who owns a field, by managedFields and by the marks of the tools that apply from Git."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wavegate.cli.ownership import applied_by, owner_of

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def made(
    manager: str = "",
    operation: str = "Apply",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> dict[str, Any]:
    """An object whose spec.suspend a manager has written."""
    fields = {"f:spec": {"f:suspend": {}, "f:rollout": {"f:paused": {}}}}
    entry = {"manager": manager, "operation": operation, "fieldsV1": fields}
    status = {"manager": "argocd", "fieldsV1": {"f:status": {}}, "subresource": "status"}
    return {
        "metadata": {
            "managedFields": [status, *([entry] if manager else [])],
            "labels": labels or {},
            "annotations": annotations or {},
        }
    }


@pytest.mark.parametrize(
    ("document", "tool"),
    [
        (made("kubectl"), ""),
        (made("kubectl-client-side-apply"), ""),
        (made("argocd-controller"), "argocd-controller"),
        (made("kustomize-controller"), "kustomize-controller"),
        (made("helm"), "helm"),
        (made("helm-controller"), "helm-controller"),
        (made("flux-client-side-apply"), "flux-client-side-apply"),
        (made(), ""),
        (made(labels={"kustomize.toolkit.fluxcd.io/name": "jobs"}), "Flux"),
        (made(labels={"helm.toolkit.fluxcd.io/name": "jobs"}), "Flux"),
        (made(labels={"argocd.argoproj.io/instance": "jobs"}), "Argo CD"),
        (made(annotations={"argocd.argoproj.io/tracking-id": "jobs:x"}), "Argo CD"),
        (made(annotations={"meta.helm.sh/release-name": "jobs"}), "Helm"),
    ],
)
def test_what_is_applied_from_git_is_told_by_its_manager_or_its_marks(
    document: dict[str, Any], tool: str
) -> None:
    assert applied_by(document) == tool


def test_a_field_belongs_to_the_tool_that_applies_it_and_others_do_not() -> None:
    document = made("argocd-controller")
    assert owner_of(document, "suspend") == "argocd-controller"
    assert owner_of(document, "rollout", "paused") == "argocd-controller"
    assert owner_of(document, "promoted") == ""
    assert owner_of(made("kubectl"), "suspend") == ""


def test_a_default_that_a_tool_got_recorded_for_is_not_its_own() -> None:
    assert owner_of(made("argocd-controller", "Update"), "suspend") == ""
    applied = {
        "kubectl.kubernetes.io/last-applied-configuration": json.dumps({"spec": {"suspend": False}})
    }
    assert owner_of(made("argocd-controller", "Update", annotations=applied), "suspend")
    broken = {LAST_APPLIED: "{"}
    assert owner_of(made("argocd-controller", "Update", annotations=broken), "suspend") == ""
