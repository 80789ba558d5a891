"""``python -m search``: look at everything that can happen in a small world.

Without arguments the scopes of `SCOPES`, one after the other; with a path (``Canary 2: 12
edit 25 away-n00 8``) that path, in words, and then on until nothing is due any more.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys

from search.explore import Result, Search
from search.paths import Path, told, walk
from search.scopes import SCOPES
from search.state import Scope

COMMAND = "make search STEPS="


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m search", description=__doc__)
    parser.add_argument("path", nargs="?", help="text of one path")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (default: processors)")
    given = parser.parse_args(arguments)
    if given.path:
        points = list(walk(Path.parse(given.path), to_the_end=True))
        print(told(points))
        return 1 if points[-1].wrong else 0
    with multiprocessing.Pool(given.jobs) as pool:
        results = pool.map(_search, SCOPES, chunksize=1)
    states, transitions = (
        sum(getattr(each, name) for each in results) for name in ("states", "transitions")
    )
    seconds = sum(each.seconds for each in results)
    print(f"{states} states, {transitions} transitions, {seconds:.0f} s of a processor")
    return 1 if any(each.wrong for each in results) else 0


def _search(scope: Scope) -> Result:
    def tell(result: Result) -> None:
        left = f"{result.left} to be looked at" if result.left else "all looked at"
        print(
            f"{scope}: {result.states} states, {left}; {result.transitions} transitions, depth"
            f" {result.depth}, {result.ends} ends, {result.seconds:.0f} s of a processor",
            flush=True,
        )

    result = Search(scope, tell=tell).run()
    tell(result)
    if result.wrong:
        path = Path(scope.strategy, scope.nodes, tuple(result.path))
        print(told(list(walk(path, to_the_end=True))))
        print(f"WRONG {result.wrong.splitlines()[0]}\n  {COMMAND}'{path}'", flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
