"""The tree on a terminal, once or live; without a terminal a line for each change."""

from __future__ import annotations

from rich.console import Console
from rich.live import Live

from wavegate.cli.cluster import Cluster, Follower
from wavegate.cli.errors import CliError
from wavegate.cli.output import is_plain
from wavegate.cli.reading import selections, sight_of
from wavegate.cli.sight import Sight
from wavegate.cli.tree import node_line, rollout_line, tree


def console() -> Console:
    """Stdout; at full length and without colour where it is no terminal."""
    plain = is_plain()
    return Console(no_color=plain, highlight=False, soft_wrap=plain)


def print_tree(sight: Sight, *, whole: bool) -> None:
    drawn = console()
    drawn.print(tree(sight, whole=whole), soft_wrap=False, crop=False)


def watch_tree(cluster: Cluster, name: str, *, whole: bool, live: bool) -> None:
    """Until interrupted, or the job is deleted. ``live``: drawn anew in place."""
    drawn = console()

    async def draw(follower: Follower) -> None:
        with Live(console=drawn, auto_refresh=False, transient=False) as picture:
            was_there = False
            async for lists in follower:
                sight = sight_of(lists)
                if sight is None:
                    _gone(name, cluster.namespace, was_there)
                    return
                was_there = True
                picture.update(tree(sight, whole=whole), refresh=True)

    async def tell(follower: Follower) -> None:
        said: dict[str, str] = {}
        async for lists in follower:
            sight = sight_of(lists)
            if sight is None:
                _gone(name, cluster.namespace, bool(said))
                return
            for key, text in changes(sight):
                if said.get(key) != text:
                    said[key] = text
                    drawn.print(text, markup=False)

    cluster.follow(draw if live else tell, *selections(cluster.namespace, name))


def changes(sight: Sight) -> list[tuple[str, str]]:
    """What can be said of a job, a line each, with the key of what it is about."""
    found = [("job", f"FleetJob {sight.name}: {sight.state}: {sight.message}")]
    if not sight.state:
        found = []
    for each in sight.deployments:
        if (each.get("status") or {}).get("state"):
            found.append((each["metadata"]["name"], f"  {rollout_line(each)}"))
    executions = sorted(sight.executions, key=lambda each: int(each["spec"]["attempt"]))
    return found + [(each["metadata"]["name"], f"    {node_line(each)}") for each in executions]


def _gone(name: str, namespace: str, was_there: bool) -> None:
    if not was_there:
        raise CliError(f"no FleetJob {name} in namespace {namespace}")
