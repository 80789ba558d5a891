"""kubectl's options, with kubectl's names and meanings."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Target:
    """Which cluster, which namespace, and as whom. None: as the kubeconfig says."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None
    impersonated: str | None = None

    def over(self, below: Target | None) -> Target:
        """This one, with what it leaves open taken from ``below``."""
        if below is None:
            return self
        return Target(
            self.namespace or below.namespace,
            self.context or below.context,
            self.kubeconfig or below.kubeconfig,
            self.impersonated or below.impersonated,
        )


def connection_options(function: Command) -> Command:
    """``-n``, ``--context``, ``--kubeconfig`` and ``--as``, passed on as ``target``.

    They may stand before the command or behind it.
    """

    @click.option("-n", "--namespace", metavar="NAME", help="Namespace (default: the context's).")
    @click.option("--context", metavar="NAME", help="Context of the kubeconfig to use.")
    @click.option("--kubeconfig", metavar="FILE", help="The kubeconfig (default: $KUBECONFIG).")
    @click.option("--as", "impersonated", metavar="USER", help="Act as this user.")
    @click.pass_context
    @functools.wraps(function)
    def wrapped(
        ctx: click.Context,
        /,
        namespace: str | None,
        context: str | None,
        kubeconfig: str | None,
        impersonated: str | None,
        **others: Any,
    ) -> Any:
        given = Target(namespace, context, kubeconfig, impersonated)
        below = ctx.parent.obj if ctx.parent is not None else None
        return function(target=given.over(below), **others)

    return wrapped  # type: ignore[return-value]


def output_option(*formats: str) -> Callable[[Command], Command]:
    """``-o`` with these formats, passed on as ``output``; empty: for people."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(formats),
        metavar="|".join(formats),
        callback=lambda _ctx, _param, value: value or "",
        help="How to print it.",
    )


def all_namespaces_option(function: Command) -> Command:
    """``-A``, passed on as ``everywhere``."""
    return click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="All of them.")(
        function
    )


def selector_option(function: Command) -> Command:
    """``-l``, passed on as ``labels``."""
    return click.option(
        "-l", "--selector", "labels", default="", metavar="LABELS", help="Only with these labels."
    )(function)
