"""The rules of healthCheck.errorRate, as ``api_rules`` has those of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Object = dict[str, Any]


def source_rules(rule: Callable[..., Any], health: Callable[..., Object]) -> Iterator[Any]:
    """``rule`` makes a row of a good and a bad object, ``health`` an object with a health check."""

    def metrics(**more: Any) -> Object:
        pod = {"port": 8080, "errors": ["e"], "total": ["t"], **more}
        made: Object = health(errorRate={"podMetrics": pod})
        return made

    source = "healthCheck.errorRate.podMetrics"
    one = "healthCheck.errorRate: give exactly one of podMetrics and prometheus"
    yield rule("errorRate", metrics(), health(errorRate={}), one)
    yield rule("port low", metrics(port=1), metrics(port=0), f"{source}.port")
    yield rule("port high", metrics(port=65535), metrics(port=65536), f"{source}.port")
    yield rule("path", metrics(path="/m?x=1"), metrics(path="m"), f"{source}.path")
    yield rule("format", metrics(format="JSON"), metrics(format="json"), f"{source}.format")
    yield rule("errors", metrics(errors=["a", "b"]), metrics(errors=[]), f"{source}.errors")
    yield rule("total", metrics(total=["a", "b"]), metrics(total=["a", "a"]), f"{source}.total[1]")

    def queries(**more: Any) -> Object:
        text = "sum by (node) (last_over_time(x[$window]))"
        asked = {"source": "main", "errorQuery": text, "totalQuery": text, **more}
        made: Object = health(errorRate={"prometheus": asked})
        return made

    both = {"podMetrics": {"port": 1, "errors": ["e"], "total": ["t"]}}
    both["prometheus"] = {"source": "a", "errorQuery": "[$window]", "totalQuery": "[$window]"}
    yield rule("one source", queries(), health(errorRate=both), one)
    source = "healthCheck.errorRate.prometheus"
    address = queries(source="http://10.0.0.1:9090")
    yield rule("source", queries(source="a-1"), address, f"{source}.source")
    for field in ("errorQuery", "totalQuery"):
        old = queries(**{field: "last_over_time(x[5m])"})
        yield rule(field, queries(), old, f"{source}.{field}: must read its counters over [$window")
        long = queries(**{field: "[$window]" + "x" * 2040})
        yield rule(f"{field} length", queries(), long, f"{source}.{field}: Too long")
