"""Rules of the CRDs of jobs that call, and of their runs; see `api_rules`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from integration.api_rules import Object, Rule, patch, without
from integration.batch_rules import BATCH_RULES
from integration.between import between
from integration.run_documents import MOMENT, http_job, job_run, pool
from integration.runs_rules import runs_rules
from integration.trigger_rules import trigger_rules
from integration.webhook_rules import WEBHOOK_RULES

KEY: Final = {"name": "mine", "key": "token"}
URL: Final = "https://echo.example/run"
_NAME: Final = "metadata.name: must be a DNS label"
_TAKEN: Final = "spec.http.headers: a name that each call has anyway"


def _http(**http: Any) -> Object:
    return http_job(http={"url": URL, **http})


def _asynchronous(**http: Any) -> Object:
    return _http(completion="Async", **http)


def _async_rules() -> Iterator[Rule]:
    says = 'spec.http.completion: Unsupported value: "Later"'
    yield Rule("completion", _asynchronous(), _http(completion="Later"), says)
    for field, most, more in (
        ("heartbeatTimeout", "24h", "1441m"),
        ("completionTimeout", "168h", "10081m"),
    ):
        path = f"spec.http.{field}"
        yield from between(field, path, _asynchronous, ("1s", most), ("999ms", more))
        good, says = _asynchronous(**{field: "1m"}), f"{path}: is for completion Async only"
        yield Rule(f"{field} of Sync", good, _http(completion="Sync", **{field: "1m"}), says)
        yield Rule(f"{field} by default", good, _http(**{field: "1m"}), says)
    both = _asynchronous(heartbeatTimeout="1m", completionTimeout="1m")
    longer = _asynchronous(heartbeatTimeout="61s", completionTimeout="1m")
    says = "spec.http.heartbeatTimeout: must not be above completionTimeout"
    yield Rule("heartbeatTimeout above", both, longer, says)


def _call_rules() -> Iterator[Rule]:
    yield Rule("job name length", http_job("a" * 40), http_job("a" * 41), _NAME)
    yield Rule("job name form", http_job("a-1"), http_job("a.b"), _NAME)
    yield Rule("http", http_job(), without(http_job(), "http"), "spec.http: Required value")
    yield Rule("job field", http_job(), http_job(url=URL), 'unknown field "spec.url"')
    for field in ("url", "fallbackUrl"):
        says = f"spec.http.{field}: must be http:// or https://, a host, and a path; without user"
        for number, (good, bad) in enumerate(
            (
                (URL, "https://user:word@echo.example/"),
                (f"{URL}?a=b", "https://user@echo.example/"),
                ("http://[2001:db8::1]:80/", "ftp://echo.example/"),
                ("http://192.0.2.1", "https:///run"),
                (f"{URL}/%20", f"{URL}/a b"),
                (f"{URL}/a", f"{URL}#part"),
                ("https://a", "echo.example/run"),
            )
        ):
            yield Rule(f"{field} {number}", _http(**{field: good}), _http(**{field: bad}), says)
        long = URL + "x" * (2048 - len(URL))
        good, bad = _http(**{field: long}), _http(**{field: f"{long}x"})
        yield Rule(f"{field} length", good, bad, f"spec.http.{field}: Too long")
    service = {"name": "echo", "port": 80}
    alone = http_job(http={"serviceRef": service})
    both = "spec.http: needs a url or a serviceRef, and not both"
    yield Rule("url and serviceRef", alone, _http(serviceRef=service), both)
    yield Rule("neither url nor serviceRef", _http(), http_job(http={}), both)
    for field, good, bad, words in (
        ("name", "echo-1", "echo.other", "Invalid value"),
        ("name", "a" * 63, "a" * 64, "Too long"),
        ("port", 1, 0, "Invalid value"),
        ("port", 65535, 65536, "Invalid value"),
        ("path", "/a?b=c", "a", "must begin with / and have neither blanks"),
        ("path", "/", "//a b", "must begin with / and have neither blanks"),
    ):
        right, wrong = ({"serviceRef": {**service, field: each}} for each in (good, bad))
        says = f"spec.http.serviceRef.{field}: {words}"
        yield Rule(f"serviceRef {field} {bad}", http_job(http=right), http_job(http=wrong), says)
    yield from between("timeout", "spec.http.timeout", _http, ("100ms", "1h"), ("99ms", "61m"))
    yield from _async_rules()


def _header_rules() -> Iterator[Rule]:
    def of(*headers: Object) -> Object:
        return _http(headers=list(headers))

    def named(name: str) -> Object:
        return of({"name": name, "value": "v"})

    plain = named("X-Team")
    for name in (
        "Content-Type",
        "content-length",
        "HOST",
        "Transfer-Encoding",
        "Connection",
        "Idempotency-Key",
        "traceparent",
        "X-Run-Id",
        "x-job-name",
        "X-Attempt",
        "X-Callback-Token",
        "Webhook-Signature",
    ):
        yield Rule(f"header {name}", named(f"My-{name}"), named(name), _TAKEN)
    says = "spec.http.headers.name: a name has letters, digits and"
    yield Rule("header name", plain, named("X Team"), says)
    says = "spec.http.headers.value: a value has printable ASCII"
    yield Rule("header value", plain, of({"name": "A", "value": "a\nb"}), says)
    source = {"secretKeyRef": KEY}
    says = "spec.http.headers: each needs a value or a valueFrom, and not both"
    good = of({"name": "A", "valueFrom": source})
    both = of({"name": "A", "value": "v", "valueFrom": source})
    yield Rule("header with both", good, both, says)
    yield Rule("header with neither", good, of({"name": "A"}), says)
    twice = of({"name": "A", "value": "1"}, {"name": "A", "value": "2"})
    yield Rule("header twice", plain, twice, "spec.http.headers[1]: Duplicate value")
    many = of(*({"name": f"A{number}", "value": "v"} for number in range(17)))
    yield Rule("headers", plain, many, "spec.http.headers: Too many")
    for number in (0, 3):
        bad = _http(signing={"secretRefs": [KEY] * number})
        good = _http(signing={"secretRefs": [KEY, {**KEY, "key": "old"}]})
        yield Rule(f"{number} signing keys", good, bad, "spec.http.signing.secretRefs")


def _word_rules() -> Iterator[Rule]:
    good = http_job(labels={"team": "a"}, meta={"any thing": "x" * 1024})
    for name, bad, says in (
        ("reserved", http_job(labels={"wavegate.dev/a": "b"}), "spec.labels: keys that begin"),
        ("label", http_job(labels={"a b": "c"}), "spec.labels: each key must be"),
        ("meta", http_job(meta={"k" * 318: "v"}), "spec.meta: each key must have"),
        ("displayName", http_job(displayName="x" * 129), "spec.displayName: Too long"),
        ("description", http_job(description="x" * 1025), "spec.description: Too long"),
    ):
        yield Rule(f"job {name}", good, bad, says)
    good, bad = http_job(revisionHistoryLimit=1000), http_job(revisionHistoryLimit=1001)
    yield Rule("job revisions", good, bad, "spec.revisionHistoryLimit")


def _request_rules() -> Iterator[Rule]:
    yield Rule("run name length", job_run("a" * 40), job_run("a" * 41), _NAME)
    yield Rule("run name form", job_run("a-1"), job_run("a.b"), _NAME)
    yield Rule("run field", job_run(), job_run(run=1), 'unknown field "spec.run"')
    yield Rule("run job", job_run(), without(job_run(), "jobName"), "spec.jobName: Required value")
    good, bad = job_run(jobName="a" * 40), job_run(jobName="a" * 41)
    yield Rule("run job name", good, bad, "spec.jobName: Too long")
    over_nodes = job_run(jobKind="FleetJob")
    says = "spec.jobKind: Unsupported value"
    yield Rule("run kind", over_nodes, job_run(jobKind="JobRun"), says)
    says = "spec.payload: a run of a FleetJob is no call; change spec.config of the FleetJob"
    for number, given in enumerate(({"payload": "{}"}, {"payloadFrom": {"secretKeyRef": KEY}})):
        bad = job_run(jobKind="FleetJob", **given)
        yield Rule(f"payload of a pass {number}", over_nodes, bad, says)
    says = "spec: debug and overrides.timeout are about a call, and a run of a FleetJob is no call"
    for number, given in enumerate(({"debug": True}, {"overrides": {"timeout": "1s"}})):
        bad = job_run(jobKind="FleetJob", **given)
        yield Rule(f"call of a pass {number}", over_nodes, bad, says)
    says = "spec.replayOf: a run of a FleetJob has no payload to repeat; leave it out"
    bad = job_run(jobKind="FleetJob", replayOf="one")
    yield Rule("replay of a pass", over_nodes, bad, says)
    good, bad = job_run(payload="x" * 8192), job_run(payload="x" * 8193)
    yield Rule("payload", good, bad, "spec.payload: Too long")
    good, bad = job_run(payload="ü" * 4096), job_run(payload="ü" * 4097)
    yield Rule("payload in bytes", good, bad, "spec.payload: must be of at most 8 KiB, as UTF-8")
    source = {"configMapKeyRef": KEY}
    kept = job_run(payloadFrom=source)
    bad = job_run(payload="{}", payloadFrom=source)
    yield Rule("payload twice", kept, bad, "spec.payload: cannot be given beside payloadFrom")
    says = "spec.payloadFrom: needs a configMapKeyRef or a secretKeyRef, and not both"
    bad = job_run(payloadFrom={**source, "secretKeyRef": KEY})
    yield Rule("payload from two", kept, bad, says)
    yield Rule("payload from none", kept, job_run(payloadFrom={}), says)
    says = "spec.replayOf: a replay has the payload of the run that it repeats"
    for more in ({"payload": "{}"}, {"payloadFrom": source}):
        good, bad = job_run(replayOf="one"), job_run(replayOf="one", **more)
        yield Rule(f"replay with {next(iter(more))}", good, bad, says)
    for field, most in (("idempotencyKey", 255), ("concurrencyKey", 253)):
        good, bad = job_run(**{field: "k" * most}), job_run(**{field: "k" * (most + 1)})
        yield Rule(f"{field} long", good, bad, f"spec.{field}: Too long")
        yield Rule(f"{field} empty", good, job_run(**{field: ""}), f"spec.{field}")
    for value, wrong in ((0, -1), (10, 11)):
        good, bad = job_run(priority=value), job_run(priority=wrong)
        yield Rule(f"run priority {wrong}", good, bad, "spec.priority")
    good, bad = job_run(notBefore=MOMENT), job_run(notBefore="tomorrow")
    yield Rule("notBefore", good, bad, "spec.notBefore: Invalid value")
    yield from between("ttl", "spec.ttl", job_run, ("1s", "8760h"), ("999ms", "8761h"))

    def overrides(**given: Any) -> Object:
        return job_run(overrides=given)

    def retry(**given: Any) -> Object:
        return overrides(retry=given)

    field = "spec.overrides.timeout"
    yield from between("timeout", field, overrides, ("100ms", "1h"), ("99ms", "61m"))
    for name in ("initialDelay", "maxDelay"):
        field = f"spec.overrides.retry.{name}"
        yield from between(name, field, retry, ("0s", "24h"), ("-1s", "25h"))
    good = retry(strategy="Custom", delays=["1s"])
    says = "spec.overrides.retry.delays: are for the strategy Custom only"
    yield Rule("run delays", good, retry(strategy="Fixed", delays=["1s"]), says)
    good, bad = (retry(initialDelay=each, maxDelay="1s") for each in ("1s", "2s"))
    says = "spec.overrides.retry.initialDelay: must not be above maxDelay"
    yield Rule("run delay above its bound", good, bad, says)
    good, bad = retry(maxAttempts=100), retry(maxAttempts=0)
    yield Rule("run attempts", good, bad, "spec.overrides.retry.maxAttempts")


def _fixed_rules() -> Iterator[Rule]:
    cancel = patch(canceled=True)
    overrides = {"timeout": "1s", "retry": {"delays": ["1s"]}}
    whole = {
        "payload": ("{}", "[]"),
        "idempotencyKey": ("a", "b"),
        "notBefore": (MOMENT, "2026-01-01T00:00:01Z"),
        "metadata": ({"a": "b"}, {"a": "c"}),
        "concurrencyKey": ("a", "b"),
        "ttl": ("1m", "2m"),
        "parentRun": ("a", "b"),
        "continuationOf": ("a", "b"),
        "overrides": (overrides, {"retry": {"delays": ["2s"]}}),
    }
    kept = {"configMapKeyRef": KEY}, {"configMapKeyRef": {**KEY, "key": "b"}}
    others = {"payloadFrom": kept, "replayOf": ("one", "two")}
    # They are kept while other tests make the job that runs are of by default, which ends some.
    nobody = {"jobName": "nobody"}
    full = job_run("fixed", **nobody, **{field: before for field, (before, _) in whole.items()})
    bare = job_run("bare", **nobody)
    for field, (before, after) in {**whole, **others}.items():
        old = (
            full
            if field in whole
            else job_run(f"fixed-{field.lower()}", **nobody, **{field: before})
        )
        says = f"spec.{field}: cannot be changed; ask for another run"
        yield Rule(f"{field} of a run", cancel, patch(**{field: after}), says, old=old)
        yield Rule(f"{field} stays in a run", cancel, patch(**{field: None}), says, old=old)
        yield Rule(f"{field} comes late", cancel, patch(**{field: before}), says, old=bare)
    says = "spec.jobName: cannot be changed; ask for another run"
    yield Rule("jobName of a run", cancel, patch(jobName="other"), says, old=bare)
    says = "spec.jobKind: cannot be changed; ask for another run"
    yield Rule("jobKind of a run", cancel, patch(jobKind="FleetJob"), says, old=bare)
    says = "spec: priority and debug cannot be changed; ask for another run"
    for change in ({"priority": 1}, {"debug": True}):
        name = f"{next(iter(change))} of a run"
        yield Rule(name, cancel, patch(**change), says, old=bare)
    canceled = job_run("canceled", **nobody, canceled=True)
    label = {"metadata": {"labels": {"a": "b"}}}
    for value in (False, None):
        says = "spec.canceled: cannot be taken back; ask for another run"
        yield Rule(f"canceled of a run to {value}", label, patch(canceled=value), says, canceled)
    ended = {**job_run("ended", **nobody), "status": {"phase": "Completed"}}
    says = "spec.canceled: the run has ended already, nothing is left to cancel"
    yield Rule("canceled of an ended run", label, cancel, says, ended)
    yield Rule("run keeps its spec", label, {"spec": None}, "spec: Required value", old=bare)


def _pool_rules() -> Iterator[Rule]:
    yield Rule("pool without max", pool(), without(pool(), "max"), "spec.max: Required")
    yield Rule("pool without window", pool(), without(pool(), "window"), "spec.window: Required")
    for number in (0, 100_001):
        yield Rule(f"pool max {number}", pool(), pool(max=number), "spec.max: Invalid value")
    yield from between("window", "spec.window", _pool_of, ("1s", "24h"), ("999ms", "25h"))
    says = "metadata.name: must be a DNS label"
    for name in ("a" * 41, "a.b"):
        yield Rule(f"pool {name[:3]}", pool("a" * 40), pool(name), says)


def _pool_of(**spec: Any) -> Object:
    return pool(**spec)


RUN_RULES: Final[tuple[Rule, ...]] = (
    *_call_rules(),
    *_header_rules(),
    *runs_rules(http_job),
    *trigger_rules(http_job),
    *_word_rules(),
    *_request_rules(),
    *_fixed_rules(),
    *_pool_rules(),
    *BATCH_RULES,
    *WEBHOOK_RULES,
)
