"""Where a call goes."""

from __future__ import annotations

from typing import Any

import pytest

from wavegate.api.httpjob import Http
from wavegate.runs.target import endpoint_of, url_of


@pytest.mark.row(
    "HTTPJob.spec.http.url",
    "HTTPJob.spec.http.serviceRef.name",
    "HTTPJob.spec.http.serviceRef.port",
    "HTTPJob.spec.http.serviceRef.path",
)
@pytest.mark.parametrize(
    ("http", "url"),
    [
        ({"url": "https://echo.example/a?b=c"}, "https://echo.example/a?b=c"),
        ({"serviceRef": {"name": "echo", "port": 8080}}, "http://echo.shop.svc:8080/"),
        (
            {"serviceRef": {"name": "echo", "port": 80, "path": "/a?b=c"}},
            "http://echo.shop.svc:80/a?b=c",
        ),
    ],
    ids=["url", "service", "path"],
)
def test_a_call_goes_to_the_url_or_to_a_service_of_the_namespace(
    http: dict[str, Any], url: str
) -> None:
    assert url_of(Http.model_validate(http), "shop") == url


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://echo.example/a", "http://echo.example:80"),
        ("https://echo.example?a=b", "https://echo.example:443"),
        ("http://Echo.example:8080/", "http://echo.example:8080"),
        ("http://[2001:db8::1]:81/", "http://2001:db8::1:81"),
    ],
)
def test_an_endpoint_is_scheme_host_and_port(url: str, endpoint: str) -> None:
    assert endpoint_of(url) == endpoint
