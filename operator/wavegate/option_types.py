"""What the values of options look like: each raises ArgumentTypeError where one is none."""

from __future__ import annotations

import argparse
import ipaddress
import posixpath
import re
from collections.abc import Callable
from typing import Any, Final

from yarl import URL

from wavegate.api.durations import parse_duration

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def network(text: str) -> IPNetwork:
    """Addresses, in CIDR notation."""
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no network: {error}") from error


def whole(text: str) -> int:
    """A number of things, at least one."""
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 10000")
    return int(text)


def directory(text: str) -> str:
    """A directory of nodes."""
    if posixpath.normpath(text) != text or not text.startswith("/") or text in ("/", "//"):
        raise argparse.ArgumentTypeError(f"{text!r} is not an absolute, normalised path below /")
    return text


def named(text: str) -> tuple[str, str]:
    """``NAME=VALUE``."""
    name, _, value = text.partition("=")
    if not _NAME.fullmatch(name) or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, the name a DNS label")
    return name, value


def source(text: str) -> tuple[str, str]:
    """``NAME=URL`` of what answers queries."""
    name, url = named(text)
    try:
        parts = URL(url)
        is_whole = parts.scheme in ("http", "https") and parts.host and parts.port
        bare = parts.with_user(None).with_query(None).with_fragment(None) == parts
    except ValueError:
        is_whole = bare = False
    if not (is_whole and bare):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not NAME=URL with an address such as https://prometheus:9090, without"
            " a user, a password and a query"
        )
    return name, url


def base_url(text: str) -> str:
    """An address beneath which something is served, without a slash at its end; empty: none."""
    if not text:
        return ""
    url = text.rstrip("/")
    try:
        parts = URL(url)
        bare = parts.with_user(None).with_query(None).with_fragment(None) == parts
        is_whole = parts.scheme in ("http", "https") and parts.host and url.isascii()
    except ValueError:
        is_whole = bare = False
    if not (is_whole and bare and url.isprintable() and " " not in url and len(url) <= 512):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address such as http://operator.example:8090, without a user, a"
            " password and a query"
        )
    return url


def duration(text: str) -> float:
    """Seconds of a duration."""
    return _checked(parse_duration, text, "a duration such as 30m")


def positive(text: str) -> float:
    """A number above 0."""
    value = _checked(float, text, "a number above 0")
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def address(text: str) -> tuple[str, int]:
    """``HOST:PORT``; an IPv6 host may be in brackets."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def _checked(convert: Callable[[str], Any], text: str, what: str) -> float:
    try:
        return float(convert(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}") from error
