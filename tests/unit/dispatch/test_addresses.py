"""Which addresses may be called, by their spelling and by what they are."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wavegate.dispatch.addresses import AddressPolicy, IPAddress
from wavegate.dispatch.connecting import AddressRefused, InvalidUrl, judged

POLICY = AddressPolicy(
    allowed_namespaces=frozenset({"shared"}),
    api_server_hosts=frozenset({"kubernetes.default.svc", "API.example.com."}),
    api_server_ips=frozenset(
        map(ipaddress.ip_address, ("10.96.0.1", "203.0.113.7", "2001:db8::7"))
    ),
)

LOOPBACK = (
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "127.000.000.001",
    "2130706433",
    "2130706433.",
    "4294967295",
    "0x7f.1",
    "0x7f.0.0.1",
    "0X7F.0x0.0x0.0x1",
    "0x7f000001",
    "0x7F000001",
    "0x07f.1",
    "017700000001",
    "0177.1",
    "0177.0.0.01",
    "0177.0x0.0.1",
    "00000177.0.0.1",
    "127.0x1",
    "127.65535",
    "localhost",
    "LOCALHOST",
    "LocalHost.",
    "localhost..",
    "a.localhost",
    "a.b.LocalHost.",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[0::1]",
    "[::0.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::FFFF:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:7f00:0001]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[0:0:0:0:0:FFFF:7F00:1]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:7f00:0001::1]",
    "[2001:0:7f00:1::]",
    "[2001:0000:4136:e378:8000:63bf:80ff:fffe]",
    "[::1%lo]",
    "[::1%25lo]",
    "[::1%1]",
    "127%2e0%2e0%2e1",
    "%31%32%37.0.0.1",
    "loc%61lhost",
    "localhost%00.example.com",
    "127.0.0.1%00.example.com",
    "127\u30020\u30020\u30021",
    "127\uff0e0\uff0e0\uff0e1",
    "127\uff610\uff610\uff611",
    "\uff11\uff12\uff17.0.0.1",
    "\u2460\u2461\u2466.0.0.1",
    "\U0001d7cf\U0001d7d0\U0001d7d5.0.0.1",
    "\uff4cocalhost",
    "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
    "loc\u00adalhost",
    "lo\tcalhost",
    "user@127.0.0.1",
    "user:secret@127.0.0.1",
    "example.com@127.0.0.1",
    "example.com:80@127.0.0.1",
    "127.0.0.1:80@example.com",
    ":@localhost",
    "127.0.0.1\\@example.com",
    "127.0.0.1#@example.com",
    "127.0.0.1?@example.com",
    "[::1]@example.com",
    "[[::1]]",
    "[127.0.0.1]",
    "127.0.0.1 ",
    "::1",
)
OTHERS = (
    "0",
    "0.0.0.0",
    "0.0.0.1",
    "0x0",
    "00.00",
    "[::]",
    "[0:0:0:0:0:0:0:0]",
    "[::ffff:0.0.0.0]",
    "[64:ff9b::]",
    "[2002::]",
    "169.254.169.254",
    "169.254.43518",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[::a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[fe80::1]",
    "[FE80::1]",
    "[febf::1]",
    "[fe80::1%eth0]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "224.0.0.1",
    "239.255.255.255",
    "[ff02::1]",
    "[::ffff:224.0.0.1]",
    "255.255.255.255",
    "[::ffff:255.255.255.255]",
    "0xffffffff",
    "10.96.0.1",
    "10.96.1",
    "174063617",
    "[::ffff:10.96.0.1]",
    "[64:ff9b::a60:1]",
    "203.0.113.7",
    "[2001:db8::7]",
    "[2001:DB8:0:0::7]",
)


def test_at_least_eighty_spellings_of_loopback_are_tried() -> None:
    assert len(set(LOOPBACK)) >= 80


@pytest.mark.parametrize("spelling", [*LOOPBACK, *OTHERS], ids=ascii)
def test_a_spelling_of_an_address_that_is_refused(spelling: str) -> None:
    with pytest.raises((AddressRefused, InvalidUrl)):
        judged(f"http://{spelling}/run", POLICY, "shop")


@pytest.mark.parametrize("spelling", [*LOOPBACK, *OTHERS], ids=ascii)
def test_what_the_system_makes_of_it_is_refused_too(spelling: str) -> None:
    host = spelling.rpartition("@")[2].strip("[]")
    try:
        found = socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return
    for *_, address in found:
        ip = socket.getnameinfo(address, socket.NI_NUMERICHOST)[0]
        assert POLICY.refuses_ip("shop", ip)


@pytest.mark.parametrize(
    ("ip", "why"),
    [
        ("0.0.0.0", "0.0.0.0 is an unspecified address"),
        ("127.0.0.1", "127.0.0.1 is a loopback address"),
        ("169.254.1.1", "169.254.1.1 is a link-local address"),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1 is a loopback address"),
        ("fe80::1%eth0", "fe80::1%eth0 names an interface"),
        ("fc00::1%2", "fc00::1%2 names an interface"),
        ("ff02::1", "ff02::1 is a multicast address"),
        ("255.255.255.255", "255.255.255.255 is the broadcast address"),
        ("64:ff9b:1::a00:1", "64:ff9b:1::a00:1 is a translated address"),
        ("168.63.129.16", "168.63.129.16 is a cloud's metadata address"),
        ("10.96.0.1", "10.96.0.1 is the API server"),
        ("2002:cb00:7107::", "2002:cb00:7107:: is the API server"),
        ("127.1", "'127.1' is not written as an IP address is"),
        ("", "'' is not written as an IP address is"),
        ("8.8.8.8", ""),
        ("10.0.0.1", ""),
        ("172.16.0.1", ""),
        ("192.168.1.1", ""),
        ("100.64.0.1", ""),
        ("169.253.255.255", ""),
        ("128.0.0.1", ""),
        ("126.255.255.255", ""),
        ("223.255.255.255", ""),
        ("2606:4700::1111", ""),
        ("fc00::1", ""),
        ("fd12:3456::1", ""),
        ("::ffff:10.0.0.1", ""),
        ("64:ff9b::808:808", ""),
        ("2002:808:808::", ""),
    ],
)
def test_what_an_address_is(ip: str, why: str) -> None:
    assert POLICY.refuses_ip("shop", ip) == why


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("example.com", ""),
        ("xn--mnchen-3ya.example", ""),
        ("a_b.example.com", ""),
        ("10.0.0.1", ""),
        ("fd12::1", ""),
        ("billing", ""),
        ("billing.shop.svc", ""),
        ("billing.shop.svc.", ""),
        ("BILLING.SHOP.SVC.CLUSTER.LOCAL.", ""),
        ("pod-0.billing.shop.svc.cluster.local", ""),
        ("billing.shared.svc", ""),
        ("svc.example.com", ""),
        ("api.svc", ""),
        ("pod.example.com", ""),
        ("a.b.pod.example.com", ""),
        ("notlocalhost", ""),
        ("localhost.example.com", ""),
        ("billing.other.svc", "billing.other.svc is of the namespace other"),
        ("billing.other.svc.", "billing.other.svc. is of the namespace other"),
        ("Billing.Other.Svc", "Billing.Other.Svc is of the namespace other"),
        ("a.other.svc.cluster.local", "a.other.svc.cluster.local is of the namespace other"),
        ("A.OTHER.SVC.CLUSTER.LOCAL..", "A.OTHER.SVC.CLUSTER.LOCAL.. is of the namespace other"),
        ("a.other.svc.corp.example", "a.other.svc.corp.example is of the namespace other"),
        ("a.other.svc.clusterset.local", "a.other.svc.clusterset.local is of the namespace other"),
        ("p.a.other.svc", "p.a.other.svc is of the namespace other"),
        ("_http._tcp.a.other.svc", "_http._tcp.a.other.svc is of the namespace other"),
        ("shop.svc.svc", "shop.svc.svc is of the namespace svc"),
        ("10-0-0-1.other.pod", "10-0-0-1.other.pod is of the namespace other"),
        (
            "10-0-0-1.other.pod.cluster.local",
            "10-0-0-1.other.pod.cluster.local is of the namespace other",
        ),
        ("kubernetes.default.svc", "kubernetes.default.svc is the API server"),
        (
            "Kubernetes.Default.svc.Cluster.Local.",
            "Kubernetes.Default.svc.Cluster.Local. is the API server",
        ),
        ("api.EXAMPLE.com", "api.EXAMPLE.com is the API server"),
        ("localhost", "127.0.0.1 is a loopback address"),
        ("a..b", "'a..b' is no host name"),
        ("", "'' is no host name"),
        ("x" * 64, f"'{'x' * 64}' is no host name"),
        ("a." * 126 + "a", ""),
        ("a." * 126 + "aa", f"'{'a.' * 126}aa' is no host name"),
        ("1.2.3.4.5", "'1.2.3.4.5' is not written as an IP address is"),
        ("example.0x", "'example.0x' is not written as an IP address is"),
    ],
)
def test_what_a_host_is_by_its_name(host: str, why: str) -> None:
    assert POLICY.refuses_host("shop", host) == why


def test_the_api_server_is_not_called_from_its_own_namespace_either() -> None:
    assert AddressPolicy().refuses_host("default", "kubernetes.default.svc")
    assert not AddressPolicy().refuses_host("default", "billing.default.svc")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("example.com", "example.com."),
        ("example.com.", "example.com."),
        ("billing", "billing."),
        ("billing.other", "billing.other."),
        ("billing.shop.svc", "billing.shop.svc.edge.example."),
        ("billing.shop.SVC.", "billing.shop.SVC.edge.example."),
        ("billing.shop.svc.edge.example", "billing.shop.svc.edge.example."),
    ],
)
def test_no_search_domain_makes_a_name_another(host: str, name: str) -> None:
    assert AddressPolicy(cluster_domain="edge.example").absolute(host) == name


def test_what_the_administrator_allows_is_no_longer_refused_for_its_kind() -> None:
    policy = AddressPolicy(
        allow=(ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("10.96.0.0/12")),
        api_server_ips=frozenset({ipaddress.ip_address("10.96.0.1")}),
        namespace_of=lambda ip: "other" if str(ip) == "10.96.0.2" else None,
    )
    assert not policy.refuses_ip("shop", "127.0.0.1")
    assert not policy.refuses_ip("shop", "::ffff:127.0.0.1")
    assert not policy.refuses_host("shop", "localhost")
    assert policy.refuses_ip("shop", "::1")
    assert not AddressPolicy(allow=(ipaddress.ip_network("::1"),)).refuses_ip("shop", "::1")
    assert policy.refuses_ip("shop", "10.96.0.1") == "10.96.0.1 is the API server"
    assert policy.refuses_ip("shop", "10.96.0.2")


def test_a_service_is_known_by_its_address_too() -> None:
    asked: list[IPAddress] = []

    def namespace_of(ip: IPAddress) -> str | None:
        asked.append(ip)
        return {"10.96.0.2": "other", "10.96.0.3": "shop", "10.96.0.4": "shared"}.get(str(ip))

    policy = AddressPolicy(allowed_namespaces=frozenset({"shared"}), namespace_of=namespace_of)
    assert policy.refuses_ip("shop", "10.96.0.2") == "10.96.0.2 is a Service of the namespace other"
    assert policy.refuses_ip("shop", "::ffff:10.96.0.2").endswith(
        "a Service of the namespace other"
    )
    assert not policy.refuses_ip("shop", "10.96.0.3")
    assert not policy.refuses_ip("shop", "10.96.0.4")
    assert not policy.refuses_ip("shop", "10.96.0.5")
    assert ipaddress.ip_address("10.96.0.5") in asked


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("ftp://example.com/", InvalidUrl),
        ("file:///etc/passwd", InvalidUrl),
        ("http:///run", InvalidUrl),
        ("/run", InvalidUrl),
        ("http://example.com:99999/", InvalidUrl),
        ("http://user@example.com/", InvalidUrl),
        ("http://:secret@example.com/", InvalidUrl),
        ("http://[::1/", InvalidUrl),
        ("http://billing.other.svc/", AddressRefused),
    ],
)
def test_a_url_that_is_not_called_is_not_in_the_words(url: str, error: type[Exception]) -> None:
    with pytest.raises(error) as told:
        judged(url, POLICY, "shop")
    assert url not in str(told.value)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("https://hooks.example.com:8443/a%2Fb?x=%2F&y=a+b", "/a%2Fb?x=%2F&y=a+b"),
        ("http://example.com", "/"),
        ("http://example.com/ä b\x00", "/%C3%A4%20b%00"),
    ],
)
def test_a_url_is_called_as_it_is_written_where_that_can_be_sent(url: str, called: str) -> None:
    assert judged(url, POLICY, "shop").raw_path_qs == called


@given(ip=st.ip_addresses())
def test_an_address_has_one_verdict_however_it_is_carried(ip: IPAddress) -> None:
    refused = bool(POLICY.refuses_ip("shop", str(ip)))
    if isinstance(ip, ipaddress.IPv4Address):
        for carrier in ("::ffff:0:0", "64:ff9b::", "::ffff:0:0:0"):
            inside = ipaddress.IPv6Address(int(ipaddress.IPv6Address(carrier)) | int(ip))
            assert bool(POLICY.refuses_ip("shop", str(inside))) == refused
    if ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        assert refused
