"""The cache of binaries: what a key depends on, and which Go may build."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from wavelab import binaries
from wavelab.errors import RefusedError

GO = "go1.26.0"


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copied = tmp_path / "go"
    shutil.copytree(binaries.MODULES, copied)
    monkeypatch.setattr(binaries, "MODULES", copied)
    return copied


def test_the_key_is_the_same_for_the_same_inputs(modules: Path) -> None:
    assert binaries.cache_key("etcd", GO) == binaries.cache_key("etcd", GO)
    assert modules.is_dir()


@pytest.mark.parametrize("file", ["go.mod", "go.sum"])
def test_the_key_changes_with_every_pin(modules: Path, file: str) -> None:
    before = binaries.cache_key("etcd", GO)
    with (modules / "etcd" / file).open("a") as out:
        out.write("// changed\n")
    assert binaries.cache_key("etcd", GO) != before


def test_the_key_changes_with_own_source_and_with_go(modules: Path) -> None:
    before = binaries.cache_key("pause", GO)
    assert binaries.cache_key("pause", "go1.27.0") != before
    with (modules / "pause" / "main.go").open("a") as out:
        out.write("// changed\n")
    assert binaries.cache_key("pause", GO) != before


def test_kubernetes_binaries_carry_their_version() -> None:
    flags = " ".join(binaries.build_flags("kubelet"))
    version = binaries.pinned_version("kubelet", "k8s.io/kubernetes")
    assert f"component-base/version.gitVersion={version}" in flags
    assert f"client-go/pkg/version.gitVersion={version}" in flags


@pytest.mark.parametrize("version", ["go1.24.9", "go0.9", "devel +abc"])
def test_an_old_or_unknown_go_is_refused(version: str) -> None:
    with pytest.raises(RefusedError, match=r"needs Go 1\.25 or newer"):
        binaries.check_go(version)


@pytest.mark.parametrize("version", ["go1.25", "go1.26.8", "go2.0"])
def test_a_new_enough_go_is_taken(version: str) -> None:
    binaries.check_go(version)


def test_every_module_is_pinned_completely() -> None:
    for binary in binaries.BINARIES.values():
        directory = binaries.MODULES / binary.module
        assert (directory / "go.mod").exists()
        assert binary.module == "pause" or (directory / "go.sum").exists()
