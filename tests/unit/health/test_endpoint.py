"""An administrator's address with its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from wavegate.health.endpoint import Endpoint, Trust
from wavegate.health.parse import UnreadableError

ADDRESS = "https://prometheus:9090"


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        (ADDRESS, "https://prometheus:9090/api/v1/query"),
        ("http://thanos/prom/", "http://thanos/prom/api/v1/query"),
        ("http://[::1]:9090", "http://[::1]:9090/api/v1/query"),
    ],
)
def test_queries_are_sent_below_the_address(url: str, asked: str) -> None:
    assert str(Endpoint(url).query_url) == asked


def test_without_files_nobody_is_told_who_we_are_and_the_system_says_whom_to_trust() -> None:
    assert Endpoint(ADDRESS).headers() == {}
    assert Trust(Endpoint(ADDRESS)).context() is True


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(None, "the token file .*: No such file", id="no file"),
        pytest.param(b" \n", "does not hold one token", id="empty"),
        pytest.param(b"a\r\nHost: b", "does not hold one token", id="a header of its own"),
        pytest.param("ä".encode(), "does not hold one token", id="other letters"),
        pytest.param(b"\xff", "the token file .*: is no text", id="not UTF-8"),
    ],
)
def test_a_token_that_is_none(tmp_path: Path, text: bytes | None, message: str) -> None:
    file = tmp_path / "token"
    if text is not None:
        file.write_bytes(text)
    with pytest.raises(UnreadableError, match=message):
        Endpoint(ADDRESS, token_file=str(file)).headers()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(None, "the CA file .*: No such file", id="no file"),
        pytest.param("", "the CA file ", id="empty"),
        pytest.param("nonsense", "the CA file ", id="no certificate"),
        pytest.param("-----BEGIN CERTIFICATE-----\nx\n", "the CA file ", id="cut off"),
    ],
)
def test_an_authority_that_is_none(tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "ca"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UnreadableError, match=message):
        Trust(Endpoint(ADDRESS, ca_file=str(file))).context()
