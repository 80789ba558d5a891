"""Whose certificate is trusted."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from support.endpoints import body, heard, says

AUTHORITY = """
[ca]
default_ca = it
[it]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = {name}
"""


class Certificate:
    """One for this name and these days, which is its own authority."""

    def __init__(self, directory: Path, name: str, until: str) -> None:
        directory.mkdir()
        self._directory = directory
        (directory / "index").touch()
        (directory / "serial").write_text("01\n")
        (directory / "config").write_text(AUTHORITY.format(name=name))
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        self._openssl("req", "-new", *key, "-keyout", "key", "-out", "request", "-subj", "/CN=x")
        self._openssl(
            *("ca", "-config", "config", "-batch", "-selfsign", "-notext"),
            *("-keyfile", "key", "-in", "request", "-out", "certificate"),
            *("-startdate", "20200101000000Z", "-enddate", until),
        )

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(
            ["openssl", *arguments], cwd=self._directory, check=True, capture_output=True
        )

    def of_server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._directory / "certificate", self._directory / "key")
        return context

    def trusted(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._directory / "certificate")


FAR, PAST = "20990101000000Z", "20200201000000Z"


@pytest.mark.parametrize(
    ("name", "until", "trusted", "message"),
    [
        pytest.param("IP:127.0.0.1", FAR, True, "", id="good"),
        pytest.param("IP:127.0.0.1", FAR, False, "self-signed certificate", id="nobody's"),
        pytest.param("IP:127.0.0.1", PAST, True, "certificate has expired", id="expired"),
        pytest.param(
            "DNS:other.example",
            FAR,
            True,
            "IP address mismatch, certificate is not valid for '127.0.0.1'.",
            id="another's",
        ),
    ],
)
async def test_a_certificate(serve, tmp_path, name, until, trusted, message):
    certificate = Certificate(tmp_path / "it", name, until)
    served = await serve(says(body(b"ok")), tls=certificate.of_server())
    told = await heard(
        f"https://127.0.0.1:{served.port}/", trust=certificate.trusted() if trusted else True
    )
    if message:
        assert told.failure == "TlsFailed"
        assert told.message == f"no TLS with 127.0.0.1: {message}"
        assert served.requests == []
    else:
        assert (told.failure, told.result) == (None, "ok")


async def test_a_server_without_tls(serve):
    served = await serve(says(body(b"ok")), takes_request=False)
    told = await heard(f"https://127.0.0.1:{served.port}/")
    assert told.failure == "TlsFailed"
    assert told.message.startswith("no TLS with 127.0.0.1: ")


async def test_a_handshake_that_is_broken_off(serve):
    async def closes(reader, writer) -> None:
        await reader.read(1)

    served = await serve(closes, takes_request=False)
    told = await heard(f"https://127.0.0.1:{served.port}/")
    assert told.failure == "ConnectFailed"
