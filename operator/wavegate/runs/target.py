"""Where a run's call goes."""

from __future__ import annotations

from urllib.parse import urlsplit

from wavegate.api.httpjob import Http

_PORTS = {"http": 80, "https": 443}


def url_of(http: Http, namespace: str) -> str:
    """The address that is called; a Service by its name in the cluster."""
    if http.url is not None:
        return http.url
    assert http.service_ref is not None
    service = http.service_ref
    return f"http://{service.name}.{namespace}.svc:{service.port}{service.path}"


def endpoint_of(url: str) -> str:
    """``scheme://host:port``, by which endpoints are told apart."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    return f"{parts.scheme}://{parts.hostname or ''}:{port or _PORTS.get(parts.scheme, 0)}"
