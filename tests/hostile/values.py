"""Values that nobody expects: what is put in place of a field, or beside it.

All of them can be in a JSON document that etcd holds. Those that are large are as large as
``room`` allows, in characters of JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

Make = Callable[[Random, int], Any]
"""``(rng, room)`` gives a value."""

TIMES: Final = (
    "0001-01-01T00:00:00Z",
    "0000-00-00T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "2024-02-30T12:00:00Z",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "+292277026596-12-04T15:30:08Z",
    "2023-11-14T22:13:20.123456789Z",
    "20231114T221320Z",
    "2023-W46-2",
    "now",
)
DURATIONS: Final = (
    "0s",
    "1ms",
    "-1s",
    "2562047h",
    "9999999999999h",
    "1h1h1h1h1h1h1h1h",
    "1e9s",
    "∞",
)
NUMBERS: Final = (
    *(0, -1, 1, 1.5, 2**31 - 1, 2**31, 2**63 - 1, -(2**63), 2**64, 10**30, -(10**30), 10**300),
    *(1e308, -1e308, 5e-324, -0.0, 0.1 + 0.2),
)
TEXTS: Final = (
    *(
        "",
        " ",
        "\n",
        "\0",
        "\u202egnirts",
        "ﷺ" * 100,
        "e\u0301" * 40,
        "\ud7ff\ue000\uffff",
        "💥" * 63,
    ),
    *(
        "x\n2026-01-01T00:00:00.000Z INFO wavegate.engine.lease: leading as nobody",
        "\x1b[2J\x1b[31m",
    ),
    *(
        "../../../../etc/shadow",
        "/proc/self/environ",
        "$(reboot)",
        "{{ .Values }}",
        "%s%n%x",
        "{0!r}",
    ),
    *(
        "<script>alert(1)</script>",
        "'; DROP TABLE jobs; --",
        "null",
        "NaN",
        "Infinity",
        "true",
        "0x10",
    ),
    *("http://169.254.169.254/latest", "http://[::1]:6443/", "file:///etc/passwd", "http://a@b@c/"),
    *(
        "(a+)+$",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(?P<x>",
        "[" * 50,
        "\\",
        "k in (" + "a," * 200 + "!",
    ),
    *(
        "a" * 64,
        "a" * 254,
        "A" * 317,
        "-",
        ".",
        "a..b",
        "a/b/c",
        "Ä",
        "ß" * 63,
        "1",
        "1%",
        "100%",
        "0%",
    ),
    *(
        "0 0 29 2 1",
        "0 0 30 2 *",
        "*/0 * * * *",
        "0-59/1,0-59/1 0-23 1-31 1-12 0-7",
        "@reboot",
        "* * * * L",
    ),
    *(
        "Europe/Berlin",
        "../../etc/localtime",
        "Etc/GMT+12",
        "UTC\0",
        "Running",
        "Failed",
        "Completed",
    ),
)


def _deep_objects(rng: Random, room: int) -> Any:
    inner: Any = rng.choice([1, None, "x", []])
    for _ in range(min(rng.choice(_DEPTHS), room // 6)):
        inner = {"a": inner}
    return inner


def _deep_lists(rng: Random, room: int) -> Any:
    inner: Any = rng.choice([1, None, "x", {}])
    for _ in range(min(rng.choice(_DEPTHS), room // 2)):
        inner = [inner]
    return inner


_DEPTHS: Final = (20, 90, 99, 140, 190, 250, 900, 1500, 5000, 9900)

SMALL: Final[Mapping[str, Make]] = {
    "null": lambda rng, room: None,
    "a boolean": lambda rng, room: rng.choice([True, False]),
    "a number": lambda rng, room: rng.choice(NUMBERS),
    "a text": lambda rng, room: rng.choice(TEXTS),
    "a time": lambda rng, room: rng.choice(TIMES),
    "a duration": lambda rng, room: rng.choice(DURATIONS),
    "an empty list": lambda rng, room: [],
    "an empty object": lambda rng, room: {},
    "a list of nulls": lambda rng, room: [None] * rng.randint(1, 5),
    "a list of texts": lambda rng, room: rng.choices(TEXTS, k=rng.randint(1, 30)),
    "a list of lists": lambda rng, room: [[] for _ in range(rng.randint(1, 30))],
    "a list of odd objects": lambda rng, room: [
        {rng.choice(TEXTS): rng.choice(NUMBERS)} for _ in range(rng.randint(1, 30))
    ],
    "an odd object": lambda rng, room: {
        rng.choice(TEXTS): rng.choice([None, [], {}, *NUMBERS, *TEXTS]) for _ in range(10)
    },
    "its own name and more": lambda rng, room: {"name": None, "key": [], "type": {}, "uid": 0},
    "deep objects": _deep_objects,
    "deep lists": _deep_lists,
}

LARGE: Final[Mapping[str, Make]] = {
    "one text": lambda rng, room: rng.choice('x \n"') * (room // 2),
    "one text of many bytes": lambda rng, room: "💥" * (room // 12),
    "digits": lambda rng, room: 10 ** min(room, 4000),
    "nulls": lambda rng, room: [None] * (room // 6),
    "ones": lambda rng, room: [1] * (room // 3),
    "empty objects": lambda rng, room: [{} for _ in range(room // 4)],
    "texts of a letter": lambda rng, room: ["a"] * (room // 5),
    "texts, none twice": lambda rng, room: [f"n{number:06}" for number in range(room // 12)],
    "labels": lambda rng, room: {f"k{number:06}": "v" for number in range(room // 16)},
    "unknown fields": lambda rng, room: {f"Field{number}": 1.5 for number in range(room // 22)},
    "named objects": lambda rng, room: [
        {"name": f"n{number}", "type": "Ready", "status": "True"} for number in range(room // 60)
    ],
    "named alike": lambda rng, room: [
        {"name": "main", "key": "k", "image": "i"} for _ in range(room // 50)
    ],
    "lists in lists": lambda rng, room: [[[[[]]]] for _ in range(room // 14)],
    "objects by name": lambda rng, room: {
        f"n{number}": {"name": "x", "value": None} for number in range(room // 44)
    },
}
"""Each of at most ``room`` characters."""
