"""What is called: address, headers, signature, time, and a second address."""

from __future__ import annotations

import base64
import time

import pytest
from standardwebhooks import Webhook

from support.answering import HOST, Endpoint, Received, Reply
from support.asking import AT_ONCE, ONCE, Asked
from support.secrets import allow_secrets
from wavegate.runs.circuit import FAILURES
from wavelab.client import Client

pytestmark = pytest.mark.cluster

KEYS = ["whsec_" + base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2)]


@pytest.mark.row("HTTPJob.spec.http.url")
def test_row_http_url(asked: Asked, endpoint: Endpoint) -> None:
    """A run is one POST there, whose headers say which run it is."""
    asked.job(http={"url": f"{endpoint.url}orders/new?dry=%20yes&a=b"})
    asked.run("one")
    assert asked.ended("one")["phase"] == "Completed"
    (call,) = endpoint.calls
    found = asked.space.get("JobRun", "one")
    assert found is not None
    assert call.path == "/orders/new?dry=%20yes&a=b"
    assert call.body == "{}"
    wanted = {
        "Content-Type": "application/json",
        "X-Run-Id": "one",
        "X-Job-Name": "app",
        "X-Job-Namespace": asked.space.name,
        "X-Job-Version": "1",
        "X-Attempt": "1",
        "Idempotency-Key": found["metadata"]["uid"],
    }
    assert {name: call.headers[name] for name in wanted} == wanted
    trace = found["metadata"]["uid"].replace("-", "")
    assert call.headers["traceparent"].startswith(f"00-{trace}-")


@pytest.mark.row("HTTPJob.spec.http.url", "JobRun.status.lastError.class")
def test_row_http_url_refused(asked: Asked, endpoint: Endpoint) -> None:
    """The API server's address is not called, though loopback is allowed here; and not again."""
    asked.job(http={"url": endpoint.url.replace(HOST, "127.0.0.1")})
    asked.run("one")
    status = asked.ended("one")
    assert (status["phase"], status["attempt"]) == ("SystemFailed", 1)
    refused = {"class": "AddressRefused", "message": "127.0.0.1 is the API server"}
    assert status["lastError"] == refused
    asked.job(http={"url": "http://api.other.svc/"})
    asked.seen()
    asked.until("there is a second version", lambda: asked.of_job()["version"] == 2)
    asked.run("two")
    assert "is of the namespace other" in asked.ended("two")["lastError"]["message"]
    assert endpoint.calls == []


@pytest.mark.row("HTTPJob.spec.http.url")
def test_row_http_url_of_a_service(asked: Asked, cluster_client: Client) -> None:
    """Another namespace's Service is not called by its address either."""
    path, name = "/api/v1/namespaces/default/services", asked.space.name
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": [{"port": 80}]},
    }
    address = cluster_client.request("POST", path, service)["spec"]["clusterIP"]
    try:
        asked.job(http={"url": f"http://{address}/"}, suspend=True)
        asked.run("one")
        asked.tells("one", "Queued", "JobSuspended")  # by then it has heard of the Service
        asked.job(http={"url": f"http://{address}/"}, runs={"retry": ONCE})
        assert asked.ended("one")["lastError"] == {
            "class": "AddressRefused",
            "message": f"{address} is a Service of the namespace default",
        }
    finally:
        cluster_client.request("DELETE", f"{path}/{name}")


@pytest.mark.row(
    "HTTPJob.spec.http.serviceRef.name",
    "HTTPJob.spec.http.serviceRef.port",
)
def test_row_http_service_ref(asked: Asked) -> None:
    """A Service is called by its name in the job's namespace. Here no name resolves; that is told
    by the circuit that opens."""
    service = {"serviceRef": {"name": "echo", "port": 8080, "path": "/run?a=b"}}
    asked.space.apply(
        "app", {"http": {**service, "timeout": "2s"}, "runs": {"retry": ONCE}}, "HTTPJob"
    )
    for number in range(FAILURES):
        asked.run(f"run-{number}")
    for number in range(FAILURES):
        assert asked.ended(f"run-{number}")["phase"] in ("SystemFailed", "TimedOut")
    asked.run("held")
    status = asked.tells("held", "Queued", "CircuitOpen")
    assert f"http://echo.{asked.space.name}.svc:8080 " in status["message"]


@pytest.mark.row("HTTPJob.spec.http.fallbackUrl")
def test_row_http_fallback_url(asked: Asked, endpoint: Endpoint, other: Endpoint) -> None:
    """Called in the same attempt where the first would be tried again, and only there."""

    def unwell(call: Received) -> Reply:
        return Reply(404 if call.run == "refused" else 503)

    endpoint.answer = unwell
    other.answer = lambda _: Reply(body=b'"from the other"')
    asked.job(http={"fallbackUrl": f"{other.url}second"})
    for name in ("one", "refused"):
        asked.run(name)
    status = asked.ended("one")
    assert (status["phase"], status["attempt"]) == ("Completed", 1)
    assert status["result"] == '"from the other"'
    assert status["message"] == "answered 503; the fallback: answered 200"
    assert asked.ended("refused")["phase"] == "Failed"
    assert [(call.run, call.path) for call in other.calls] == [("one", "/second")]


