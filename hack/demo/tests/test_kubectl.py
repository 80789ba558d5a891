"""What becomes of kubectl's own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.errors import DemoError
from demo.kubectl import Kubectl


def program(directory: Path, script: str) -> Kubectl:
    path = directory / "kubectl"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return Kubectl(str(path), directory / "config")


def test_commands_go_to_the_cluster_of_the_kubeconfig(tmp_path: Path) -> None:
    told = program(tmp_path, 'echo "$@"; cat')("apply", "-f", "-", given="kind: Namespace")
    assert told == f"--kubeconfig={tmp_path}/config apply -f -\nkind: Namespace"


def test_a_refusal_is_told_in_kubectls_words_without_its_log(tmp_path: Path) -> None:
    log = 'E1124 01:49:05.320848   28816 memcache.go:265] "Unhandled Error"'
    refusing = program(tmp_path, f"echo '{log}' >&2; echo 'no such host' >&2; exit 1")
    with pytest.raises(DemoError) as refused:
        refusing("get", "crd")
    assert str(refused.value) == "kubectl get crd: no such host"


def test_the_log_is_told_where_there_is_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="E1124 01:49 boom"):
        program(tmp_path, "echo 'E1124 01:49 boom' >&2; exit 1")("get", "crd")
