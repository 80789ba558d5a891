"""What is handed to kwok, kubelets and containerd."""

from __future__ import annotations

import tomllib
from pathlib import Path

import yaml

from wavelab import credentials, fates, nodeconfig
from wavelab.machine import cgroup_version
from wavelab.state import State

STATE = State("a", network="10.90", nodes={"node-1": 1, "node-2": 2})


def test_kwok_reads_options_then_stages_then_ones_own() -> None:
    own = "kind: Stage\nmetadata: {name: mine}"
    documents = list(yaml.safe_load_all(fates.configuration(own)))
    assert [d["kind"] for d in documents] == ["KwokConfiguration"] + ["Stage"] * (
        len(documents) - 1
    )
    assert documents[-1]["metadata"]["name"] == "mine"


def test_every_fate_has_a_stage_but_hang() -> None:
    used = {
        value
        for stage in fates.pod_stages()
        for expression in stage["spec"]["selector"]["matchExpressions"]
        if expression["key"] == fates.POD_FATE
        for value in expression["values"]
    }
    assert set(fates.FATES) - used == {"hang"}


def test_no_stage_but_deletion_touches_a_pod_that_is_being_deleted() -> None:
    for stage in fates.pod_stages():
        ending = stage["spec"]["selector"]["matchExpressions"][0]
        assert ending["key"] == ".metadata.deletionTimestamp"
        deletes = stage["spec"]["next"].get("delete", False)
        assert ending["operator"] == ("Exists" if deletes else "DoesNotExist")


def test_nodes_have_addresses_and_directories_of_their_own(state_root: Path) -> None:
    first, second = (nodeconfig.kubelet(STATE, name) for name in ("node-1", "node-2"))
    assert first["address"] == "10.90.0.11"
    assert second["address"] == "10.90.0.12"
    assert first["containerRuntimeEndpoint"] != second["containerRuntimeEndpoint"]
    assert first["podLogsDir"].startswith(str(state_root))


def test_containerd_keeps_network_namespaces_in_the_state_directory() -> None:
    config = tomllib.loads(nodeconfig.containerd(STATE, "node-1"))
    cri = config["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["netns_mounts_under_state_dir"] is True
    assert cri["restrict_oom_score_adj"] is True
    assert config["root"] != tomllib.loads(nodeconfig.containerd(STATE, "node-2"))["root"]


def test_all_nodes_look_up_registries_in_one_directory_of_the_cluster(state_root: Path) -> None:
    found = {
        tomllib.loads(nodeconfig.containerd(STATE, name))["plugins"]["io.containerd.grpc.v1.cri"][
            "registry"
        ]["config_path"]
        for name in STATE.nodes
    }
    assert found == {str(state_root / "a" / "registry" / "hosts")}


def test_pods_of_two_nodes_have_different_networks() -> None:
    ranges = [
        nodeconfig.pod_network(STATE, name)["plugins"][0]["ipam"]["ranges"] for name in STATE.nodes
    ]
    assert ranges == [[[{"subnet": "10.90.1.0/24"}]], [[{"subnet": "10.90.2.0/24"}]]]


def test_tokens_are_secret_different_and_stay(tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    credentials.create_tokens(path)
    before = path.read_text()
    credentials.create_tokens(path)
    assert path.read_text() == before
    assert path.stat().st_mode & 0o077 == 0
    tokens = {credentials.token(path, user) for user in credentials.groups()}
    assert len(tokens) == len(credentials.groups())


def test_only_the_administrator_and_kwok_are_masters() -> None:
    masters = {user for user, group in credentials.groups().items() if group == "system:masters"}
    assert masters == {credentials.ADMIN, credentials.KWOK}


def test_both_kinds_of_cgroups_are_told_apart(tmp_path: Path) -> None:
    assert cgroup_version(tmp_path) == 1
    (tmp_path / "cgroup.controllers").touch()
    assert cgroup_version(tmp_path) == 2
