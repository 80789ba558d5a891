"""How the demonstration is shown: a live tree on a terminal, else a line for each change."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from demo.kubectl import Document
from demo.observer import Seen
from wavegate.cli.sight import execution_message, execution_state
from wavegate.cli.tree import tree


@dataclass(frozen=True)
class Outcome:
    """How an act ended."""

    title: str
    expected: str
    seen: str
    problems: Sequence[str]
    """What is not as it should be; empty where all is well."""
    seconds: float


class View:
    """Shows what happens. ``live``: whether there is a terminal to draw on."""

    def __init__(self, console: Console, *, live: bool) -> None:
        self._console = console
        self._begun = time.monotonic()
        self._live = Live(console=console, refresh_per_second=4, transient=True) if live else None
        self._said: dict[str, str] = {}
        self._title = ""

    def __enter__(self) -> View:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str) -> None:
        """A line of its own."""
        self._console.print(f"{self._elapsed()} {text}", markup=False, highlight=False)

    def begin(self, number: int, title: str) -> None:
        self._title = f"Act {number}: {title}"
        self._console.print(Text(f"\n{self._elapsed()} {self._title}", style="bold"))

    def show(self, seen: Seen) -> None:
        """Draw the tree, or print what has changed since the last time."""
        if self._live is not None:
            self._live.update(tree(seen, self._title))
            return
        for key, text in lines(seen):
            if self._said.get(key) != text:
                self._said[key] = text
                self.say(text)

    def end(self, outcome: Outcome) -> None:
        """Say how an act ended."""
        said = f"WRONG: {'; '.join(outcome.problems)}" if outcome.problems else "as expected"
        self.say(f"{said}, after {outcome.seconds:.1f} s: {outcome.seen}")

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """The summary."""
        if self._live is not None:
            self._live.stop()
        self._console.print(summary(outcomes))

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self._begun:6.1f} s"


def lines(seen: Seen) -> list[tuple[str, str]]:
    """What can be said, each with the key of what it is about."""
    found = [("job", f"job: {seen.state}: {seen.message}")] if seen.state else []
    for each in seen.deployments:
        name = each["metadata"]["name"]
        status = each.get("status") or {}
        if status.get("state"):
            found.append((f"rollout {name}", f"  {name}: {status['state']} {status['reason']}"))
    executions = sorted(seen.executions, key=lambda each: int(each["spec"]["attempt"]))
    return found + [(each["metadata"]["name"], f"    {_node_line(each)}") for each in executions]


def summary(outcomes: Sequence[Outcome]) -> Text:
    """Two lines for each act: whether it ended as it should, and how."""
    text = Text("What was shown", style="bold")
    for outcome in outcomes:
        good = not outcome.problems
        said = (
            outcome.seen if good else f"expected {outcome.expected}; {'; '.join(outcome.problems)}"
        )
        text.append(f"\n  {'ok' if good else 'WRONG':<5} {outcome.seconds:6.1f} s  ")
        text.append(outcome.title)
        text.append(f"\n{'':18}{said}", style="green" if good else "red")
    return text


def _node_line(execution: Document) -> str:
    spec, message = execution["spec"], execution_message(execution)
    wave = f"wave {spec['rolloutWave']}" if spec["rolloutWave"] else "fallback or joiner"
    said = f": {message}" if message else ""
    who = f"{spec['nodeName']} v{spec['jobVersion']}"
    return f"{who} ({wave}) {execution_state(execution)}{said}"
