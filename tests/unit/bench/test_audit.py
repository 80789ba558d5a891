"""What counts of an audit log, and when it came."""

from __future__ import annotations

from typing import Any

from bench.audit import Request, answered, writes

NOON = 1738324800.0


def event(verb: str, name: str = "a", second: str = "01.5", **more: Any) -> dict[str, Any]:
    return {
        "user": {"username": "me"},
        "verb": verb,
        "requestURI": "/executions",
        "requestReceivedTimestamp": f"2025-01-31T12:00:{second}Z",
        "stageTimestamp": f"2025-01-31T12:00:{second}25Z",
        "objectRef": {"resource": "executions", "namespace": "mine", "name": name},
        "responseStatus": {"code": 200},
        **more,
    }


STATUS = {"resource": "executions", "subresource": "status", "namespace": "mine", "name": "a"}
ELSEWHERE = {"resource": "executions", "namespace": "yours", "name": "a"}


def test_requests_are_those_of_the_namespace_that_succeeded_in_the_order_of_their_answers():
    events = [
        event("update", second="03.5", objectRef=STATUS),
        event("create"),
        event("create", responseStatus={"code": 409}),
        event("create", responseStatus={}),
        event("create", requestURI="/executions?dryRun=All"),
        event("create", objectRef=ELSEWHERE),
        event("watch"),
        event("create", second="00.5"),
    ]
    assert answered(events, "mine", since=NOON + 1) == [
        Request("me", "create", "executions", "a", NOON + 1.5, NOON + 1.525),
        Request("me", "update", "executions/status", "a", NOON + 3.5, NOON + 3.525),
    ]


def test_writes_are_those_of_a_user_about_some_resources():
    found = answered(
        [
            event("create"),
            event("list"),
            event("get"),
            event("update", objectRef=STATUS),
            event("create", user={"username": "you"}),
        ],
        "mine",
    )
    assert [each.verb for each in writes(found, "me")] == ["create", "update"]
    assert [each.resource for each in writes(found, "me", "executions/status")] == [
        "executions/status"
    ]
