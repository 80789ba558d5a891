"""How the chart's pods are reached, and what they reach."""

from __future__ import annotations

import json

import pytest

from support.chart import only, operator_container, template

pytestmark = pytest.mark.chart


def test_the_policy_lets_pods_be_counted_and_sources_be_asked() -> None:
    sources = {
        "main": {"url": "https://p:9091/x"},
        "a": {"url": "http://q"},
        "b": {"url": "https://q"},
    }
    policy = only(
        template(values={"settings": {"prometheusSources": sources}}), "NetworkPolicy", "wavegate"
    )
    dns, server, pods, prometheus, calls = policy["spec"]["egress"]
    assert {each["port"] for each in dns["ports"]} == {53}
    assert [each["port"] for each in server["ports"]] == [443, 6443]
    (peer,) = pods["to"]
    assert peer["podSelector"]["matchExpressions"] == [
        {"key": "wavegate.dev/job", "operator": "Exists"}
    ]
    assert peer["namespaceSelector"] == {}
    assert [each["port"] for each in prometheus["ports"]] == [443, 80, 9091]
    assert [each["port"] for each in calls["ports"]] == [80, 443]
    (ingress,) = policy["spec"]["ingress"]
    assert ingress == {"ports": [{"port": "metrics", "protocol": "TCP"}]}
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_call_backs_have_a_port_a_service_and_a_hole_in_the_policy_only_where_they_are_taken() -> (
    None
):
    off, on = template(), template(values={"callbacks": {"enabled": True, "port": 8099}})
    assert "callbacks" not in json.dumps(off)
    service = only(on, "Service", "wavegate-callbacks")
    (port,) = service["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (8099, "callbacks")
    ports = {each["name"]: each["containerPort"] for each in operator_container(on)["ports"]}
    assert ports["callbacks"] == 8099
    labels = only(on, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    _, ingress = only(on, "NetworkPolicy", "wavegate")["spec"]["ingress"]
    assert ingress == {"ports": [{"port": "callbacks", "protocol": "TCP"}]}
    peers = [{"podSelector": {"matchLabels": {"a": "b"}}}]
    given = {"callbacks": {"enabled": True}, "networkPolicy": {"callbacksFrom": peers}}
    _, ingress = only(template(values=given), "NetworkPolicy", "wavegate")["spec"]["ingress"]
    assert ingress["from"] == peers
