"""Campaigns: thousands of runs on all processors, each known and repeated by its text.

Progress is told; what fails is printed with the command that repeats it. A campaign that was broken
off goes on where it was, if it is given the file in which it keeps what it has done. A part of one
is chosen by what each run is as text, so that the choice is the same each time and does not depend
on which others there are.
"""

from __future__ import annotations

import argparse
import functools
import gc
import hashlib
import itertools
import multiprocessing
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

TOLD_EACH: Final = 250
TOLD_EACH_LONG: Final = 5
"""Runs after which progress is told."""

SHOWN: Final = 6
"""Lines of what is wrong with a run."""

_CHUNK: Final = 4
"""Runs that a process takes at a time, where they are short."""


@dataclass(frozen=True)
class Outcome:
    """What is kept of a run. ``wrong``: empty where all is well; ``counts`` are summed over all."""

    text: str
    wrong: str = ""
    counts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Shard:
    """The ``number``-th of ``total`` parts, from 1."""

    number: int = 1
    total: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """From ``3/8``."""
        number, total = map(int, text.split("/"))
        if not 1 <= number <= total:
            raise ValueError(f"{text!r} is no shard: 3/8 is the third of eight")
        return cls(number, total)

    def has(self, text: str) -> bool:
        return digest(text) % self.total == self.number - 1


@dataclass(frozen=True)
class Campaign:
    """``runs`` makes the texts of all runs, ``do`` is one of them, in a process of its own."""

    name: str
    doc: str
    command: str
    """What repeats a run, before its text."""
    runs: Callable[[], Iterator[str]]
    do: Callable[[str], Outcome]
    repeat: Callable[[str], int]
    """Does one run and prints all of it; the exit code."""
    quiet: Callable[[], None]
    """Keeps the operator's log from being printed."""
    told: Callable[[int, Counter[str]], str]
    """The closing words, of how many runs and of their counts."""
    long: bool = False
    """Whether a run takes many seconds: then each is handed out alone, and progress told soon."""

    def main(self, arguments: list[str] | None = None) -> int:
        parser = argparse.ArgumentParser(prog=f"python -m {self.name}", description=self.doc)
        parser.add_argument("run", nargs="?", help="text of one run")
        parser.add_argument("--shard", type=Shard.parse, default=Shard(), metavar="N/OF")
        parser.add_argument(
            "--only", default="", metavar="TEXT", help="runs that have this in them"
        )
        parser.add_argument("--list", action="store_true", help="print the runs, do none")
        parser.add_argument("--done", type=Path, metavar="FILE", help="runs that were done before")
        parser.add_argument("--most", type=int, metavar="N", help="no more than so many runs")
        parser.add_argument("--jobs", type=int, metavar="N", help="processes (default: processors)")
        given = parser.parse_args(arguments)
        if given.run:
            return self.repeat(given.run)
        self.quiet()
        chosen = (each for each in self.runs() if given.shard.has(each) and given.only in each)
        runs = list(itertools.islice(chosen, given.most))
        if given.list:
            print("\n".join(runs))
            return 0
        return self._all(runs, given.done, given.jobs)

    def _all(self, runs: Iterable[str], kept: Path | None, jobs: int | None) -> int:
        done = set(kept.read_text().splitlines()) if kept and kept.exists() else set()
        left = [each for each in runs if each not in done]
        print(f"{len(left)} runs to do, {len(done)} were done before", flush=True)
        begun = time.monotonic()
        number, failed, counts, broken_off = 0, 0, Counter[str](), False
        attempt = functools.partial(_attempt, self.do)
        chunk, told_each = (1, TOLD_EACH_LONG) if self.long else (_CHUNK, TOLD_EACH)
        with multiprocessing.Pool(jobs, _begin_worker, [self.quiet]) as pool:
            try:
                for outcome in pool.imap_unordered(attempt, left, chunksize=chunk):
                    number, failed = number + 1, failed + bool(outcome.wrong)
                    counts.update(outcome.counts)
                    self._keep(outcome, kept)
                    if number % told_each == 0:
                        minutes = (len(left) - number) * (time.monotonic() - begun) / number / 60
                        told = f"{number} of {len(left)}, {failed} failed, {minutes:.0f} min left"
                        print(told, flush=True)
            except KeyboardInterrupt:
                broken_off = True
                goes_on = f"DONE={kept} goes on there" if kept else "DONE=FILE would keep it"
                print(f"broken off after {number} of {len(left)}: {goes_on}")
        seconds = time.monotonic() - begun
        simulated = f" {counts['hours']:.0f} simulated hours," if "hours" in counts else ""
        print(
            f"{self.told(number, counts)}; {len(done)} runs more were done before; {failed} failed;"
            f"{simulated} {seconds:.0f} s"
        )
        return 130 if broken_off else 1 if failed or not (number or done) else 0

    def _keep(self, outcome: Outcome, kept: Path | None) -> None:
        if outcome.wrong:
            why = "\n       ".join(outcome.wrong.splitlines()[:SHOWN])
            print(f"FAILED {self.command}'{outcome.text}'\n       {why}", flush=True)
        elif kept is not None:
            with kept.open("a") as file:
                file.write(f"{outcome.text}\n")


def digest(text: str) -> int:
    """The same number in each run."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def sample(things: Iterable[T], share: int, seed: int) -> Iterator[T]:
    """One of ``share`` things, chosen by the seed."""
    return (each for each in things if digest(f"{seed} {each}") % share == 0)


def collect_rarely() -> None:
    """What is there by now stays, and a run leaves little rubbish: 8 % faster by this."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def _begin_worker(quiet: Callable[[], None]) -> None:
    quiet()
    collect_rarely()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever began them ends them


def _attempt(do: Callable[[str], Outcome], text: str) -> Outcome:
    try:
        return do(text)
    except Exception:  # of the campaign itself: one run that breaks is not to end the others
        return Outcome(text, traceback.format_exc())
