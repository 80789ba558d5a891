"""Ports, networks, device names and firewall scripts."""

from __future__ import annotations

import socket
from ipaddress import IPv4Network

import pytest

from wavelab import network
from wavelab.errors import RefusedError

SAVED = """\
*filter
:INPUT ACCEPT [0:0]
:KUBE-FORWARD - [0:0]
:MINE - [0:0]
-A INPUT -j MINE
-A INPUT -m comment --comment "kubernetes" -j KUBE-FORWARD
-A KUBE-FORWARD -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -j KUBE-SERVICES
COMMIT
"""


def test_free_ports_are_different_free_and_not_taken() -> None:
    ports = network.free_ports(5, [])
    assert len(set(ports)) == 5
    again = network.free_ports(3, ports)
    assert not set(ports) & set(again)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", ports[0]))


def test_a_network_in_use_or_given_to_another_cluster_is_passed_over() -> None:
    assert network.free_network([], []) == "10.78"
    assert network.free_network([IPv4Network("10.78.3.0/24")], ["10.79"]) == "10.80"


def test_no_free_network_is_refused() -> None:
    with pytest.raises(RefusedError, match="no free private network"):
        network.free_network([IPv4Network("10.0.0.0/8")], [])


def test_device_names_fit_and_differ() -> None:
    names = {network.bridge_name(i, r) for i in ("a", "b") for r in ("n", "p1", "p10")}
    assert len(names) == 6
    assert max(map(len, names)) <= 15


def test_removal_takes_kubernetes_chains_and_leaves_the_others() -> None:
    assert network.removal_script(SAVED).splitlines() == [
        "*filter",
        '-D INPUT -m comment --comment "kubernetes" -j KUBE-FORWARD',
        "-F KUBE-FORWARD",
        "-X KUBE-FORWARD",
        "COMMIT",
        "*nat",
        "-D PREROUTING -j KUBE-SERVICES",
        "-F KUBE-SERVICES",
        "-X KUBE-SERVICES",
        "COMMIT",
    ]


def test_nothing_to_remove_is_an_empty_script() -> None:
    assert network.removal_script("*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n") == ""
