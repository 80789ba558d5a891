"""A flame graph of py-spy, read back: whose each sample is, and which functions have most of them.

A sample is one stack. It is the operator's where the operator called what ran, libraries included;
the simulated cluster's where that did; else that of the start, until the event loop runs, or of the
loop itself. So a call of the operator to the simulated server ends the operator's part, and the
simulated kopf's call of a handler begins it again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

_FG: Final = "{http://github.com/jonhoo/inferno}"
_SVG: Final = "{http://www.w3.org/2000/svg}"
_TITLE: Final = re.compile(r"(?P<name>.*) \((?P<file>.*):(?P<line>\d+)\) \([\d,]+ samples?, .*\)")

OPERATOR: Final = "operator"
SIMULATED: Final = "simulated"
LOOP: Final = "event loop"
START: Final = "start"

_LOOP: Final = "_run_once"
"""The method of an event loop in which everything runs."""
_ENTRIES: Final = "wavegate/handlers/"
"""What of the operator is called by the simulated cluster."""


@dataclass
class Frame:
    """A function in the stacks that lead to it. ``samples`` includes what it called."""

    name: str
    file: str
    line: int
    samples: int
    callees: list[Frame] = field(default_factory=list)

    @property
    def own(self) -> int:
        """Samples in which the function itself ran."""
        return self.samples - sum(each.samples for each in self.callees)

    @property
    def function(self) -> str:
        """As it is told."""
        return f"{self.name} ({self.file}:{self.line})" if self.file else self.name


@dataclass(frozen=True)
class Profile:
    """Samples by whose they are; of the operator's, by function and by the part that called it."""

    samples: Counter[str]
    own: Counter[str]
    inclusive: Counter[str]
    parts: Counter[str]

    @property
    def share(self) -> float:
        """The operator's, of the samples since its start."""
        return self.samples[OPERATOR] / max(1, self.samples.total() - self.samples[START])


def read(svg: Path) -> Frame:
    """The frame that all others are in. ValueError where the file is no flame graph of py-spy."""
    rows: dict[float, list[tuple[int, Frame]]] = {}
    for group in ET.parse(svg).getroot().iter(f"{_SVG}g"):
        title, rect = group.find(f"{_SVG}title"), group.find(f"{_SVG}rect")
        if title is None or rect is None:
            continue
        frame = _frame(title.text or "", int(rect.attrib[f"{_FG}w"]))
        row = rows.setdefault(float(rect.attrib["y"]), [])
        row.append((int(rect.attrib[f"{_FG}x"]), frame))
    if not rows:
        raise ValueError(f"{svg} holds no frames")
    above: list[tuple[int, Frame]] = []
    for _, row in sorted(rows.items()):
        for x, frame in row:
            for at, caller in above:
                if at <= x < at + caller.samples:
                    caller.callees.append(frame)
        above = row
    (top,) = rows[min(rows)]
    return top[1]


def _frame(title: str, samples: int) -> Frame:
    found = _TITLE.fullmatch(title)
    if not found:  # the top
        return Frame(title.partition(" (")[0], "", 0, samples)
    return Frame(found["name"], found["file"], int(found["line"]), samples)


def digest(top: Frame) -> Profile:
    """Count the samples under ``top``."""
    made = Profile(Counter(), Counter(), Counter(), Counter())
    for stack, whose, part in _walk(top):
        frame = stack[-1]
        made.samples[whose] += frame.own
        if whose != OPERATOR:
            continue
        made.own[frame.function] += frame.own
        made.parts[part] += frame.own
        for function in {each.function for each in stack}:
            made.inclusive[function] += frame.own
    return made


def _walk(top: Frame) -> Iterator[tuple[Sequence[Frame], str, str]]:
    """Each frame with the stack from whoever's it is, whose it is, and the package it is for."""
    waiting: list[tuple[list[Frame], str, str]] = [([top], START, "")]
    while waiting:
        stack, whose, part = waiting.pop()
        yield stack, whose, part
        for frame in stack[-1].callees:
            now = _owner(whose, frame)
            of = part
            if now == OPERATOR and frame.file.startswith("wavegate/"):
                of = "/".join(frame.file.split("/")[:2])
            waiting.append(([*stack, frame] if now == whose else [frame], now, of))


def _owner(caller: str, frame: Frame) -> str:
    if frame.name.endswith(_LOOP):
        return LOOP
    if caller == START:
        return START
    if frame.file.startswith(("wavegate/simulation/", "bench/")):
        return SIMULATED
    if frame.file.startswith(_ENTRIES):
        return OPERATOR
    if frame.file.startswith("wavegate/") and caller != SIMULATED:
        return OPERATOR
    return caller
