"""``trigger``: ask for a run of a job."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

import click

from wavegate.cli.changing import change_options, tell
from wavegate.cli.cluster import Cluster, connect
from wavegate.cli.commands.status import Seconds
from wavegate.cli.completing import complete_asked_jobs
from wavegate.cli.errors import NO, TIMED_OUT, CliError
from wavegate.cli.options import Target, connection_options
from wavegate.cli.output import print_document, say, width, wrapped
from wavegate.cli.reading import SHORT, ask_for, named
from wavegate.cli.sight import Document, at, condition, kind_of
from wavegate.domain.times import format_time, parse_time
from wavegate.kube.resources import BY_KIND, HTTP_JOBS, JOB_RUNS


class Moment(click.ParamType[float]):
    """A time as RFC 3339 has it; one without a zone is UTC."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        found = parse_time(str(value))
        if found is None:
            self.fail(f"{value!r} is no time: write it as 2026-11-27T02:00:00Z", param, ctx)
        return found


def pairs(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Options of the form KEY=VALUE."""
    parts = [each.partition("=") for each in given]
    for key, equals, _ in parts:
        if not key or not equals:
            raise click.BadParameter(f"{key!r} is not of the form KEY=VALUE")
    return {key: value for key, _, value in parts}


@click.command()
@click.argument("job", shell_complete=complete_asked_jobs)
@click.option("--payload", metavar="JSON", help="The body of the call; default {}.")
@click.option("-f", "--filename", "path", metavar="FILE", help="A file with it; - is stdin.")
@click.option("--key", metavar="KEY", help="At most one run with this key within 24 h.")
@click.option("--delay", type=Seconds(), help="Not before so long from now: 10m, 1h30m.")
@click.option("--not-before", type=Moment(), metavar="TIME", help="Not before that (RFC 3339).")
@click.option("--priority", type=click.IntRange(0, 10), default=0, help="Higher starts first.")
@click.option("--concurrency-key", metavar="K", help="Its runs share maxConcurrencyPerKey.")
@click.option(
    "--metadata", multiple=True, metavar="K=V", callback=pairs, help="May be given several times."
)
@click.option("--debug", is_flag=True, help="Keep headers and the beginning of bodies.")
@click.option("--wait", is_flag=True, help="Wait until it has ended.")
@click.option("--timeout", type=Seconds(), default="0s", help="With --wait: at most so long.")
@change_options
@connection_options
def trigger(
    job: str,
    payload: str | None,
    path: str | None,
    key: str | None,
    delay: float | None,
    not_before: float | None,
    priority: int,
    concurrency_key: str | None,
    metadata: dict[str, str],
    debug: bool,
    wait: bool,
    timeout: float,
    dry_run: bool,
    output: str,
    target: Target,
) -> int:
    """Ask for a run of a job.

    JOB is an HTTPJob, or as fj/JOB a FleetJob. It makes a JobRun that the job owns. A run of a
    FleetJob is one pass over its nodes, and has no payload; that of an HTTPJob is held against the
    job's payloadSchema before it is sent. With --key the name follows from the key, so that asking
    twice makes one run: the second time the run that stands is named, and waited for; after a
    failure there is another, NAME-2. With --wait each phase is told, and the exit code is 0 once it
    has Completed, 1 where it has ended otherwise, 3 where the time is over.

    Example: wavegate trigger bill --payload '{"a": 1}' --key nov --wait
    """
    if payload is not None and path is not None:
        raise CliError("--payload and -f: give one of them")
    if delay is not None and not_before is not None:
        raise CliError("--delay and --not-before: give one of them")
    if wait and dry_run:
        raise CliError("--wait: a dry run makes no run that could be waited for")
    if key == "":
        raise CliError("--key: is empty; leave it out where any number of runs may be made")
    text = read_text(path) if path is not None else payload
    with connect(target) as cluster:
        resource, found = ask_for(cluster, job)
        if resource is not HTTP_JOBS and (text is not None or debug):
            raise CliError("--payload, -f and --debug: a run of a FleetJob is no call")
        begin = cluster.now() + delay if delay is not None else not_before
        spec: Document = {
            "payload": text.strip() if text is not None else None,
            "idempotencyKey": key,
            "notBefore": format_time(begin) if begin is not None else None,
            "priority": priority or None,
            "concurrencyKey": concurrency_key,
            "metadata": metadata or None,
            "debug": debug or None,
        }
        given = {field: value for field, value in spec.items() if value is not None}
        document, is_new = _asked(cluster, found, given, dry_run=dry_run)
        if not (wait and output in ("json", "yaml")):
            tell(document, output, "created" if is_new else "stands already", dry_run=dry_run)
        if dry_run:
            return 0
        for hint in _hints(cluster, found, document, wait=wait):
            say(hint)
        return _wait(cluster, document, timeout, output) if wait else 0


def read_text(path: str) -> str:
    """What a file has, or stdin. Raises CliError."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise CliError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CliError(f"{path}: {error}") from error
    return text


def _asked(
    cluster: Cluster, job: Document, spec: Document, *, dry_run: bool
) -> tuple[Document, bool]:
    """The run that was made, or the one that stands in its place (then False)."""
    # Half a second, which --help should not take.
    from wavegate.cli.asking import payload_problem, run_document, stands  # noqa: PLC0415
    from wavegate.runs.naming import MOST_OF_A_KEY, drawn_name, keyed_name  # noqa: PLC0415

    name, uid, key = job["metadata"]["name"], job["metadata"]["uid"], spec.get("idempotencyKey")
    if wrong := payload_problem(job, spec.get("payload")):
        is_given = "payload" in spec
        raise CliError(wrong if is_given else f"without --payload or -f it is {{}}; {wrong}")
    if key is None:
        document = run_document(job, drawn_name(name, secrets.token_hex(16)), spec)
        return (document if dry_run else cluster.create(JOB_RUNS, document)), True
    for number in range(1, MOST_OF_A_KEY + 1):
        document = run_document(job, keyed_name(name, uid, key, number), spec)
        made = None if dry_run else cluster.create_new(JOB_RUNS, document)
        if made is not None:
            return made, True
        before = cluster.find(JOB_RUNS, cluster.namespace, document["metadata"]["name"])
        if before is None and dry_run:
            return document, True
        if before is None:
            raise CliError(f"a run with the key {key} was deleted just now: try it again")
        if not stands(before, cluster.now()):
            continue
        if before["spec"].get("payload") != spec.get("payload"):
            raise CliError(
                f"the key {key} was used by JobRun {before['metadata']['name']} with another"
                " payload: give another key, or the same payload"
            )
        return {"kind": JOB_RUNS.kind, **before}, False
    raise CliError(f"the key {key} was used {MOST_OF_A_KEY} times: give another one")


def _hints(cluster: Cluster, job: Document, run: Document, *, wait: bool) -> list[str]:
    """What somebody might wonder about afterwards."""
    resource = BY_KIND[kind_of(job)]
    name, own, space = job["metadata"]["name"], run["metadata"]["name"], cluster.namespace
    told, ref = f"{resource.kind} {name}", named(resource, name)
    if at(job, "spec", "suspend"):
        return [f"{told} is suspended: it waits for wavegate enable {ref} -n {space}"]
    is_invalid = at(job, "status", "state") == "Invalid"  # an HTTPJob's; a FleetJob's is an object
    if is_invalid or condition(job, "Ready").get("reason") == "InvalidSpec":
        whole = f"{SHORT[resource]}/{name}"
        return [f"{told} is not understood: wavegate why {whole} -n {space} says why"]
    return [] if wait else [f"wavegate why {own} -n {space} says what it waits for, or its end"]


def _wait(cluster: Cluster, run: Document, seconds: float, output: str) -> int:
    from wavegate.cli.run_sight import standing  # noqa: PLC0415
    from wavegate.cli.run_waiting import wait_until_run_ended  # noqa: PLC0415

    name = run["metadata"]["name"]
    last, ended = wait_until_run_ended(cluster, run, seconds, say)
    if output in ("json", "yaml"):
        print_document(last, output)
    elif ended and not output:
        click.echo(wrapped(f"{name}: {standing(last)}", width(), 2))
    if not ended:
        say(f"not ended after {seconds:g} s; wavegate why {name} says what it waits for")
        return TIMED_OUT
    return 0 if at(last, "status", "phase") == "Completed" else NO
