"""Cycles: jobs that depend on each other in a circle, so that none of their runs can be the first.

A job that names itself is refused when it is applied. A longer circle is made by two writes of
which neither is wrong by itself, so it is found here, and their runs are held.
"""

from __future__ import annotations

from collections.abc import Callable, Collection


def cycle(
    job: str, depends_on: Callable[[str], Collection[str]], *, through: str
) -> tuple[str, ...]:
    """The shortest way from a job back to itself, both ends included; empty: there is none.

    ``depends_on``: those that a job depends on, by reference; ``through``: the first of them.
    """
    ways: dict[str, tuple[str, ...]] = {through: (job, through)}
    seen = {through}
    while ways:
        if job in ways:
            return ways[job]
        further: dict[str, tuple[str, ...]] = {}
        for name, way in ways.items():
            further |= {
                each: (*way, each)
                for each in depends_on(name)
                if each not in seen and each not in further
            }
        seen |= further.keys()
        ways = further
    return ()
