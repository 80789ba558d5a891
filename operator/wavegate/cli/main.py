"""The entry point: which commands there are, and how errors become exit codes.

A command's module is imported when it is used, so that ``version`` and ``--help`` start at once;
their one line each stands here for that reason, and a test holds it against the command's own.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from wavegate.cli.errors import INTERRUPTED, WRONG, CliError
from wavegate.cli.options import Target, connection_options

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "get": ("get", "The tree of a job: its rollout, waves and nodes."),
    "list": ("listing", "Jobs with their state, one a line."),
    "status": ("status", "Where a job is; with --wait, until its rollout has ended."),
    "why": ("why", "What a job, rollout, execution or run waits for, and who can help."),
    "history": ("history", "The versions of a job and how their rollouts ended."),
    "report": ("report", "One rollout as a picture: nodes by wave over time, windows, decisions."),
    "events": ("events", "What happened to a job, oldest first."),
    "plan": ("plan", "What applying a job would do."),
    "diff": ("diff", "What applying a job would change in its spec."),
    "lint": ("lint", "What is wrong with files, without a cluster."),
    "promote": ("verbs", "Pass the canary gate."),
    "pause": ("verbs", "Take no further node; what runs goes on."),
    "resume": ("verbs", "Go on with a rollout that was paused."),
    "cancel": ("verbs", "End a rollout where it is: no further node, no rollback."),
    "restart": ("made", "Roll the stable version out anew, or try another again."),
    "rollback": ("made", "Go back to a version that was stable."),
    "stop": ("made", "Stop every execution of a job."),
    "suspend": ("suspending", "Stop a job until it is unsuspended, by its spec."),
    "unsuspend": ("suspending", "Start a suspended job again, by its spec."),
    "trigger": ("trigger", "Ask for a run of a job."),
    "runs": ("runs", "Runs of jobs: list, get, bulk, cancel, replay, dead-letters."),
    "health": ("health", "How the runs of HTTPJobs have ended, as a score."),
    "ticks": ("ticks", "The next ticks of a schedule, and what holds their runs."),
    "enable": ("enabling", "Let jobs tick and their runs start again, by their spec."),
    "disable": ("enabling", "Stop jobs: no tick, no run starts, until enabled."),
    "clone": ("clone", "Another HTTPJob with the same spec, suspended."),
    "logs": ("logs", "The logs of a job's pods, each line with its node."),
    "check": ("check", "Whether the cluster and the rights are as they have to be."),
    "completion": ("completion", "The script that completes commands and names."),
    "uninstall": ("uninstall", "Delete all jobs, and say what is left to do."),
    "version": ("version", "The version of this program."),
}
"""Name: the module in `commands`, and the line of ``--help``."""


_EXTRA: Final = ("rich", "celpy")
"""Packages of the extra ``cli`` that the operator does without."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"wavegate.cli.commands.{COMMANDS[cmd_name][0]}")
        attribute = "list_" if cmd_name == "list" else cmd_name.replace("-", "_")
        found: click.Command = getattr(module, attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


EPILOG: Final = (
    "Flags are kubectl's, and mean the same. What is asked for goes to stdout, words to stderr."
    " Exit codes: 0 done, 1 the answer is no, 2 could not be carried out, 3 time over."
)


@click.command(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@connection_options
@click.pass_context
def cli(ctx: click.Context, target: Target) -> None:
    """Rolls jobs out to labelled nodes, runs HTTP jobs, and says what they wait for."""
    ctx.obj = target


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    name = Path(sys.argv[0]).name
    program = "kubectl wavegate" if name.startswith("kubectl-") else "wavegate"
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        outcome: Any = cli.main(given, prog_name=program, standalone_mode=False)
    except CliError as error:
        click.echo(f"error: {error}", err=True)
        return error.code
    except click.exceptions.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA:
            raise
        click.echo(f"error: {missing} is missing: pip install 'wavegate[cli]'", err=True)
        return WRONG
    return outcome if isinstance(outcome, int) else 0


def run() -> None:
    """The console script."""
    sys.exit(main())


if __name__ == "__main__":
    run()
