"""Replacing a piece of the operator by a wrong one, while a test runs.

A mutant names a function or method, a piece of its text and another one. Where the text is not
there exactly once, or the function has moved, applying it is an error: a mutant that changes
nothing would survive and say nothing.
"""

from __future__ import annotations
import __future__

import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any


class MovedError(AssertionError):
    """The code that a mutant replaces is not what it was."""


@dataclass(frozen=True)
class Mutant:
    """``target``: module, colon, function or Class.method; ``plans``: those that have to kill it.

    Each of ``plans`` is the text of a fault plan.
    """

    target: str
    old: str
    new: str
    plans: tuple[str, ...]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The operator is wrong until this is left."""
        module_name, _, path = self.target.partition(":")
        module = importlib.import_module(module_name)
        owner, name, original = _find(module, path, self.target)
        places = [(owner, name, original)]
        if owner is module:
            places = [
                (each, name, original)
                for key, each in list(sys.modules.items())
                if key.split(".")[0] == "wavegate" and vars(each).get(name) is original
            ]
        wrong = self._made(module, name, original)
        for where, attribute, _ in places:
            setattr(where, attribute, wrong)
        try:
            yield
        finally:
            for where, attribute, right in places:
                setattr(where, attribute, right)

    def _made(self, module: ModuleType, name: str, original: Any) -> Any:
        function = original.fget if isinstance(original, property) else original
        source = textwrap.dedent(inspect.getsource(function))
        found = source.count(self.old)
        if found != 1:
            raise MovedError(f"{self.target} has {found} times {self.old!r}:\n{source}")
        flags = __future__.annotations.compiler_flag
        code = compile(source.replace(self.old, self.new), self.target, "exec", flags)
        scope: dict[str, Any] = {}
        exec(code, vars(module), scope)
        return scope[name]


def _find(module: ModuleType, path: str, target: str) -> tuple[Any, str, Any]:
    owner: Any = module
    *outer, name = path.split(".")
    try:
        for each in outer:
            owner = vars(owner)[each]
        return owner, name, vars(owner)[name]
    except KeyError as error:
        raise MovedError(f"{target} is gone: {error}") from error
