"""What a profile says, as text: what a pass and an execution cost, and the top of the samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, Final

from bench.profile.flames import LOOP, OPERATOR, SIMULATED, START, Profile

TOP: Final = 20
"""Functions that are named."""


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the values that so many of them do not exceed; ``ordered`` is not empty."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def simulation(
    about: str, versions: Mapping[str, Any], acts: Sequence[Mapping[str, Any]], profile: Profile
) -> str:
    """The report on a simulated fleet; ``acts`` as `workload.play` gives them."""
    rows = [_act(act) for act in acts]
    cpu = sum(act["cpu_seconds"] for act in acts) * profile.share
    made = sum(act["executions"] for act in acts)
    cost = f"{cpu:.2f} s of a processor, {1000 * cpu / made:.2f} ms per execution"
    return "\n".join(
        [
            _title(about, versions),
            "",
            "| act | executions | passes | pass p50 ms | p99 ms | max ms | CPU s, all |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
            f"Operator: {cost}, by its share of the samples ({profile.share:.0%}).",
            "",
            *_tables(profile),
        ]
    )


def process(about: str, versions: Mapping[str, Any], used: float, profile: Profile) -> str:
    """The report on a running process that has used so many seconds of a processor."""
    first = f"It used {used:.2f} s of a processor."
    return "\n".join([_title(about, versions), "", first, "", *_tables(profile)])


def _title(about: str, versions: Mapping[str, Any]) -> str:
    return (
        f"Profile of {about}; commit {versions['commit']}, code {versions['code']},"
        f" Python {versions['python']}"
    )


def _act(act: Mapping[str, Any]) -> str:
    passes = act["passes"]
    times = [1000 * quantile(passes, share) for share in (0.5, 0.99, 1.0)]
    cells = [act["act"], act["executions"], len(passes), *(f"{each:.1f}" for each in times)]
    return "| " + " | ".join(map(str, [*cells, f"{act['cpu_seconds']:.2f}"])) + " |"


def _tables(profile: Profile) -> list[str]:
    all_of_it = profile.samples[OPERATOR]
    counts = ", ".join(
        f"{profile.samples[whose]} {words}"
        for whose, words in (
            (OPERATOR, "of the operator"),
            (SIMULATED, "of the simulated cluster"),
            (LOOP, "of the event loop"),
            (START, "of the start"),
        )
    )
    lines = [f"Samples: {counts}. Shares are of the operator's.", ""]
    lines += ["| part, with the libraries that it calls | share |", "| --- | --- |"]
    lines += [f"| {name} | {n / all_of_it:.1%} |" for name, n in profile.parts.most_common() if n]
    lines += ["", "| function | itself | with what it calls |", "| --- | --- | --- |"]
    top = _top(profile)
    lines += [
        f"| {name} | {profile.own[name] / all_of_it:.1%} | {n / all_of_it:.1%} |" for name, n in top
    ]
    return lines


def _top(profile: Profile) -> list[tuple[str, int]]:
    """Those with most samples of their own, and those with most in all, by the latter."""
    names = {name for name, _ in profile.own.most_common(TOP)}
    names |= {name for name, _ in profile.inclusive.most_common(TOP)}
    return Counter({name: profile.inclusive[name] for name in names}).most_common()