@pytest.mark.row("HTTPJob.spec.http.timeout", "JobRun.spec.overrides.timeout")
def test_row_http_timeout(asked: Asked, endpoint: Endpoint) -> None:
    """Each call ends when its time is over, whatever the endpoint does; a run may have its own."""
    endpoint.hold()
    asked.job(http={"timeout": "900ms"}, runs={"retry": {**AT_ONCE, "maxAttempts": 2}})
    begun = time.time()
    asked.run("one")
    asked.run("brief", overrides={"timeout": "400ms", "retry": ONCE})
    status = asked.ended("one")
    assert (status["phase"], status["attempt"]) == ("DeadLetter", 2)
    assert status["lastError"] == {"class": "TimedOut", "message": "no answer within 0.9 s"}
    first, second = endpoint.of("one")
    # A call is under way for a while before it is noticed here, and its time runs meanwhile.
    assert second.at - begun >= 0.9
    assert second.at - first.at < 5
    status = asked.ended("brief")
    assert (status["phase"], status["reason"]) == ("TimedOut", "TimedOut")
    assert status["message"] == "no answer within 0.4 s"


@pytest.mark.row("HTTPJob.spec.http.headers[].name", "HTTPJob.spec.http.headers[].value")
def test_row_http_headers(asked: Asked, endpoint: Endpoint) -> None:
    headers = [{"name": "X-Team", "value": "a, b"}, {"name": "Accept", "value": "text/plain"}]
    asked.job(http={"headers": headers})
    asked.run("one")
    asked.ended("one")
    (call,) = endpoint.calls
    assert (call.headers["X-Team"], call.headers["Accept"]) == ("a, b", "text/plain")


@pytest.mark.row(
    "HTTPJob.spec.http.headers[].valueFrom.secretKeyRef.name",
    "HTTPJob.spec.http.headers[].valueFrom.secretKeyRef.key",
    "JobRun.spec.payloadFrom.secretKeyRef.name",
    "JobRun.spec.payloadFrom.secretKeyRef.key",
    "HTTPJob.spec.http.signing.secretRefs[].name",
    "HTTPJob.spec.http.signing.secretRefs[].key",
)
def test_row_http_secrets(asked: Asked, endpoint: Endpoint, cluster_client: Client) -> None:
    """A header, a payload and two signing keys out of Secrets; the status shows none of them."""
    secret = {"token": "Bearer of-secrets\n", "body": '{"hidden": "word"}'}
    asked.keep("Secret", "mine", secret)
    asked.keep("Secret", "keys", {"new": KEYS[0], "old": KEYS[1]})
    value = {"secretKeyRef": {"name": "mine", "key": "token"}}
    refs = [{"name": "keys", "key": key} for key in ("new", "old")]
    asked.job(
        http={
            "headers": [{"name": "Authorization", "valueFrom": value}],
            "signing": {"secretRefs": refs},
        }
    )
    source = {"secretKeyRef": {"name": "mine", "key": "body"}}
    asked.run("before", payloadFrom=source)
    status = asked.ended("before")
    assert (status["phase"], status["reason"]) == ("SystemFailed", "SourceUnreadable")
    assert status["message"] == "Secret mine: Forbidden", "the rights that are shipped"
    allow_secrets(asked.space)
    endpoint.answer = lambda call: Reply(body=call.body.encode())
    asked.run("one", payloadFrom=source, debug=True)
    status = asked.ended("one")
    assert status["phase"] == "Completed", status
    (call,) = endpoint.calls
    assert call.headers["Authorization"] == "Bearer of-secrets"
    assert call.body == secret["body"]
    for key in KEYS:
        Webhook(key).verify(call.body, dict(call.headers.items()))
    assert call.headers["webhook-id"] == call.headers["Idempotency-Key"]
    said = str(asked.space.get("JobRun", "one"))
    assert "of-secrets" not in said
    assert "hidden" not in said
    assert status["result"] == "***"


@pytest.mark.row("HTTPJob.spec.http.headers[].valueFrom.secretKeyRef.key")
def test_row_http_secret_without_the_key(asked: Asked, cluster_client: Client) -> None:
    asked.keep("Secret", "mine", {"token": "t"})
    allow_secrets(asked.space)
    value = {"secretKeyRef": {"name": "mine", "key": "other"}}
    asked.job(http={"headers": [{"name": "X-Token", "valueFrom": value}]})
    asked.run("one")
    status = asked.ended("one")
    assert (status["phase"], status["attempt"]) == ("SystemFailed", 1)
    error = {"class": "SourceUnreadable", "message": "Secret mine has no key other"}
    assert status["lastError"] == error
